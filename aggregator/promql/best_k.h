// BestK: the choice of topk and bottomk.
#pragma once

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "aggregator/promql/context.h"
#include "aggregator/promql/polled_sort.h"
#include "model/status.h"

namespace tidemark::promql {

// Fails on what cannot be a count.
Status check_count(double k);

struct Candidate {
  double v;
  size_t series;  // Its place among the caller's.
};

// The k best seen so far with the worst of them on top: a binary heap that moves its elements exactly as Go's
// container/heap does, because that decides which of several equal values stay.
class BestK {
 public:
  BestK(bool largest, size_t k) : largest_(largest), k_(k) {}

  bool full() const { return heap_.size() >= k_; }
  // Whether offer() would keep it, in the place of top() when it is full.
  bool takes(double v) const { return !full() || (k_ > 0 && beats(v, heap_[0].v)); }
  const Candidate& top() const { return heap_[0]; }  // The worst. REQUIRES: not empty.

  void offer(Candidate c) {
    if (!full()) {
      heap_.push_back(c);
      rise(heap_.size() - 1);
    } else if (takes(c.v)) {
      heap_[0] = c;
      sink();
    }
  }

  // Puts them into an order: best first, NaN last.
  Status sort(const QueryContext& context) {
    return polled_stable_sort(context, heap_, [&](const Candidate& a, const Candidate& b) {
      if (std::isnan(a.v) || std::isnan(b.v)) return !std::isnan(a.v);
      return largest_ ? a.v > b.v : a.v < b.v;
    });
  }
  const std::vector<Candidate>& candidates() const { return heap_; }

 private:
  bool beats(double v, double worst) const {
    return (largest_ ? worst < v : worst > v) || (std::isnan(worst) && !std::isnan(v));
  }
  // Whether a belongs above b. Of two NaN the answer is yes.
  bool worse(size_t a, size_t b) const {
    if (std::isnan(heap_[a].v)) return true;
    return largest_ ? heap_[a].v < heap_[b].v : heap_[a].v > heap_[b].v;
  }
  void rise(size_t child) {
    while (child > 0) {
      const size_t parent = (child - 1) / 2;
      if (!worse(child, parent)) return;
      std::swap(heap_[child], heap_[parent]);
      child = parent;
    }
  }
  void sink() {
    size_t parent = 0;
    for (;;) {
      size_t child = 2 * parent + 1;
      if (child >= heap_.size()) return;
      if (child + 1 < heap_.size() && worse(child + 1, child)) ++child;
      if (!worse(child, parent)) return;
      std::swap(heap_[child], heap_[parent]);
      parent = child;
    }
  }

  const bool largest_;
  const size_t k_;
  std::vector<Candidate> heap_;
};

}  // namespace tidemark::promql
