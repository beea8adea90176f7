#include "aggregator/storage/select.h"

#include <algorithm>
#include <set>

#include "aggregator/storage/keys.h"
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
  static_cast<void>(hints);  // There is one tier, so there is nothing to choose.
  const StoreSeriesSet::Range range{clip(min_ms), std::min(max_ms, kNewestTimestampMs)};
  if (range.min_ms > range.max_ms) return std::make_unique<FailedSet>(Status());
  auto set = StoreSeriesSet::make(parts_, view_, matchers, range, sorted);
  if (!set) return std::make_unique<FailedSet>(set.error());
  return std::move(*set);
}

Result<std::vector<Window>> StoreQuerier::windows(WindowIndex& index, int64_t min_ms, int64_t max_ms) const {
  const int64_t from_ms = clip(min_ms);
  const int64_t to_ms = std::min(max_ms, kNewestTimestampMs);
  if (from_ms > to_ms) return std::vector<Window>{};
  return index.windows(window_of(from_ms), window_of(to_ms));
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
  WindowIndex index(parts_.rocks, nullptr);
  const auto days = windows(index, min_ms, max_ms);
  if (!days) return fail(days.error());
  for (const Window day : *days) {
    const Status status = index.label_names(day, [&](std::string_view name) {
      names.emplace(name);
      return true;
    });
    if (!status.ok()) return fail(status);
  }
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
  WindowIndex index(parts_.rocks, nullptr);
  const auto days = windows(index, min_ms, max_ms);
  if (!days) return fail(days.error());
  for (const Window day : *days) {
    const Status status = index.label_values(day, name, [&](std::string_view value) {
      values.emplace(value);
      return true;
    });
    if (!status.ok()) return fail(status);
  }
  return first_of(values, limit);
}

}  // namespace tidemark::storage
