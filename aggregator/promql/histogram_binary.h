// What binary operators do where an operand is a native histogram.
#pragma once

#include <string_view>

#include "aggregator/promql/ast.h"
#include "aggregator/promql/column.h"
#include "aggregator/promql/context.h"
#include "model/native_histogram.h"

namespace tidemark::promql {

// Histograms are added, subtracted and compared with histograms; multiplied with numbers, divided and trimmed by them.
// What else is asked for has no answer, and an info.
class HistogramBinary {
 public:
  // `at` is where messages point.
  HistogramBinary(QueryContext& context, BinaryOp op, bool return_bool, TextOffset at)
      : context_(context), op_(op), return_bool_(return_bool), at_(at) {}

  // A number, or when it is set the histogram.
  struct Operand {
    double number = 0;
    HistogramRef histogram;
  };
  enum class Verdict {
    kNone,         // The operator knows no such operands; or it failed. This is told.
    kDoesNotHold,  // A comparison that is false.
    kValue,
  };
  // `out` is set with kValue. Between two numbers only for operators that want a histogram.
  Verdict apply(const Operand& left, const Operand& right, Operand& out);

 private:
  Verdict between_histograms(const HistogramRef& left, const HistogramRef& right, Operand& out);
  Verdict incompatible_types(const Operand& left, const Operand& right);

  QueryContext& context_;
  const BinaryOp op_;
  const bool return_bool_;
  const TextOffset at_;
};

// A vector's series `column` with a number for each step, wherever either is a histogram or the operator wants one.
// Puts the answers into `out`, at steps where nothing is yet.
void combine_histograms(HistogramBinary& binary, const Column& column, const Column& number, bool number_left,
                        bool with_floats, Column& out);

}  // namespace tidemark::promql
