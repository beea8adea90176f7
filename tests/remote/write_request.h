// Remote write bodies for tests, written by hand: nothing here is shared with the decoder under test.
#pragma once

#include <snappy.h>

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidemark::remote::testing {

inline void put_varint(std::string& out, uint64_t v) {
  while (v >= 128) {
    out.push_back(static_cast<char>(v | 128));
    v >>= 7;
  }
  out.push_back(static_cast<char>(v));
}

inline void put_bytes(std::string& out, int field, std::string_view bytes) {
  put_varint(out, static_cast<uint64_t>(field) << 3 | 2);
  put_varint(out, bytes.size());
  out += bytes;
}

inline std::string label(std::string_view name, std::string_view value) {
  std::string out;
  put_bytes(out, 1, name);
  put_bytes(out, 2, value);
  return out;
}

inline std::string sample(int64_t t_ms, double v) {
  std::string out;
  put_varint(out, 1 << 3 | 1);
  const auto bits = std::bit_cast<uint64_t>(v);
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(bits >> (8 * i)));
  put_varint(out, 2 << 3 | 0);
  put_varint(out, static_cast<uint64_t>(t_ms));
  return out;
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

inline std::string series(const Pairs& labels, const std::vector<std::pair<int64_t, double>>& samples,
                          int exemplars = 0, int histograms = 0) {
  std::string out;
  for (const auto& [name, value] : labels) put_bytes(out, 1, label(name, value));
  for (const auto& [t_ms, v] : samples) put_bytes(out, 2, sample(t_ms, v));
  for (int i = 0; i < exemplars; ++i) put_bytes(out, 3, sample(1, 2));
  for (int i = 0; i < histograms; ++i) put_bytes(out, 4, "\x08\x01");
  return out;
}

inline std::string metadata(int type, std::string_view metric, std::string_view help, std::string_view unit) {
  std::string out;
  put_varint(out, 1 << 3 | 0);
  put_varint(out, static_cast<uint64_t>(type));
  put_bytes(out, 2, metric);
  put_bytes(out, 4, help);
  put_bytes(out, 5, unit);
  return out;
}

inline std::string message(const std::vector<std::string>& all_series, const std::vector<std::string>& metadata = {}) {
  std::string out;
  for (const std::string& each : all_series) put_bytes(out, 1, each);
  for (const std::string& each : metadata) put_bytes(out, 3, each);
  return out;
}

inline std::string snap(std::string_view bytes) {
  std::string out;
  snappy::Compress(bytes.data(), bytes.size(), &out);
  return out;
}

}  // namespace tidemark::remote::testing
