// Series, and how they travel between operators: pushed one at a time, each with all its steps, into a sink.
//
// An operator hands a sink the series of its result in pieces: one label set may come more than once, but never twice
// with the same step. (abs() of two metrics that take turns gives two pieces of one nameless series.) A sum does not
// care; who needs whole series collects them into a Matrix, which puts pieces together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "aggregator/promql/column.h"
#include "aggregator/promql/context.h"
#include "model/labels.h"
#include "model/status.h"

namespace tidemark::promql {

inline constexpr std::string_view kSameLabelset = "vector cannot contain metrics with the same labelset";

struct Series {
  Labels labels;
  bool drop_name = false;  // With delayed name removal: metadata labels go at the end of the query.
  Column column;
};

class SeriesSink {
 public:
  virtual ~SeriesSink() = default;
  // Called once a piece, from one thread. May change the series and take its parts; the caller fills it anew each
  // time. A failure ends the whole query.
  virtual Status consume(Series& series) = 0;
  // Whether __name__, __type__ and __unit__ of a series without histograms make no difference to it.
  virtual bool ignores_metadata() const { return false; }
  // Sorted names of the labels that make a difference to it; null: all do. Series may come without others.
  virtual const std::vector<std::string>* labels_of_use() const { return nullptr; }
};

// A sink made of a function.
template <class F>
class FunctionSink final : public SeriesSink {
 public:
  explicit FunctionSink(F f, const std::vector<std::string>* labels_of_use = nullptr)
      : f_(std::move(f)), labels_of_use_(labels_of_use) {}
  Status consume(Series& series) override { return f_(series); }
  const std::vector<std::string>* labels_of_use() const override { return labels_of_use_; }

 private:
  F f_;
  const std::vector<std::string>* const labels_of_use_;
};

// Whole series, in the order their first piece came. Two pieces of a series that share a step are an error.
class Matrix final : public SeriesSink {
 public:
  explicit Matrix(QueryContext& context) : charge_(context) {}

  Status consume(Series& series) override;

  std::vector<Series>& series() { return series_; }
  const std::vector<Series>& series() const { return series_; }
  size_t size() const { return series_.size(); }

 private:
  std::vector<Series> series_;
  std::unordered_map<std::string, size_t> index_;  // Encoded labels to place in series_.
  Charge charge_;
};

// Finds label sets that were different and are not any more after labels were dropped or replaced.
class CollisionCheck {
 public:
  explicit CollisionCheck(QueryContext& context) : charges_(context) {}

  // Steps decide: two pieces of one series may follow each other, not overlap.
  Status add(LabelsView labels, const Presence& present);
  // Equal label sets are wrong whatever their steps, as after a range function.
  Status add_whole(LabelsView labels);

 private:
  Status charge(std::string_view encoded, size_t presence_words);

  std::unordered_map<std::string, Presence> seen_;
  SmallCharges charges_;
};

}  // namespace tidemark::promql
