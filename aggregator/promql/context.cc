#include "aggregator/promql/context.h"

#include <fmt/format.h>

#include <algorithm>

namespace tidemark::promql {

Status QueryContext::poll() const {
  if (limits_.canceled()) return Status::canceled("query was canceled in expression evaluation");
  if (clock_.monotonic_ns() >= limits_.deadline_ns) return Status::timeout("query timed out in expression evaluation");
  return {};
}

Status QueryContext::charge(size_t samples, size_t bytes) {
  if (samples > limits_.samples_max - samples_) {
    return Status::limit("query processing would load too many samples into memory in query execution");
  }
  if (bytes > limits_.bytes_max - bytes_) {
    return Status::limit(fmt::format(
        "query would hold more than its budget of {} bytes; select fewer series or a larger step", limits_.bytes_max));
  }
  samples_ += samples;
  bytes_ += bytes;
  bytes_peak_ = std::max(bytes_peak_, bytes_);
  return {};
}

void QueryContext::release(size_t samples, size_t bytes) {
  samples_ -= samples;
  bytes_ -= bytes;
}

}  // namespace tidemark::promql
