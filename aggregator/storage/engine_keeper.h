// EngineKeeper: opens the engine, lends it to commits and queries, and puts a newly opened one in its place after a
// write has failed or the disk was full.
//
//   a write fails  ->  the gate closes; queries go on  ->  wait until nobody has the engine  ->  close it, open again:
//   the recovery from a crash  ->  check: a checkpoint, which writes all that is in memory into new files  ->  the gate
//   opens.  While it fails: again, at growing intervals.
//
// While the disk is full an engine is opened that writes no more than it must (OpenMode::kServeFrugally), and when even
// that is impossible one that only reads.
//
// Damage (kCorruption) is not waited for: an engine that met it where it writes stays as it is, and answers; when none
// can be opened any more for it, one that only reads is the last.
//
// A thread of its own looks at the disk every second and does all this. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "aggregator/storage/disk_space.h"
#include "aggregator/storage/engine.h"
#include "model/mutex.h"

namespace tidemark::storage {

class EngineKeeper {
 public:
  explicit EngineKeeper(const Engine::Common& common);
  // REQUIRES: nobody has the engine any more.
  ~EngineKeeper();
  EngineKeeper(const EngineKeeper&) = delete;
  EngineKeeper& operator=(const EngineKeeper&) = delete;

  // Opens the first engine. Fails only when not even reading is possible.
  Status start();
  // Whoever has it keeps it from being replaced, so for a commit or a query only. Null while another one is opened.
  std::shared_ptr<Engine> lend();
  // Ends the thread and seals the head.
  Status close();

  // For an answer while lend() is null.
  Status absent() const;

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  void look();
  bool replace(OpenMode mode);
  Status open(OpenMode mode);
  bool take_back();
  uint64_t reserve_bytes();

  const Engine::Common common_;
  DiskSpace space_;
  std::unique_ptr<Engine> engine_;  // Changed by the thread, or before it starts and after it ends.
  OpenMode mode_ = OpenMode::kServe;
  SeriesId first_id_ = 1;  // New series get ids from here on: refs to what was before are still about.
  bool failure_seen_ = false;
  std::atomic<bool> damaged_{false};  // It does not open any more, and that is that.
  Clock::time_point retry_at_;
  std::chrono::milliseconds retry_after_;

  Mutex mu_;  // A leaf.
  CondVar changed_;
  std::shared_ptr<Engine> lent_ TM_GUARDED_BY(mu_);  // Owns nothing; when the last one goes, all_back_ is set.
  bool all_back_ TM_GUARDED_BY(mu_) = true;
  bool failed_ TM_GUARDED_BY(mu_) = false;  // The engine said so; look at it at once.
  bool stopping_ TM_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace tidemark::storage
