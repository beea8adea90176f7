#include "aggregator/promql/result.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "aggregator/promql/evaluator.h"
#include "aggregator/promql/extended.h"
#include "aggregator/promql/functions.h"
#include "aggregator/promql/label_sets.h"
#include "aggregator/promql/polled_sort.h"
#include "aggregator/promql/sample_counts.h"
#include "aggregator/promql/select.h"

namespace tidemark::promql {
namespace {

// Whether an instant vector comes in an order of its own, which the answer keeps.
bool is_ordered(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kParen:
      return is_ordered(*as<ParenExpr>(expr).expr);
    case ExprKind::kUnary:
      return is_ordered(*as<UnaryExpr>(expr).expr);
    case ExprKind::kBinary: {
      const auto& binary = as<BinaryExpr>(expr);
      if (binary.matching) return false;
      return is_ordered(binary.lhs->type == ValueType::kVector ? *binary.lhs : *binary.rhs);
    }
    case ExprKind::kAggregate:
      return as<AggregateExpr>(expr).op == AggregateOp::kTopK || as<AggregateExpr>(expr).op == AggregateOp::kBottomK;
    case ExprKind::kCall:
      return as<CallExpr>(expr).function->name.starts_with("sort");
    default:
      return false;
  }
}

// Drops the names whose removal was delayed to the end.
class Cleanup final : public SeriesSink {
 public:
  explicit Cleanup(SeriesSink& next) : next_(next) {}
  Status consume(Series& series) override {
    if (series.drop_name && has_metadata(series.labels)) series.labels = without_metadata(series.labels);
    return next_.consume(series);
  }

 private:
  SeriesSink& next_;
};

Status sort_by_labels(const QueryContext& context, QueryResult& result) {
  const int64_t begin_ns = context.now_ns();
  const auto less = [](const ResultSeries& a, const ResultSeries& b) { return a.labels < b.labels; };
  std::vector<ResultSeries>& series = result.series;
  Status status = polled(context, less, [&](const auto& polling) { std::sort(series.begin(), series.end(), polling); });
  result.stats.sort_seconds = static_cast<double>(context.now_ns() - begin_ns) / 1e9;
  return status;
}

// Moves the matrix into the result, whose samples the query's budget has to hold beside it for a moment.
Status take_series(QueryContext& context, Matrix& matrix, const Grid& grid, QueryResult& result) {
  Charge charge(context);
  if (Status status = charge.add(0, matrix.size() * sizeof(ResultSeries)); !status.ok()) return status;
  result.series.reserve(matrix.size());
  Pace pace(context);
  for (Series& series : matrix.series()) {
    if (Status status = pace.turn(kSeriesWork + series.column.steps()); !status.ok()) return status;
    const size_t samples = series.column.present.count();
    const HistogramColumn& histograms = series.column.histograms;
    const size_t bytes = samples * sizeof(Sample) + histograms.present.count() * sizeof(HistogramSample);
    if (Status status = charge.add(0, bytes); !status.ok()) return status;
    ResultSeries& out = result.series.emplace_back();
    out.labels = std::move(series.labels);
    out.samples.reserve(samples);
    series.column.present.for_each([&](size_t i) { out.samples.push_back({grid.time_ms(i), series.column.v[i]}); });
    histograms.present.for_each([&](size_t i) { out.histograms.push_back({grid.time_ms(i), histograms.at[i]}); });
    series.column = Column();
  }
  return {};
}

Status vector_into(QueryContext& context, const Plan& plan, const Expr& expr, const Grid& grid, QueryResult& result) {
  Matrix matrix(context);
  Cleanup cleanup(matrix);
  if (Status status = Evaluator(context, plan).vector(expr, grid, cleanup); !status.ok()) return status;
  return take_series(context, matrix, grid, result);
}

Status scalar_into(QueryContext& context, const Plan& plan, const Grid& grid, QueryResult& result) {
  Series series;
  Charge charge(context);
  if (Status status = Evaluator(context, plan).scalar(plan.expr(), grid, series.column, charge); !status.ok()) {
    return status;
  }
  Matrix matrix(context);
  if (Status status = matrix.consume(series); !status.ok()) return status;
  return take_series(context, matrix, grid, result);
}

class RawResult final : public RawSink {
 public:
  RawResult(QueryContext& context, const RangeSpec& spec, Extension extension, QueryResult& result)
      : context_(context), charge_(context), spec_(spec), extension_(extension), result_(result) {}
  Status consume(const RawSeries& series) override {
    const size_t n = series.samples.t_ms.size() + (extension_ == Extension::kNone ? 0 : 2);
    if (Status status = charge_.add(n, n * sizeof(Sample) + series.labels.encoded().size()); !status.ok()) {
      return status;
    }
    if (extension_ != Extension::kNone && !series.histograms.empty()) {
      return Status::execution(fmt::format("{} modifier is not supported with histograms",
                                           extension_ == Extension::kAnchored ? "anchored" : "smoothed"));
    }
    ResultSeries out{Labels(series.labels), points(series.samples), {}};
    for (size_t i = 0; i < series.histograms.size(); ++i) {
      const HistogramRef& histogram = series.histograms.at[i];
      if (Status status = charge_.add(histogram->bytes() / sizeof(Sample), histogram->bytes()); !status.ok()) {
        return status;
      }
      out.histograms.push_back({series.histograms.t_ms[i], histogram});
    }
    if (context_.counts() != nullptr) count(out, *context_.counts());
    if (!out.samples.empty() || !out.histograms.empty()) result_.series.push_back(std::move(out));
    return {};
  }

 private:
  static void count(const ResultSeries& series, SampleCounts& counts) {
    size_t n = series.samples.size();
    for (const HistogramSample& one : series.histograms) n += as_samples(*one.histogram);
    counts.add(0, n, n);
  }

  std::vector<Sample> points(const Samples& samples) const {
    const size_t n = samples.t_ms.size();
    if (extension_ != Extension::kNone) {
      return extended_points(
          samples, {.begin = 0, .end = n, .range_start_ms = spec_.begin_ms(0), .range_end_ms = spec_.end_ms(0)},
          extension_);
    }
    std::vector<Sample> out;
    out.reserve(n);
    for (size_t i = 0; i < n; ++i) out.push_back({samples.t_ms[i], samples.v[i]});
    return out;
  }

  QueryContext& context_;
  Charge charge_;
  const RangeSpec& spec_;
  const Extension extension_;
  QueryResult& result_;
};

Status matrix_into(QueryContext& context, const Plan& plan, const Expr& expr, const Grid& grid, QueryResult& result) {
  const Plan::Times& times = plan.times(expr);
  if (const auto* subquery = try_as<SubqueryExpr>(expr)) {
    const Grid inner = Evaluator(context, plan).subquery_grid(*subquery, grid);
    SampleCounts* const counts = context.counts();
    SampleCounts points(counts == nullptr ? 0 : inner.steps);
    const CountScope scope(context, &points);
    Status status = vector_into(context, plan, *subquery->expr, inner, result);
    if (counts != nullptr) counts->add(0, points.looked_at(), points.read());
    return status;
  }
  const VectorSelector& selector = *as<MatrixSelector>(expr).vector;
  const RangeSpec spec{grid, times.shift, times.range_ms, reach_of(selector.extension, context.lookback_ms())};
  RawResult sink(context, spec, selector.extension, result);
  return select_raw(context, {selector.matchers, times.shift, {}}, spec, sink);
}

void add_annotations(const QueryContext& context, Annotations& annotations, QueryResult& result) {
  result.warnings = annotations.warnings(context.query());
  result.infos = annotations.infos(context.query());
}

}  // namespace

Result<QueryResult> instant_result(QueryContext& context, const Plan& plan, int64_t t_ms) {
  const Expr& expr = unwrap_parens(plan.expr());
  const Grid grid{t_ms, 1, 1};
  QueryResult result;
  result.t_ms = t_ms;
  Status status;
  switch (expr.type) {
    case ValueType::kString:
      result.type = ResultType::kString;
      result.text = as<StringLiteral>(expr).value;
      break;
    case ValueType::kScalar:
      result.type = ResultType::kScalar;
      status = scalar_into(context, plan, grid, result);
      break;
    case ValueType::kVector:
      result.type = ResultType::kVector;
      status = vector_into(context, plan, expr, grid, result);
      if (status.ok() && !is_ordered(expr)) status = sort_by_labels(context, result);
      break;
    case ValueType::kMatrix:
      result.type = ResultType::kMatrix;
      status = matrix_into(context, plan, expr, grid, result);
      if (status.ok()) status = sort_by_labels(context, result);
      break;
  }
  if (!status.ok()) return fail(std::move(status));
  add_annotations(context, context.annotations(), result);
  return result;
}

Result<QueryResult> range_result(QueryContext& context, const Plan& plan, const Grid& grid) {
  QueryResult result;
  result.type = ResultType::kMatrix;
  Status status = plan.expr().type == ValueType::kScalar ? scalar_into(context, plan, grid, result)
                                                         : vector_into(context, plan, plan.expr(), grid, result);
  if (status.ok()) status = sort_by_labels(context, result);
  if (!status.ok()) return fail(std::move(status));
  add_annotations(context, context.annotations(), result);
  return result;
}

}  // namespace tidemark::promql
