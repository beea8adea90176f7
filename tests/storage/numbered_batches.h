// Numbered batches for tests that lose power, disks or processes: what batch b holds follows from b alone, so that what
// a store should hold can be computed, and every value tells which series and batch it belongs to.
#pragma once

#include <algorithm>
#include <bit>
#include <random>
#include <string>
#include <vector>

#include "aggregator/storage/batch.h"
#include "tests/storage/store_fixture.h"

namespace tidemark::storage {

inline constexpr int64_t kFirstBatchMs = 1'700'000'000'000;
inline constexpr int64_t kBatchStepMs = 60'000;

inline Labels numbered_series(uint64_t series) {
  return Labels{{"__name__", "ledger"}, {"series", std::to_string(series)}};
}

// Some of the series there are, more and more of which there are: new ones appear next to every checkpoint.
inline std::vector<uint64_t> series_of_batch(uint64_t b) {
  std::mt19937_64 random(b);
  std::vector<uint64_t> out;
  const uint64_t known = 20 + b / 2;
  for (uint64_t s = known - 20; s < known; ++s) {
    if (random() % 3 != 0) out.push_back(s);
  }
  for (uint64_t s = 0; s < 20; ++s) out.push_back(s % known);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

inline int64_t time_of_batch(uint64_t b) { return kFirstBatchMs + static_cast<int64_t>(b) * kBatchStepMs; }
inline double value_in_batch(uint64_t series, uint64_t b) { return static_cast<double>(series * 1'000'000 + b) / 4; }

inline void fill_batch(uint64_t b, Batch& batch) {
  for (const uint64_t s : series_of_batch(b)) {
    batch.add(kNoRef, numbered_series(s), time_of_batch(b), value_in_batch(s, b));
  }
}

// All of the first `batches` batches.
inline Content content_of_batches(uint64_t batches) {
  Content want;
  for (uint64_t b = 0; b < batches; ++b) {
    for (const uint64_t s : series_of_batch(b)) {
      want[numbered_series(s).to_string()][time_of_batch(b)] = std::bit_cast<uint64_t>(value_in_batch(s, b));
    }
  }
  return want;
}

// One more than the number of the newest batch of which there is a sample; 0 when there is none.
inline uint64_t batches_in(const Content& content) {
  uint64_t count = 0;
  for (const auto& [series, column] : content) {
    if (column.empty()) continue;
    count = std::max(count, static_cast<uint64_t>((column.rbegin()->first - kFirstBatchMs) / kBatchStepMs) + 1);
  }
  return count;
}

// Fails the test, briefly, where they differ.
inline void expect_same_content(const Content& found, const Content& want) {
  if (found == want) return;
  for (const auto& [series, column] : found) {
    const auto wanted = want.find(series);
    EXPECT_NE(wanted, want.end()) << series << " should not be there";
    if (wanted == want.end()) continue;
    for (const auto& [t_ms, bits] : column) {
      const auto sample = wanted->second.find(t_ms);
      if (sample == wanted->second.end()) {
        ADD_FAILURE() << series << " has a sample of batch " << (t_ms - kFirstBatchMs) / kBatchStepMs << " too much";
      } else {
        EXPECT_EQ(bits, sample->second) << series << " at " << t_ms;
      }
    }
  }
  for (const auto& [series, column] : want) {
    const auto stored = found.find(series);
    for (const auto& [t_ms, bits] : column) {
      if (stored != found.end() && stored->second.contains(t_ms)) continue;
      ADD_FAILURE() << series << " lacks batch " << (t_ms - kFirstBatchMs) / kBatchStepMs;
      break;
    }
  }
}

}  // namespace tidemark::storage
