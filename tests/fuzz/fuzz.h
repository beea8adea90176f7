// What fuzz targets share: a property that ends the run when it does not hold, checksums (which no fuzzer guesses), and
// numbers drawn from an input.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "aggregator/storage/chunk.h"

namespace tidemark::fuzz {

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

inline std::string_view view(const uint8_t* data, size_t size) { return {reinterpret_cast<const char*>(data), size}; }

// The input as a piece the checksum of which is right.
inline std::string with_checksum(std::string_view input) {
  std::string out(input);
  storage::append_checksum(out);
  return out;
}

// Draws numbers off the front; zeros at the end.
class Input {
 public:
  explicit Input(std::string_view bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }
  std::string_view rest() const { return bytes_; }

  template <class T>
  T take() {
    T out{};
    const size_t size = bytes_.size() < sizeof out ? bytes_.size() : sizeof out;
    if (size > 0) std::memcpy(&out, bytes_.data(), size);
    bytes_.remove_prefix(size);
    return out;
  }

 private:
  std::string_view bytes_;
};

}  // namespace tidemark::fuzz
