// Calls of functions of histograms.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <utility>

#include "aggregator/promql/evaluator.h"
#include "aggregator/promql/functions.h"
#include "aggregator/promql/histogram_input.h"
#include "aggregator/promql/histogram_quantile.h"
#include "aggregator/promql/label_sets.h"
#include "aggregator/promql/name_drop.h"
#include "aggregator/promql/quote.h"
#include "aggregator/promql/text.h"
#include "model/number.h"

namespace tidemark::promql {
namespace {

using NativeNumber = double (*)(const NativeHistogram&, std::vector<HistogramBucket>&);

NativeNumber native_number(std::string_view function) {
  using Buckets = std::vector<HistogramBucket>;
  if (function == "histogram_count") return [](const NativeHistogram& h, Buckets&) { return h.count; };
  if (function == "histogram_sum") return [](const NativeHistogram& h, Buckets&) { return h.sum; };
  if (function == "histogram_avg") return [](const NativeHistogram& h, Buckets&) { return h.sum / h.count; };
  if (function == "histogram_stdvar") return native_variance;
  if (function == "histogram_stddev") {
    return [](const NativeHistogram& h, Buckets& buckets) { return std::sqrt(native_variance(h, buckets)); };
  }
  return nullptr;
}

bool same_bits(double a, double b) { return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b); }

// Without doubles.
std::vector<double> values_of(const Column& column) {
  std::vector<double> values;
  for (const double v : column.v) {
    const bool known = std::any_of(values.begin(), values.end(), [&](double w) { return same_bits(v, w); });
    if (!known) values.push_back(v);
  }
  return values;
}

// Something that is asked of every histogram of a vector, of either kind, step by step.
class HistogramQuestion {
 public:
  HistogramQuestion(QueryContext& context, const Grid& grid, TextOffset at)
      : context_(context), grid_(grid), at_(at), pace_(context), collisions_(context) {}
  virtual ~HistogramQuestion() = default;

  // May be called with the same input for several questions; the answers of all go into one sink.
  Status ask(const HistogramInput& input, SeriesSink& sink) {
    for (const HistogramInput::Native& native : input.native) {
      if (Status status = context_.poll(); !status.ok()) return status;
      metric_ = shown_name(context_, native.series->labels);
      out_.column.reset(grid_.steps);
      native.usable.for_each([&](size_t step) {
        if (!asked_at(step)) return;
        const HistogramAnswer answer = of_native(step, *native.series->column.histograms.at[step]);
        tell(answer.nan_effect);
        out_.column.set(step, answer.value);
      });
      if (Status status = emit(native.series->labels, sink); !status.ok()) return status;
    }
    std::vector<Bucket> buckets;
    for (const ClassicHistogram& classic : input.classic) {
      if (Status status = context_.poll(); !status.ok()) return status;
      metric_ = shown_name(context_, classic.labels);
      out_.column.reset(grid_.steps);
      for (size_t step = 0; step < grid_.steps; ++step) {
        if (!asked_at(step)) continue;
        if (Status status = pace_.turn(classic.buckets.size()); !status.ok()) return status;
        classic.buckets_at(step, buckets);
        if (!buckets.empty()) out_.column.set(step, of_classic(step, buckets));
      }
      if (Status status = emit(classic.labels, sink); !status.ok()) return status;
    }
    return {};
  }

 protected:
  virtual HistogramAnswer of_native(size_t step, const NativeHistogram& histogram) = 0;
  virtual double of_classic(size_t step, std::vector<Bucket>& buckets) = 0;
  virtual bool asked_at(size_t /*step*/) const { return true; }
  virtual Labels answer_labels(const Labels& labels) const { return labels; }

  QueryContext& context_;
  const Grid grid_;
  const TextOffset at_;
  std::string_view metric_;  // Of the histogram at hand, for messages.
  std::vector<HistogramBucket> scratch_;

 private:
  Status emit(const Labels& labels, SeriesSink& sink) {
    if (!out_.column.present.any()) return {};
    out_.labels = answer_labels(context_.delayed_name_removal() ? labels : without_metadata(labels));
    out_.drop_name = true;
    if (Status status = collisions_.add(out_.labels, out_.column.all_present()); !status.ok()) return status;
    return sink.consume(out_);
  }

  void tell(NaNEffect effect) {
    if (effect == NaNEffect::kNone) return;
    std::string text = "input to histogram_quantile has NaN observations, result is NaN";
    if (effect == NaNEffect::kSkewedHigher) {
      text = "input to histogram_quantile has NaN observations, result is skewed higher";
    } else if (effect == NaNEffect::kExcluded) {
      text = "input to histogram_fraction has NaN observations, which are excluded from all fractions";
    }
    if (!metric_.empty()) text += " for metric name " + quoted(metric_);
    context_.annotations().info(std::move(text), at_);
  }

  Pace pace_;
  CollisionCheck collisions_;
  Series out_;
};

class QuantileQuestion final : public HistogramQuestion {
 public:
  using HistogramQuestion::HistogramQuestion;

  // `q` has a value for every step.
  void set(const Column& q) { q_ = &q; }
  // Answers have a label that names the quantile: so only those steps are asked about that have this one.
  void set_label(std::string_view label, double only) {
    label_ = label;
    only_ = only;
  }

 private:
  HistogramAnswer of_native(size_t step, const NativeHistogram& histogram) override {
    return native_quantile(q_->v[step], histogram, scratch_);
  }

  double of_classic(size_t step, std::vector<Bucket>& buckets) override {
    const BucketQuantile result = bucket_quantile(q_->v[step], buckets);
    if (result.forced_monotonic) {
      const int64_t t_ms = grid_.time_ms(step);
      context_.annotations().forced_monotonicity(
          metric_, {t_ms, t_ms, result.min_bound, result.max_bound, result.max_difference, 1}, at_);
    }
    return result.value;
  }

  bool asked_at(size_t step) const override { return label_.empty() || same_bits(q_->v[step], only_); }

  Labels answer_labels(const Labels& labels) const override {
    if (label_.empty()) return labels;
    LabelsBuilder builder(labels);
    builder.set(label_, open_metrics_float(only_));
    return builder.build();
  }

  static std::string open_metrics_float(double v) {
    std::string text = format_float(v);
    if (std::isfinite(v) && text.find_first_of(".e") == std::string::npos) text += ".0";
    return text;
  }

  const Column* q_ = nullptr;
  std::string label_;
  double only_ = 0;
};

class FractionQuestion final : public HistogramQuestion {
 public:
  FractionQuestion(QueryContext& context, const Grid& grid, TextOffset at, const Column& lower, const Column& upper)
      : HistogramQuestion(context, grid, at), lower_(lower), upper_(upper) {}

 private:
  HistogramAnswer of_native(size_t step, const NativeHistogram& histogram) override {
    return native_fraction(lower_.v[step], upper_.v[step], histogram, scratch_);
  }
  double of_classic(size_t step, std::vector<Bucket>& buckets) override {
    return classic_fraction(lower_.v[step], upper_.v[step], buckets);
  }

  const Column& lower_;
  const Column& upper_;
};

void check_quantiles(QueryContext& context, const Column& q, const Expr& arg) {
  for (const double v : q.v) {
    if (v >= 0 && v <= 1) continue;
    context.annotations().warn("quantile value should be between 0 and 1, got " + general(v),
                               unwrap_parens(arg).span.start);
  }
}

TextOffset begin_of(const Expr& arg) { return unwrap_parens(arg).span.start; }

}  // namespace

Status Evaluator::histogram_call(const CallExpr& call, const Grid& grid, SeriesSink& sink) {
  const std::string_view name = call.function->name;
  if (name.starts_with("histogram_quantile")) return quantiles_call(call, grid, sink);
  if (name == "histogram_fraction") return fraction_call(call, grid, sink);
  const NativeNumber number = native_number(name);
  if (number == nullptr) return Status::internal(fmt::format("function \"{}\" has no implementation", name));
  NameDrop names(context_, sink);
  std::vector<HistogramBucket> buckets;
  Column answers;
  Charge charge(context_);
  if (Status status = charge_columns(charge, 1, grid); !status.ok()) return status;
  FunctionSink asked([&](Series& series) {
    if (series.column.histograms.empty()) return Status();
    answers.reset(grid.steps);
    series.column.histograms.present.for_each(
        [&](size_t i) { answers.set(i, number(*series.column.histograms.at[i], buckets)); });
    if (!answers.present.any()) return Status();
    std::swap(series.column, answers);
    if (Status status = names.apply(series); !status.ok()) return status;
    return sink.consume(series);
  });
  return vector(*call.args[0], grid, asked);
}

// histogram_quantile(q, v) and histogram_quantiles(v, "label", q...).
Status Evaluator::quantiles_call(const CallExpr& call, const Grid& grid, SeriesSink& sink) {
  const bool several = call.function->name == "histogram_quantiles";
  const size_t first_q = several ? 2 : 0;
  const size_t end_q = several ? call.args.size() : 1;
  const Expr& vector_arg = *call.args[several ? 0 : 1];
  std::vector<Column> quantiles(end_q - first_q);
  Charge charge(context_);
  for (size_t i = 0; i < quantiles.size(); ++i) {
    const Expr& arg = *call.args[first_q + i];
    if (Status status = scalar(arg, grid, quantiles[i], charge); !status.ok()) return status;
    check_quantiles(context_, quantiles[i], arg);
  }
  Matrix matrix(context_);
  if (Status status = vector(vector_arg, grid, matrix); !status.ok()) return status;
  const Result<HistogramInput> input = split_histograms(context_, matrix, grid.steps, begin_of(vector_arg));
  if (!input) return input.error();
  QuantileQuestion question(context_, grid, begin_of(vector_arg));
  const std::string label = several ? as<StringLiteral>(unwrap_parens(*call.args[1])).value : std::string();
  for (const Column& q : quantiles) {
    question.set(q);
    if (!several) return question.ask(*input, sink);
    for (const double value : values_of(q)) {  // One, unless the argument varies by step.
      question.set_label(label, value);
      if (Status status = question.ask(*input, sink); !status.ok()) return status;
    }
  }
  return {};
}

Status Evaluator::fraction_call(const CallExpr& call, const Grid& grid, SeriesSink& sink) {
  Column lower;
  Column upper;
  Charge charge(context_);
  if (Status status = scalar(*call.args[0], grid, lower, charge); !status.ok()) return status;
  if (Status status = scalar(*call.args[1], grid, upper, charge); !status.ok()) return status;
  Matrix matrix(context_);
  if (Status status = vector(*call.args[2], grid, matrix); !status.ok()) return status;
  const Result<HistogramInput> input = split_histograms(context_, matrix, grid.steps, begin_of(*call.args[2]));
  if (!input) return input.error();
  FractionQuestion question(context_, grid, begin_of(*call.args[2]), lower, upper);
  return question.ask(*input, sink);
}

}  // namespace tidemark::promql
