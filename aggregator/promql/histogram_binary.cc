#include "aggregator/promql/histogram_binary.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "aggregator/promql/histogram_messages.h"
#include "model/histogram_math.h"

namespace tidemark::promql {
namespace {

std::string_view type_of(const HistogramBinary::Operand& operand) {
  return operand.histogram == nullptr ? "float" : "histogram";
}

}  // namespace

HistogramBinary::Verdict HistogramBinary::apply(const Operand& left, const Operand& right, Operand& out) {
  if (left.histogram != nullptr && right.histogram != nullptr) {
    return between_histograms(left.histogram, right.histogram, out);
  }
  const bool histogram_left = left.histogram != nullptr;
  if (!histogram_left && right.histogram == nullptr) return incompatible_types(left, right);
  const bool known = op_ == BinaryOp::kMul || (histogram_left && (op_ == BinaryOp::kDiv || is_trim(op_)));
  if (!known) return incompatible_types(left, right);
  auto result = std::make_shared<NativeHistogram>(histogram_left ? *left.histogram : *right.histogram);
  const double number = histogram_left ? right.number : left.number;
  if (op_ == BinaryOp::kMul) {
    multiply(*result, number);
    compact(*result);
  } else if (op_ == BinaryOp::kDiv) {
    divide(*result, number);
    compact(*result);
  } else {
    trim(*result, number, op_ == BinaryOp::kTrimUpper);
  }
  out = {0, std::move(result)};
  return Verdict::kValue;
}

HistogramBinary::Verdict HistogramBinary::between_histograms(const HistogramRef& left, const HistogramRef& right,
                                                             Operand& out) {
  switch (op_) {
    case BinaryOp::kEqual:
    case BinaryOp::kNotEqual: {
      const bool holds = same_histogram(*left, *right) == (op_ == BinaryOp::kEqual);
      if (return_bool_) {
        out = {holds ? 1.0 : 0.0, nullptr};
        return Verdict::kValue;
      }
      out = {0, left};
      return holds ? Verdict::kValue : Verdict::kDoesNotHold;
    }
    case BinaryOp::kAdd:
    case BinaryOp::kSub: {
      const bool adds = op_ == BinaryOp::kAdd;
      const std::string_view operation = adds ? "addition" : "subtraction";
      auto result = std::make_shared<NativeHistogram>(*left);
      const HistogramOutcome outcome = adds ? add(*result, *right) : subtract(*result, *right);
      if (outcome.incompatible) {
        context_.annotations().warn(
            fmt::format("incompatible bucket layout encountered for binary operator {}", binary_op_text(op_)), at_);
        return Verdict::kNone;
      }
      if (outcome.reset_collision) {
        warn_collision(context_, operation, at_);
        return Verdict::kNone;
      }
      if (outcome.bounds_reconciled) tell_reconciled(context_, operation, at_);
      if (!adds) result->reset = CounterReset::kGauge;
      compact(*result);
      out = {0, std::move(result)};
      return Verdict::kValue;
    }
    default:
      return incompatible_types({0, left}, {0, right});
  }
}

HistogramBinary::Verdict HistogramBinary::incompatible_types(const Operand& left, const Operand& right) {
  context_.annotations().info(
      fmt::format("incompatible sample types encountered for binary operator \"{0}\": {1} {0} {2}", binary_op_text(op_),
                  type_of(left), type_of(right)),
      at_);
  return Verdict::kNone;
}

void combine_histograms(HistogramBinary& binary, const Column& column, const Column& number, bool number_left,
                        bool with_floats, Column& out) {
  const auto one = [&](size_t i, const HistogramBinary::Operand& value) {
    const HistogramBinary::Operand scalar{number.v[i], nullptr};
    HistogramBinary::Operand result;
    const auto verdict = number_left ? binary.apply(scalar, value, result) : binary.apply(value, scalar, result);
    if (verdict == HistogramBinary::Verdict::kValue) out.set(i, std::move(result.histogram));
  };
  column.histograms.present.for_each([&](size_t i) { one(i, {0, column.histograms.at[i]}); });
  if (with_floats) column.present.for_each([&](size_t i) { one(i, {column.v[i], nullptr}); });
}

}  // namespace tidemark::promql
