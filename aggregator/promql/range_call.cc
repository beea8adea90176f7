// Calls of functions over a range: of a selector or of a subquery.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "aggregator/promql/evaluator.h"
#include "aggregator/promql/extended.h"
#include "aggregator/promql/functions.h"
#include "aggregator/promql/histogram_range.h"
#include "aggregator/promql/label_sets.h"
#include "aggregator/promql/name_drop.h"
#include "aggregator/promql/quote.h"
#include "aggregator/promql/range_functions.h"
#include "aggregator/promql/sample_counts.h"
#include "aggregator/promql/select.h"
#include "aggregator/promql/text.h"
#include "aggregator/promql/window_plan.h"

namespace tidemark::promql {
namespace {

bool keeps_name(std::string_view function) { return function == "last_over_time" || function == "first_over_time"; }

bool counts_starts(std::string_view function) {
  return function == "rate" || function == "increase" || function == "irate" || function == "resets";
}

// What a range function over the selector has to read for such a sink. Nothing: all labels, as series of several
// metrics have to be compared without their names.
std::optional<std::vector<std::string>> labels_of_use(const VectorSelector& selector, const SeriesSink& sink) {
  const bool one_metric = std::any_of(selector.matchers.begin(), selector.matchers.end(), [](const Matcher& matcher) {
    return matcher.op() == MatchOp::kEqual && matcher.name() == kMetricName;
  });
  if (!one_metric || sink.labels_of_use() == nullptr) return std::nullopt;
  std::vector<std::string> names = *sink.labels_of_use();
  names.insert(names.end(), kMetadataLabels.begin(), kMetadataLabels.end());
  return sorted_names(std::move(names));
}

bool looks_like_counter(std::string_view metric) {
  constexpr std::array<std::string_view, 4> kSuffixes = {"_total", "_sum", "_count", "_bucket"};
  for (const std::string_view suffix : kSuffixes) {
    if (metric.ends_with(suffix)) return true;
  }
  return false;
}

struct Arguments {
  std::string_view function;
  RangeSpec spec;
  std::vector<Column> scalars;  // Beside the range, in their order: at most as many as Window::arguments holds.
  TextOffset first_argument_at;
  Extension extension = Extension::kNone;
  bool is_selector = true;  // Else a subquery.
};

// Values that windows hold together, beyond which a series is long work: some tens of milliseconds.
constexpr size_t kLongWork = size_t{1} << 22;

// A function that asks for the deadline between windows, and answers no more after it.
class PolledFunction final : public RangeFunction {
 public:
  PolledFunction(const QueryContext& context, RangeFunction& function) : function_(function), pace_(context) {}
  void begin(const Samples& samples) override { function_.begin(samples); }
  bool value(const Window& window, double& out) override {
    if (!status_.ok()) return false;
    status_ = pace_.turn(window.end - window.begin);
    return status_.ok() && function_.value(window, out);
  }
  size_t overlaps() const override { return function_.overlaps(); }
  Status status() const { return status_; }

 private:
  RangeFunction& function_;
  Pace pace_;
  Status status_;
};

// The function applied to one series after the other, with what it has to tell.
class RangeWork final : public RawWork {
 public:
  RangeWork(QueryContext& context, const Arguments& arguments, std::unique_ptr<RangeFunction> function)
      : context_(context),
        arguments_(arguments),
        function_(std::move(function)),
        windows_(context, arguments.spec, arguments.scalars),
        on_histograms_(context, arguments.function, arguments.extension, *function_, arguments.first_argument_at),
        wants_counter_(arguments.function == "rate" || arguments.function == "increase") {}

  Status compute(const RawSeries& series, Column& out) override {
    if (arguments_.function == "double_exponential_smoothing") {
      if (Status status = check_smoothing(); !status.ok()) return status;
    }
    Status status;
    if (!series.histograms.empty()) {
      status = on_histograms_.over_windows(series.labels, series.samples, series.histograms, arguments_.spec,
                                           arguments_.scalars, out);
    } else if (series.samples.t_ms.size() * arguments_.spec.grid.steps > kLongWork) {
      PolledFunction polled(context_, *function_);
      status = windows_.apply(polled, series.samples, series.resolutions, out);
      if (status.ok()) status = polled.status();
    } else {
      status = windows_.apply(*function_, series.samples, series.resolutions, out);
    }
    if (!status.ok()) return status;
    if (context_.counts() != nullptr) {
      count_windows(series, arguments_.spec, arguments_.is_selector, *context_.counts());
    }
    if (out.any()) warn(series.labels, out);
    return {};
  }

 private:
  // Only once there is something to smooth, as in Prometheus.
  Status check_smoothing() const {
    constexpr std::array<std::string_view, 2> kNames = {"smoothing", "trend"};
    constexpr std::array<std::string_view, 2> kShort = {"sf", "tf"};
    for (size_t step = 0; step < arguments_.spec.grid.steps; ++step) {
      for (size_t i = 0; i < kNames.size(); ++i) {
        const double factor = arguments_.scalars[i].v[step];
        if (!(factor <= 0 || factor >= 1)) continue;
        return Status::execution(
            fmt::format("invalid {} factor. Expected: 0 < {} < 1, got: {:f}", kNames[i], kShort[i], factor));
      }
    }
    return {};
  }

  void warn(LabelsView labels, const Column& out) {
    if (const size_t overlaps = function_->overlaps(); overlaps > 0) {
      context_.annotations().warn_counted(
          "sample has start time that overlaps with previous sample timestamp for metric " +
              quoted(labels.metric_name()),
          arguments_.first_argument_at, overlaps);
    }
    if (wants_counter_ && out.present.any()) {
      const std::string_view metric = labels.metric_name();
      if (!metric.empty() && !looks_like_counter(metric)) {
        context_.annotations().info(
            "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: " + quoted(metric),
            arguments_.first_argument_at);
      }
    }
    if (arguments_.function != "quantile_over_time") return;
    out.present.for_each([&](size_t i) {
      const double q = arguments_.scalars[0].v[i];
      if (q >= 0 && q <= 1) return;
      context_.annotations().warn("quantile value should be between 0 and 1, got " + general(q),
                                  arguments_.first_argument_at);
    });
  }

  QueryContext& context_;
  const Arguments& arguments_;
  const std::unique_ptr<RangeFunction> function_;
  WindowPlan windows_;
  HistogramRange on_histograms_;
  const bool wants_counter_;
};

// A column as samples: its present steps, at their times.
struct ColumnSamples {
  std::vector<int64_t> t_ms;
  std::vector<double> v;
  std::vector<int64_t> histogram_t_ms;
  std::vector<HistogramRef> histograms;

  void assign(const Column& column, const Grid& grid) {
    t_ms.clear();
    v.clear();
    assign_histograms(column.histograms, grid);
    column.present.for_each([&](size_t i) {
      if (is_stale(column.v[i])) return;
      t_ms.push_back(grid.time_ms(i));
      v.push_back(column.v[i]);
    });
  }

 private:
  // Hints were about samples one after the other. Of a subquery's points some may be missing, others be there twice.
  void assign_histograms(const HistogramColumn& column, const Grid& grid) {
    histogram_t_ms.clear();
    histograms.clear();
    column.present.for_each([&](size_t i) {
      histogram_t_ms.push_back(grid.time_ms(i));
      HistogramRef histogram = column.at[i];
      if (histogram->reset == CounterReset::kReset || histogram->reset == CounterReset::kNotReset) {
        auto unknown = std::make_shared<NativeHistogram>(*histogram);
        unknown->reset = CounterReset::kUnknown;
        histogram = std::move(unknown);
      }
      histograms.push_back(std::move(histogram));
    });
  }
};

}  // namespace

Status Evaluator::subquery_points(const SubqueryExpr& subquery, const Grid& grid, const Grid& inner, SeriesSink& sink) {
  SampleCounts* const counts = context_.counts();
  if (counts == nullptr) return vector(*subquery.expr, inner, sink);
  Charge charge(context_);
  if (Status status = charge.add(0, SampleCounts::bytes(inner.steps)); !status.ok()) return status;
  SampleCounts points(inner.steps);
  const CountScope scope(context_, &points);
  Status status = vector(*subquery.expr, inner, sink);
  const Plan::Times& times = plan_.times(subquery);
  counts->add_read(points, inner, grid, times.shift.offset_ms, times.range_ms);
  return status;
}

Status Evaluator::range_call(const CallExpr& call, const Grid& grid, SeriesSink& sink) {
  Arguments arguments;
  arguments.function = call.function->name;
  arguments.first_argument_at = unwrap_parens(*call.args[0]).span.start;
  const Expr* range = nullptr;
  Charge charge(context_);
  for (const ExprPtr& arg : call.args) {
    if (arg->type == ValueType::kMatrix) {
      range = &unwrap_parens(*arg);
      continue;
    }
    if (Status status = scalar(*arg, grid, arguments.scalars.emplace_back(), charge); !status.ok()) return status;
  }
  if (range == nullptr) return Status::internal("call without its range");
  const Plan::Times& times = plan_.times(*range);
  arguments.spec = {grid, times.shift, times.range_ms};
  const auto* selector = try_as<MatrixSelector>(*range);
  const auto labels = selector == nullptr ? std::nullopt : labels_of_use(*selector->vector, sink);
  NameDrop names(context_, sink, labels ? NameDrop::Have::kSomeLabels : NameDrop::Have::kAllLabels);
  const bool keep_name = keeps_name(arguments.function) || arguments.function == "absent_over_time";
  FunctionSink named([&](Series& series) {
    if (!keep_name) {
      if (Status status = names.apply_whole(series); !status.ok()) return status;
    }
    return sink.consume(series);
  });

  if (selector != nullptr) {
    Selector of{.matchers = selector->vector->matchers,
                .shift = times.shift,
                .function = arguments.function,
                .start_times = context_.use_start_timestamps() && counts_starts(arguments.function),
                .detail = plan_.detail(*selector->vector),
                .labels = labels ? &*labels : nullptr};
    const Extension extension = selector->vector->extension;
    if (extension != Extension::kNone) {
      if (const auto known = make_extended_function(arguments.function, extension); !known) return known.error();
      arguments.extension = extension;
      arguments.spec.reach = reach_of(extension, context_.lookback_ms());
      of.function = {};  // Samples are looked at one by one, so no function is named that a rollup could answer.
    }
    const MakeRawWork make = [&](QueryContext& own) {
      return std::make_unique<RangeWork>(own, arguments,
                                         extension == Extension::kNone
                                             ? make_range_function(arguments.function)
                                             : std::move(*make_extended_function(arguments.function, extension)));
    };
    if (Status status = select_columns(context_, of, arguments.spec, make, named); !status.ok()) return status;
    if (!names.unchecked()) return {};
    // The metric's series differ in type or unit: once more with all labels, to compare them.
    of.labels = nullptr;
    NameDrop all(context_, sink);
    FunctionSink compare([&](Series& series) { return all.apply_whole(series); });
    const CountScope uncounted(context_, nullptr);
    return select_columns(context_, of, arguments.spec, make, compare);
  }
  const auto& subquery = as<SubqueryExpr>(*range);
  const Grid inner = subquery_grid(subquery, grid);
  arguments.is_selector = false;
  Matrix matrix(context_);
  if (Status status = subquery_points(subquery, grid, inner, matrix); !status.ok()) return status;
  if (Status status = charge_columns(charge, 1, grid); !status.ok()) return status;  // The call's own result.
  if (Status status = charge.add(0, inner.steps * (sizeof(int64_t) + sizeof(double))); !status.ok()) return status;
  ColumnSamples samples;
  RangeWork work(context_, arguments, make_range_function(arguments.function));
  Series out;
  for (const Series& series : matrix.series()) {
    if (Status status = context_.poll(); !status.ok()) return status;
    samples.assign(series.column, inner);
    out.column.reset(grid.steps);
    const RawSeries raw{
        series.labels, {.t_ms = samples.t_ms, .v = samples.v}, {samples.histogram_t_ms, samples.histograms}, {}};
    if (Status status = work.compute(raw, out.column); !status.ok()) return status;
    if (!out.column.any()) continue;
    out.labels = series.labels;
    out.drop_name = series.drop_name;
    if (Status status = named.consume(out); !status.ok()) return status;
  }
  return {};
}

}  // namespace tidemark::promql
