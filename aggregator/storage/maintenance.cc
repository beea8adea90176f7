#include "aggregator/storage/maintenance.h"

#include <algorithm>
#include <chrono>

namespace tidemark::storage {
namespace {

using std::chrono::steady_clock;
constexpr auto kCheckpointEvery = std::chrono::minutes(30);
constexpr auto kLookEvery = std::chrono::seconds(1);
constexpr auto kRetentionEvery = std::chrono::minutes(10);
constexpr auto kRetentionAgain = std::chrono::seconds(1);

}  // namespace

Maintenance::Maintenance(Work work) : work_(std::move(work)), thread_([this] { run(); }) {}

Maintenance::~Maintenance() {
  {
    const MutexLock lock(mu_);
    stopping_ = true;
    asked_.notify_all();
  }
  thread_.join();
}

void Maintenance::ask_checkpoint() {
  const MutexLock lock(mu_);
  if (checkpoint_) return;
  checkpoint_ = true;
  asked_.notify_all();
}

void Maintenance::ask_retention() {
  const MutexLock lock(mu_);
  retention_ = true;
  asked_.notify_all();
}

void Maintenance::run() {
  auto checkpoint_at = steady_clock::now() + kCheckpointEvery;
  steady_clock::time_point retention_at = steady_clock::now() + kRetentionEvery;
  auto piece_at = steady_clock::time_point::max();
  auto look_at = steady_clock::now() + kLookEvery;
  for (;;) {
    bool checkpoint = false;
    bool retention = false;
    {
      const MutexLock lock(mu_);
      const auto next_at = std::min({checkpoint_at, retention_at, piece_at, look_at});
      while (!stopping_ && !checkpoint_ && !retention_ && steady_clock::now() < next_at) {
        asked_.wait_for(mu_, next_at - steady_clock::now());
      }
      if (stopping_) return;
      checkpoint = checkpoint_ || steady_clock::now() >= checkpoint_at;
      retention = retention_ || steady_clock::now() >= retention_at;
      checkpoint_ = retention_ = false;
    }
    if (const auto now = steady_clock::now(); now >= look_at) {
      if (work_.checkpoint_due()) checkpoint = true;
      look_at = now + kLookEvery;
    }
    if (checkpoint) {
      work_.checkpoint();
      checkpoint_at = steady_clock::now() + kCheckpointEvery;
    }
    if (retention) {
      const bool again = work_.retention();
      retention_at = steady_clock::now() + (again ? kRetentionAgain : kRetentionEvery);
      piece_at = steady_clock::now();
    }
    if (const auto start = steady_clock::now(); start >= piece_at) {
      const bool more = work_.closed_windows();
      const auto end = steady_clock::now();
      piece_at = more ? end + (end - start) : steady_clock::time_point::max();
    }
  }
}

}  // namespace tidemark::storage
