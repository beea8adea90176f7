// Functions of one number: abs(), sin(), sgn() and their like.
#pragma once

#include <string_view>

namespace tidemark::promql {

using MathFunction = double (*)(double);
MathFunction math_function(std::string_view name);  // Null when there is none of that name.

// Ties round up. Multiplies by the inverse of the step, as Prometheus does, which is exact for 0.1 and its like.
double round_to(double v, double inverse_of_step);

// Minimum and maximum with the special cases of Go's math package: an infinity of the right sign wins over NaN, NaN
// over any other number, and -0 is less than 0.
double min_of(double a, double b);
double max_of(double a, double b);

}  // namespace tidemark::promql
