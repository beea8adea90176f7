#include "aggregator/promql/histogram_binary.h"

#include <fmt/format.h>

#include <bitset>
#include <memory>
#include <utility>

#include "aggregator/promql/histogram_messages.h"
#include "model/histogram_math.h"

namespace tidemark::promql {
namespace {

constexpr std::string_view kFloat = "float";
constexpr std::string_view kHistogram = "histogram";

}  // namespace

Status HistogramBinary::begin(size_t steps) {
  if (last_.size() >= steps) return {};
  if (Status status = charge_.raise_to(0, steps * sizeof(Last)); !status.ok()) return status;
  last_.resize(steps);
  return {};
}

HistogramBinary::Verdict HistogramBinary::apply(Place place, const Operand& left, const Operand& right, Operand& out) {
  if (left.histogram != nullptr && right.histogram != nullptr) {
    return between_histograms(place, left.histogram, right.histogram, out);
  }
  const bool histogram_left = left.histogram != nullptr;
  if (!histogram_left && right.histogram == nullptr) return incompatible_types(place, left, right);
  const bool known = op_ == BinaryOp::kMul || (histogram_left && (op_ == BinaryOp::kDiv || is_trim(op_)));
  if (!known) return incompatible_types(place, left, right);
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

HistogramBinary::Verdict HistogramBinary::between_histograms(Place place, const HistogramRef& left,
                                                             const HistogramRef& right, Operand& out) {
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
      auto result = std::make_shared<NativeHistogram>(*left);
      const HistogramOutcome outcome = adds ? add(*result, *right) : subtract(*result, *right);
      if (outcome.incompatible) {
        keep(place, Message::kIncompatibleBuckets);
        return Verdict::kNone;
      }
      if (outcome.reset_collision) {
        keep(place, Message::kResetCollision);
        return Verdict::kNone;
      }
      if (outcome.bounds_reconciled) keep(place, Message::kReconciled);
      if (!adds) result->reset = CounterReset::kGauge;
      compact(*result);
      out = {0, std::move(result)};
      return Verdict::kValue;
    }
    default:
      return incompatible_types(place, {0, left}, {0, right});
  }
}

HistogramBinary::Verdict HistogramBinary::incompatible_types(Place place, const Operand& left, const Operand& right) {
  const bool histogram_left = left.histogram != nullptr;
  if (right.histogram != nullptr) {
    keep(place, histogram_left ? Message::kHistograms : Message::kFloatAndHistogram);
  } else {
    keep(place, histogram_left ? Message::kHistogramAndFloat : Message::kFloats);
  }
  return Verdict::kNone;
}

void HistogramBinary::keep(Place place, Message message) {
  Last& last = last_[place.step];
  if (last.message == Message::kNone || place.order >= last.order) last = {static_cast<uint32_t>(place.order), message};
}

void HistogramBinary::tell() {
  std::bitset<8> told;
  for (const Last& last : last_) {
    const auto message = static_cast<size_t>(last.message);
    if (last.message != Message::kNone && !told[message]) tell(last.message);
    told.set(message);
  }
}

void HistogramBinary::tell(Message message) {
  const std::string_view operation = op_ == BinaryOp::kAdd ? "addition" : "subtraction";
  switch (message) {
    case Message::kNone:
      return;
    case Message::kFloats:
      return tell_incompatible_types(kFloat, kFloat);
    case Message::kFloatAndHistogram:
      return tell_incompatible_types(kFloat, kHistogram);
    case Message::kHistogramAndFloat:
      return tell_incompatible_types(kHistogram, kFloat);
    case Message::kHistograms:
      return tell_incompatible_types(kHistogram, kHistogram);
    case Message::kIncompatibleBuckets:
      return context_.annotations().warn(
          fmt::format("incompatible bucket layout encountered for binary operator {}", binary_op_text(op_)), at_);
    case Message::kResetCollision:
      return warn_collision(context_, operation, at_);
    case Message::kReconciled:
      return tell_reconciled(context_, operation, at_);
  }
}

void HistogramBinary::tell_incompatible_types(std::string_view left, std::string_view right) {
  context_.annotations().info(
      fmt::format("incompatible sample types encountered for binary operator \"{0}\": {1} {0} {2}", binary_op_text(op_),
                  left, right),
      at_);
}

Status combine_histograms(HistogramBinary& binary, const Column& column, size_t order, const Column& number,
                          bool number_left, bool with_floats, Column& out) {
  if (Status status = binary.begin(column.steps()); !status.ok()) return status;
  const auto one = [&](size_t i, const HistogramBinary::Operand& value) {
    const HistogramBinary::Operand scalar{number.v[i], nullptr};
    HistogramBinary::Operand result;
    const auto verdict =
        number_left ? binary.apply({i, order}, scalar, value, result) : binary.apply({i, order}, value, scalar, result);
    if (verdict == HistogramBinary::Verdict::kValue) out.set(i, std::move(result.histogram));
  };
  column.histograms.present.for_each([&](size_t i) { one(i, {0, column.histograms.at[i]}); });
  if (with_floats) column.present.for_each([&](size_t i) { one(i, {column.v[i], nullptr}); });
  return {};
}

}  // namespace tidemark::promql
