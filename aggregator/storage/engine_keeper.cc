#include "aggregator/storage/engine_keeper.h"

#include <algorithm>

namespace tidemark::storage {
namespace {

constexpr auto kLookEvery = std::chrono::seconds(1);
// Queries have a deadline of two minutes by default; who holds the engine longer has it back until the next attempt.
constexpr auto kWaitForLent = std::chrono::seconds(30);
constexpr int kRetryGrowth = 64;
constexpr uint64_t kReserveStep = 16 << 20;

}  // namespace

EngineKeeper::EngineKeeper(const Engine::Common& common)
    : common_(common),
      space_(common.options.path, common.options.min_free_bytes,
             common.options.env != nullptr ? *common.options.env : *rocksdb::Env::Default(), common.metrics,
             common.logger),
      retry_after_(common.options.reopen_after_ms) {}

EngineKeeper::~EngineKeeper() {
  {
    const MutexLock lock(mu_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  std::shared_ptr<Engine> ours;  // Goes last, for it takes the mutex.
  const MutexLock lock(mu_);
  ours.swap(lent_);
}

Status EngineKeeper::absent() const {
  if (damaged_) return common_.gate.status();
  return Status::unavailable("storage is being opened again after a failed write: try again in a moment");
}

Status EngineKeeper::start() {
  const Status room = space_.check(reserve_bytes());
  Status status;
  if (room.ok()) {
    status = open(OpenMode::kServe);
  } else {
    common_.gate.close(ReadOnlyReason::kDiskFull, room);
    space_.use_reserve();
    status = open(OpenMode::kServeFrugally);
    if (status.code() == Code::kIo) status = open(OpenMode::kRead);
  }
  if (!status.ok()) return status;
  thread_ = std::thread([this] { run(); });
  return {};
}

std::shared_ptr<Engine> EngineKeeper::lend() {
  const MutexLock lock(mu_);
  return lent_;
}

Status EngineKeeper::close() {
  {
    const MutexLock lock(mu_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  if (!engine_) return absent();
  if (!common_.gate.is_open()) space_.use_reserve();  // To seal the head.
  Status status = engine_->close();
  if (status.ok()) space_.remove_reserve();
  return status;
}

void EngineKeeper::run() {
  for (;;) {
    {
      const MutexLock lock(mu_);
      if (!stopping_ && !failed_) changed_.wait_for(mu_, std::min<Clock::duration>(kLookEvery, retry_after_));
      if (stopping_) return;
      failed_ = false;
    }
    look();
  }
}

void EngineKeeper::look() {
  if (damaged_) return;
  if (engine_) engine_->tend();
  if (engine_ && engine_->met_damage()) return;
  const bool failed = !engine_ || !engine_->failure().ok();
  if (failed && engine_ && engine_->disk_was_full()) space_.use_reserve();
  const Status room = space_.check(reserve_bytes());
  if (!room.ok()) common_.gate.close(ReadOnlyReason::kDiskFull, room);
  if (!failed && mode_ == OpenMode::kServe) {
    if (room.ok()) common_.gate.open(ReadOnlyReason::kDiskFull);
    return;
  }
  if (!failed && mode_ == OpenMode::kServeFrugally && !room.ok()) return;
  if (failed && !failure_seen_) retry_at_ = Clock::now() + retry_after_;
  failure_seen_ = failed;
  if (Clock::now() < retry_at_) return;
  failure_seen_ = false;
  const auto longest = std::chrono::milliseconds(common_.options.reopen_after_ms) * kRetryGrowth;
  if (replace(room.ok() ? OpenMode::kServe : OpenMode::kServeFrugally)) {
    if (room.ok()) retry_after_ = std::chrono::milliseconds(common_.options.reopen_after_ms);
  } else {
    common_.metrics.reopen_failures.Increment();
    retry_after_ = std::min(2 * retry_after_, longest);
  }
  retry_at_ = Clock::now() + retry_after_;
}

bool EngineKeeper::replace(OpenMode mode) {
  if (!take_back()) return false;
  if (engine_) first_id_ = std::max(first_id_, engine_->next_id());
  engine_.reset();
  Status status = open(mode);
  if (!status.ok()) {
    common_.logger.error("cannot open the store again", {{"err", status}});
    if (status.code() == Code::kCorruption) {
      common_.gate.close(ReadOnlyReason::kDamaged, status);
      damaged_ = true;
    }
    if (Status read = open(OpenMode::kRead); !read.ok()) common_.logger.error("cannot even read", {{"err", read}});
    return false;
  }
  if (mode != OpenMode::kServe) {
    common_.metrics.reopens.Increment();
    return true;
  }
  // Whatever the failure left in doubt is written anew, and shows that the disk takes it.
  if (status = engine_->check(); !status.ok()) {
    common_.logger.error("the store was opened again and fails again", {{"err", status}});
    return false;
  }
  common_.metrics.reopens.Increment();  // Before the first commit gets through, so that who counts sees it.
  common_.gate.open(ReadOnlyReason::kFailedWrite);
  common_.gate.open(ReadOnlyReason::kDiskFull);
  return true;
}

Status EngineKeeper::open(OpenMode mode) {
  const auto on_failure = [this] {
    const MutexLock lock(mu_);
    failed_ = true;
    changed_.notify_all();
  };
  auto opened = Engine::open(common_, mode, first_id_, on_failure);
  if (!opened) return opened.error();
  engine_ = std::move(*opened);
  mode_ = mode;
  const MutexLock lock(mu_);
  all_back_ = false;
  lent_ = std::shared_ptr<Engine>(engine_.get(), [this](Engine*) {
    const MutexLock back(mu_);
    all_back_ = true;
    changed_.notify_all();
  });
  return {};
}

bool EngineKeeper::take_back() {
  std::shared_ptr<Engine> ours;
  {
    const MutexLock lock(mu_);
    ours.swap(lent_);
  }
  std::weak_ptr<Engine> theirs = ours;
  ours.reset();
  const auto until = Clock::now() + kWaitForLent;
  {
    const MutexLock lock(mu_);
    while (!all_back_ && !stopping_ && Clock::now() < until) changed_.wait_for(mu_, until - Clock::now());
    if (all_back_) return true;
  }
  ours = theirs.lock();
  const MutexLock lock(mu_);
  if (!ours) return all_back_;
  lent_ = std::move(ours);
  return false;
}

// All memtables and a checkpoint: as much as opening again and resuming may need.
uint64_t EngineKeeper::reserve_bytes() {
  if (common_.options.reserve_bytes) return *common_.options.reserve_bytes;
  const uint64_t head = std::max(common_.options.head_bytes_min, engine_ ? engine_->head_bytes() : 0);
  return (memtable_bytes_max(common_.options) + head + kReserveStep - 1) / kReserveStep * kReserveStep;
}

}  // namespace tidemark::storage
