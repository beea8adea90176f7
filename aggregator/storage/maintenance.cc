#include "aggregator/storage/maintenance.h"

#include <chrono>

namespace tidemark::storage {
namespace {

using std::chrono::steady_clock;
constexpr auto kCheckpointEvery = std::chrono::minutes(30);
constexpr auto kRetentionEvery = std::chrono::minutes(10);

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
  auto retention_at = steady_clock::now() + kRetentionEvery;
  for (;;) {
    bool checkpoint = false;
    bool retention = false;
    {
      const MutexLock lock(mu_);
      while (!stopping_ && !checkpoint_ && !retention_ && steady_clock::now() < std::min(checkpoint_at, retention_at)) {
        asked_.wait_for(mu_, std::min(checkpoint_at, retention_at) - steady_clock::now());
      }
      if (stopping_) return;
      checkpoint = checkpoint_ || steady_clock::now() >= checkpoint_at;
      retention = retention_ || steady_clock::now() >= retention_at;
      checkpoint_ = retention_ = false;
    }
    if (checkpoint) {
      work_.checkpoint();
      checkpoint_at = steady_clock::now() + kCheckpointEvery;
    }
    if (retention) {
      work_.retention();
      retention_at = steady_clock::now() + kRetentionEvery;
    }
  }
}

}  // namespace tidemark::storage
