// bcache: /sys/fs/bcache/<uuid>, with bdev<N> for each device that is cached and cache<N> for each that caches
// (Documentation/admin-guide/bcache.rst). Sizes are written for people, as "4.2k": the digits behind the point count
// 1024ths of ten, for bch_hprint() divides by shifts.
#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr MetricType kGauge = MetricType::kGauge;
constexpr MetricType kCounter = MetricType::kCounter;

struct Value {
  const char* file;
  std::string_view family;
  std::string_view help;
  MetricType type = kGauge;
  double divisor = 1;
};

constexpr Value kSet[] = {
    {"average_key_size", "node_bcache_average_key_size_sectors", "Sectors a key of the tree stands for."},
    {"btree_cache_size", "node_bcache_btree_cache_size_bytes", "Memory that caches the tree."},
    {"cache_available_percent", "node_bcache_cache_available_percent", "Cache that is not dirty, in percent."},
    {"congested", "node_bcache_congested", "Whether the cache is too busy to be asked."},
    {"root_usage_percent", "node_bcache_root_usage_percent", "How full the tree's root is, in percent."},
    {"tree_depth", "node_bcache_tree_depth", "Levels of the tree."},
    {"internal/active_journal_entries", "node_bcache_active_journal_entries", "Journal entries not yet in the tree."},
    {"internal/btree_nodes", "node_bcache_btree_nodes", "Nodes of the tree."},
    {"internal/btree_read_average_duration_us", "node_bcache_btree_read_average_duration_seconds",
     "Average time to read a node.", kGauge, 1e9},
    {"internal/cache_read_races", "node_bcache_cache_read_races_total", "Reads of buckets that were reused meanwhile.",
     kCounter},
};

constexpr Value kBacking[] = {
    {"dirty_data", "node_bcache_dirty_data_bytes", "Dirty data of the backing device in the cache."},
    {"stats_total/bypassed", "node_bcache_bypassed_bytes_total", "Bytes that went around the cache.", kCounter},
    {"stats_total/cache_hits", "node_bcache_cache_hits_total", "Requests the cache served.", kCounter},
    {"stats_total/cache_misses", "node_bcache_cache_misses_total", "Requests it did not.", kCounter},
    {"stats_total/cache_bypass_hits", "node_bcache_cache_bypass_hits_total",
     "Requests meant to go around it that it had.", kCounter},
    {"stats_total/cache_bypass_misses", "node_bcache_cache_bypass_misses_total",
     "Requests meant to go around it that it had not.", kCounter},
    {"stats_total/cache_miss_collisions", "node_bcache_cache_miss_collisions_total",
     "Misses whose data was there when it was to be inserted.", kCounter},
};
constexpr Value kReadaheads = {"stats_total/cache_readaheads", "node_bcache_cache_readaheads_total",
                               "Readaheads that happened.", kCounter};

// Of writeback_rate_debug, "rate:  1.1M/sec".
constexpr Value kWriteback[] = {
    {"target:", "node_bcache_dirty_target_bytes", "Dirty data it aims at."},
    {"rate:", "node_bcache_writeback_rate", "Bytes a second it writes back."},
    {"proportional:", "node_bcache_writeback_rate_proportional_term", "Proportional part of that rate."},
    {"integral:", "node_bcache_writeback_rate_integral_term", "Integral part of that rate."},
    {"change:", "node_bcache_writeback_change", "Last change of that rate."},
};

constexpr Value kCache[] = {
    {"io_errors", "node_bcache_io_errors", "Errors of the caching device, fading with time."},
    {"metadata_written", "node_bcache_metadata_written_bytes_total", "Bytes written that are not data.", kCounter},
    {"written", "node_bcache_written_bytes_total", "Bytes of data written.", kCounter},
};

// Of priority_stats, "Unused:  99%".
constexpr Value kPriority[] = {
    {"Unused:", "node_bcache_priority_stats_unused_percent", "Cache that holds nothing, in percent."},
    {"Metadata:", "node_bcache_priority_stats_metadata_percent", "Cache that holds metadata, in percent."},
};

std::optional<double> from_human(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  constexpr std::string_view kUnits = "kMGTPEZY";
  const size_t unit = text.empty() ? kUnits.npos : kUnits.find(text.back());
  if (unit == kUnits.npos) {
    const auto whole = parse_number(text);
    return whole ? std::optional(negative ? -*whole : *whole) : std::nullopt;
  }
  text.remove_suffix(1);
  const size_t point = text.find('.');
  const auto whole = parse_number(text.substr(0, point));
  const auto fraction = point == text.npos ? std::optional(0.0) : parse_number(text.substr(point + 1));
  if (!whole || !fraction) return std::nullopt;
  double v = *whole + *fraction / 10.24;
  for (size_t i = 0; i <= unit; ++i) v *= 1024;
  v = static_cast<double>(static_cast<uint64_t>(v < 0x1p63 ? v : 0));
  return negative ? -v : v;
}

void add_file(const Value& value, const Directory& from, const LabelSet& labels, FamilySet& families) {
  if (const auto v = from_human(from.text(value.file).value_or("")))
    add_sample(families.find(value.family, value.type, value.help), *v / value.divisor, labels);
}

// Rows of "key:   value", where `suffix` may follow the value.
template <size_t kCount>
void add_rows(const Value (&values)[kCount], std::string_view text, std::string_view suffix, const LabelSet& labels,
              FamilySet& families) {
  while (!text.empty()) {
    std::string_view line = next_line(text);
    const std::string_view key = next_word(line);
    std::string_view word = next_word(line);
    if (word.ends_with(suffix)) word.remove_suffix(suffix.size());
    for (const Value& value : values) {
      if (key != value.file) continue;
      if (const auto v = from_human(word)) add_sample(families.find(value.family, value.type, value.help), *v, labels);
    }
  }
}

class Bcache final : public Collector {
 public:
  explicit Bcache(const CollectorConfig& config)
      : path_(config.sysfs + "/fs/bcache"), priority_stats_(config.bcache.priority_stats) {}

  Status collect(ScrapeContext& context, Families& out) override {
    FamilySet families(out);
    const Directory sets(context.absences(), path_);
    for (const std::string& uuid : sets.names()) {
      if (uuid.find('-') == uuid.npos) continue;
      const Directory set(sets, uuid);
      const LabelSet labels = out.add_labels({{"uuid", uuid}});
      for (const Value& value : kSet) add_file(value, set, labels, families);
      for (const std::string& name : set.numbered("bdev")) {
        const Directory device(set, name);
        const LabelSet device_labels = out.add_labels({{"backing_device", name}, {"uuid", uuid}});
        for (const Value& value : kBacking) add_file(value, device, device_labels, families);
        if (device.number(kReadaheads.file).value_or(0) != 0) add_file(kReadaheads, device, device_labels, families);
        add_rows(kWriteback, device.text("writeback_rate_debug").value_or(""), "/sec", device_labels, families);
      }
      for (const std::string& name : set.numbered("cache")) {
        const Directory cache(set, name);
        const LabelSet cache_labels = out.add_labels({{"cache_device", name}, {"uuid", uuid}});
        for (const Value& value : kCache) add_file(value, cache, cache_labels, families);
        // The kernel looks at each bucket for these.
        if (priority_stats_)
          add_rows(kPriority, cache.text("priority_stats").value_or(""), "%", cache_labels, families);
      }
    }
    return {};
  }

 private:
  const std::string path_;
  const bool priority_stats_;
};

}  // namespace

void declare_bcache_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add("bcache.priorityStats", &config.bcache.priority_stats,
            "Show how much of the cache is unused; the kernel looks at each bucket for it.");
}

CollectorResult make_bcache(const CollectorConfig& config) { return std::make_unique<Bcache>(config); }

}  // namespace tidemark::exporter
