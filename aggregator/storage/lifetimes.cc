#include "aggregator/storage/lifetimes.h"

#include <algorithm>

#include "model/varint.h"

namespace tidemark::storage {
namespace {

constexpr int64_t kMinuteMs = 60'000;

uint16_t minute_of(Window window, int64_t t_ms) {
  return static_cast<uint16_t>(std::clamp<int64_t>(t_ms - window_start_ms(window), 0, kWindowMs - 1) / kMinuteMs);
}

void append_entry(std::string& list, uint32_t id_step, const Lifetime& lifetime) {
  append_varint(list, id_step);
  append_varint(list, lifetime.first);
  append_varint(list, static_cast<uint64_t>(lifetime.last - lifetime.first));
}

}  // namespace

Lifetime lifetime_of(Window window, int64_t first_ms, int64_t last_ms) {
  return {minute_of(window, first_ms), minute_of(window, last_ms)};
}

std::string encode_lifetimes(const std::map<SeriesId, Lifetime>& lifetimes) {
  std::string list;
  uint32_t before = 0;
  for (const auto& [id, lifetime] : lifetimes) {
    append_entry(list, id % kLifetimeBlock - before, lifetime);
    before = id % kLifetimeBlock;
  }
  std::string out;
  append_prefixed(out, list);
  return out;
}

bool add_lifetimes(std::string_view value, LifetimeBlock& block) {
  while (!value.empty()) {
    std::string_view list;
    if (!take_prefixed(value, list)) return false;
    uint64_t id = 0;
    while (!list.empty()) {
      uint64_t step = 0;
      uint64_t first = 0;
      uint64_t length = 0;
      if (!take_varint(list, step) || !take_varint(list, first) || !take_varint(list, length)) return false;
      if (step >= kLifetimeBlock || (id += step) >= kLifetimeBlock || first > UINT16_MAX ||
          length > UINT16_MAX - first) {
        return false;
      }
      block[id].widen({static_cast<uint16_t>(first), static_cast<uint16_t>(first + length)});
    }
  }
  return true;
}

std::string join_lifetimes(const std::string& values) {
  LifetimeBlock block;
  if (!add_lifetimes(values, block)) return values;
  std::string list;
  uint32_t before = 0;
  for (uint32_t id = 0; id < kLifetimeBlock; ++id) {
    if (!block[id].known()) continue;
    append_entry(list, id - before, block[id]);
    before = id;
  }
  std::string out;
  append_prefixed(out, list);
  return out;
}

}  // namespace tidemark::storage
