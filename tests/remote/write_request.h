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

inline void put_double(std::string& out, int field, double v) {
  put_varint(out, static_cast<uint64_t>(field) << 3 | 1);
  const auto bits = std::bit_cast<uint64_t>(v);
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(bits >> (8 * i)));
}

inline uint64_t zigzag(int64_t v) { return static_cast<uint64_t>(v) << 1 ^ static_cast<uint64_t>(v >> 63); }

inline std::string span(int offset, unsigned length) {
  std::string out;
  put_varint(out, 1 << 3);
  put_varint(out, zigzag(offset));
  put_varint(out, 2 << 3);
  put_varint(out, length);
  return out;
}

// Of whole counts: schema 3 (or another), zero threshold 0.5 with 2 in it, 1 and 4 from place -1 on, 3 of negative
// place 2.
inline std::string histogram(int64_t t_ms, int hint = 0, double sum = 12.5, int32_t schema = 3) {
  std::string out;
  put_varint(out, 1 << 3);
  put_varint(out, 10);
  put_double(out, 3, sum);
  put_varint(out, 4 << 3);
  put_varint(out, zigzag(schema));
  put_double(out, 5, 0.5);
  put_varint(out, 6 << 3);
  put_varint(out, 2);
  put_bytes(out, 8, span(2, 1));
  put_varint(out, 9 << 3);  // Not packed.
  put_varint(out, zigzag(3));
  put_bytes(out, 11, span(-1, 2));
  std::string deltas;
  put_varint(deltas, zigzag(1));
  put_varint(deltas, zigzag(3));
  put_bytes(out, 12, deltas);
  put_varint(out, 14 << 3);
  put_varint(out, static_cast<uint64_t>(hint));
  put_varint(out, 15 << 3);
  put_varint(out, static_cast<uint64_t>(t_ms));
  return out;
}

// Of floats, with custom buckets: 0.5 up to 1, 1.5 beyond 2.
inline std::string custom_histogram(int64_t t_ms) {
  std::string out;
  put_double(out, 2, 2);
  put_double(out, 3, 4);
  put_varint(out, 4 << 3);
  put_varint(out, zigzag(-53));
  put_bytes(out, 11, span(0, 1));
  put_bytes(out, 11, span(1, 1));
  std::string counts;
  std::string bounds;
  for (const auto& [list, values] : {std::pair<std::string*, std::pair<double, double>>{&counts, {0.5, 1.5}},
                                     std::pair<std::string*, std::pair<double, double>>{&bounds, {1, 2}}}) {
    for (const double v : {values.first, values.second}) {
      const auto bits = std::bit_cast<uint64_t>(v);
      for (int i = 0; i < 8; ++i) list->push_back(static_cast<char>(bits >> (8 * i)));
    }
  }
  put_bytes(out, 13, counts);
  put_bytes(out, 16, bounds);
  put_varint(out, 15 << 3);
  put_varint(out, static_cast<uint64_t>(t_ms));
  return out;
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

inline std::string series(const Pairs& labels, const std::vector<std::pair<int64_t, double>>& samples,
                          int exemplars = 0, const std::vector<std::string>& histograms = {}) {
  std::string out;
  for (const auto& [name, value] : labels) put_bytes(out, 1, label(name, value));
  for (const auto& [t_ms, v] : samples) put_bytes(out, 2, sample(t_ms, v));
  for (int i = 0; i < exemplars; ++i) put_bytes(out, 3, sample(1, 2));
  for (const std::string& one : histograms) put_bytes(out, 4, one);
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

struct Point2 {
  int64_t t_ms;
  double v;
  int64_t start_ms = 0;
};
struct Metadata2 {
  int type = 0;
  std::string help = {};
  std::string unit = {};
};

// Of remote write 2.0: a table of strings, and series that name places in it.
class Request2 {
 public:
  Request2() { symbol(""); }

  uint32_t symbol(const std::string& text) {
    for (uint32_t i = 0; i < symbols_.size(); ++i) {
      if (symbols_[i] == text) return i;
    }
    symbols_.push_back(text);
    return static_cast<uint32_t>(symbols_.size() - 1);
  }

  void add(const Pairs& labels, const std::vector<Point2>& points, const Metadata2& metadata = {},
           const std::vector<std::string>& histograms = {}) {
    std::vector<uint32_t> refs;
    for (const auto& [name, value] : labels) {
      refs.push_back(symbol(name));
      refs.push_back(symbol(value));
    }
    std::string out = labels_of(refs);
    for (const Point2& point : points) {
      std::string one = sample(point.t_ms, point.v);
      if (point.start_ms != 0) {
        put_varint(one, 3 << 3 | 0);
        put_varint(one, static_cast<uint64_t>(point.start_ms));
      }
      put_bytes(out, 2, one);
    }
    for (const std::string& one : histograms) put_bytes(out, 3, one);
    if (metadata.type != 0) {
      std::string said;
      put_varint(said, 1 << 3 | 0);
      put_varint(said, static_cast<uint64_t>(metadata.type));
      put_varint(said, 3 << 3 | 0);
      put_varint(said, symbol(metadata.help));
      put_varint(said, 4 << 3 | 0);
      put_varint(said, symbol(metadata.unit));
      put_bytes(out, 5, said);
    }
    series_.push_back(std::move(out));
  }

  void add_refs(const std::vector<uint32_t>& refs, bool with_sample) {
    std::string out = labels_of(refs);
    if (with_sample) put_bytes(out, 2, sample(500, 1));
    series_.push_back(std::move(out));
  }

  std::string message() const {
    std::string out;
    for (const std::string& each : symbols_) put_bytes(out, 4, each);
    for (const std::string& each : series_) put_bytes(out, 5, each);
    return out;
  }

 private:
  static std::string labels_of(const std::vector<uint32_t>& refs) {
    std::string packed;
    for (const uint32_t ref : refs) put_varint(packed, ref);
    std::string out;
    put_bytes(out, 1, packed);
    return out;
  }

  std::vector<std::string> symbols_;
  std::vector<std::string> series_;
};

inline std::string snap(std::string_view bytes) {
  std::string out;
  snappy::Compress(bytes.data(), bytes.size(), &out);
  return out;
}

}  // namespace tidemark::remote::testing
