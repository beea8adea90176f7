#include "aggregator/api/point_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace tidemark::api {

char* write_timestamp(char* out, int64_t t_ms) {
  const int64_t seconds = t_ms / 1000;
  const auto rest_ms = static_cast<unsigned>(std::llabs(t_ms % 1000));
  if (t_ms < 0 && seconds == 0) *out++ = '-';
  out = std::to_chars(out, out + kTimestampBytesMax, seconds).ptr;
  if (rest_ms == 0) return out;
  *out++ = '.';
  *out++ = static_cast<char>('0' + rest_ms / 100);
  *out++ = static_cast<char>('0' + rest_ms / 10 % 10);
  *out++ = static_cast<char>('0' + rest_ms % 10);
  return out;
}

namespace {

char* write_value(char* out, double v) {
  *out++ = ',';
  *out++ = '"';
  out = write_float(out, v);
  *out++ = '"';
  *out++ = ']';
  return out;
}

}  // namespace

char* write_point(char* out, int64_t t_ms, double v) {
  *out++ = '[';
  return write_value(write_timestamp(out, t_ms), v);
}

char* PointsWriter::write_time(char* out, size_t place, int64_t t_ms) {
  if (place >= kTimesMax) return write_timestamp(out, t_ms);
  if (place >= times_.size()) times_.resize(place + 1);
  TimeText& time = times_[place];
  if (time.size == 0 || time.t_ms != t_ms) {
    time.t_ms = t_ms;
    time.size = static_cast<uint8_t>(write_timestamp(time.text, t_ms) - time.text);
  }
  std::memcpy(out, time.text, kTimestampBytesMax);
  return out + time.size;
}

bool PointsWriter::write(std::string& out, std::span<const Sample> samples, size_t& next, size_t bytes) {
  std::array<char, 8192> block;
  char* at = block.data();
  const auto written = [&] { return static_cast<size_t>(at - block.data()); };
  for (; next < samples.size(); ++next) {
    if (out.size() + written() >= bytes) break;
    if (written() + kPointBytesMax + 1 > block.size()) {
      out.append(block.data(), at);
      at = block.data();
    }
    if (next > 0) *at++ = ',';
    *at++ = '[';
    at = write_value(write_time(at, next, samples[next].t_ms), samples[next].v);
  }
  out.append(block.data(), at);
  return next == samples.size();
}

}  // namespace tidemark::api
