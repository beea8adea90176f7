// Folds: aggregations that take their input series as they come and keep only a few numbers a step and group.
#pragma once

#include <memory>

#include "aggregator/promql/ast.h"
#include "aggregator/promql/column.h"

namespace tidemark::promql {

// One group of sum, avg, min, max, count, group, stddev or stdvar.
class Fold {
 public:
  virtual ~Fold() = default;
  virtual void add(const Column& column) = 0;
  virtual const Presence& seen() const = 0;  // Where some series had a value so far.
  // After the last add(). `out` has the group's value at every step some series had one. Once.
  virtual void finish(Column& out) = 0;
};

// Null for an aggregation that is not a fold.
std::unique_ptr<Fold> make_fold(AggregateOp op, size_t steps);
size_t fold_bytes(size_t steps);  // Upper bound of what one keeps.

}  // namespace tidemark::promql
