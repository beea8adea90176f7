#include "exporter/host_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "exporter/directory.h"
#include "exporter/process_metrics.h"
#include "exporter/text_scan.h"
#include "model/json.h"
#include "model/number.h"

namespace tidemark::exporter {
namespace {

constexpr std::string_view kCollectors[] = {"cpu",     "diskstats", "filesystem", "loadavg",
                                            "meminfo", "os",        "stat",       "uname"};
constexpr double kSectorBytes = 512;  // Of /sys/block/*/size, whatever the device's own sectors are.

// An object or a list that is being written; commas are its affair.
class Json {
 public:
  Json(std::string& out, std::string_view key, char open, char close) : out_(out), close_(close) {
    if (!key.empty()) {
      append_json_string(out_, key);
      out_ += ':';
    }
    out_ += open;
  }
  ~Json() { out_ += close_; }
  Json(const Json&) = delete;
  Json& operator=(const Json&) = delete;

  Json object(std::string_view key) { return {next(), key, '{', '}'}; }
  Json list(std::string_view key) { return {next(), key, '[', ']'}; }
  Json item() { return {next(), "", '{', '}'}; }

  void text(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    name(key);
    append_json_string(out_, value);
  }
  void number(std::string_view key, std::optional<double> value) {
    if (!value) return;
    name(key);
    append_number(*value);
  }
  void flag(std::string_view key, bool value) {
    name(key);
    out_ += value ? "true" : "false";
  }
  void element(double value) {
    next();
    append_number(value);
  }

 private:
  std::string& next() {
    if (!first_) out_ += ',';
    first_ = false;
    return out_;
  }
  void name(std::string_view key) {
    append_json_string(next(), key);
    out_ += ':';
  }
  void append_number(double value) { append_fixed_float(out_, value); }

  std::string& out_;
  const char close_;
  bool first_ = true;
};

class Facts {
 public:
  explicit Facts(const Families& families) : families_(families) {}

  const Family* family(std::string_view name) const {
    const auto sorted = families_.sorted();
    const auto at = std::lower_bound(sorted.begin(), sorted.end(), name,
                                     [](const Family* f, std::string_view n) { return f->name() < n; });
    return at != sorted.end() && (*at)->name() == name ? *at : nullptr;
  }
  std::optional<double> value(std::string_view name) const {
    const Family* found = family(name);
    return found == nullptr ? std::nullopt : std::optional((*found->begin()).value());
  }
  // A label of the first sample.
  std::string_view label(std::string_view name, std::string_view label_name) const {
    const Family* found = family(name);
    return found == nullptr ? std::string_view() : label_of(*found->begin(), label_name);
  }
  static std::string_view label_of(const Sample& sample, std::string_view name) {
    for (const Label& label : sample.labels()) {
      if (label.name == name) return label.value;
    }
    return {};
  }
  // Of the sample with the labels device and mountpoint of `like`.
  std::optional<double> of_mount(std::string_view name, const Sample& like) const {
    const Family* found = family(name);
    if (found == nullptr) return std::nullopt;
    for (const Sample& sample : *found) {
      if (label_of(sample, "mountpoint") == label_of(like, "mountpoint") &&
          label_of(sample, "device") == label_of(like, "device"))
        return sample.value();
    }
    return std::nullopt;
  }

 private:
  const Families& families_;
};

std::string cpu_model(const std::string& procfs) {
  ScrapeContext context;
  context.begin(0);
  const auto text = context.read_kept(procfs + "/cpuinfo");
  if (!text) return {};
  for (std::string_view rest = *text; !rest.empty();) {
    const std::string_view line = next_line(rest);
    const size_t colon = line.find(':');
    if (line.starts_with("model name") && colon != line.npos) return std::string(trimmed(line.substr(colon + 1)));
  }
  return {};
}

size_t count_cpus(const Facts& facts) {
  const Family* times = facts.family("node_cpu_seconds_total");
  size_t count = 0;
  if (times == nullptr) return 0;
  for (const Sample& sample : *times) count += Facts::label_of(sample, "mode") == "idle" ? 1 : 0;
  return count;
}

void write_disks(Json& data, const Facts& facts, const std::string& sysfs) {
  const Family* disks = facts.family("node_disk_info");
  if (disks == nullptr) return;
  Json list = data.list("disks");
  for (const Sample& disk : *disks) {
    const std::string device(Facts::label_of(disk, "device"));
    const Directory block(fmt::format("{}/block/{}", sysfs, device));
    const auto sectors = block.number("size");
    Json item = list.item();
    item.text("device", device);
    item.text("model", Facts::label_of(disk, "model"));
    item.text("serial", Facts::label_of(disk, "serial"));
    if (sectors) item.number("sizeBytes", *sectors * kSectorBytes);
    if (const auto rotational = Facts::label_of(disk, "rotational"); !rotational.empty())
      item.flag("rotational", rotational == "1");
  }
}

void write_filesystems(Json& data, const Facts& facts) {
  const Family* sizes = facts.family("node_filesystem_size_bytes");
  if (sizes == nullptr) return;
  Json list = data.list("filesystems");
  for (const Sample& mount : *sizes) {
    Json item = list.item();
    item.text("device", Facts::label_of(mount, "device"));
    item.text("mountpoint", Facts::label_of(mount, "mountpoint"));
    item.text("fstype", Facts::label_of(mount, "fstype"));
    item.number("sizeBytes", mount.value());
    item.number("availableBytes", facts.of_mount("node_filesystem_avail_bytes", mount));
  }
}

}  // namespace

CollectorChoice host_choice(const Collection& collection) {
  CollectorChoice choice;
  for (const std::string_view name : kCollectors) {
    if (collection.has(name)) choice.only.emplace_back(name);
  }
  return choice;
}

std::string host_document(const Families& families, const CollectorConfig& config, const HostView& view) {
  const Facts facts(families);
  std::string out;
  {
    Json top(out, "", '{', '}');
    top.text("status", "success");
    Json data = top.object("data");
    data.text("hostname", facts.label("node_uname_info", "nodename"));
    data.text("version", TIDEMARK_VERSION);
    data.text("matches", kNodeExporterVersion);
    {
      Json os = data.object("os");
      os.text("name", facts.label("node_os_info", "pretty_name"));
      os.text("id", facts.label("node_os_info", "id"));
      os.text("version", facts.label("node_os_info", "version_id"));
    }
    {
      Json kernel = data.object("kernel");
      for (const char* key : {"sysname", "release", "version", "machine"})
        kernel.text(std::string_view(key) == "sysname" ? "system" : key, facts.label("node_uname_info", key));
    }
    if (const auto boot_s = facts.value("node_boot_time_seconds")) {
      data.number("bootTime", *boot_s);
      data.number("uptimeSeconds",
                  std::max(0.0, std::floor(static_cast<double>(config.clock->now_ms()) / 1e3) - *boot_s));
    }
    {
      Json cpu = data.object("cpu");
      cpu.text("model", cpu_model(config.procfs));
      if (const size_t count = count_cpus(facts); count > 0) cpu.number("logical", static_cast<double>(count));
    }
    {
      Json memory = data.object("memory");
      memory.number("totalBytes", facts.value("node_memory_MemTotal_bytes"));
      memory.number("availableBytes", facts.value("node_memory_MemAvailable_bytes"));
      memory.number("swapTotalBytes", facts.value("node_memory_SwapTotal_bytes"));
      memory.number("swapFreeBytes", facts.value("node_memory_SwapFree_bytes"));
    }
    if (facts.family("node_load1") != nullptr) {
      Json load = data.list("load");
      for (const char* name : {"node_load1", "node_load5", "node_load15"}) load.element(facts.value(name).value_or(0));
    }
    write_disks(data, facts, config.sysfs);
    write_filesystems(data, facts);
    data.flag("inContainer", view.in_container);
    data.flag("readsContainerProc", !view.procfs_is_hosts);
  }
  out += '\n';
  return out;
}

}  // namespace tidemark::exporter
