#include "aggregator/promql/query_account.h"

#include <fmt/format.h>

namespace tidemark::promql {
namespace {

bool take(std::atomic<size_t>& held, size_t more, size_t max) {
  size_t now = held.load(std::memory_order_relaxed);
  do {
    if (more > max - now) return false;
  } while (!held.compare_exchange_weak(now, now + more, std::memory_order_relaxed));
  return true;
}

void raise(std::atomic<size_t>& peak, size_t held) {
  size_t known = peak.load(std::memory_order_relaxed);
  while (known < held && !peak.compare_exchange_weak(known, held, std::memory_order_relaxed)) {
  }
}

}  // namespace

Status QueryAccount::poll() const {
  if (limits_.canceled()) return Status::canceled("query was canceled in expression evaluation");
  if (clock_.monotonic_ns() >= limits_.deadline_ns) return Status::timeout("query timed out in expression evaluation");
  return {};
}

Status QueryAccount::charge(size_t samples, size_t bytes) {
  if (!take(usage_.samples, samples, limits_.samples_max)) {
    return Status::limit("query processing would load too many samples into memory in query execution");
  }
  if (!take(usage_.bytes, bytes, limits_.bytes_max)) {
    usage_.samples.fetch_sub(samples, std::memory_order_relaxed);
    return Status::limit(fmt::format(
        "query would hold more than its budget of {} bytes; select fewer series or a larger step", limits_.bytes_max));
  }
  if (limits_.shared != nullptr && !take(limits_.shared->bytes, bytes, limits_.shared->bytes_max)) {
    usage_.samples.fetch_sub(samples, std::memory_order_relaxed);
    usage_.bytes.fetch_sub(bytes, std::memory_order_relaxed);
    return Status::limit(fmt::format(
        "all queries together would hold more than their budget of {} bytes; try again later, or select fewer series",
        limits_.shared->bytes_max));
  }
  raise(usage_.bytes_peak, usage_.bytes.load(std::memory_order_relaxed));
  raise(usage_.samples_peak, usage_.samples.load(std::memory_order_relaxed));
  return {};
}

void QueryAccount::release(size_t samples, size_t bytes) {
  usage_.samples.fetch_sub(samples, std::memory_order_relaxed);
  usage_.bytes.fetch_sub(bytes, std::memory_order_relaxed);
  if (limits_.shared != nullptr) limits_.shared->bytes.fetch_sub(bytes, std::memory_order_relaxed);
}

}  // namespace tidemark::promql
