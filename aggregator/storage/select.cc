#include "aggregator/storage/select.h"

#include <algorithm>

#include "aggregator/storage/keys.h"
#include "aggregator/storage/rollup_set.h"
#include "aggregator/storage/series_set.h"
#include "aggregator/storage/shown_labels.h"

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

}  // namespace

StoreQuerier::StoreQuerier(const ReadParts& parts)
    : parts_(parts), hold_(parts.head.readers.enter()), view_(parts.head.order().open_view()) {
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
  const int64_t reach_back_ms = hints.function == "series" ? 0 : kReachBackMs;
  const int64_t from_ms = std::max(min_ms, kOldestTimestampMs + reach_back_ms) - reach_back_ms;
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
    // Before files are looked at: late samples on their way there are in memory, or their day is marked.
    const Window head_first = window_of(std::clamp(parts_.head.oldest_ms(), kOldestTimestampMs, kNewestTimestampMs));
    auto made = plan_tiers(parts_.rocks, {times.raw_first, head_first}, times.from_ms, times.max_ms, hints);
    if (!made) return fail(made.error());
    plan = std::move(*made);
  }
  // Raw samples answer all times asked for; what lies before them was of use to rollups only.
  const bool raw_answers = window_of(std::max(times.min_ms, kOldestTimestampMs)) >= plan.raw_from;
  if (plan.rollups.empty() || raw_answers)
    return make_raw_set(matchers, clip(times.min_ms), times.max_ms, hints, sorted);
  const int64_t raw_ms = std::max(clip(times.min_ms), window_start_ms(plan.raw_from));
  auto raw = make_raw_set(matchers, raw_ms, times.max_ms, hints, true);
  if (!raw) return raw;
  return RollupSeriesSet::make(parts_, {matchers, times.from_ms, times.max_ms, hints, std::move(plan)},
                               std::move(*raw));
}

Result<std::unique_ptr<SeriesSet>> StoreQuerier::make_raw_set(const std::vector<Matcher>& matchers, int64_t min_ms,
                                                              int64_t max_ms, const SelectHints& hints, bool sorted) {
  if (min_ms > max_ms) return std::unique_ptr<SeriesSet>(std::make_unique<FailedSet>(Status()));
  const bool labels_only = hints.function == "series";
  const bool newest_only = labels_only || (hints.newest_only && !hints.start_times);
  StoreSeriesSet::Needs needs{.sorted = sorted, .with_samples = labels_only, .start_times = hints.start_times};
  if (!sorted) needs.labels = hints.labels;
  return StoreSeriesSet::make(parts_, view_, matchers, {min_ms, max_ms, newest_only}, needs);
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
      if (Status status = visit(index, tier, window); !status.ok()) return status;
    }
  }
  return {};
}

Result<std::vector<std::string>> StoreQuerier::label_names(const std::vector<Matcher>& matchers, int64_t min_ms,
                                                           int64_t max_ms, size_t limit) {
  return list_labels({}, matchers, min_ms, max_ms, limit);
}

Result<std::vector<std::string>> StoreQuerier::label_values(std::string_view name, const std::vector<Matcher>& matchers,
                                                            int64_t min_ms, int64_t max_ms, size_t limit) {
  if (name.empty()) return std::vector<std::string>();
  return list_labels(name, matchers, min_ms, max_ms, limit);
}

Result<std::vector<std::string>> StoreQuerier::list_labels(std::string_view name, const std::vector<Matcher>& matchers,
                                                           int64_t min_ms, int64_t max_ms, size_t limit) {
  ShownLabels shown(name);
  if (!matchers.empty()) {
    const auto set = select(matchers, min_ms, max_ms, {0, 0, "series"}, false);
    while (set->next()) shown.add(set->labels());
    if (!set->status().ok()) return fail(set->status());
    return shown.take(limit);
  }
  const int64_t newest_ms = parts_.head.newest_ms.load();
  // The oldest sample is looked for in all series, so only where that decides.
  if (min_ms <= newest_ms && (max_ms >= newest_ms || max_ms >= parts_.head.oldest_ms())) {
    if (Status status = add_labels_of_head(name, shown); !status.ok()) return fail(status);
  }
  // Before the postings: see Tombstones::now().
  const auto tombstones = parts_.tombstones.now();
  Status status = for_each_window(min_ms, max_ms, [&](WindowIndex& index, Tier tier, Window window) {
    const Roaring suspects = tombstones->touched(window, min_ms, max_ms, tier);
    return add_labels_of_window(index, tier, window, suspects, name, shown);
  });
  if (status.ok())
    status = shown.finish(parts_, view_, {clip(min_ms), std::min(max_ms, kNewestTimestampMs)}, *tombstones);
  if (!status.ok()) return fail(status);
  return shown.take(limit);
}

Status StoreQuerier::add_labels_of_head(std::string_view name, ShownLabels& shown) const {
  SeriesIndex& index = parts_.head.index();
  const MutexLock lock(index.mutex());
  const std::vector<std::string> texts = name.empty() ? index.label_names() : index.label_values(name);
  const Roaring suspects = parts_.head.maybe_empty & index.ids();
  if (suspects.isEmpty()) {
    for (const std::string& text : texts) shown.add(text);
    return {};
  }
  const auto values = [&](std::string_view of, const PostingsSource::Visit& visit)
                          TM_REQUIRES(index.mutex()) { return index.values(of, visit); };
  return shown.add(values, name.empty() ? texts : std::vector<std::string>(), suspects);
}

Status StoreQuerier::add_labels_of_window(WindowIndex& index, Tier tier, Window window, const Roaring& suspects,
                                          std::string_view name, ShownLabels& shown) {
  std::vector<std::string> names;
  const auto add = [&](std::string_view text) {
    if (suspects.isEmpty()) {
      shown.add(text);
    } else {
      names.emplace_back(text);
    }
    return true;
  };
  if (name.empty()) {
    if (Status status = index.label_names(window, add); !status.ok()) return status;
  } else if (suspects.isEmpty()) {
    return index.label_values(window, name, add);
  }
  if (suspects.isEmpty()) return {};
  const auto values = [&](std::string_view of, const PostingsSource::Visit& visit) {
    return index.values(window, of, visit);
  };
  return tier == Tier::kRaw ? shown.add(values, names, suspects) : shown.add(values, names, suspects, tier, window);
}

}  // namespace tidemark::storage
