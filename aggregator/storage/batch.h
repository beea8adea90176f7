// Batch: samples on their way into the store, and afterwards what became of each.
//
//   Batch batch;                       // One a writer, reused: clear() keeps the memory.
//   batch.add(ref, labels, t_ms, v);   // ref from an earlier commit, or kNoRef
//   auto report = appender.commit(batch);
//   refs[i] = batch.ref(i);            // next time: no label work
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/labels.h"
#include "model/sample.h"

namespace tidemark::storage {

// Names a series in memory. Only good for the Store that gave it; one whose series has left memory is answered with
// Outcome::kUnknownRef, and the caller sends the labels again. Not a SeriesId: that one is on disk and never changes.
enum class SeriesRef : uint64_t {};
inline constexpr SeriesRef kNoRef{0};

// A float, or a native histogram, either with an optional start timestamp.
struct Value {
  double number = 0;
  const NativeHistogram* histogram = nullptr;  // When set, `number` means nothing. The caller's, until commit returns.
  int64_t start_ms = kNoStart;
};

// What became of one sample. Stored nowhere: may be renumbered.
enum class Outcome : uint8_t {
  kAccepted,
  kOverwrote,         // Accepted; replaced another value at the same timestamp.
  kDuplicate,         // The same value is there already: nothing to do, not an error.
  kOutOfOrder,        // Older than the series' newest by more than the store allows.
  kTooOld,            // Before what retention keeps.
  kTooNew,            // Further in the future than the clock tolerance.
  kUnknownRef,        // The series has left memory: send the labels.
  kInvalidLabels,     // Not an encoding, empty, too many or too long.
  kSeriesLimit,       // Would create a series beyond the limit.
  kUnreadable,        // Whether the series is known is in a file that does not read: until it is repaired.
  kInvalidHistogram,  // No histogram by Prometheus' rules, or one of too many buckets.
};
inline constexpr size_t kOutcomeCount = 11;
std::string_view outcome_name(Outcome outcome);  // As in metrics' `reason` label: "out_of_order".

class Batch {
 public:
  // Adds one sample and returns its index. With a ref the labels may be empty; without one they must not be.
  // Label bytes are copied, a histogram is not.
  size_t add(SeriesRef ref, LabelsView labels, int64_t t_ms, const Value& value);
  size_t add(SeriesRef ref, LabelsView labels, int64_t t_ms, double number) {
    return add(ref, labels, t_ms, Value{number, nullptr, kNoStart});
  }

  void clear();
  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }

  SeriesRef ref(size_t i) const { return entries_[i].ref; }  // After commit(): the ref to use next time.
  LabelsView labels(size_t i) const {
    return LabelsView(std::string_view(label_bytes_).substr(entries_[i].labels_offset, entries_[i].labels_bytes));
  }
  int64_t t_ms(size_t i) const { return entries_[i].t_ms; }
  const Value& value(size_t i) const { return entries_[i].value; }
  Outcome outcome(size_t i) const { return entries_[i].outcome; }  // After commit().

  // For the Appender.
  void set_ref(size_t i, SeriesRef ref) { entries_[i].ref = ref; }
  void set_outcome(size_t i, Outcome outcome) { entries_[i].outcome = outcome; }

 private:
  struct Entry {
    SeriesRef ref;
    int64_t t_ms;
    Value value;
    uint32_t labels_offset;
    uint32_t labels_bytes;
    Outcome outcome;
  };

  std::vector<Entry> entries_;
  std::string label_bytes_;
};

// How many samples met which outcome.
struct CommitReport {
  std::array<size_t, kOutcomeCount> count{};

  size_t of(Outcome outcome) const { return count[static_cast<size_t>(outcome)]; }
  // Accepted means: durable as the sync policy promises, and visible to the next query.
  size_t accepted() const { return of(Outcome::kAccepted) + of(Outcome::kOverwrote); }
  size_t refused() const {
    size_t n = 0;
    for (size_t i = static_cast<size_t>(Outcome::kOutOfOrder); i < kOutcomeCount; ++i) n += count[i];
    return n;
  }
};

}  // namespace tidemark::storage
