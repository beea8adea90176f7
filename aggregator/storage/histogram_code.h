// A native histogram by itself, as log records and head groups have it, and its layout, as chunks have it once for
// many.
//
//   histogram  flags:1 | layout | count | [zero count] | sum | positive counts | [negative counts]
//   layout     signed varint(schema) | [zero threshold] | spans | [spans of the negative side] | [bounds]
//   spans      varint(spans) | (signed varint(offset) | varint(length))*
//   bounds     varint(bounds) | value*
//   flags      1, 2: the reset hint   4: integer counts   8: has a zero bucket   16: has a negative side   32: bounds
//
// Values as in log_value.h. Exact; what it reads is valid. No RocksDB here: bytes and values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/native_histogram.h"

namespace tidemark::storage {

// A client library keeps at most a few hundred; the bound is for what somebody makes up.
inline constexpr size_t kHistogramBucketsMax = 4096;

// OK, or why the store does not take it.
Status check_histogram(const NativeHistogram& histogram);

void append_histogram(std::string& out, const NativeHistogram& histogram);
// Takes one off the front of `in`; null when there is none: any bytes may be given.
HistogramRef take_histogram(std::string_view& in);

// Everything but the hint and the numbers that change from one histogram to the next.
void append_histogram_layout(std::string& out, const NativeHistogram& histogram);
// Into a histogram whose counts are 0. False when there is none.
bool take_histogram_layout(std::string_view& in, NativeHistogram& histogram);
bool same_layout(const NativeHistogram& a, const NativeHistogram& b);

}  // namespace tidemark::storage
