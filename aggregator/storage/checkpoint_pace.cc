#include "aggregator/storage/checkpoint_pace.h"

#include <algorithm>

namespace tidemark::storage {
namespace {

// Half a scrape interval in common use.
constexpr int64_t kPaceOfNs = 8'000'000'000;
constexpr int64_t kDoublesInNs = 600'000'000'000;
// Less replays in a hundredth of a second.
constexpr uint64_t kLogBytesMin = 1 << 20;
// A checkpoint writes the head: not for a log that is small beside it.
constexpr uint64_t kHeadPerLog = 16;

}  // namespace

bool CheckpointPace::due(int64_t now_ns, uint64_t appended_bytes, uint64_t log_bytes, uint64_t head_bytes) {
  if (looks_.empty() || now_ns - looks_.back().at_ns >= kLookNs / 2) looks_.push_back({now_ns, appended_bytes});
  while (looks_.size() > 1 && now_ns - looks_[1].at_ns >= kPaceOfNs) looks_.pop_front();
  const Look& then = looks_.front();
  if (now_ns - then.at_ns < kPaceOfNs) return false;
  if (log_bytes < std::max(kLogBytesMin, head_bytes / kHeadPerLog)) return false;
  if (last_due_ns_ != 0 && now_ns - last_due_ns_ < kDoublesInNs) return false;
  const auto grown = static_cast<double>(appended_bytes - then.appended_bytes);
  if (grown * static_cast<double>(kDoublesInNs) >
      static_cast<double>(log_bytes) * static_cast<double>(now_ns - then.at_ns))
    return false;
  last_due_ns_ = now_ns;
  return true;
}

}  // namespace tidemark::storage
