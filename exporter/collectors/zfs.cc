// ZFS: /proc/spl/kstat/zfs, tables of "name type data" where type 3 is a signed and 4 an unsigned number; a pool's
// directory has "io" (a line of titles and a line of numbers), "state", and a table "objset-0x..." for each dataset.
#include <fmt/format.h>

#include <algorithm>

#include "exporter/collectors/collectors.h"
#include "exporter/deadline.h"
#include "exporter/device_metrics.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

struct Table {
  std::string_view file;
  std::string_view prefix;
};

constexpr Table kTables[] = {
    {"abdstats", "node_zfs_abd_"},
    {"arcstats", "node_zfs_arc_"},
    {"dbufstats", "node_zfs_dbuf_"},
    {"dmu_tx", "node_zfs_dmu_tx_"},
    {"dnodestats", "node_zfs_dnode_"},
    {"fm", "node_zfs_fm_"},
    {"vdev_cache_stats", "node_zfs_vdev_cache_"},
    {"vdev_mirror_stats", "node_zfs_vdev_mirror_"},
    {"xuio_stats", "node_zfs_xuio_"},
    {"zfetchstats", "node_zfs_zfetch_"},
    {"zil", "node_zfs_zil_"},
};

constexpr std::string_view kPoolStates[] = {"online",  "degraded", "faulted",  "offline",
                                            "removed", "unavail",  "suspended"};
constexpr size_t kIoColumnsMin = 12;

std::string family_name(std::string_view prefix, std::string_view name) {
  std::string out = std::string(prefix).append(name.substr(name.rfind('.') + 1));
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

// Calls row(name, type, data) for each row below the titles; false: there are no titles.
template <class Row>
bool read_table(std::string_view text, const Row& row) {
  bool titles = false;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    const std::string_view name = next_word(line);
    const std::string_view type = next_word(line);
    const std::string_view data = trimmed(line);
    if (titles && !data.empty()) row(name, type, data);
    if (name == "name" && type == "type" && data == "data") titles = true;
  }
  return titles;
}

class Zfs final : public Collector {
 public:
  explicit Zfs(const CollectorConfig& config) : path_(config.procfs + "/spl/kstat/zfs") {}

  Status collect(ScrapeContext& context, Families& out) override {
    const Directory zfs(context.absences(), path_);
    if (!zfs.exists()) return {};
    FamilySet families(out);
    for (const Table& table : kTables) {
      const std::string file = path_ + "/" + std::string(table.file);
      const auto text = context.read_once(file);
      if (!text) continue;
      const bool is_table = read_table(*text, [&](std::string_view name, std::string_view type, std::string_view data) {
        const auto value = type == "3" || type == "4" ? parse_number(data) : std::nullopt;
        if (!value) return;
        add_sample(families.find(family_name(table.prefix, name), MetricType::kUnknown,
                                 fmt::format("{} of ZFS' {}.", name, table.file)),
                   *value);
      });
      if (!is_table) return Status::invalid(file + ": no line of titles");
    }
    for (const std::string& pool : zfs.names()) {
      const Directory directory(zfs, pool);
      if (!directory.exists()) continue;
      add_io(pool, directory, families);
      add_state(pool, directory, families);
      for (const std::string& file : directory.names()) {
        if (!file.starts_with("objset-")) continue;
        if (const Status status = check_deadline(context); !status.ok()) return status.at(directory.path());
        if (const auto text = directory.text(file)) add_dataset(pool, *text, families);
      }
    }
    return {};
  }

 private:
  static void add_io(const std::string& pool, const Directory& directory, FamilySet& families) {
    const std::string text = directory.text("io").value_or("");
    std::string_view rest = text;
    std::vector<std::string_view> titles;
    while (!rest.empty()) {
      std::string_view line = next_line(rest);
      std::vector<std::string_view> words;
      for (auto word = next_word(line); !word.empty(); word = next_word(line)) words.push_back(word);
      if (titles.empty()) {
        if (words.size() >= kIoColumnsMin && words[0] == "nread") titles = std::move(words);
        continue;
      }
      for (size_t i = 0; i < std::min(titles.size(), words.size()); ++i) {
        if (const auto value = parse_number(words[i]))
          add_sample(families.find(family_name("node_zfs_zpool_", titles[i]), MetricType::kUnknown,
                                   fmt::format("{} of the pool.", titles[i])),
                     *value, {{"zpool", pool}});
      }
    }
  }

  static void add_state(const std::string& pool, const Directory& directory, FamilySet& families) {
    auto state = directory.text("state");
    if (!state) return;
    for (char& c : *state) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    Family& family = families.find("node_zfs_zpool_state", MetricType::kGauge, "1 for the state the pool is in.");
    for (const std::string_view one : kPoolStates)
      add_sample(family, *state == one ? 1 : 0, {{"state", one}, {"zpool", pool}});
  }

  static void add_dataset(const std::string& pool, std::string_view text, FamilySet& families) {
    std::string dataset;
    read_table(text, [&](std::string_view name, std::string_view type, std::string_view data) {
      if (name == "dataset_name") dataset = valid_utf8(data);
      const auto value = type == "4" ? parse_number(data) : std::nullopt;
      if (!value) return;
      add_sample(families.find(family_name("node_zfs_zpool_dataset_", name), MetricType::kUnknown,
                               fmt::format("{} of the dataset.", name)),
                 *value, {{"dataset", dataset}, {"zpool", pool}});
    });
  }

  const std::string path_;
};

}  // namespace

CollectorResult make_zfs(const CollectorConfig& config) { return std::make_unique<Zfs>(config); }

}  // namespace tidemark::exporter
