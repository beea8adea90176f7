#include "aggregator/promql/math_functions.h"

#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace tidemark::promql {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kPi = 3.14159265358979323846;

double sign(double v) { return v < 0 ? -1 : v > 0 ? 1 : v; }

// The standard library's functions are overloaded; a cast chooses.
constexpr MathFunction of(double (*f)(double)) { return f; }

const std::array<std::pair<std::string_view, MathFunction>, 24> kFunctions = {{
    {"abs", of(std::fabs)},
    {"acos", of(std::acos)},
    {"acosh", of(std::acosh)},
    {"asin", of(std::asin)},
    {"asinh", of(std::asinh)},
    {"atan", of(std::atan)},
    {"atanh", of(std::atanh)},
    {"ceil", of(std::ceil)},
    {"cos", of(std::cos)},
    {"cosh", of(std::cosh)},
    {"deg", [](double v) { return v * 180 / kPi; }},
    {"exp", of(std::exp)},
    {"floor", of(std::floor)},
    {"ln", of(std::log)},
    {"log10", of(std::log10)},
    {"log2", of(std::log2)},
    {"rad", [](double v) { return v * kPi / 180; }},
    {"sgn", sign},
    {"sin", of(std::sin)},
    {"sinh", of(std::sinh)},
    {"sqrt", of(std::sqrt)},
    {"tan", of(std::tan)},
    {"tanh", of(std::tanh)},
    {"round", [](double v) { return round_to(v, 1); }},
}};

}  // namespace

MathFunction math_function(std::string_view name) {
  for (const auto& [known, function] : kFunctions) {
    if (known == name) return function;
  }
  return nullptr;
}

double round_to(double v, double inverse_of_step) { return std::floor(v * inverse_of_step + 0.5) / inverse_of_step; }

double min_of(double a, double b) {
  if (a == -kInf || b == -kInf) return -kInf;
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  if (a == 0 && b == 0) return std::signbit(a) ? a : b;
  return a < b ? a : b;
}

double max_of(double a, double b) {
  if (a == kInf || b == kInf) return kInf;
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  if (a == 0 && b == 0) return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

}  // namespace tidemark::promql
