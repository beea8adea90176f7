// Sample values as text, both directions, the way Prometheus reads and prints them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "model/status.h"

namespace tidemark {

// Reads a float as the exposition format and PromQL write it: decimal, exponent, hex (0x1p-2), "Inf", "+Inf", "-Inf",
// "NaN" in any case, "_" between digits refused. The whole of `text` must be the number. Out of range becomes 0 or Inf.
Result<double> parse_float(std::string_view text);

// Shortest text that reads back to the same bits, without exponent between 1e-6 and 1e21 (Go's 'f'/'g' rule as the
// Prometheus API and its clients print): "1", "0.1", "1e+21", "+Inf", "-Inf", "NaN".
void append_float(std::string& out, double v);
// The same into memory, of which kFloatBytesMax are free; returns the end.
inline constexpr size_t kFloatBytesMax = 400;  // The least numbers have some 340 places behind the point.
char* write_float(char* out, double v);
std::string format_float(double v);

// The same digits and never an exponent, as the Prometheus API prints scalars: "0.00000015". At most 350 bytes.
void append_fixed_float(std::string& out, double v);

// Go's %v: the shortest text, in exponent form below 1e-4 and from 1e6 on: "100000", "1e+06".
std::string format_general_float(double v);

}  // namespace tidemark
