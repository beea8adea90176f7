#include "aggregator/storage/job_metrics.h"

#include <rocksdb/db.h>

#include <string>

#include "aggregator/storage/metric_builders.h"

namespace tidemark::storage {
namespace {

JobMetrics::Job job(prometheus::Registry& registry, const std::string& name, const std::string& what) {
  return {add_counter(registry, name + "_runs_total", what + " done."),
          add_counter(registry, name + "_runs_failed_total", what + " that failed."),
          add_histogram(registry, name + "_duration_seconds", "Time of " + what + ", those that failed included.",
                        {0.001, 0.01, 0.1, 1, 10, 100, 1000})};
}

// Over all families.
void set(prometheus::Gauge& gauge, rocksdb::DB& db, const std::string& property) {
  uint64_t value = 0;
  if (db.GetAggregatedIntProperty(property, &value)) gauge.Set(static_cast<double>(value));
}
// Of the database as such.
void set_one(prometheus::Gauge& gauge, rocksdb::DB& db, const std::string& property) {
  uint64_t value = 0;
  if (db.GetIntProperty(property, &value)) gauge.Set(static_cast<double>(value));
}

}  // namespace

JobMetrics::JobMetrics(prometheus::Registry& registry)
    : retention(job(registry, "retention", "Passes of retention")),
      snapshot(job(registry, "snapshot", "Snapshots")),
      backup(job(registry, "backup", "Backups")),
      backup_copied_bytes(add_counter(registry, "backup_copied_bytes_total", "Bytes that backups copied.")),
      commits_pending(add_gauge(registry, "commits_pending", "Commits under way, those that wait included.")),
      compactions_running_(add_gauge(registry, "compactions_running", "Compactions of files under way.")),
      compaction_pending_bytes_(
          add_gauge(registry, "compaction_pending_bytes", "Bytes of files that wait to be compacted, as estimated.")),
      flushes_running_(add_gauge(registry, "flushes_running", "Flushes of memtables under way.")),
      memtable_bytes_(add_gauge(registry, "memtable_bytes", "Bytes of RocksDB's memtables.")),
      writes_stopped_(add_gauge(registry, "writes_stopped",
                                "1 while RocksDB stops writes, as compactions or flushes are behind.")) {}

JobMetrics::Run::~Run() {
  (done_ ? job_.done : job_.failed).Increment();
  job_.seconds.Observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count());
}

void JobMetrics::look_at(rocksdb::DB& db) {
  set_one(compactions_running_, db, rocksdb::DB::Properties::kNumRunningCompactions);
  set_one(flushes_running_, db, rocksdb::DB::Properties::kNumRunningFlushes);
  set_one(writes_stopped_, db, rocksdb::DB::Properties::kIsWriteStopped);
  set(compaction_pending_bytes_, db, rocksdb::DB::Properties::kEstimatePendingCompactionBytes);
  set(memtable_bytes_, db, rocksdb::DB::Properties::kCurSizeAllMemTables);
}

}  // namespace tidemark::storage
