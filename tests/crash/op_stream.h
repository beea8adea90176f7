// OpStream: what the writer of the ledger test does, operation by operation. Operation n follows from the seed and n
// alone, so parent and child agree on it without a word, and a seed repeats a run. A new kind of operation is one
// function of its own and a row in op_stream.cc.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "model/labels.h"
#include "model/native_histogram.h"

namespace tidemark::crash {

inline constexpr int64_t kStartMs = 1'700'006'400'000;  // Midnight.
inline constexpr int64_t kMinuteMs = 60'000;
inline constexpr int64_t kHourMs = 60 * kMinuteMs;
inline constexpr int64_t kDayMs = 24 * kHourMs;
inline constexpr int64_t kRawRetentionMs = 3 * kDayMs;

struct LedgerSample {
  uint32_t series = 0;
  int64_t t_ms = 0;
  double v = 0;  // Of a histogram its sum, from which the rest follows.
};

// Some series have native histograms, at two of three minutes, and floats between them.
bool is_histogram(uint32_t series, int64_t t_ms);
NativeHistogram histogram_of(double v);

struct Op {
  enum class Kind {
    kCommit,    // One batch: no series has a time twice in it.
    kErase,     // Deletes samples, of times that raw samples, rollups or both have. Whole or not at all, too.
    kSettle,    // Has retention and the work on closed days run.
    kReopen,    // A clean stop and a start.
    kSnapshot,  // Is made, opened, checked, and goes. One that was under way is there whole or not at all.
    kBackup,    // Likewise, restored; it stays for the next ones to share files with.
  };
  Kind kind = Kind::kCommit;
  std::string name;    // Of the row that made it.
  int64_t now_ms = 0;  // The clock's time; never goes back.
  std::vector<LedgerSample> samples;
  // Of kErase.
  std::string parity;   // Of all series with that label value; "": of one.
  uint32_t series = 0;  // That one.
  int64_t min_ms = 0;   // Inclusive both.
  int64_t max_ms = 0;
};

// The time of operation n: a minute each, now and then some hours.
int64_t op_time_ms(uint64_t n);

Op op_at(uint64_t seed, uint64_t n);

std::string parity_of(uint32_t series);
Labels series_labels(uint32_t series);

}  // namespace tidemark::crash
