// Lifetimes: when within a window the series of a block of 1024 ids had samples, to the minute; so that a short range
// touches only the series alive in it, however many others the window names.
//
//   (varint(bytes) list)*          lists are united as they are read and merged: earliest first, latest last
//   list   (varint(id - id before) | varint(first minute) | varint(last - first))*     ids within the block, rising
//
// May be too wide or absent, never too narrow: late samples widen it, deletes do not narrow it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "aggregator/storage/keys.h"

namespace tidemark::storage {

inline constexpr uint32_t kLifetimeBlock = 1024;

// Minutes of the window, both inclusive.
struct Lifetime {
  uint16_t first = UINT16_MAX;
  uint16_t last = 0;

  bool known() const { return first <= last; }
  void widen(const Lifetime& other) {
    first = std::min(first, other.first);
    last = std::max(last, other.last);
  }
};

// Of samples from `first_ms` to `last_ms`, as far as they lie in the window.
Lifetime lifetime_of(Window window, int64_t first_ms, int64_t last_ms);

using LifetimeBlock = std::array<Lifetime, kLifetimeBlock>;  // By id % kLifetimeBlock.

// By id. All of one block.
std::string encode_lifetimes(const std::map<SeriesId, Lifetime>& lifetimes);
// Unites what is in `value` into the block; false when some of it does not read, and then nothing is to be concluded.
bool add_lifetimes(std::string_view value, LifetimeBlock& block);
// For the merge operator: values one behind the other, united when all of it reads.
std::string join_lifetimes(const std::string& values);

}  // namespace tidemark::storage
