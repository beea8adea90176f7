// BestOfInstant: topk and bottomk of an instant query. Series that are not among the best so far are let go at once.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "aggregator/promql/aggregate.h"
#include "aggregator/promql/best_k.h"

namespace tidemark::promql {

// Whether an expression's series come whole and no two with the same labels: they need not be put together first.
bool gives_whole_series(const Expr& expr);

// A sink for series of one step, no label set twice.
class BestOfInstant final : public SeriesSink {
 public:
  // `k` as the query has it.
  BestOfInstant(QueryContext& context, RankOp op, Grouping grouping, double k);

  Status consume(Series& series) override;
  // Each group's best, best first; groups in the order they were first met. Fails when `k` is no count.
  Status finish(SeriesSink& sink);

 private:
  struct Kept {
    Labels labels;
    bool drop_name = false;
  };
  struct Group {
    BestK best;
    std::vector<Kept> kept;
  };

  Status find_group(LabelsView labels, size_t& place);

  QueryContext& context_;
  SmallCharges charges_;
  const RankOp op_;
  const Grouping grouping_;
  const double parameter_;
  size_t k_ = 0;
  std::unordered_map<std::string, size_t> places_;  // By encoded labels of the group.
  std::vector<Group> groups_;
  std::string encoded_;
};

}  // namespace tidemark::promql
