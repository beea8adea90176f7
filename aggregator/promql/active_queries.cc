#include "aggregator/promql/active_queries.h"

#include <utility>

namespace tidemark::promql {

ActiveQueries::Entry::Entry(std::shared_ptr<ActiveQueries> all, ActiveQuery what, QueryLimits limits)
    : all_(std::move(all)),
      what_(std::move(what)),
      begin_ns_(all_->clock_.monotonic_ns()),
      account_(all_->clock_, completed(limits)) {
  const MutexLock lock(all_->mu_);
  what_.id = ++all_->last_id_;
  all_->entries_.emplace(what_.id, this);
}

ActiveQueries::Entry::~Entry() {
  account_.release(0, kept_bytes_);
  const MutexLock lock(all_->mu_);
  all_->entries_.erase(what_.id);
}

QueryLimits ActiveQueries::Entry::completed(QueryLimits limits) const {
  limits.query_killed = &killed_;
  limits.all_canceled = &all_->all_canceled_;
  limits.shared = &all_->budget_;
  return limits;
}

Status ActiveQueries::Entry::keep(size_t bytes) {
  Status status = account_.charge(0, bytes);
  if (status.ok()) kept_bytes_ += bytes;
  return status;
}

double ActiveQueries::Entry::seconds() const {
  return static_cast<double>(all_->clock_.monotonic_ns() - begin_ns_) / 1e9;
}

std::vector<ActiveQuery> ActiveQueries::list() {
  const MutexLock lock(mu_);
  std::vector<ActiveQuery> out;
  out.reserve(entries_.size());
  for (const auto& [id, entry] : entries_) {
    ActiveQuery one = entry->what_;
    one.state = entry->state_.load(std::memory_order_relaxed);
    one.seconds = entry->seconds();
    const QueryUsage& usage = entry->account_.usage();
    one.bytes = usage.bytes.load(std::memory_order_relaxed);
    one.bytes_peak = usage.bytes_peak.load(std::memory_order_relaxed);
    one.samples_read = usage.samples_read.load(std::memory_order_relaxed);
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
