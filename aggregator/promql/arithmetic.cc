#include "aggregator/promql/arithmetic.h"

#include <cmath>

namespace tidemark::promql {
namespace {

template <class F>
void loop(const double* a, const double* b, double* out, size_t n, F f) {
  for (size_t i = 0; i < n; ++i) out[i] = f(a[i], b[i]);
}

}  // namespace

void apply(BinaryOp op, const double* a, const double* b, double* out, size_t n) {
  switch (op) {
    case BinaryOp::kAdd:
      return loop(a, b, out, n, [](double x, double y) { return x + y; });
    case BinaryOp::kSub:
      return loop(a, b, out, n, [](double x, double y) { return x - y; });
    case BinaryOp::kMul:
      return loop(a, b, out, n, [](double x, double y) { return x * y; });
    case BinaryOp::kDiv:
      return loop(a, b, out, n, [](double x, double y) { return x / y; });
    case BinaryOp::kMod:
      return loop(a, b, out, n, [](double x, double y) { return std::fmod(x, y); });
    case BinaryOp::kPow:
      return loop(a, b, out, n, [](double x, double y) { return std::pow(x, y); });
    case BinaryOp::kAtan2:
      return loop(a, b, out, n, [](double x, double y) { return std::atan2(x, y); });
    case BinaryOp::kEqual:
      return loop(a, b, out, n, [](double x, double y) { return x == y ? 1.0 : 0.0; });
    case BinaryOp::kNotEqual:
      return loop(a, b, out, n, [](double x, double y) { return x != y ? 1.0 : 0.0; });
    case BinaryOp::kGreater:
      return loop(a, b, out, n, [](double x, double y) { return x > y ? 1.0 : 0.0; });
    case BinaryOp::kLess:
      return loop(a, b, out, n, [](double x, double y) { return x < y ? 1.0 : 0.0; });
    case BinaryOp::kGreaterOrEqual:
      return loop(a, b, out, n, [](double x, double y) { return x >= y ? 1.0 : 0.0; });
    case BinaryOp::kLessOrEqual:
      return loop(a, b, out, n, [](double x, double y) { return x <= y ? 1.0 : 0.0; });
    default:
      return;
  }
}

void combine(BinaryOp op, bool return_bool, const Column& a, const Column& b, const Column& kept, Column& out) {
  apply(op, a.v.data(), b.v.data(), out.v.data(), out.steps());
  if (!is_comparison(op) || return_bool) return;
  for (size_t w = 0; w < out.present.word_count(); ++w) {
    uint64_t holds = 0;
    Presence::for_each_bit(out.present.word(w), w * 64, [&](size_t i) {
      if (out.v[i] != 0) holds |= uint64_t{1} << (i % 64);
      out.v[i] = kept.v[i];
    });
    out.present.word(w) = holds;
  }
}

}  // namespace tidemark::promql
