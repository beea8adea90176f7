#include "aggregator/promql/turns.h"

#include <prometheus/counter.h>

#include <algorithm>
#include <chrono>

namespace tidemark::promql {
namespace {

constexpr int64_t kTurnNs = 10'000'000;
// The longest an end of the query goes unnoticed while waiting: nobody notifies about a flag or a deadline.
constexpr std::chrono::milliseconds kLook{20};

}  // namespace

Turns::Turn::Turn(Turns& turns, const QueryAccount& query) : turns_(turns), query_(query) {
  {
    const MutexLock lock(turns_.mu_);
    if (turns_.free_ > 0) {
      --turns_.free_;
      has_place_ = true;
    } else {
      turns_.wait(*this, turns_.new_);
    }
  }
  began_ns_ = query_.now_ns();
}

Turns::Turn::~Turn() {
  const MutexLock lock(turns_.mu_);
  if (has_place_) turns_.give_place();
}

void Turns::Turn::stand_back() {
  if (query_.now_ns() - began_ns_ < kTurnNs) return;
  {
    const MutexLock lock(turns_.mu_);
    // Without a place it is about to end, and need not wait for one.
    if (!has_place_ || (turns_.new_.empty() && turns_.back_.empty())) return;
    has_place_ = false;
    turns_.give_place();
    turns_.wait(*this, turns_.back_);
    turns_.passed_.Increment();
  }
  began_ns_ = query_.now_ns();
}

void Turns::wait(Turn& turn, Line& line) {
  line.push_back(&turn);
  waiting_.fetch_add(1, std::memory_order_relaxed);
  while (!turn.has_place_) {
    turn.given_.wait_for(mu_, kLook);
    if (turn.has_place_ || turn.query_.poll().ok()) continue;
    line.erase(std::find(line.begin(), line.end(), &turn));
    break;
  }
  waiting_.fetch_sub(1, std::memory_order_relaxed);
}

void Turns::give_place() {
  Line& line = new_.empty() ? back_ : new_;
  if (line.empty()) {
    ++free_;
    return;
  }
  Turn& next = *line.front();
  line.pop_front();
  next.has_place_ = true;
  next.given_.notify_one();
}

}  // namespace tidemark::promql
