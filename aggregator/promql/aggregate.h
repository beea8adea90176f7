// Aggregations: series in groups, one answer a group and step, or for topk and its like the best of each group.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "aggregator/promql/ast.h"
#include "aggregator/promql/context.h"
#include "aggregator/promql/fold.h"
#include "aggregator/promql/series.h"
#include "model/status.h"

namespace tidemark::promql {

struct Grouping {
  bool without = false;             // without(labels), else by(labels).
  std::vector<std::string> labels;  // Sorted; for `without` with __name__ among them.

  static Grouping make(bool without, std::vector<std::string> labels);
  void apply(LabelsView labels, std::string& encoded) const;  // Overwrites `encoded`.
};

// Takes the input series, then gives the groups.
class Aggregation : public SeriesSink {
 public:
  virtual Status finish(SeriesSink& sink) = 0;  // Once, after the last consume().
};

// sum, avg, min, max, count, group, stddev, stdvar. `at` is where the input's expression begins, here and below.
std::unique_ptr<Aggregation> make_fold_aggregation(QueryContext& context, AggregateOp op, Grouping grouping,
                                                   size_t steps, TextOffset at);
// `q` has a value for every step and outlives the aggregation.
std::unique_ptr<Aggregation> make_quantile_aggregation(QueryContext& context, const Column& q, Grouping grouping,
                                                       TextOffset at);
std::unique_ptr<Aggregation> make_count_values(QueryContext& context, std::string label, Grouping grouping,
                                               size_t steps);

// topk, bottomk, limitk, limit_ratio. `parameter` has a value for every step: k, or the ratio.
// A single step's answer is in order: each group's best first.
struct RankOp {
  AggregateOp op;
  TextOffset at;  // Where the aggregation itself begins.
};
Status rank_series(QueryContext& context, RankOp op, const Grouping& grouping, const Column& parameter, Matrix& input,
                   SeriesSink& sink);

}  // namespace tidemark::promql
