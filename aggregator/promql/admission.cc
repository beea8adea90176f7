#include "aggregator/promql/admission.h"

#include <fmt/format.h>
#include <prometheus/gauge.h>

#include <chrono>

namespace tidemark::promql {
namespace {

// The longest a cancellation goes unnoticed while waiting: nobody notifies about a flag.
constexpr std::chrono::milliseconds kLook{20};

}  // namespace

Status Admission::enter(const QueryAccount& query) {
  const MutexLock lock(mu_);
  if (running_ >= limits_.running_max) {
    if (waiting_ >= limits_.waiting_max) {
      return Status::unavailable(
          fmt::format("too many queries: {} are running and {} are waiting; try again later", running_, waiting_));
    }
    waiting_gauge_.Set(++waiting_);
    Status status;
    while (status.ok() && running_ >= limits_.running_max) {
      left_.wait_for(mu_, kLook);
      if (query.limits().canceled()) {
        status = Status::canceled("query was canceled in query queue");
      } else if (clock_.monotonic_ns() >= query.limits().deadline_ns) {
        status = Status::timeout("query timed out in query queue");
      }
    }
    waiting_gauge_.Set(--waiting_);
    if (!status.ok()) return status;
  }
  running_gauge_.Set(++running_);
  return {};
}

void Admission::leave() {
  const MutexLock lock(mu_);
  running_gauge_.Set(--running_);
  left_.notify_one();
}

}  // namespace tidemark::promql
