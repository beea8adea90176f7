#include "aggregator/storage/series_retention.h"

#include <algorithm>

namespace tidemark::storage {
namespace {

const Window kFirstWindow = window_of(kOldestTimestampMs);
const Window kLastWindow = window_of(kNewestTimestampMs);

Window first_kept(const RetentionRule& rule, int64_t now_ms) {
  return window_of(std::clamp(now_ms - rule.time_ms, kOldestTimestampMs, kNewestTimestampMs));
}

}  // namespace

std::vector<RollupEraser::Task> SeriesRetention::run(int64_t now_ms, const RetentionLimits& limits) {
  std::vector<RollupEraser::Task> rollups;
  std::vector<RetentionRule> rules = *limits.rules;
  if (rules.empty()) return rollups;
  Status status = find_in_rollups(now_ms, limits, rollups);
  if (limits.raw_ms() > limits.time_ms) rules.push_back({{}, limits.time_ms});  // All others.
  if (status.ok()) status = hide_raw(now_ms, rules);
  if (!status.ok()) report(status);
  return rollups;
}

void SeriesRetention::report(const Status& status) {
  rollups_done_.clear();
  metrics_.retention_failures.Increment();
  logger_.error("retention by matcher could not drop old series, and tries again later", {{"err", status}});
}

Result<Roaring> SeriesRetention::expired(WindowIndex& index, Window window, int64_t now_ms,
                                         const std::vector<RetentionRule>& rules) {
  const auto is_over = [&](const RetentionRule& rule) { return window < first_kept(rule, now_ms); };
  Roaring taken;
  Roaring out;
  // Rules behind the last that matters need not be matched.
  const auto end = std::find_if(rules.rbegin(), rules.rend(), is_over).base();
  for (auto rule = rules.begin(); rule != end; ++rule) {
    Result<Roaring> ids = index.match(window, rule->matchers);
    if (!ids) return ids;
    *ids -= taken;
    taken |= *ids;
    if (is_over(*rule)) out |= *ids;
  }
  return out;
}

Status SeriesRetention::hide_raw(int64_t now_ms, const std::vector<RetentionRule>& rules) {
  WindowIndex index(rocks_, nullptr);
  const auto windows = index.windows(window_of(head_.oldest_kept_ms.load()), kLastWindow);
  if (!windows) return windows.error();
  const auto tombstones = tombstones_.now();
  std::vector<Tombstone> found;
  uint64_t series = 0;
  for (size_t i = 0; i + 1 < windows->size(); ++i) {
    const Window window = (*windows)[i];
    Result<Roaring> ids = expired(index, window, now_ms, rules);
    if (!ids) return ids.error();
    Tombstone one{{window, 0}, window_start_ms(window), window_start_ms(window + 1) - 1, std::move(*ids)};
    for (const auto& other : tombstones->of(window)) {
      if (other->min_ms <= one.min_ms && other->max_ms >= one.max_ms) one.ids -= other->ids;
    }
    if (one.ids.isEmpty()) continue;
    series += one.ids.cardinality();
    found.push_back(std::move(one));
  }
  if (Status status = deleter_.bury(std::move(found)); !status.ok()) return status;
  metrics_.retention_series.Increment(static_cast<double>(series));
  return {};
}

Status SeriesRetention::find_in_rollups(int64_t now_ms, const RetentionLimits& limits,
                                        std::vector<RollupEraser::Task>& out) {
  const std::vector<RetentionRule>& rules = *limits.rules;
  if (done_for_ != limits.rules) rollups_done_.clear();
  done_for_ = limits.rules;
  const Window raw_first = window_of(head_.oldest_kept_ms.load());
  for (const Tier tier : kRollupTiers) {
    WindowIndex index(rocks_, nullptr, tier);
    const auto windows = index.windows(window_of_day(tier, kFirstWindow), window_of_day(tier, raw_first - 1));
    if (!windows) return windows.error();
    for (const Window window : *windows) {
      // By rule, the first day that is kept; those with raw samples follow these.
      std::vector<Window> cuts;
      cuts.reserve(rules.size());
      for (const RetentionRule& rule : rules) {
        cuts.push_back(std::clamp(std::min(first_kept(rule, now_ms), raw_first), first_day(tier, window),
                                  first_day(tier, window + 1)));
      }
      std::vector<Window>& done = rollups_done_[{tier, window}];
      if (done == cuts) continue;
      Roaring taken;
      for (size_t i = 0; i < rules.size(); ++i) {
        Result<Roaring> ids = index.match(window, rules[i].matchers);
        if (!ids) return ids.error();
        *ids -= taken;
        taken |= *ids;
        if (cuts[i] == first_day(tier, window) || ids->isEmpty()) continue;
        metrics_.retention_series.Increment(static_cast<double>(ids->cardinality()));
        out.push_back({tier, window, window_start_ms(tier, window), window_start_ms(cuts[i]) - 1, std::move(*ids)});
      }
      done = std::move(cuts);
    }
  }
  return {};
}

}  // namespace tidemark::storage
