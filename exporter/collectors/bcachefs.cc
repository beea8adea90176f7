// bcachefs: /sys/fs/bcachefs/<uuid>, with dev-<N> for each device and a file in counters/ for each counter
// ("since mount: 3" and "since filesystem creation: 4.5M"). Sizes are written for people, in powers of 1024.
#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr MetricType kGauge = MetricType::kGauge;
constexpr MetricType kCounter = MetricType::kCounter;

std::optional<double> from_human(std::string_view text) {
  text = trimmed(text);
  if (text.empty()) return std::nullopt;
  constexpr std::string_view kUnits = "kmgtpe";
  const char last = text.back();
  const size_t unit = kUnits.find(last >= 'A' && last <= 'Z' ? static_cast<char>(last - 'A' + 'a') : last);
  if (unit == kUnits.npos) return parse_number(text);
  text.remove_suffix(1);
  auto v = parse_number(trimmed(text));
  if (!v) return std::nullopt;
  for (size_t i = 0; i <= unit; ++i) *v *= 1024;
  return static_cast<double>(static_cast<uint64_t>(*v < 0x1p63 && *v >= 0 ? *v : 0));
}

std::string_view without_colon(std::string_view word) {
  if (word.ends_with(':')) word.remove_suffix(1);
  return word;
}

class Bcachefs final : public Collector {
 public:
  explicit Bcachefs(const CollectorConfig& config) : path_(config.sysfs + "/fs/bcachefs") {}

  Status collect(ScrapeContext& context, Families& out) override {
    FamilySet families(out);
    const Directory filesystems(context.absences(), path_);
    for (const std::string& uuid : filesystems.names()) {
      const Directory filesystem(filesystems, uuid);
      if (!filesystem.exists()) continue;
      const LabelSet labels = out.add_labels({{"uuid", uuid}});
      add_sample(families.find("node_bcachefs_info", kGauge, "The file system's identity; always 1."), 1, labels);
      if (const auto bytes = from_human(filesystem.text("btree_cache_size").value_or("")))
        add_sample(families.find("node_bcachefs_btree_cache_size_bytes", kGauge, "Memory that caches the trees."),
                   *bytes, labels);
      add_tables(filesystem, uuid, families);
      const Directory counters(filesystem, "counters");
      for (const std::string& name : counters.names()) add_counter_file(counters, name, labels, families);
      for (const std::string& entry : filesystem.numbered("dev-"))
        add_device(Directory(filesystem, entry), uuid, entry.substr(4), families, out);
    }
    return {};
  }

 private:
  static void add_tables(const Directory& filesystem, const std::string& uuid, FamilySet& families) {
    const auto each_row = [](std::string_view text, bool titles, const auto& row) {
      if (titles && !text.empty()) next_line(text);
      while (!text.empty()) {
        std::string_view line = next_line(text);
        const std::string_view key = without_colon(next_word(line));
        const auto first = from_human(next_word(line));
        const auto second = from_human(next_word(line));
        if (first) row(key, *first, second);
      }
    };
    each_row(filesystem.text("compression_stats").value_or(""), true,
             [&](std::string_view algorithm, double compressed, std::optional<double> uncompressed) {
               if (!uncompressed) return;
               const Label labels[] = {{"algorithm", algorithm}, {"uuid", uuid}};
               families.find("node_bcachefs_compression_compressed_bytes", kGauge, "Bytes after compression.")
                   .add(compressed, labels);
               families.find("node_bcachefs_compression_uncompressed_bytes", kGauge, "Bytes before compression.")
                   .add(*uncompressed, labels);
             });
    each_row(filesystem.text("errors").value_or(""), false,
             [&](std::string_view error, double count, std::optional<double> /*when*/) {
               add_sample(families.find("node_bcachefs_errors_total", kCounter, "Errors found in the file system."),
                          count, {{"error_type", error}, {"uuid", uuid}});
             });
    each_row(filesystem.text("btree_write_stats").value_or(""), true,
             [&](std::string_view type, double count, std::optional<double> size) {
               if (!size) return;
               const Label labels[] = {{"type", type}, {"uuid", uuid}};
               families.find("node_bcachefs_btree_writes_total", kCounter, "Writes of tree nodes.").add(count, labels);
               families.find("node_bcachefs_btree_write_average_size_bytes", kGauge, "Average bytes of such a write.")
                   .add(*size, labels);
             });
  }

  static void add_counter_file(const Directory& counters, const std::string& name, const LabelSet& labels,
                               FamilySet& families) {
    constexpr std::string_view kSinceCreation = "since filesystem creation:";
    const std::string text = counters.text(name).value_or("");
    for (std::string_view rest = text; !rest.empty();) {
      const std::string_view line = next_line(rest);
      if (!line.starts_with(kSinceCreation)) continue;
      if (const auto count = from_human(line.substr(kSinceCreation.size())))
        add_sample(families.find(fmt::format("node_bcachefs_{}_total", metric_name_part(name)), kCounter,
                                 fmt::format("{} since the file system was made.", name)),
                   *count, labels);
    }
  }

  static void add_device(const Directory& device, const std::string& uuid, const std::string& name, FamilySet& families,
                         Families& out) {
    const std::string label = valid_utf8(device.text("label").value_or(""));
    add_sample(families.find("node_bcachefs_device_info", kGauge, "What the device is and does; always 1."), 1,
               {{"device", name}, {"label", label}, {"state", device.text("state").value_or("")}, {"uuid", uuid}});
    const LabelSet labels = out.add_labels({{"device", name}, {"uuid", uuid}});
    const auto add = [&](const char* file, std::string_view family, std::string_view help) {
      if (const auto v = from_human(device.text(file).value_or("")))
        add_sample(families.find(family, kGauge, help), *v, labels);
    };
    add("bucket_size", "node_bcachefs_device_bucket_size_bytes", "Bytes of a bucket.");
    add("nbuckets", "node_bcachefs_device_buckets", "Buckets of the device.");
    add("durability", "node_bcachefs_device_durability", "Copies that one on this device counts as.");
    // "read:" and "write:", and below each what was moved.
    const std::string done = device.text("io_done").value_or("");
    std::string_view operation;
    for (std::string_view rest = done; !rest.empty();) {
      std::string_view line = trimmed(next_line(rest));
      if (line == "read:" || line == "write:") {
        operation = without_colon(line);
        continue;
      }
      const size_t colon = line.find(':');
      if (colon == line.npos) continue;
      const std::string_view type = trimmed(line.substr(0, colon));
      const auto bytes = parse_number(trimmed(line.substr(colon + 1)));
      if (operation.empty() || !bytes) continue;
      add_sample(families.find("node_bcachefs_device_io_done_bytes_total", kCounter, "Bytes read and written."), *bytes,
                 {{"data_type", type}, {"device", name}, {"operation", operation}, {"uuid", uuid}});
    }
    add_errors(device, uuid, name, families);
  }

  // The file counts since two moments; the first is the making of the file system.
  static void add_errors(const Directory& device, const std::string& uuid, const std::string& name,
                         FamilySet& families) {
    const std::string text = device.text("io_errors").value_or("");
    bool since_creation = false;
    for (std::string_view rest = text; !rest.empty();) {
      std::string_view line = next_line(rest);
      if (line.starts_with("IO errors since ")) {
        since_creation = line.starts_with("IO errors since filesystem creation");
        continue;
      }
      const size_t colon = line.find(':');
      if (colon == line.npos) continue;
      const std::string_view type = trimmed(line.substr(0, colon));
      const auto count = parse_number(trimmed(line.substr(colon + 1)));
      if (since_creation && count)
        add_sample(families.find("node_bcachefs_device_io_errors_total", kCounter, "Errors of the device."), *count,
                   {{"device", name}, {"type", type}, {"uuid", uuid}});
    }
  }

  const std::string path_;
};

}  // namespace

CollectorResult make_bcachefs(const CollectorConfig& config) { return std::make_unique<Bcachefs>(config); }

}  // namespace tidemark::exporter
