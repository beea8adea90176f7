#include "aggregator/promql/select.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <utility>

#include "aggregator/promql/sample_counts.h"
#include "aggregator/promql/stripes.h"
#include "aggregator/promql/text.h"
#include "model/wide.h"

namespace tidemark::promql {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kBlock = 1024;  // Samples decoded between two looks at the clock: some microseconds.

// Walks a series' samples with a step's two questions: is there one at or before, and which is the newest.
class Cursor {
 public:
  explicit Cursor(QueryContext& context) : context_(context) {}

  void begin(storage::SampleReader& reader) {
    reader_ = &reader;
    filled_ = 0;
    next_ = 0;
    found_ = false;
    ended_ = false;
  }

  // Makes current() the newest sample at or before t_ms. REQUIRES: t_ms does not fall between calls.
  Status advance(int64_t t_ms) {
    for (;;) {
      while (next_ < filled_ && t_[next_] <= t_ms) {
        current_ = {t_[next_], v_[next_]};
        start_ms_ = starts_.empty() ? kNoStart : starts_[next_];
        found_ = true;
        ++next_;
      }
      if (next_ < filled_ || ended_) return {};
      if (Status status = context_.poll(); !status.ok()) return status;
      filled_ = reader_->next(t_, v_);
      starts_ = reader_->starts();
      next_ = 0;
      context_.count_read(filled_);
      if (filled_ > 0) continue;
      ended_ = true;
      return reader_->status();
    }
  }

  bool found() const { return found_; }
  const Sample& current() const { return current_; }
  int64_t start_ms() const { return start_ms_; }

 private:
  QueryContext& context_;
  storage::SampleReader* reader_ = nullptr;
  std::array<int64_t, kBlock> t_{};
  std::array<double, kBlock> v_{};
  size_t filled_ = 0;
  size_t next_ = 0;
  std::span<const int64_t> starts_;
  Sample current_;
  int64_t start_ms_ = kNoStart;
  bool found_ = false;
  bool ended_ = false;
};

double in_seconds(What what, int64_t t_ms, int64_t start_ms) {
  return static_cast<double>(what == What::kStartTimestamps ? start_ms : t_ms) / 1000;
}

TM_WIDE bool any_nan(std::span<const double> values) {
  const double* const v = values.data();
  double any = 0;  // As wide as a value, for the compiler's sake.
  for (size_t i = 0; i < values.size(); ++i) any = v[i] != v[i] ? 1 : any;
  return any != 0;
}

// All samples of a series in columns that are reused from series to series.
class SampleBuffer {
 public:
  explicit SampleBuffer(QueryContext& context) : context_(context), charge_(context) {}

  Status fill(storage::SampleReader& reader) {
    size_t n = 0;
    for (Folding& column : folded_) column.clear();
    start_ms_.clear();
    for (;;) {
      if (Status status = context_.poll(); !status.ok()) return status;
      if (t_.size() < n + kBlock) {
        const size_t room = std::max(n + kBlock, 2 * t_.size());
        if (Status status = charge_.raise_to(room, room * (sizeof(int64_t) + sizeof(double))); !status.ok()) {
          return status;
        }
        t_.resize(room);
        v_.resize(room);
      }
      const size_t got = reader.next(std::span(t_).subspan(n), std::span(v_).subspan(n));
      context_.count_read(got);
      if (got == 0) break;
      const storage::Folded folded = reader.folded();
      if (Status status = add_starts(reader.starts(), n, n + got); !status.ok()) return status;
      const size_t end = drop_stale(n, n + got);
      const std::span<const double> columns[] = {folded.count, folded.resets, folded.resets_sum};
      for (size_t i = 0; i < folded_.size(); ++i) {
        if (Status status = folded_[i].append(columns[i], n, end, charge_); !status.ok()) return status;
      }
      n = end;
    }
    size_ = n;
    return reader.status();
  }

  Samples samples() const {
    return {std::span(t_).first(size_),
            std::span(v_).first(size_),
            start_ms_,
            {folded_[0].values(), folded_[1].values(), folded_[2].values()}};
  }

 private:
  // A column that only samples from rollups have; where stored ones follow them, it goes on with what is theirs.
  class Folding {
   public:
    explicit Folding(double of_stored) : of_stored_(of_stored) {}
    void clear() { values_.clear(); }
    // For samples [begin, end). `some` is empty, or as long. REQUIRES: no staleness marker among samples that have it.
    Status append(std::span<const double> some, size_t begin, size_t end, Charge& charge) {
      if (some.empty() && values_.empty()) return {};
      if (values_.capacity() < end) {
        const size_t room = std::max(end, 2 * values_.capacity());
        if (Status status = charge.add(0, (room - values_.capacity()) * sizeof(double)); !status.ok()) return status;
        values_.reserve(room);
      }
      values_.resize(begin, of_stored_);
      values_.insert(values_.end(), some.begin(), some.end());
      values_.resize(end, of_stored_);
      return {};
    }
    std::span<const double> values() const { return values_; }

   private:
    const double of_stored_;
    std::vector<double> values_;
  };

  size_t drop_stale(size_t begin, size_t end) {
    // Markers are NaNs, of which there are mostly none.
    if (!any_nan(std::span(v_).subspan(begin, end - begin))) return end;
    size_t kept = begin;
    for (size_t i = begin; i < end; ++i) {
      if (is_stale(v_[i])) continue;
      t_[kept] = t_[i];
      v_[kept] = v_[i];
      ++kept;
    }
    return kept;
  }

  // Start timestamps of samples [begin, end), from which staleness markers are still to be dropped. None are kept
  // before the first sample that has one.
  Status add_starts(std::span<const int64_t> some, size_t begin, size_t end) {
    if (some.empty() && start_ms_.empty()) return {};
    if (start_ms_.capacity() < end) {
      const size_t room = std::max(end, 2 * start_ms_.capacity());
      if (Status status = charge_.add(0, (room - start_ms_.capacity()) * sizeof(int64_t)); !status.ok()) return status;
      start_ms_.reserve(room);
    }
    start_ms_.resize(begin, kNoStart);
    for (size_t i = begin; i < end; ++i) {
      if (!is_stale(v_[i])) start_ms_.push_back(some.empty() ? kNoStart : some[i - begin]);
    }
    return {};
  }

  QueryContext& context_;
  Charge charge_;
  std::vector<int64_t> start_ms_;
  std::vector<int64_t> t_;
  std::vector<double> v_;
  std::array<Folding, 3> folded_ = {Folding(1), Folding(kUnknown), Folding(kUnknown)};
  size_t size_ = 0;
};

// Of an instant selector: the newest sample at each step.
//
// Which sample that is depends on times alone, so the next series with the same timestamps takes it from the one
// before, as long as series are short.
class NewestAtSteps final : public SeriesWork {
 public:
  NewestAtSteps(QueryContext& context, const Selector& selector, const Grid& grid, What what, Resolutions resolutions)
      : context_(context),
        charge_(context),
        lookback_ms_(context.lookback_ms()),
        shift_(selector.shift),
        grid_(grid),
        what_(what),
        resolutions_(resolutions),
        counts_(context.counts()),
        cursor_(context),
        histograms_(context, selector.detail) {}

  Status compute(storage::SeriesSet& set, Column& out) override {
    out.reset(grid_.steps);
    if (const Sample* const only = set.only_sample(); only != nullptr && grid_.steps == 1 && counts_ == nullptr) {
      take_only(*only, out);
      return {};
    }
    if (Status status = histograms_.fill(set.samples()); !status.ok()) return status;
    bool done = false;
    if (!long_ && histograms_.empty() && (what_ == What::kValues || what_ == What::kTimestamps)) {
      if (Status status = take_planned(set.samples(), out, done); !status.ok()) return status;
    }
    if (!done) {
      if (Status status = walk(set, out); !status.ok()) return status;
    }
    if (counts_ != nullptr) count_points(out, *counts_);
    return {};
  }

 private:
  // REQUIRES: one step.
  void take_only(const Sample& sample, Column& out) {
    context_.count_read(1);
    const int64_t at_ms = shift_.apply(grid_.time_ms(0));
    if (sample.t_ms > at_ms || !is_recent(sample.t_ms, at_ms) || is_stale(sample.v)) return;
    out.set(0, what_ == What::kValues ? sample.v : in_seconds(what_, sample.t_ms, kNoStart));
  }

  // Not done when the series is long.
  Status take_planned(storage::SampleReader& reader, Column& out, bool& done) {
    if (Status status = context_.poll(); !status.ok()) return status;
    if (block_v_.empty()) {
      const size_t bytes = kPlannedMax * (2 * sizeof(int64_t) + sizeof(double)) + grid_.steps * sizeof(Planned);
      if (Status status = charge_.add(0, bytes); !status.ok()) return status;
      block_t_.resize(kPlannedMax);
      block_v_.resize(kPlannedMax);
    }
    size_t count = 0;
    while (const size_t got = reader.next(std::span(block_t_).subspan(count), std::span(block_v_).subspan(count))) {
      count += got;
    }
    long_ = count == kPlannedMax;
    if (long_) return {};
    done = true;
    context_.count_read(count);
    if (Status status = reader.status(); !status.ok()) return status;
    const std::span<const int64_t> t_ms = std::span<const int64_t>(block_t_).first(count);
    if (!planned_ || !std::equal(t_ms.begin(), t_ms.end(), planned_t_.begin(), planned_t_.end())) plan(t_ms);
    for (const Planned& one : plan_) {
      const double v = block_v_[one.sample];
      if (is_stale(v)) continue;
      out.set(one.step, what_ == What::kValues ? v : in_seconds(what_, t_ms[one.sample], kNoStart));
    }
    return {};
  }

  void plan(std::span<const int64_t> t_ms) {
    planned_ = true;
    planned_t_.assign(t_ms.begin(), t_ms.end());
    plan_.clear();
    size_t behind = 0;
    for (size_t step = 0; step < grid_.steps; ++step) {
      const int64_t at_ms = shift_.apply(grid_.time_ms(step));
      while (behind < t_ms.size() && t_ms[behind] <= at_ms) ++behind;
      if (behind == 0 || !is_recent(t_ms[behind - 1], at_ms)) continue;
      plan_.push_back({static_cast<uint32_t>(step), static_cast<uint32_t>(behind - 1)});
    }
  }

  Status walk(storage::SeriesSet& set, Column& out) {
    histogram_cursor_.begin(histograms_.histograms());
    cursor_.begin(set.samples());
    for (size_t step = 0; step < grid_.steps; ++step) {
      const int64_t t_ms = shift_.apply(grid_.time_ms(step));
      if (Status status = cursor_.advance(t_ms); !status.ok()) return status;
      if (histogram_is_newest(t_ms)) {
        if (histogram_cursor_.t_ms() <= TimeShift::earlier(t_ms, lookback_ms_)) continue;
        if (what_ == What::kInfoTimestamps) {
          return Status::execution("this should be an info metric, with float samples: " + braces(set.labels()));
        }
        if (what_ == What::kValues) {
          out.set(step, histogram_cursor_.histogram());
        } else {
          out.set(step, in_seconds(what_, histogram_cursor_.t_ms(), histogram_cursor_.start_ms()));
        }
        continue;
      }
      if (!cursor_.found()) continue;
      const Sample& sample = cursor_.current();
      if (!is_recent(sample.t_ms, t_ms) || is_stale(sample.v)) continue;
      out.set(step, what_ == What::kValues ? sample.v : in_seconds(what_, sample.t_ms, cursor_.start_ms()));
    }
    return {};
  }

  // Of a float at or before `at_ms`.
  bool is_recent(int64_t t_ms, int64_t at_ms) const {
    return t_ms > TimeShift::earlier(last_whole(at_ms, resolution_at(resolutions_, at_ms)), lookback_ms_);
  }

  bool histogram_is_newest(int64_t t_ms) {
    if (histograms_.empty()) return false;
    histogram_cursor_.advance(t_ms);
    return histogram_cursor_.found() && (!cursor_.found() || histogram_cursor_.t_ms() > cursor_.current().t_ms);
  }

  static constexpr size_t kPlannedMax = 2048;  // Samples.

  struct Planned {
    uint32_t step;
    uint32_t sample;
  };

  QueryContext& context_;
  Charge charge_;
  const int64_t lookback_ms_;
  const TimeShift shift_;
  const Grid grid_;
  const What what_;
  const Resolutions resolutions_;
  SampleCounts* const counts_;
  bool long_ = false;  // A series was, so others will be.
  std::vector<int64_t> block_t_;
  std::vector<double> block_v_;
  bool planned_ = false;
  std::vector<int64_t> planned_t_;
  std::vector<Planned> plan_;  // Over samples at these times.
  Cursor cursor_;
  HistogramBuffer histograms_;
  HistogramCursor histogram_cursor_;
};

// One series' samples of both kinds, as RawSeries has them.
class RawBuffer {
 public:
  RawBuffer(QueryContext& context, HistogramDetail detail, Resolutions resolutions)
      : samples_(context), histograms_(context, detail), resolutions_(resolutions) {}

  Status fill(storage::SeriesSet& set) {
    if (Status status = histograms_.fill(set.samples()); !status.ok()) return status;
    return samples_.fill(set.samples());
  }
  bool empty() const { return samples_.samples().t_ms.empty() && histograms_.empty(); }
  RawSeries series(LabelsView labels) const {
    return {labels, samples_.samples(), histograms_.histograms(), resolutions_};
  }

 private:
  SampleBuffer samples_;
  HistogramBuffer histograms_;
  const Resolutions resolutions_;
};

class ColumnsOfRaw final : public SeriesWork {
 public:
  ColumnsOfRaw(QueryContext& context, HistogramDetail detail, Resolutions resolutions, size_t steps,
               std::unique_ptr<RawWork> work)
      : buffer_(context, detail, resolutions), steps_(steps), work_(std::move(work)) {}

  Status compute(storage::SeriesSet& set, Column& out) override {
    out.reset(steps_);
    if (Status status = buffer_.fill(set); !status.ok()) return status;
    return buffer_.empty() ? Status() : work_->compute(buffer_.series(set.labels()), out);
  }

 private:
  RawBuffer buffer_;
  const size_t steps_;
  const std::unique_ptr<RawWork> work_;
};

std::unique_ptr<storage::SeriesSet> select_range(QueryContext& context, const Selector& selector,
                                                 const RangeSpec& spec) {
  const int64_t range_ms = spec.range_ms + spec.reach.before_ms + spec.reach.after_ms;
  storage::SelectHints hints{spec.grid.steps == 1 ? 0 : spec.grid.step_ms, range_ms, std::string(selector.function),
                             context.max_resolution_ms(), selector.start_times};
  if (selector.labels != nullptr) hints.labels = *selector.labels;
  const int64_t first_ms = TimeShift::earlier(TimeShift::earlier(spec.begin_ms(0), spec.reach.before_ms), -1);
  const int64_t last_ms = TimeShift::earlier(spec.end_ms(spec.grid.steps - 1), -spec.reach.after_ms);
  return context.querier().select(selector.matchers, first_ms, last_ms, hints, false);
}

}  // namespace

Status select_instant(QueryContext& context, const Selector& selector, const Grid& grid, What what, SeriesSink& sink) {
  if (grid.steps == 0) return {};
  const int64_t first_ms = selector.shift.apply(grid.start_ms);
  const int64_t last_ms = selector.shift.apply(grid.last_ms());
  storage::SelectHints hints{grid.steps == 1 ? 0 : grid.step_ms,
                             0,
                             std::string(selector.function),
                             context.max_resolution_ms(),
                             selector.start_times,
                             grid.steps == 1};
  if (sink.labels_of_use() != nullptr) hints.labels = *sink.labels_of_use();
  const auto set = context.querier().select(selector.matchers, TimeShift::earlier(first_ms, context.lookback_ms() - 1),
                                            last_ms, hints, false);
  const std::vector<storage::Resolution> resolutions = set->resolutions();
  const MakeSeriesWork make = [&](QueryContext& own) {
    return std::make_unique<NewestAtSteps>(own, selector, grid, what, resolutions);
  };
  return push_series(context, *set, grid.steps, make, sink);
}

Status select_raw(QueryContext& context, const Selector& selector, const RangeSpec& spec, RawSink& sink) {
  if (spec.grid.steps == 0) return {};
  const auto set = select_range(context, selector, spec);
  const std::vector<storage::Resolution> resolutions = set->resolutions();
  RawBuffer buffer(context, selector.detail, resolutions);
  while (set->next()) {
    if (Status status = buffer.fill(*set); !status.ok()) return status;
    if (buffer.empty()) continue;
    if (Status status = sink.consume(buffer.series(set->labels())); !status.ok()) return status;
  }
  add_messages(context, *set);
  return set->status();
}

Status select_columns(QueryContext& context, const Selector& selector, const RangeSpec& spec, const MakeRawWork& make,
                      SeriesSink& sink) {
  if (spec.grid.steps == 0) return {};
  const auto set = select_range(context, selector, spec);
  const std::vector<storage::Resolution> resolutions = set->resolutions();
  const MakeSeriesWork make_both = [&](QueryContext& own) {
    return std::make_unique<ColumnsOfRaw>(own, selector.detail, resolutions, spec.grid.steps, make(own));
  };
  return push_series(context, *set, spec.grid.steps, make_both, sink);
}

int64_t last_whole(int64_t t_ms, int64_t resolution_ms) {
  if (resolution_ms == 0) return t_ms;
  const int64_t over = t_ms % resolution_ms;
  return t_ms - over - (over < 0 ? resolution_ms : 0);
}

int64_t resolution_at(Resolutions resolutions, int64_t t_ms) {
  for (const storage::Resolution& one : resolutions) {
    if (t_ms <= one.until_ms) return one.resolution_ms;
  }
  return 0;
}

}  // namespace tidemark::promql
