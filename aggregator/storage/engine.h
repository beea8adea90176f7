// Engine: one opened RocksDB instance and all that hangs on it, head, log and background work. The store (store.h)
// holds one at a time and can put a newly opened one in its place, which is the same as a restart to the files beneath.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "aggregator/storage/checkpoint.h"
#include "aggregator/storage/checkpoint_pace.h"
#include "aggregator/storage/committer.h"
#include "aggregator/storage/deleter.h"
#include "aggregator/storage/job_metrics.h"
#include "aggregator/storage/maintenance.h"
#include "aggregator/storage/retention.h"
#include "aggregator/storage/rollup_eraser.h"
#include "aggregator/storage/series_retention.h"
#include "aggregator/storage/state.h"
#include "aggregator/storage/store.h"
#include "aggregator/storage/window_rewrite.h"

namespace tidemark::storage {

class Engine {
 public:
  // What engines that follow one another have in common. Outlives them; so does all it refers to.
  struct Common {
    const Options& options;
    const Clock& clock;
    Logger& logger;
    Metrics& metrics;
    JobMetrics& jobs;
    const DataDir& dir;
    WriteGate& gate;
    const RetentionSettings& retention;
  };

  // Opens or creates, and replays the log. One engine at a time may be open on a directory. `mode` is not kSalvage;
  // with kRead no samples and no state may be written. New series get ids from `first_id` on, or higher. `failed` is
  // called once, when a write has failed; perhaps with RocksDB's locks held.
  static Result<std::unique_ptr<Engine>> open(const Common& common, OpenMode mode, SeriesId first_id,
                                              std::function<void()> failed);
  // Leaves the directory as a crash would. REQUIRES: commits and queriers have ended.
  ~Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Each of these is thread-safe and does what the function of the same name in Store and its bases says.
  Result<CommitReport> commit(Batch& batch);
  std::unique_ptr<Querier> querier();
  State& state() { return *state_; }
  Status write_state(const std::vector<StateChange>& changes);
  Stats stats();
  Cardinality cardinality(size_t limit);
  Status delete_samples(const std::vector<std::vector<Matcher>>& sets, int64_t min_ms, int64_t max_ms);
  Status clean_tombstones();

  // Copies all that is stored now into a new data directory `path`. Thread-safe.
  Status snapshot_to(const std::string& path);
  // Returns at once. Thread-safe.
  void ask_retention();

  // The first write that failed, or OK: from then on commits are refused. Thread-safe, as are the next ones.
  Status failure() const { return health_.status(); }
  bool met_damage() const { return health_.met_damage(); }  // That is what it failed by.
  bool disk_was_full() const { return rocks_->disk_was_full(); }
  SeriesId next_id() const { return head_->next_id.load(); }
  uint64_t head_bytes() const { return head_->bytes(); }
  // What damage in files asks for, and figures of what RocksDB is at. Cheap; to be called now and then.
  void tend() {
    rocks_->stop_failed_compactions();
    common_.jobs.look_at(rocks_->db());
  }
  // Whether the disk takes writes: a checkpoint.
  Status check();

  // Ends the background work and seals the head. Nothing but queries and state may be asked for afterwards.
  Status close();

 private:
  Engine(const Common& common, OpenMode mode, std::function<void()> failed)
      : common_(common), mode_(mode), health_(common.gate, std::move(failed)) {}
  Status start(SeriesId first_id);
  Status raise_format();
  void checkpoint();
  bool checkpoint_due();
  int64_t retention_now_ms() const;
  bool retain();                                                // True: some of it waits for readers.
  Status erase_rollups(std::vector<RollupEraser::Task> tasks);  // Of retention by matcher.
  bool closed_windows();
  int64_t oldest_in_files_ms();
  Status compact(Family family);

  const Common common_;
  const OpenMode mode_;
  Health health_;
  // Checkpoints, retention, work on closed windows and snapshots, one at a time: held across I/O, never taken by a
  // commit or a query.
  Mutex files_mu_;
  CheckpointPace pace_;  // Of the maintenance thread.
  // Each part knows only those above it; they go in the opposite order.
  std::unique_ptr<Rocks> rocks_;
  std::unique_ptr<SeriesRecords> records_;
  std::unique_ptr<Tombstones> tombstones_;
  std::unique_ptr<Head> head_;
  std::unique_ptr<State> state_;
  std::unique_ptr<Retention> retention_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::unique_ptr<Committer> committer_;
  std::unique_ptr<Deleter> deleter_;
  std::unique_ptr<WindowRewriter> rewriter_;
  std::unique_ptr<RollupEraser> rollup_eraser_;
  std::unique_ptr<SeriesRetention> series_retention_;
  std::unique_ptr<Maintenance> maintenance_;  // Null in an engine that only reads.
};

}  // namespace tidemark::storage
