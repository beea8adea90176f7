#include "aggregator/promql/best_of_instant.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "aggregator/promql/text.h"

namespace tidemark::promql {

Status check_count(double k) {
  if (std::isnan(k)) return Status::execution("Parameter value is NaN");
  if (k <= -9223372036854775808.0) {
    return Status::execution(fmt::format("Scalar value {} underflows int64", general(k)));
  }
  if (k >= 9223372036854775808.0) {
    return Status::execution(fmt::format("Scalar value {} overflows int64", general(k)));
  }
  return {};
}

bool gives_whole_series(const Expr& expr) {
  const Expr& inner = unwrap_parens(expr);
  if (inner.kind == ExprKind::kVectorSelector) return true;
  const auto* call = try_as<CallExpr>(inner);
  return call != nullptr && std::any_of(call->args.begin(), call->args.end(), [](const ExprPtr& arg) {
           return try_as<MatrixSelector>(unwrap_parens(*arg)) != nullptr;
         });
}

BestOfInstant::BestOfInstant(QueryContext& context, RankOp op, Grouping grouping, double k)
    : context_(context), charges_(context), op_(op), grouping_(std::move(grouping)), parameter_(k) {
  if (k >= 1 && check_count(k).ok()) k_ = static_cast<size_t>(k);
}

Status BestOfInstant::consume(Series& series) {
  if (k_ == 0) return {};
  if (!series.column.histograms.empty()) {
    context_.annotations().info(fmt::format("ignored histogram in {} aggregation", aggregate_op_name(op_.op)), op_.at);
    series.column.drop_histograms();
  }
  if (!series.column.has(0)) return {};
  size_t place = 0;
  if (Status status = find_group(series.labels, place); !status.ok()) return status;
  Group& group = groups_[place];
  const double v = series.column.v[0];
  if (!group.best.takes(v)) return {};
  size_t mine = group.kept.size();
  if (group.best.full()) {
    mine = group.best.top().series;
  } else {
    if (Status status = charges_.add(sizeof(Kept) + sizeof(Candidate) + series.labels.encoded().size()); !status.ok()) {
      return status;
    }
    group.kept.emplace_back();
  }
  group.kept[mine].labels.assign(series.labels);
  group.kept[mine].drop_name = series.drop_name;
  group.best.offer({v, mine});
  return {};
}

Status BestOfInstant::find_group(LabelsView labels, size_t& place) {
  grouping_.apply(labels, encoded_);
  const auto [found, is_new] = places_.try_emplace(encoded_, groups_.size());
  place = found->second;
  if (!is_new) return {};
  constexpr size_t kGroupBytes = 192;  // With its node in the map.
  if (Status status = charges_.add(kGroupBytes + encoded_.size()); !status.ok()) return status;
  groups_.push_back({BestK(op_.op == AggregateOp::kTopK, k_), {}});
  return {};
}

Status BestOfInstant::finish(SeriesSink& sink) {
  if (!(parameter_ < 1)) {
    if (Status status = check_count(parameter_); !status.ok()) return status;
  }
  Pace pace(context_);
  Series out;
  for (Group& group : groups_) {
    if (Status status = group.best.sort(context_); !status.ok()) return status;
    for (const Candidate& one : group.best.candidates()) {
      if (Status status = pace.turn(kSeriesWork); !status.ok()) return status;
      Kept& kept = group.kept[one.series];
      out.labels = std::move(kept.labels);
      out.drop_name = kept.drop_name;
      out.column.reset(1);
      out.column.set(0, one.v);
      if (Status status = sink.consume(out); !status.ok()) return status;
    }
  }
  return {};
}

}  // namespace tidemark::promql
