// Software RAID: /proc/mdstat says what each array does, /sys/block/md<N>/md how many disks it should have and lacks.
// A stanza of mdstat (Documentation/admin-guide/md.rst, drivers/md/md.c):
//
//   md6 : active raid1 sdb2[2](F) sdc[1](S) sda2[0]
//         195310144 blocks [2/1] [U_]                       blocks, disks wanted / active, and which ones
//         [=>...]  recovery =  8.5% (16775552/195310144) finish=17.0min speed=259783K/sec
//
// The last line is there while disks are being made alike; a line "bitmap: ..." may stand before it.
#include <fmt/format.h>

#include <algorithm>

#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr std::string_view kStates[] = {"active", "check", "inactive", "recovering", "resync"};

struct Array {
  std::string_view name;
  std::string_view state;
  double disks_active = 0;
  double disks_failed = 0;
  double disks_spare = 0;
  double disks_required = 0;
  double blocks = 0;
  double blocks_synced = 0;
};

size_t count(std::string_view text, std::string_view what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + what.size())) ++n;
  return n;
}

bool contains(std::string_view text, std::string_view what) { return text.find(what) != text.npos; }

// "[2/1]" or "(16775552/195310144)": the two numbers between `open` and `close`, of the first place that has such.
std::optional<std::pair<uint64_t, uint64_t>> fraction(std::string_view line, char open, char close) {
  for (size_t at = line.find(open); at != line.npos; at = line.find(open, at + 1)) {
    const std::string_view inner = line.substr(at + 1, line.find(close, at) - at - 1);
    const size_t slash = inner.find('/');
    if (slash == inner.npos) continue;
    const auto above = to_u64(inner.substr(0, slash));
    const auto below = to_u64(inner.substr(slash + 1));
    if (above && below) return std::pair(*above, *below);
  }
  return std::nullopt;
}

// The line with the number of blocks.
bool read_size(std::string_view head, std::string_view line, Array& array) {
  std::string_view rest = line;
  const auto blocks = to_u64(next_word(rest));
  if (!blocks) return false;
  array.blocks = static_cast<double>(*blocks);
  array.blocks_synced = array.blocks;
  if (contains(head, "raid0") || contains(head, "linear")) {  // These cannot lack a disk.
    array.disks_required = static_cast<double>(count(head, "["));
    array.disks_active = array.disks_required;
    return true;
  }
  if (contains(head, "inactive")) return true;
  const auto disks = fraction(line, '[', ']');
  if (!disks) return false;
  array.disks_required = static_cast<double>(disks->first);
  array.disks_active = static_cast<double>(disks->second);
  return true;
}

// The line of a synchronisation under way; any other line changes nothing.
bool read_progress(std::string_view line, Array& array) {
  if (contains(line, "recovery")) {
    array.state = "recovering";
  } else if (contains(line, "reshape")) {
    array.state = "reshaping";
  } else if (contains(line, "check")) {
    array.state = "check";
  } else if (contains(line, "resync")) {
    array.state = "resync";
  } else {
    return true;
  }
  array.blocks_synced = 0;
  if (contains(line, "PENDING") || contains(line, "DELAYED") || contains(line, "REMOTE")) return true;
  const auto blocks = fraction(line, '(', ')');
  if (blocks) array.blocks_synced = static_cast<double>(blocks->first);
  return blocks.has_value();
}

Result<std::vector<Array>> parse_mdstat(std::string_view text, const std::string& path) {
  std::vector<Array> arrays;
  while (!text.empty()) {
    const std::string_view head = next_line(text);
    if (head.empty() || head[0] == ' ' || head[0] == '\t' || head.starts_with("Personalities") ||
        head.starts_with("unused"))
      continue;
    const auto malformed = [&] { return fail(Status::invalid(fmt::format("{}: cannot parse \"{}\"", path, head))); };
    std::string_view rest = head;
    Array& array = arrays.emplace_back();
    array.name = next_word(rest);
    const std::string_view colon = next_word(rest);
    array.state = next_word(rest);
    if (colon != ":" || array.state.empty() || text.empty()) return malformed();
    array.disks_failed = static_cast<double>(count(head, "(F)"));
    array.disks_spare = static_cast<double>(count(head, "(S)"));
    if (!read_size(head, next_line(text), array)) return malformed();
    // Up to the empty line between stanzas; the last may lack it.
    while (!text.empty()) {
      const std::string_view line = next_line(text);
      if (trimmed(line).empty()) break;
      if (!contains(line, "bitmap") && !read_progress(line, array)) return malformed();
    }
  }
  return arrays;
}

// Levels that lose no redundancy, and containers, have no such number.
bool can_degrade(std::string_view level) {
  for (const std::string_view one : {"raid1", "raid4", "raid5", "raid6", "raid10"}) {
    if (level == one) return true;
  }
  return false;
}

class Mdadm final : public Collector {
 public:
  explicit Mdadm(const CollectorConfig& config) : mdstat_(config.procfs + "/mdstat"), block_(config.sysfs + "/block") {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_once(mdstat_);
    if (!text) return text.error().code() == Code::kNotFound ? Status() : text.error();
    const auto arrays = parse_mdstat(*text, mdstat_);
    if (!arrays) return arrays.error();
    auto& state = add_gauge(out, "node_md_state", "1 for what the array is doing.");
    auto& disks = add_gauge(out, "node_md_disks", "Disks of the array, by state.");
    auto& required = add_gauge(out, "node_md_disks_required", "Disks a healthy array has.");
    auto& blocks = add_gauge(out, "node_md_blocks", "Blocks of the array.");
    auto& synced = add_gauge(out, "node_md_blocks_synced", "Blocks that are alike on all disks.");
    for (const Array& array : *arrays) {
      for (const std::string_view one : kStates)
        add_sample(state, array.state == one ? 1 : 0, {{"device", array.name}, {"state", one}});
      add_sample(disks, array.disks_active, {{"device", array.name}, {"state", "active"}});
      add_sample(disks, array.disks_failed, {{"device", array.name}, {"state", "failed"}});
      add_sample(disks, array.disks_spare, {{"device", array.name}, {"state", "spare"}});
      const LabelSet labels = out.add_labels({{"device", array.name}});
      add_sample(required, array.disks_required, labels);
      add_sample(blocks, array.blocks, labels);
      add_sample(synced, array.blocks_synced, labels);
    }
    collect_sysfs(out);
    return {};
  }

 private:
  void collect_sysfs(Families& out) const {
    auto& raid_disks = add_gauge(out, "node_md_raid_disks", "Disks of the array when nothing is broken.");
    auto& degraded = add_gauge(out, "node_md_degraded", "Disks that the array lacks.");
    const Directory block(block_);
    for (const std::string& name : block.names()) {
      if (!name.starts_with("md")) continue;
      const Directory md(block, name + "/md");
      if (!md.exists()) continue;
      const LabelSet labels = out.add_labels({{"device", name}});
      const std::string level = md.text("level").value_or("");
      // While an array is being reshaped the file says "4 (3)": now and before.
      const std::string disks = md.text("raid_disks").value_or("");
      const bool is_array = !level.empty() && level != "container" && level != "imsm" && level != "ddf";
      std::string_view rest = disks;
      if (const auto count = to_u64(next_word(rest)); count && is_array)
        add_sample(raid_disks, static_cast<double>(*count), labels);
      add_sample(degraded, can_degrade(level) ? md.number("degraded").value_or(0) : 0, labels);
    }
  }

  const std::string mdstat_;
  const std::string block_;
};

}  // namespace

CollectorResult make_mdadm(const CollectorConfig& config) { return std::make_unique<Mdadm>(config); }

}  // namespace tidemark::exporter
