#include "aggregator/storage/select.h"

#include <algorithm>
#include <set>

#include "aggregator/storage/keys.h"
#include "aggregator/storage/rollup_set.h"
#include "aggregator/storage/series_set.h"

namespace tidemark::storage {
namespace {

class FailedSet final : public SeriesSet {
 public:
  explicit FailedSet(Status status) : status_(std::move(status)) {}
  bool next() override { return false; }
  LabelsView labels() const override { return {}; }
  SampleReader& samples() override { return reader_; }
  Status status() const override { return status_; }

 private:
  const Status status_;
  ChunkMerge reader_;
};

// How far before a query's first time rollups may be of use: its times are moved back to the last whole bucket, and
// ranges shorter than a bucket are widened to one.
constexpr int64_t kReachBackMs = 2 * resolution_ms(Tier::k1h);

std::vector<std::string> first_of(const std::set<std::string>& all, size_t limit) {
  std::vector<std::string> out;
  for (const std::string& one : all) {
    if (limit != 0 && out.size() == limit) break;
    out.push_back(one);
  }
  return out;
}

}  // namespace

StoreQuerier::StoreQuerier(const ReadParts& parts) : parts_(parts), view_(parts.head.order().open_view()) {
  parts_.metrics.queriers.Increment();
}

StoreQuerier::~StoreQuerier() {
  parts_.head.order().close_view(view_);
  parts_.metrics.queriers.Decrement();
}

int64_t StoreQuerier::clip(int64_t min_ms) const {
  return std::max(min_ms, parts_.head.oldest_kept_ms.load(std::memory_order_acquire));
}

std::unique_ptr<SeriesSet> StoreQuerier::select(const std::vector<Matcher>& matchers, int64_t min_ms, int64_t max_ms,
                                                const SelectHints& hints, bool sorted) {
  max_ms = std::min(max_ms, kNewestTimestampMs);
  const int64_t from_ms = std::max(min_ms, kOldestTimestampMs + kReachBackMs) - kReachBackMs;
  if (min_ms > max_ms || from_ms > max_ms) return std::make_unique<FailedSet>(Status());
  for (;;) {
    const int64_t oldest_ms = parts_.head.oldest_kept_ms.load(std::memory_order_acquire);
    auto set = make_set(matchers, {min_ms, from_ms, max_ms, window_of(oldest_ms)}, hints, sorted);
    if (!set) return std::make_unique<FailedSet>(set.error());
    // What retention drops meanwhile would be in neither.
    if (parts_.head.oldest_kept_ms.load(std::memory_order_acquire) == oldest_ms) return std::move(*set);
  }
}

Result<std::unique_ptr<SeriesSet>> StoreQuerier::make_set(const std::vector<Matcher>& matchers, const Times& times,
                                                          const SelectHints& hints, bool sorted) {
  TierPlan plan;
  if (hints.max_resolution_ms > 0 || (hints.max_resolution_ms == 0 && window_of(times.from_ms) < times.raw_first)) {
    auto made = plan_tiers(parts_.rocks, times.raw_first, times.from_ms, times.max_ms, hints);
    if (!made) return fail(made.error());
    plan = std::move(*made);
  }
  // Raw samples answer all times asked for; what lies before them was of use to rollups only.
  const bool raw_answers = window_of(std::max(times.min_ms, kOldestTimestampMs)) >= plan.raw_from;
  if (plan.rollups.empty() || raw_answers) return make_raw_set(matchers, clip(times.min_ms), times.max_ms, sorted);
  const int64_t raw_ms = std::max(clip(times.min_ms), window_start_ms(plan.raw_from));
  auto raw = make_raw_set(matchers, raw_ms, times.max_ms, true);
  if (!raw) return raw;
  return RollupSeriesSet::make(parts_, {matchers, times.from_ms, times.max_ms, hints, std::move(plan)},
                               std::move(*raw));
}

Result<std::unique_ptr<SeriesSet>> StoreQuerier::make_raw_set(const std::vector<Matcher>& matchers, int64_t min_ms,
                                                              int64_t max_ms, bool sorted) {
  if (min_ms > max_ms) return std::unique_ptr<SeriesSet>(std::make_unique<FailedSet>(Status()));
  return StoreSeriesSet::make(parts_, view_, matchers, {min_ms, max_ms}, sorted);
}

Status StoreQuerier::for_each_window(int64_t min_ms, int64_t max_ms, const VisitWindow& visit) const {
  const int64_t oldest_ms = parts_.head.oldest_kept_ms.load(std::memory_order_acquire);
  for (const Tier tier : {Tier::kRaw, Tier::k5m, Tier::k1h}) {
    // Rollups only of days that have nothing else.
    const int64_t from_ms = std::max(min_ms, tier == Tier::kRaw ? oldest_ms : kOldestTimestampMs);
    const int64_t to_ms = std::min(max_ms, tier == Tier::kRaw ? kNewestTimestampMs : oldest_ms - 1);
    if (from_ms > to_ms) continue;
    WindowIndex index(parts_.rocks, nullptr, tier);
    const auto windows = index.windows(window_of_day(tier, window_of(from_ms)), window_of_day(tier, window_of(to_ms)));
    if (!windows) return windows.error();
    for (const Window window : *windows) {
      if (Status status = visit(index, window); !status.ok()) return status;
    }
  }
  return {};
}

Result<std::vector<std::string>> StoreQuerier::label_names(const std::vector<Matcher>& matchers, int64_t min_ms,
                                                           int64_t max_ms, size_t limit) {
  std::set<std::string> names;
  if (!matchers.empty()) {
    const auto set = select(matchers, min_ms, max_ms, {0, 0, "series"}, false);
    while (set->next()) {
      for (const LabelView& label : set->labels()) names.emplace(label.name);
    }
    if (!set->status().ok()) return fail(set->status());
    return first_of(names, limit);
  }
  if (min_ms <= parts_.head.newest_ms.load() && max_ms >= parts_.head.oldest_ms()) {
    const MutexLock lock(parts_.head.index().mutex());
    for (std::string& name : parts_.head.index().label_names()) names.insert(std::move(name));
  }
  const Status status = for_each_window(min_ms, max_ms, [&](WindowIndex& index, Window window) {
    return index.label_names(window, [&](std::string_view name) {
      names.emplace(name);
      return true;
    });
  });
  if (!status.ok()) return fail(status);
  return first_of(names, limit);
}

Result<std::vector<std::string>> StoreQuerier::label_values(std::string_view name, const std::vector<Matcher>& matchers,
                                                            int64_t min_ms, int64_t max_ms, size_t limit) {
  std::set<std::string> values;
  if (!matchers.empty()) {
    const auto set = select(matchers, min_ms, max_ms, {0, 0, "series"}, false);
    while (set->next()) {
      const std::string_view value = set->labels().get(name);
      if (!value.empty()) values.emplace(value);
    }
    if (!set->status().ok()) return fail(set->status());
    return first_of(values, limit);
  }
  if (min_ms <= parts_.head.newest_ms.load() && max_ms >= parts_.head.oldest_ms()) {
    const MutexLock lock(parts_.head.index().mutex());
    for (std::string& value : parts_.head.index().label_values(name)) values.insert(std::move(value));
  }
  const Status status = for_each_window(min_ms, max_ms, [&](WindowIndex& index, Window window) {
    return index.label_values(window, name, [&](std::string_view value) {
      values.emplace(value);
      return true;
    });
  });
  if (!status.ok()) return fail(status);
  return first_of(values, limit);
}

}  // namespace tidemark::storage
