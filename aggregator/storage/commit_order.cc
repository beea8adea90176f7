#include "aggregator/storage/commit_order.h"

#include <algorithm>

namespace tidemark::storage {

Position CommitOrder::begin() {
  const MutexLock lock(mu_);
  in_flight_.emplace(++last_given_, InFlight{});
  return last_given_;
}

void CommitOrder::finish(Position position, Position tied_to) {
  const MutexLock lock(mu_);
  in_flight_[position] = {true, tied_to};
  publish();
}

void CommitOrder::publish() {
  for (;;) {
    // From the first unpublished commit on, over all it is tied to.
    Position end = published_ + 1;
    bool complete = end <= last_given_;
    auto at = in_flight_.begin();
    for (; complete && at != in_flight_.end() && at->first <= end; ++at) {
      complete = at->second.done;
      end = std::max(end, at->second.tied_to);
    }
    if (!complete) return;
    in_flight_.erase(in_flight_.begin(), at);
    published_ = end;
    update_oldest_view();
    published_changed_.notify_all();
  }
}

void CommitOrder::fail() {
  const MutexLock lock(mu_);
  failed_ = true;
  published_changed_.notify_all();
}

bool CommitOrder::wait_published(Position position) {
  const MutexLock lock(mu_);
  while (published_ < position && !failed_) published_changed_.wait(mu_);
  return published_ >= position;
}

Position CommitOrder::last_given() const {
  const MutexLock lock(mu_);
  return last_given_;
}

Position CommitOrder::open_view() {
  const MutexLock lock(mu_);
  views_.insert(published_);
  update_oldest_view();
  return published_;
}

void CommitOrder::close_view(Position view) {
  const MutexLock lock(mu_);
  views_.erase(views_.find(view));
  update_oldest_view();
}

void CommitOrder::update_oldest_view() {
  oldest_view_.store(views_.empty() ? published_ : *views_.begin(), std::memory_order_release);
}

}  // namespace tidemark::storage
