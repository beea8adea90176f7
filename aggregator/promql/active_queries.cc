#include "aggregator/promql/active_queries.h"

#include <utility>

namespace tidemark::promql {

ActiveQueries::Entry::Entry(ActiveQueries& all, ActiveQuery what)
    : all_(all), what_(std::move(what)), begin_ns_(all.clock_.monotonic_ns()) {
  const MutexLock lock(all_.mu_);
  what_.id = ++all_.last_id_;
  all_.entries_.emplace(what_.id, this);
}

ActiveQueries::Entry::~Entry() {
  const MutexLock lock(all_.mu_);
  all_.entries_.erase(what_.id);
}

double ActiveQueries::Entry::seconds() const {
  return static_cast<double>(all_.clock_.monotonic_ns() - begin_ns_) / 1e9;
}

std::vector<ActiveQuery> ActiveQueries::list() {
  const MutexLock lock(mu_);
  std::vector<ActiveQuery> out;
  out.reserve(entries_.size());
  for (const auto& [id, entry] : entries_) {
    ActiveQuery one = entry->what_;
    one.running = entry->running_.load(std::memory_order_relaxed);
    one.seconds = entry->seconds();
    one.bytes = entry->usage_.bytes.load(std::memory_order_relaxed);
    one.bytes_peak = entry->usage_.bytes_peak.load(std::memory_order_relaxed);
    one.samples_read = entry->usage_.samples_read.load(std::memory_order_relaxed);
    out.push_back(std::move(one));
  }
  return out;
}

bool ActiveQueries::kill(uint64_t id) {
  const MutexLock lock(mu_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return false;
  found->second->killed_.store(true, std::memory_order_relaxed);
  return true;
}

}  // namespace tidemark::promql
