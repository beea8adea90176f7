// Rocks: the RocksDB instance under the store, with its families and the options that 7.8 needs from us.
#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/storage/data_dir.h"
#include "aggregator/storage/fail_stop_env.h"
#include "aggregator/storage/lifetime_summaries.h"
#include "aggregator/storage/store.h"
#include "model/log.h"
#include "model/mutex.h"
#include "model/status.h"

namespace prometheus {
class Counter;
}

namespace tidemark::storage {

// As written in the manifest by name; see keys.h for what each holds.
enum class Family : size_t { kDefault, kSeries, kPostings, kChunks, kCheckpoints, kLog, kState };
inline constexpr size_t kFamilyCount = 7;

enum class OpenMode {
  kServe,  // Makes what is missing.
  // As kServe, with as few writes as possible, for a full disk: what the log holds stays there, nothing is compacted.
  kServeFrugally,
  kRead,     // Changes nothing. What is damaged does not stop it, but fails when read.
  kSalvage,  // As kRead, but writable, with nothing compacted: what reads is to be taken out.
};

// Owns the database; closes it when it goes. Thread-safe as RocksDB is.
class Rocks {
 public:
  // Repairs nothing but a list of files that a power cut has torn (manifest_tail.h). After a log that does not read in
  // the middle it opens with what does, and says so. A directory is opened with the key it was made with, or without
  // one: anything else fails before a file is touched. One process at a time, in every mode.
  static Result<std::unique_ptr<Rocks>> open(const DataDir& dir, const Options& options, Logger& logger,
                                             OpenMode mode = OpenMode::kServe);
  // Makes a new list of files (MANIFEST) from the data files and logs that are there. For a directory that does not
  // open without; which of two ingested files said something later is forgotten.
  static Status rebuild_file_list(const DataDir& dir, const Options& options, Logger& logger);
  ~Rocks();
  Rocks(const Rocks&) = delete;
  Rocks& operator=(const Rocks&) = delete;

  rocksdb::DB& db() { return *db_; }
  rocksdb::ColumnFamilyHandle* family(Family family) { return handles_[static_cast<size_t>(family)]; }
  rocksdb::Env& env() const { return *db_options_.env; }
  // For files that are going to be ingested into it.
  rocksdb::Options file_options(Family family) const;

  LifetimeSummaries& lifetime_summaries() { return lifetime_summaries_; }

  bool encrypted() const { return encrypted_env_ != nullptr; }
  // What a write came to. RocksDB itself calls every write a success after the disk failed one (fail_stop_env.h), so
  // each write that somebody relies on goes through here: rocks.written(rocks.db().Write(...), "writing state").
  Status written(const rocksdb::Status& status, std::string_view doing) const;
  // The failure after which nothing was written any more, or OK.
  Status failure() const { return fail_stop_ ? fail_stop_->failure() : Status(); }
  bool disk_was_full() const { return fail_stop_ && fail_stop_->disk_was_full(); }
  // See FailStopEnv.
  void set_on_failure(const std::function<void(const Status&)>& act) {
    if (fail_stop_) fail_stop_->set_on_failure(act);
  }

  // For whoever met something stored that does not read, and goes on without it: counts it, and logs it, once for each
  // file, with the remedy. `error` is RocksDB's, which names the file, or ours. Thread-safe.
  void report_damage(std::string_view doing, const std::string& error);
  // REQUIRES: before any other thread uses it.
  void count_damage_in(prometheus::Counter& counter) { damage_counter_ = &counter; }
  // Ends the automatic compaction of families in which one has met what does not read: RocksDB would try again every
  // second. Until the next opening their files become more instead of fewer, and all goes on. Thread-safe.
  void stop_failed_compactions();

  // Log records were skipped when it was opened.
  bool log_was_damaged() const { return log_was_damaged_; }
  uint64_t disk_bytes();

 private:
  class CompactionListener;

  explicit Rocks(Logger& logger) : logger_(logger) {}

  // Options for a directory, and what its files go through.
  static Result<std::unique_ptr<Rocks>> prepare(const DataDir& dir, const Options& options, Logger& logger,
                                                OpenMode mode);
  Status add_files_for_families(const DataDir& dir);
  // `disk` as in manifest_tail.h.
  rocksdb::Status open_for_serving(const DataDir& dir, rocksdb::Env& disk);
  rocksdb::Status open_for_reading(const DataDir& dir);

  Logger& logger_;
  LifetimeSummaries lifetime_summaries_;
  prometheus::Counter* damage_counter_ = nullptr;  // Null in tools.
  Mutex damage_mu_;                                // A leaf.
  std::set<std::string> damage_told_ TM_GUARDED_BY(damage_mu_);
  std::set<std::string> failed_compactions_ TM_GUARDED_BY(damage_mu_);  // Names of families, until they are stopped.

  std::unique_ptr<rocksdb::Env> encrypted_env_;  // Null when not encrypted.
  std::unique_ptr<FailStopEnv> fail_stop_;       // Over the former. Null when opened to read or to salvage.
  rocksdb::FileLock* lock_ = nullptr;            // Of kRead; RocksDB takes its own only to write.
  rocksdb::DBOptions db_options_;
  std::vector<rocksdb::ColumnFamilyDescriptor> families_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  bool log_was_damaged_ = false;
};

// Bound on all memtables together.
uint64_t memtable_bytes_max(const Options& options);

// Something stored is not as it was written, or gone.
bool is_damage(const rocksdb::Status& status);

// The same failure as ours: "reading series: IO error: ...". kCorruption where is_damage().
Status to_status(const rocksdb::Status& status, std::string_view doing);

// For iterators. They do not see deleted ranges: 7.8 crashes where a damaged block lies beside one. There are only
// those by which the log is trimmed, and whoever reads the log begins behind them.
//
// One that has met a damaged block takes it for empty when it comes there again: make a new one.
rocksdb::ReadOptions iterator_options(const rocksdb::Snapshot* snapshot = nullptr);

inline std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }
inline rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace tidemark::storage
