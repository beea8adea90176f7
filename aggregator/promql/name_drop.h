// NameDrop: what all functions do to their result's labels whose values are no longer those of the metric.
#pragma once

#include "aggregator/promql/context.h"
#include "aggregator/promql/label_sets.h"
#include "aggregator/promql/series.h"

namespace tidemark::promql {

// Takes the metadata labels off each series of a result, or with delayed removal marks it, and fails when two series
// have become the same. One a result.
class NameDrop {
 public:
  explicit NameDrop(QueryContext& context) : delayed_(context.delayed_name_removal()), collisions_(context) {}

  // Two pieces of one series may follow each other.
  Status apply(Series& series) {
    mark(series);
    return delayed_ ? Status() : collisions_.add(series.labels, series.column);
  }
  // No label set twice.
  Status apply_whole(Series& series) {
    mark(series);
    return delayed_ ? Status() : collisions_.add_whole(series.labels);
  }

 private:
  void mark(Series& series) const {
    series.drop_name = true;
    if (!delayed_ && has_metadata(series.labels)) series.labels = without_metadata(series.labels);
  }

  const bool delayed_;
  CollisionCheck collisions_;
};

}  // namespace tidemark::promql
