// `tidemark tsdb stats`.
#include <fmt/format.h>

#include <cstdio>
#include <map>

#include "aggregator/storage/store_stats.h"
#include "aggregator/tsdb/command_line.h"

namespace tidemark::tsdb {
namespace {

using storage::StoreStats;

std::string per(uint64_t bytes, uint64_t samples) {
  return samples == 0 ? "" : fmt::format("{:.3f}", static_cast<double>(bytes) / static_cast<double>(samples));
}

std::string tier_name(storage::Tier tier) {
  if (tier == storage::Tier::kRaw) return "raw";
  return tier == storage::Tier::k5m ? "5m" : "1h";
}

std::string day_text(const StoreStats::Day& day) {
  return format_time(storage::window_start_ms(day.tier, day.window)).substr(0, 10);
}

void print_families(const StoreStats& stats) {
  Table table({{"FAMILY"}, {"FILES", true}, {"SIZE", true}, {"B/SAMPLE", true}});
  for (const StoreStats::Family& family : stats.families) {
    table.add({family.name, format_count(family.files), format_bytes(family.bytes), per(family.bytes, stats.samples)});
  }
  table.add({"(write-ahead log)", "", format_bytes(stats.wal_bytes), per(stats.wal_bytes, stats.samples)});
  table.add({"(all files)", "", format_bytes(stats.disk_bytes), per(stats.disk_bytes, stats.samples)});
  table.print();
}

void print_tiers(const StoreStats& stats) {
  std::map<storage::Tier, StoreStats::Day> tiers;
  std::map<storage::Tier, uint64_t> days;
  for (const StoreStats::Day& day : stats.days) {
    StoreStats::Day& tier = tiers[day.tier];
    tier.chunks += day.chunks;
    tier.samples += day.samples;
    tier.bytes += day.bytes;
    ++days[day.tier];
  }
  Table table({{"TIER"},
               {"WINDOWS", true},
               {"CHUNKS", true},
               {"SAMPLES", true},
               {"SAMPLES/CHUNK", true},
               {"CHUNK BYTES", true},
               {"B/SAMPLE", true}});
  for (const auto& [tier, sum] : tiers) {
    const bool raw = tier == storage::Tier::kRaw;
    table.add({tier_name(tier), format_count(days[tier]), format_count(sum.chunks),
               raw ? format_count(sum.samples) : "",
               raw && sum.chunks > 0
                   ? fmt::format("{:.1f}", static_cast<double>(sum.samples) / static_cast<double>(sum.chunks))
                   : "",
               format_bytes(sum.bytes), per(sum.bytes, stats.samples)});
  }
  table.print();
}

void print_days(const StoreStats& stats) {
  Table table({{"TIER"},
               {"FROM (UTC)"},
               {"SERIES", true},
               {"CHUNKS", true},
               {"SAMPLES", true},
               {"CHUNK BYTES", true},
               {"B/SAMPLE", true}});
  for (const StoreStats::Day& day : stats.days) {
    const bool raw = day.tier == storage::Tier::kRaw;
    table.add({tier_name(day.tier), day_text(day), format_count(day.series), format_count(day.chunks),
               raw ? format_count(day.samples) : "", format_bytes(day.bytes), raw ? per(day.bytes, day.samples) : ""});
  }
  table.print();
}

void print_counts(const char* what, const char* count, const std::vector<StoreStats::Count>& counts) {
  Table table({{count, true}, {what}});
  for (const StoreStats::Count& entry : counts) table.add({format_count(entry.count), entry.name});
  fmt::print("\n");
  table.print();
}

}  // namespace

int stats_command(const Args& args) {
  CommandLine line("stats", "Says what is in a data directory and what it costs. Reads all of it, changes nothing.");
  StoreFlags store;
  int64_t limit = 20;
  store.declare(line.flags());
  line.flags().add("limit", &limit, "Length of the lists of metrics, labels and pairs.");
  if (const auto exit_code = line.parse(args)) return *exit_code;
  const auto stats = storage::read_store_stats(store.offline(), static_cast<size_t>(limit), command_logger());
  if (!stats) return line.failed(stats.error());
  fmt::print("{}: {} series, {} label pairs, {} samples in chunks, {} open, {} log records to replay\n\n", store.path,
             format_count(stats->series), format_count(stats->label_pairs), format_count(stats->samples),
             format_count(stats->open_samples), format_count(stats->log_records));
  if (stats->damaged > 0) {
    fmt::print("{} pieces do not read and are not counted: see \"tidemark tsdb verify\"\n\n",
               format_count(stats->damaged));
  }
  print_families(*stats);
  fmt::print("\n");
  print_tiers(*stats);
  fmt::print("\n");
  print_days(*stats);
  print_counts("METRIC", "SERIES", stats->metrics);
  print_counts("LABEL NAME", "VALUES", stats->values_by_label);
  print_counts("LABEL NAME", "SERIES", stats->series_by_label);
  print_counts("LABEL PAIR", "SERIES", stats->series_by_pair);
  return 0;
}

}  // namespace tidemark::tsdb
