// Figures of what goes on beside commits and queries: retention, copies, RocksDB's own work.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <chrono>

namespace rocksdb {
class DB;
}

namespace tidemark::storage {

// Thread-safe.
struct JobMetrics {
  explicit JobMetrics(prometheus::Registry& registry);

  // One kind of work: how often it was done or failed, and how long that took.
  struct Job {
    prometheus::Counter& done;
    prometheus::Counter& failed;
    prometheus::Histogram& seconds;
  };
  // Counts one run of it, from here to the end of its scope; as failed unless done() was called.
  class Run {
   public:
    explicit Run(Job& job) : job_(job), begin_(std::chrono::steady_clock::now()) {}
    ~Run();
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;
    void done() { done_ = true; }

   private:
    Job& job_;
    const std::chrono::steady_clock::time_point begin_;
    bool done_ = false;
  };

  // What RocksDB is at, and what waits for it.
  void look_at(rocksdb::DB& db);

  Job retention;
  Job snapshot;
  Job backup;
  prometheus::Counter& backup_copied_bytes;
  prometheus::Gauge& commits_pending;

 private:
  prometheus::Gauge& compactions_running_;
  prometheus::Gauge& compaction_pending_bytes_;
  prometheus::Gauge& flushes_running_;
  prometheus::Gauge& memtable_bytes_;
  prometheus::Gauge& writes_stopped_;
};

}  // namespace tidemark::storage
