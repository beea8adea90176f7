// What binary operators do where an operand is a native histogram.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "aggregator/promql/ast.h"
#include "aggregator/promql/column.h"
#include "aggregator/promql/context.h"
#include "model/native_histogram.h"

namespace tidemark::promql {

// Histograms are added, subtracted and compared with histograms; multiplied with numbers, divided and trimmed by them.
// What else is asked for has no answer, and a message: of each step the last one, as Prometheus gives no more.
class HistogramBinary {
 public:
  // `at` is where messages point.
  HistogramBinary(QueryContext& context, BinaryOp op, bool return_bool, TextOffset at)
      : context_(context), charge_(context), op_(op), return_bool_(return_bool), at_(at) {}

  // Pays for the messages of so many steps. Once is enough.
  Status begin(size_t steps);

  // A number, or when it is set the histogram.
  struct Operand {
    double number = 0;
    HistogramRef histogram;
  };
  enum class Verdict {
    kNone,         // The operator knows no such operands; or it failed. There is a message.
    kDoesNotHold,  // A comparison that is false.
    kValue,
  };
  // Among the operands of one step the one with the highest `order` is the last.
  struct Place {
    size_t step = 0;
    size_t order = 0;
  };
  // `out` is set with kValue. Between two numbers only for operators that want a histogram. REQUIRES: begin().
  Verdict apply(Place place, const Operand& left, const Operand& right, Operand& out);

  // Passes on the messages.
  void tell();

 private:
  enum class Message : uint8_t {
    kNone,
    kFloats,
    kFloatAndHistogram,
    kHistogramAndFloat,
    kHistograms,
    kIncompatibleBuckets,
    kResetCollision,
    kReconciled,
  };
  struct Last {
    uint32_t order = 0;
    Message message = Message::kNone;
  };

  Verdict between_histograms(Place place, const HistogramRef& left, const HistogramRef& right, Operand& out);
  Verdict incompatible_types(Place place, const Operand& left, const Operand& right);
  void keep(Place place, Message message);
  void tell(Message message);
  void tell_incompatible_types(std::string_view left, std::string_view right);

  QueryContext& context_;
  Charge charge_;
  const BinaryOp op_;
  const bool return_bool_;
  const TextOffset at_;
  std::vector<Last> last_;  // Of each step.
};

// A vector's series `column`, the `order`th, with a number for each step, wherever either is a histogram or the
// operator wants one. Puts the answers into `out`, at steps where nothing is yet.
Status combine_histograms(HistogramBinary& binary, const Column& column, size_t order, const Column& number,
                          bool number_left, bool with_floats, Column& out);

}  // namespace tidemark::promql
