// Points as the API writes them: [1435781430.781,"0.5"]. Big answers are made of them, so they are written into memory
// of a known size, without a formatter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/number.h"
#include "model/sample.h"

namespace tidemark::api {

inline constexpr size_t kTimestampBytesMax = 24;
inline constexpr size_t kPointBytesMax = kTimestampBytesMax + kFloatBytesMax + 5;

// Both return the end. Seconds, with three places behind the point unless they are 0.
char* write_timestamp(char* out, int64_t t_ms);
char* write_point(char* out, int64_t t_ms, double v);

// The samples of one series after the other. Their times are mostly the same, so texts are kept. One thread.
class PointsWriter {
 public:
  // Appends points from `next` on, with commas, until `out` holds `bytes` or a little more, or all are written: true.
  bool write(std::string& out, std::span<const Sample> samples, size_t& next, size_t bytes);

 private:
  static constexpr size_t kTimesMax = 1024;  // Of a series, from its first sample on.

  struct TimeText {
    int64_t t_ms;
    uint8_t size = 0;  // 0: none is kept.
    char text[kTimestampBytesMax];
  };

  char* write_time(char* out, size_t place, int64_t t_ms);

  std::vector<TimeText> times_;
};

}  // namespace tidemark::api
