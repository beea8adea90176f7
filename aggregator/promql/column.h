// Column: the values of one series at every step of a grid, and at which steps there is one.
//
// Presence is a bitmap beside the values, because every double is a legal value: NaN is what a division by zero
// answers, absence is what a series that ended answers. What lies in a slot that is not present is unspecified but
// readable, so that loops may compute over all slots and let the bitmap decide afterwards.
//
// A series may have native histograms at some of its steps. They lie in a second column beside the first, so that what
// computes on numbers sees numbers only, and costs nothing where there are no others: `v` and `present` never speak of
// a histogram.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "model/native_histogram.h"

namespace tidemark::promql {

// A bitmap of fixed size. Bits beyond the size are always 0.
class Presence {
 public:
  Presence() = default;
  explicit Presence(size_t size) { reset(size); }

  void reset(size_t size) {
    size_ = size;
    words_.assign((size + 63) / 64, 0);
  }
  void fill() {
    std::fill(words_.begin(), words_.end(), ~uint64_t{0});
    if (size_ % 64 != 0) words_.back() = (uint64_t{1} << (size_ % 64)) - 1;
  }

  size_t size() const { return size_; }
  size_t word_count() const { return words_.size(); }
  uint64_t word(size_t w) const { return words_[w]; }
  uint64_t& word(size_t w) { return words_[w]; }
  bool get(size_t i) const { return (words_[i / 64] >> (i % 64) & 1) != 0; }
  void set(size_t i) { words_[i / 64] |= uint64_t{1} << (i % 64); }
  void clear(size_t i) { words_[i / 64] &= ~(uint64_t{1} << (i % 64)); }

  bool any() const {
    return std::any_of(words_.begin(), words_.end(), [](uint64_t w) { return w != 0; });
  }
  size_t count() const {
    size_t n = 0;
    for (const uint64_t w : words_) n += static_cast<size_t>(std::popcount(w));
    return n;
  }
  // REQUIRES for both: the same size.
  bool intersects(const Presence& other) const {
    for (size_t w = 0; w < words_.size(); ++w) {
      if ((words_[w] & other.words_[w]) != 0) return true;
    }
    return false;
  }
  void add(const Presence& other) {
    for (size_t w = 0; w < words_.size(); ++w) words_[w] |= other.words_[w];
  }

  // Calls f(index) for every bit set, in rising order.
  template <class F>
  void for_each(F&& f) const {
    for (size_t w = 0; w < words_.size(); ++w) for_each_bit(words_[w], w * 64, f);
  }
  template <class F>
  static void for_each_bit(uint64_t bits, size_t base, F&& f) {
    if (bits == ~uint64_t{0}) {  // The usual case: a series without gaps.
      for (size_t i = base; i < base + 64; ++i) f(i);
      return;
    }
    for (; bits != 0; bits &= bits - 1) f(base + static_cast<size_t>(std::countr_zero(bits)));
  }

 private:
  size_t size_ = 0;
  std::vector<uint64_t> words_;
};

// The histograms of a series at the steps of a grid; of no size where there are none.
struct HistogramColumn {
  std::vector<HistogramRef> at;  // Null where absent. As many as steps, or none.
  Presence present;              // Where `at` is not null; of no size as `at`.

  bool empty() const { return at.empty(); }
  void clear() { *this = {}; }
  void set(size_t steps, size_t step, HistogramRef histogram) {
    if (at.empty()) {
      at.resize(steps);
      present.reset(steps);
    }
    at[step] = std::move(histogram);
    present.set(step);
  }
  void erase(size_t step) {
    at[step].reset();
    present.clear(step);
  }
  // Of memory; a histogram that several steps in a row share counts once.
  size_t bytes() const {
    size_t n = at.size() * sizeof(HistogramRef);
    const NativeHistogram* last = nullptr;
    for (const HistogramRef& one : at) {
      if (one != nullptr && one.get() != last) n += one->bytes();
      if (one != nullptr) last = one.get();
    }
    return n;
  }
};

struct Column {
  std::vector<double> v;
  Presence present;  // Of v.
  HistogramColumn histograms;

  Column() = default;
  explicit Column(size_t steps) { reset(steps); }
  static Column constant(size_t steps, double value) {
    Column column;
    column.v.assign(steps, value);
    column.present.reset(steps);
    column.present.fill();
    return column;
  }

  // Every slot absent. Keeps the memory.
  void reset(size_t steps) {
    v.resize(steps);
    present.reset(steps);
    if (!histograms.empty()) histograms.clear();
  }
  size_t steps() const { return v.size(); }
  void set(size_t step, double value) {
    v[step] = value;
    present.set(step);
  }
  void set(size_t step, HistogramRef histogram) { histograms.set(v.size(), step, std::move(histogram)); }

  // Whether there is a sample of either kind.
  bool any() const { return present.any() || histograms.present.any(); }
  bool has(size_t step) const { return present.get(step) || (!histograms.empty() && histograms.present.get(step)); }
  // Where there is a sample of either kind; and 64 steps of it.
  Presence all_present() const {
    Presence all = present;
    if (!histograms.empty()) all.add(histograms.present);
    return all;
  }
  uint64_t present_word(size_t w) const {
    return present.word(w) | (histograms.empty() ? 0 : histograms.present.word(w));
  }
  // Leaves the numbers alone. Returns whether there are any.
  bool drop_histograms() {
    if (!histograms.empty()) histograms.clear();
    return present.any();
  }
  size_t samples() const { return present.count() + histograms.present.count(); }

  // What one takes, its vectors' own memory included: of an instant query that is most of it.
  static size_t bytes(size_t steps) {
    constexpr size_t kAllocation = 16;
    return sizeof(Column) + 2 * kAllocation + steps * sizeof(double) + (steps + 63) / 64 * sizeof(uint64_t);
  }
};

}  // namespace tidemark::promql
