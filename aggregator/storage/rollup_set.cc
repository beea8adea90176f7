#include "aggregator/storage/rollup_set.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "aggregator/storage/rollup_reader.h"
#include "model/duration.h"
#include "model/rfc3339.h"
#include "model/sample.h"

namespace tidemark::storage {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kLabelsPerRead = 1024;
// Enough to say what is wrong; more would only repeat it.
constexpr size_t kWarningsMax = 10;

}  // namespace

// One series: window after window of buckets, as the samples the function asks for; then the raw ones.
class RollupSeriesSet::Reader final : public SampleReader {
 public:
  explicit Reader(RollupSeriesSet& set) : set_(set) {}

  // `id` 0: not in rollups. `raw` null: not there.
  void begin(SeriesId id, SampleReader* raw) {
    id_ = id;
    raw_ = raw;
    part_ = id == 0 ? set_.reads_.size() : 0;
    clear();
    taken_ = 0;
    written_ = 0;
  }

  size_t next(std::span<int64_t> t_ms, std::span<double> v) override {
    while (taken_ == t_ms_.size() && part_ < set_.reads_.size()) {
      clear();
      taken_ = 0;
      for (const Bucket& bucket : set_.buckets(set_.reads_[part_], id_)) add(bucket);
      ++part_;
    }
    written_ = std::min(t_ms.size(), t_ms_.size() - taken_);
    if (written_ == 0) return raw_ == nullptr ? 0 : raw_->next(t_ms, v);
    std::copy_n(t_ms_.begin() + static_cast<ptrdiff_t>(taken_), written_, t_ms.begin());
    std::copy_n(v_.begin() + static_cast<ptrdiff_t>(taken_), written_, v.begin());
    taken_ += written_;
    return written_;
  }

  Folded folded() const override {
    if (written_ == 0) return {};
    const auto last = [this](const std::vector<double>& column) {
      return column.empty() ? std::span<const double>() : std::span(column).subspan(taken_ - written_, written_);
    };
    return {last(count_), last(resets_), last(resets_sum_)};
  }

  std::span<const int64_t> starts() const override {
    return written_ > 0 || raw_ == nullptr ? std::span<const int64_t>() : raw_->starts();
  }

  // Rollups have none.
  size_t next_histograms(std::span<int64_t> t_ms, std::span<HistogramRef> histograms) override {
    return raw_ == nullptr ? 0 : raw_->next_histograms(t_ms, histograms);
  }
  std::span<const int64_t> histogram_starts() const override {
    return raw_ == nullptr ? std::span<const int64_t>() : raw_->histogram_starts();
  }

  Status status() const override { return raw_ == nullptr ? Status() : raw_->status(); }

 private:
  void clear() {
    for (std::vector<double>* column : {&v_, &count_, &resets_, &resets_sum_}) column->clear();
    t_ms_.clear();
  }

  void add(const Bucket& b) {
    const RollupColumn column = set_.answer_.column;
    if (b.count == 0) {
      if (column == RollupColumn::kLast) put(b.last_ms, stale_nan());
      return;
    }
    switch (column) {
      case RollupColumn::kLast:
        put(b.last_ms, b.last);
        if (b.stale_ms != 0) put(b.stale_ms, stale_nan());
        break;
      case RollupColumn::kFirst:
        put(b.first_ms, b.first);
        break;
      case RollupColumn::kMin:
        put(b.last_ms, b.min);
        break;
      case RollupColumn::kMax:
        put(b.last_ms, b.max);
        break;
      case RollupColumn::kSum:
        if (put(b.last_ms, b.sum)) count_.push_back(static_cast<double>(b.count));
        break;
      case RollupColumn::kEnds:
        put_end(b.first_ms, b.first, 1, kUnknown, kUnknown);
        if (b.count > 1) {
          put_end(b.last_ms, b.last, static_cast<double>(b.count - 1), static_cast<double>(b.resets), b.resets_sum);
        }
        break;
    }
  }

  bool put(int64_t t_ms, double v) {
    if (t_ms < set_.min_ms_ || t_ms > set_.max_ms_) return false;
    t_ms_.push_back(t_ms);
    v_.push_back(v);
    return true;
  }

  void put_end(int64_t t_ms, double v, double count, double resets, double resets_sum) {
    if (!put(t_ms, v)) return;
    count_.push_back(count);
    resets_.push_back(resets);
    resets_sum_.push_back(resets_sum);
  }

  RollupSeriesSet& set_;
  SeriesId id_ = 0;
  SampleReader* raw_ = nullptr;
  size_t part_ = 0;  // The next to read.
  std::vector<int64_t> t_ms_;
  std::vector<double> v_;
  std::vector<double> count_;
  std::vector<double> resets_;
  std::vector<double> resets_sum_;
  size_t taken_ = 0;
  size_t written_ = 0;  // By the last next(), from rollups.
};

RollupSeriesSet::RollupSeriesSet(const ReadParts& parts, const Request& request, std::unique_ptr<SeriesSet> raw)
    : parts_(parts),
      plan_(request.plan),
      min_ms_(request.min_ms),
      max_ms_(request.max_ms),
      function_(request.hints.function),
      answer_(rollup_answer(request.hints.function, request.hints.range_ms > 0)),
      labels_only_(request.hints.function == "series"),
      raw_(std::move(raw)),
      reader_(std::make_unique<Reader>(*this)) {}

Result<std::unique_ptr<SeriesSet>> RollupSeriesSet::make(const ReadParts& parts, const Request& request,
                                                         std::unique_ptr<SeriesSet> raw) {
  std::unique_ptr<RollupSeriesSet> set(new RollupSeriesSet(parts, request, std::move(raw)));
  set->tombstones_ = parts.tombstones.now();  // Before the snapshot.
  set->snapshot_ = parts.rocks.db().GetSnapshot();
  Roaring ids;
  if (Status status = set->match(request.matchers, ids); !status.ok()) return fail(status);
  set->load_labels(ids);
  parts.metrics.rollup_selects.Increment();
  return std::unique_ptr<SeriesSet>(std::move(set));
}

RollupSeriesSet::~RollupSeriesSet() {
  if (snapshot_ != nullptr) parts_.rocks.db().ReleaseSnapshot(snapshot_);
}

Status RollupSeriesSet::match(const std::vector<Matcher>& matchers, Roaring& ids) {
  for (const TierStretch& stretch : plan_.rollups) {
    WindowIndex index(parts_.rocks, snapshot_, stretch.tier);
    const auto windows =
        index.windows(window_of_day(stretch.tier, stretch.first_day), window_of_day(stretch.tier, stretch.last_day));
    if (!windows) return windows.error();
    for (const Window window : *windows) {
      auto matching = index.match(window, matchers);
      if (!matching && matching.error().code() == Code::kCorruption) {
        warn("rollups of " + day_text(first_day(stretch.tier, window)) +
             " are left out: " + matching.error().message());
        continue;
      }
      if (!matching) return matching.error();
      if (matching->isEmpty()) continue;
      ids |= *matching;
      reads_.push_back({stretch.tier, window, stretch.first_day, stretch.last_day, std::move(*matching)});
    }
  }
  return {};
}

void RollupSeriesSet::load_labels(const Roaring& ids) {
  std::vector<SeriesId> all(ids.cardinality());
  ids.toUint32Array(all.data());
  series_.reserve(all.size());
  for (size_t at = 0; at < all.size(); at += kLabelsPerRead) {
    const std::vector<SeriesId> some(all.begin() + static_cast<ptrdiff_t>(at),
                                     all.begin() + static_cast<ptrdiff_t>(std::min(all.size(), at + kLabelsPerRead)));
    std::vector<std::string> labels = parts_.records.labels(some, snapshot_);
    for (size_t i = 0; i < some.size(); ++i) {
      if (labels[i].empty()) {
        warn("series " + std::to_string(some[i]) + " has no readable record and is left out");
      } else {
        series_.push_back({some[i], std::move(labels[i])});
      }
    }
  }
  std::sort(series_.begin(), series_.end(),
            [](const Series& a, const Series& b) { return LabelsView(a.labels) < LabelsView(b.labels); });
}

bool RollupSeriesSet::next() {
  while (advance()) {
    if (!labels_only_ || in_raw_ || has_bucket(series_[at_].id)) return true;
  }
  return false;
}

bool RollupSeriesSet::has_bucket(SeriesId id) {
  return std::any_of(reads_.begin(), reads_.end(), [&](const Part& part) {
    const std::vector<Bucket> found = buckets(part, id);
    return std::any_of(found.begin(), found.end(), [&](const Bucket& b) { return b.overlaps(min_ms_, max_ms_); });
  });
}

bool RollupSeriesSet::advance() {
  if (begun_) {
    if (in_rollups_) ++at_;
    if (in_raw_) raw_left_ = raw_->next();
  } else {
    raw_left_ = raw_ && raw_->next();
    begun_ = true;
  }
  in_rollups_ = in_raw_ = false;
  if (!status().ok()) return false;
  const bool rollups_left = at_ < series_.size();
  if (!rollups_left && !raw_left_) return false;
  in_rollups_ = rollups_left && (!raw_left_ || !(raw_->labels() < LabelsView(series_[at_].labels)));
  in_raw_ = raw_left_ && (!rollups_left || !(LabelsView(series_[at_].labels) < raw_->labels()));
  return true;
}

LabelsView RollupSeriesSet::labels() const { return in_raw_ ? raw_->labels() : LabelsView(series_[at_].labels); }

SampleReader& RollupSeriesSet::samples() {
  reader_->begin(in_rollups_ ? series_[at_].id : 0, in_raw_ ? &raw_->samples() : nullptr);
  return *reader_;
}

Status RollupSeriesSet::status() const {
  if (!status_.ok() || !raw_) return status_;
  return raw_->status();
}

std::vector<Bucket> RollupSeriesSet::buckets(const Part& part, SeriesId id) {
  if (!part.ids.contains(id)) return {};
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  auto buckets = read_rollup(parts_.rocks, options, part.tier, part.window, id);
  if (!buckets) {
    warn("rollups of " + labels().to_string() + " are left out: " + buckets.error().message());
    return {};
  }
  std::erase_if(*buckets, [&](const Bucket& b) {
    const Window day = window_of(b.last_ms);
    return day < part.first_day || day > part.last_day;
  });
  tombstones_->subtract(part.tier, part.window, id, *buckets);
  return std::move(*buckets);
}

void RollupSeriesSet::warn(const std::string& what) {
  parts_.rocks.report_damage("answering a query", what);
  if (warnings_.size() < kWarningsMax) warnings_.push_back(what);
}

std::vector<std::string> RollupSeriesSet::warnings() const {
  std::vector<std::string> out = warnings_;
  if (!answer_.exact) {
    out.push_back(function_ + " over rollups works on the " +
                  (answer_.column == RollupColumn::kEnds ? "first and last sample" : "last sample") +
                  " of each bucket only");
  }
  if (raw_) {
    for (std::string& warning : raw_->warnings()) out.push_back(std::move(warning));
  }
  return out;
}

std::vector<std::string> RollupSeriesSet::infos() const {
  std::vector<std::string> out;
  for (const Resolution& one : resolutions()) {
    out.push_back("samples before " + format_rfc3339(one.until_ms + 1) + " are rollups of " +
                  format_duration_ms(one.resolution_ms));
  }
  return out;
}

std::vector<Resolution> RollupSeriesSet::resolutions() const {
  std::vector<Resolution> out;
  for (const TierStretch& stretch : plan_.rollups) {
    out.push_back({window_start_ms(stretch.last_day + 1) - 1, resolution_ms(stretch.tier)});
  }
  return out;
}

}  // namespace tidemark::storage
