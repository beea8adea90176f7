// NameDrop: what all functions do to their result's labels whose values are no longer those of the metric.
#pragma once

#include <string>
#include <vector>

#include "aggregator/promql/context.h"
#include "aggregator/promql/series.h"

namespace tidemark::promql {

// Takes the metadata labels off each series of a result, or with delayed removal marks it, and fails when two series
// have become the same. One a result.
//
// Series that differed and share their metadata labels differ without them, too. So as long as all have the same ones,
// as those of one metric do, they are only noted, and compared once there are others.
class NameDrop {
 public:
  // With kSomeLabels its series have all metadata labels, but not all others, so they are not compared: see
  // unchecked().
  enum class Have { kAllLabels, kSomeLabels };
  NameDrop(QueryContext& context, const SeriesSink& sink, Have have = Have::kAllLabels)
      : delayed_(context.delayed_name_removal()),
        unseen_(sink.ignores_metadata()),
        have_(have),
        charges_(context),
        collisions_(context) {}

  // Two pieces of one series may follow each other.
  Status apply(Series& series) { return drop(series, false); }
  // No label set twice.
  Status apply_whole(Series& series) { return drop(series, true); }

  // Series with some labels only had different metadata, so that two may have become the same.
  bool unchecked() const { return have_ == Have::kSomeLabels && mixed_; }

 private:
  struct Noted {
    size_t end;  // Of its labels in noted_labels_.
    bool whole;
    Presence present;  // Of a piece.
  };

  Status drop(Series& series, bool whole);
  Status note(const Series& series, bool whole);
  Status compare_noted();

  const bool delayed_;
  const bool unseen_;  // The sink does not look at them.
  const Have have_;
  SmallCharges charges_;
  bool begun_ = false;
  bool mixed_ = false;
  std::string shared_;  // Metadata labels of all noted.
  std::string noted_labels_;
  std::vector<Noted> noted_;
  CollisionCheck collisions_;
  std::string metadata_;  // Of the series at hand.
  std::string others_;
};

}  // namespace tidemark::promql
