#include "exporter/push/push_queue.h"

#include <utility>

namespace tidemark::exporter {

PushQueue::PushQueue(Spool spool) : spool_(std::move(spool)) {
  const MutexLock lock(disk_mu_);
  note();
}

PushQueue::Kept PushQueue::put(std::string body, int64_t made_ms, uint64_t samples, bool sync) {
  Kept kept;
  const MutexLock lock(disk_mu_);
  memory_.push_back({0, made_ms, samples, std::move(body)});
  while (!lent_ && !memory_.empty()) {
    const SpoolEntry& entry = memory_.front();
    const auto crowded_out = spool_.put(entry.body, entry.made_ms, entry.samples, sync);
    if (!crowded_out) {
      kept.spool = crowded_out.error();
      break;
    }
    kept.crowded_out += *crowded_out;
    memory_.pop_front();
  }
  const size_t oldest = lent_ ? 1 : 0;
  while (memory_.size() > oldest + 1 && memory_bytes() > kMemoryBytesMax) {
    memory_.erase(memory_.begin() + static_cast<ptrdiff_t>(oldest));
    ++kept.lost;
  }
  note();
  return kept;
}

std::optional<SpoolEntry> PushQueue::take() {
  const MutexLock lock(disk_mu_);
  std::optional<SpoolEntry> entry = spool_.front();
  if (!entry && spool_.entries() == 0 && !memory_.empty()) {
    entry = memory_.front();
    lent_ = true;
  }
  note();
  return entry;
}

void PushQueue::done(const SpoolEntry& entry) {
  const MutexLock lock(disk_mu_);
  if (lent_) {
    memory_.pop_front();
    lent_ = false;
  } else {
    // Nobody else removes it but put(), when the spool is full: then it is gone, and was delivered all the same.
    spool_.remove(entry.number);
  }
  note();
}

void PushQueue::later() {
  const MutexLock lock(disk_mu_);
  lent_ = false;
  spool_.sync();
  note();
}

uint64_t PushQueue::memory_bytes() const {
  uint64_t bytes = 0;
  for (const SpoolEntry& entry : memory_) bytes += entry.body.size();
  return bytes;
}

void PushQueue::note() {
  Numbers now{spool_.entries() + memory_.size(), memory_.size(), spool_.bytes() + memory_bytes(), spool_.torn(),
              spool_.oldest_ms()};
  if (spool_.entries() == 0 && !memory_.empty()) now.oldest_ms = memory_.front().made_ms;
  const MutexLock lock(numbers_mu_);
  numbers_ = now;
}

PushQueue::Numbers PushQueue::numbers() const {
  const MutexLock lock(numbers_mu_);
  return numbers_;
}

}  // namespace tidemark::exporter
