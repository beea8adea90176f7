// Samples: a timestamp in milliseconds since the Unix epoch and a value.
#pragma once

#include <bit>
#include <cstdint>

namespace tidemark {

struct NativeHistogram;

// What a sample's value is. Stored in log records and chunk headers: never renumber.
enum class SampleKind : uint8_t {
  kFloat = 0,
  kHistogram = 1,       // Native histogram with integer counts.
  kFloatHistogram = 2,  // Native histogram with float counts.
};

// "No start timestamp is known", in every column and record that can carry one.
inline constexpr int64_t kNoStart = 0;

struct Sample {
  int64_t t_ms = 0;
  double v = 0;
};

// The NaN that ends a series ("staleness marker"): a signalling NaN told apart by its bits, so every layer must keep
// payloads. The other is the NaN that PromQL itself produces. Both as in Prometheus' model/value package.
inline constexpr uint64_t kStaleNaNBits = 0x7ff0000000000002;
inline constexpr uint64_t kNormalNaNBits = 0x7ff8000000000001;

inline double stale_nan() { return std::bit_cast<double>(kStaleNaNBits); }
inline double normal_nan() { return std::bit_cast<double>(kNormalNaNBits); }
inline bool is_stale(double v) { return std::bit_cast<uint64_t>(v) == kStaleNaNBits; }

}  // namespace tidemark
