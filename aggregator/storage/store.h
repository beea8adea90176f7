// Store: the time-series database on RocksDB (see README.md here for what is on disk and what happens in the
// background). The rest of the program holds it through Appender, Queryable and StateStore.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aggregator/storage/admin.h"
#include "aggregator/storage/appender.h"
#include "aggregator/storage/querier.h"
#include "aggregator/storage/state_store.h"
#include "model/clock.h"
#include "model/log.h"
#include "model/matcher.h"
#include "model/status.h"

namespace prometheus {
class Registry;
}
namespace rocksdb {
class Env;
}

namespace tidemark::storage {

enum class SyncPolicy {
  kAlways,    // Every commit waits for the disk.
  kInterval,  // Nothing lost on a process kill, at most one second on power loss.
  kNever,     // Nothing lost on a process kill, what the kernel held on power loss.
};

// Retention by matcher: how long series that all of the matchers accept are kept, where that is not as long as others.
struct RetentionRule {
  std::vector<Matcher> matchers;  // At least one.
  int64_t time_ms = 0;            // Above 0.
};

struct Options {
  // Behaviour.
  std::string path;
  SyncPolicy sync = SyncPolicy::kInterval;
  int64_t retention_ms = int64_t{15} * 86'400'000;  // As Prometheus' default.
  uint64_t retention_bytes = 0;                     // 0: no limit by size.
  std::string encryption_key_file;                  // "": not encrypted. See encryption_key.h.
  int64_t out_of_order_ms = INT64_MAX;              // How much older than its series' newest a sample may be.
  int64_t future_tolerance_ms = 10 * 60'000;        // Clocks of a fleet drift by seconds; ten minutes is a wrong clock.
  // Rollups: buckets of five minutes and of an hour, made of closed days and kept for that long. 0: none are made, and
  // those there are stay as long as raw samples do. They take about a fifth of the bytes of raw samples.
  int64_t retention_5m_ms = 0;
  int64_t retention_1h_ms = 0;
  // The first that matches a series counts: what is older than its time goes, day by day, samples and rollups. One that
  // is longer than retention_ms keeps rollups no longer than their own, and raw samples longer where none are made.
  std::vector<RetentionRule> retention_rules;

  // Bounds.
  uint64_t log_bytes_max = 32 << 20;     // A checkpoint starts when the log passes this: it bounds recovery time.
  uint64_t head_bytes_per_series = 128;  // Over this budget the longest open chunks are sealed early.
  uint64_t head_bytes_min = 64 << 20;    // The budget is at least this.
  size_t series_max = 10'000'000;        // Active series; beyond it new ones are refused.

  // Speed.
  unsigned shards = 0;  // 0: chosen from the number of cores.
  uint64_t block_cache_bytes = 32 << 20;

  // Full disks and failed writes.
  uint64_t min_free_bytes = 10 << 20;  // With less free in the file system, no samples are taken.
  // Kept free besides, for opening, alert state and retention on a full disk. Nothing: as much as all memtables and a
  // checkpoint take.
  std::optional<uint64_t> reserve_bytes;
  int64_t reopen_after_ms = 1000;  // From a failed write to opening again; from there on doubled up to a minute.

  // Beneath: what all files of samples are read and written through, for encryption and for tests that let disks fail.
  // Null: the operating system's. Outlives the store.
  rocksdb::Env* env = nullptr;
};

struct Stats {
  size_t active_series = 0;
  uint64_t log_bytes = 0;
  uint64_t head_bytes = 0;
  uint64_t disk_bytes = 0;
  int64_t min_ms = 0;  // Oldest sample that a query can still see; 0 when empty.
  int64_t max_ms = 0;
};

class Store : public Appender, public Queryable, public StateStore, public Admin {
 public:
  // Opens or creates. Fails, naming the path and the remedy, when the directory is in use, not writable, or of a newer
  // format. Everything referred to must outlive the store.
  static Result<std::unique_ptr<Store>> open(const Options& options, const Clock& clock, Logger& logger,
                                             prometheus::Registry& metrics);

  // Seals the head so that nothing is left to replay, and closes. Commits and queriers must have ended. The destructor
  // without it leaves the directory as a crash would: safe, but the next start replays the log.
  virtual Status close() = 0;

  // A configuration reload may change these while running.
  virtual void set_retention(int64_t retention_ms, uint64_t retention_bytes) = 0;
  virtual void set_retention_rules(std::vector<RetentionRule> rules) = 0;
  virtual void set_rollup_retention(int64_t retention_5m_ms, int64_t retention_1h_ms) = 0;

  virtual Stats stats() = 0;
};

}  // namespace tidemark::storage
