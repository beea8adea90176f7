#include "aggregator/storage/rocks.h"

#include <prometheus/counter.h>
#include <rocksdb/cache.h>
#include <rocksdb/listener.h>
#include <rocksdb/sst_partitioner.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <filesystem>

#include "aggregator/storage/encrypted_env.h"
#include "aggregator/storage/keys.h"
#include "aggregator/storage/manifest_tail.h"
#include "aggregator/storage/postings.h"

namespace tidemark::storage {
namespace {

constexpr const char* kFamilyNames[kFamilyCount] = {"default",     "series", "postings", "chunks",
                                                    "checkpoints", "log",    "state"};

// RocksDB's own info log aborts the process when the disk is full (Debian's build asserts), so it gets none. Its errors
// go to ours; its warnings are about itself (stalls, files without unique id), nothing a person must act on.
class InfoLog final : public rocksdb::Logger {
 public:
  explicit InfoLog(tidemark::Logger& logger) : rocksdb::Logger(rocksdb::WARN_LEVEL), logger_(logger) {}

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override { Logv(rocksdb::INFO_LEVEL, format, arguments); }
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < rocksdb::WARN_LEVEL || level == rocksdb::HEADER_LEVEL) return;
    char line[512];
    std::vsnprintf(line, sizeof line, format, arguments);
    if (level >= rocksdb::ERROR_LEVEL) {
      logger_.error("rocksdb", {{"message", line}});
    } else {
      logger_.debug("rocksdb", {{"message", line}});
    }
  }

 private:
  tidemark::Logger& logger_;
};

// Memtables: the log's, which should never fill before it is trimmed, and small ones for the rest.
uint64_t log_memtable_bytes(const Options& options) {
  return std::clamp<uint64_t>(2 * options.log_bytes_max + (4 << 20), 8 << 20, 256 << 20);
}

rocksdb::Env* disk_of(const Options& options) { return options.env != nullptr ? options.env : rocksdb::Env::Default(); }

rocksdb::DBOptions database_options(const Options& options, const std::shared_ptr<rocksdb::Cache>& cache,
                                    Logger& logger) {
  rocksdb::DBOptions db;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  db.env = disk_of(options);
  db.info_log = std::make_shared<InfoLog>(logger);
  // Off, writes after a failed log append are acknowledged and lost on reopening.
  db.paranoid_checks = true;
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  db.max_open_files = 512;
  db.max_background_jobs = 2;
  db.max_file_opening_threads = 2;
  // An idle family would pin log files.
  db.max_total_wal_size = log_memtable_bytes(options) + (32 << 20);
  db.recycle_log_file_num = 0;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(memtable_bytes_max(options), cache);
  return db;
}

rocksdb::ColumnFamilyOptions family_options(Family family, const Options& options,
                                            const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.format_version = 5;
  table.block_size = 16 << 10;

  rocksdb::ColumnFamilyOptions cf;
  cf.compression = rocksdb::kNoCompression;
  cf.write_buffer_size = 4 << 20;
  cf.max_write_buffer_number = 2;
  switch (family) {
    case Family::kSeries:
      cf.compression = rocksdb::kZSTD;
      cf.write_buffer_size = 8 << 20;
      // Hashes are all over the range, so that each compaction writes all of it anew: seldom, then. By size (universal)
      // would be less still, but before RocksDB 7.10 it puts ingested files back beside a memtable as old as they are,
      // and the flush of that memtable fails ("VersionBuilder: L0 file").
      cf.level0_file_num_compaction_trigger = 12;
      cf.level0_slowdown_writes_trigger = 30;
      cf.level0_stop_writes_trigger = 60;
      // From the last level up: a deleted record's key stays as long as any file below its own spans it, and the first
      // hashes ever ingested span them all, from the last level.
      cf.level_compaction_dynamic_level_bytes = true;
      break;
    case Family::kPostings:
      cf.compression = rocksdb::kZSTD;
      cf.merge_operator = make_postings_merge_operator();
      cf.sst_partitioner_factory = rocksdb::NewSstPartitionerFixedPrefixFactory(kWindowPrefixBytes);
      break;
    case Family::kChunks:
      // Compressed already. Files are cut by window, so that dropping one drops whole files.
      cf.sst_partitioner_factory = rocksdb::NewSstPartitionerFixedPrefixFactory(kWindowPrefixBytes);
      cf.target_file_size_base = 32 << 20;
      break;
    case Family::kLog:
      cf.write_buffer_size = log_memtable_bytes(options);
      break;
    case Family::kCheckpoints:  // Open chunks do not compress.
    case Family::kDefault:
    case Family::kState:
      break;
  }
  cf.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return cf;
}

std::string repair_remedy(const DataDir& dir) {
  return "(run \"tidemark tsdb repair --storage.tsdb.path=" + dir.path + "\", or restore a backup)";
}

// Of files and pieces; beyond that the counter must do.
constexpr size_t kDamageToldMax = 100;

// Without CURRENT RocksDB takes a directory for a new one, and deletes what else is there.
Status check_file_list(const DataDir& dir) {
  std::error_code error;
  if (std::filesystem::exists(dir.rocks + "/CURRENT", error)) return {};
  for (std::filesystem::directory_iterator at(dir.rocks, error), end; !error && at != end; at.increment(error)) {
    const auto extension = at->path().extension();
    if (extension != ".sst" && (extension != ".log" || at->file_size(error) == 0)) continue;
    return Status::corruption("data directory " + dir.path + " is damaged: " + dir.rocks + "/CURRENT is missing " +
                              repair_remedy(dir));
  }
  return {};
}

Status open_failure(const DataDir& dir, const rocksdb::Status& status) {
  const std::string text = status.ToString();
  if (is_damage(status)) {
    return Status::corruption("data directory " + dir.path + " is damaged: " + text + " " + repair_remedy(dir));
  }
  if (text.find("LOCK") != std::string::npos || text.find("lock ") != std::string::npos) {
    return Status::unavailable("data directory " + dir.path +
                               " is in use by another process: stop it, or choose another with --storage.tsdb.path (" +
                               text + ")");
  }
  return Status::io("cannot open data directory " + dir.path + ": " + text);
}

}  // namespace

// RocksDB turns read-only when a compaction fails. One that cannot read a file is no reason: what it was to replace is
// still there. Calls come without RocksDB's locks.
class Rocks::CompactionListener final : public rocksdb::EventListener {
 public:
  explicit CompactionListener(Rocks& rocks) : rocks_(rocks) {}

  void OnCompactionCompleted(rocksdb::DB* /*db*/, const rocksdb::CompactionJobInfo& job) override {
    if (!could_not_read(job.status)) return;
    {
      const MutexLock lock(rocks_.damage_mu_);
      rocks_.failed_compactions_.insert(job.cf_name);
    }
    rocks_.report_damage("compacting " + job.cf_name, job.status.ToString());
  }
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override {
    if (reason == rocksdb::BackgroundErrorReason::kCompaction && could_not_read(*error)) *error = rocksdb::Status::OK();
  }

 private:
  // Writes do not fail (fail_stop_env.h), but after one that should have, there are files with nothing in them.
  bool could_not_read(const rocksdb::Status& status) const {
    return (is_damage(status) || status.IsIOError()) && rocks_.failure().ok();
  }

  Rocks& rocks_;
};

uint64_t memtable_bytes_max(const Options& options) { return log_memtable_bytes(options) + (24 << 20); }

bool is_damage(const rocksdb::Status& status) { return status.IsCorruption() || status.IsPathNotFound(); }

rocksdb::ReadOptions iterator_options(const rocksdb::Snapshot* snapshot) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  options.ignore_range_deletions = true;
  return options;
}

Status to_status(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) return {};
  std::string message = std::string(doing) + ": " + status.ToString();
  if (is_damage(status)) return Status::corruption(std::move(message));
  if (status.IsShutdownInProgress()) return Status::unavailable(std::move(message));
  return Status::io(std::move(message));
}

Result<std::unique_ptr<Rocks>> Rocks::prepare(const DataDir& dir, const Options& options, Logger& logger,
                                              OpenMode mode) {
  std::unique_ptr<Rocks> rocks(new Rocks(logger));
  std::error_code error;
  // What is only read is there, even if it has lost the file that says so.
  const bool serves = mode == OpenMode::kServe || mode == OpenMode::kServeFrugally;
  const bool exists = !serves || std::filesystem::exists(dir.rocks + "/CURRENT", error);
  auto encrypted = open_encryption(dir.path, exists, options.encryption_key_file, options.env, logger);
  if (!encrypted) return fail(encrypted.error());
  rocks->encrypted_env_ = std::move(*encrypted);
  // One bound for both: memtables are charged to the cache.
  const auto cache = rocksdb::NewLRUCache(options.block_cache_bytes + log_memtable_bytes(options));
  rocks->db_options_ = database_options(options, cache, logger);
  if (rocks->encrypted_env_) rocks->db_options_.env = rocks->encrypted_env_.get();
  for (size_t i = 0; i < kFamilyCount; ++i) {
    rocks->families_.emplace_back(kFamilyNames[i], family_options(static_cast<Family>(i), options, cache));
  }
  // What the log holds stays there and in memory: the next checkpoint forgets most of it before it was ever written
  // twice.
  rocks->db_options_.avoid_flush_during_recovery = serves;
  if (mode == OpenMode::kSalvage || mode == OpenMode::kServeFrugally) {
    for (rocksdb::ColumnFamilyDescriptor& family : rocks->families_) family.options.disable_auto_compactions = true;
  }
  if (!serves) {
    rocks->db_options_.create_if_missing = false;
    rocks->db_options_.paranoid_checks = false;
    rocks->db_options_.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  }
  if (serves) {
    rocks->db_options_.listeners.push_back(std::make_shared<CompactionListener>(*rocks));
    rocks->fail_stop_ = std::make_unique<FailStopEnv>(rocks->db_options_.env);
    rocks->db_options_.env = rocks->fail_stop_->env();
  }
  return rocks;
}

Result<std::unique_ptr<Rocks>> Rocks::open(const DataDir& dir, const Options& options, Logger& logger, OpenMode mode) {
  if (mode == OpenMode::kServe || mode == OpenMode::kServeFrugally) {
    if (Status status = check_file_list(dir); !status.ok()) return fail(status);
  }
  auto rocks = prepare(dir, options, logger, mode);
  if (!rocks) return rocks;
  const rocksdb::Status status =
      mode == OpenMode::kRead ? (*rocks)->open_for_reading(dir) : (*rocks)->open_for_serving(dir, *disk_of(options));
  // What RocksDB says after a failed write follows from that; the write is the reason.
  if (Status failed = (*rocks)->failure(); !failed.ok()) {
    return fail(failed.at("cannot open data directory " + dir.path));
  }
  if (!status.ok()) return fail(open_failure(dir, status));
  return rocks;
}

rocksdb::Status Rocks::open_for_serving(const DataDir& dir, rocksdb::Env& disk) {
  rocksdb::DB* db = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(db_options_, dir.rocks, families_, &handles_, &db);
  if (status.IsCorruption()) {
    if (const auto torn = cut_torn_manifest(env(), disk, dir.rocks)) {
      logger_.warn("a power cut tore the last write to the list of files: it was cut off, nothing relied on it",
                   {{"path", torn->path}, {"kept_bytes", torn->kept_bytes}, {"dropped_bytes", torn->dropped_bytes}});
      status = rocksdb::DB::Open(db_options_, dir.rocks, families_, &handles_, &db);
    }
  }
  if (status.IsCorruption() && db_options_.paranoid_checks) {
    // Perhaps a flipped bit in the middle of the log. What reads is kept; recovery says which positions are gone.
    const std::string why = status.ToString();
    db_options_.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
    status = rocksdb::DB::Open(db_options_, dir.rocks, families_, &handles_, &db);
    log_was_damaged_ = status.ok();
    if (log_was_damaged_) {
      logger_.error("the write-ahead log is damaged: its records that do not read are lost",
                    {{"path", dir.rocks}, {"err", why}});
    }
  }
  db_.reset(db);
  return status;
}

rocksdb::Status Rocks::open_for_reading(const DataDir& dir) {
  rocksdb::Status status = env().LockFile(dir.rocks + "/LOCK", &lock_);
  if (!status.ok()) return status;
  rocksdb::DB* db = nullptr;
  status = rocksdb::DB::OpenForReadOnly(db_options_, dir.rocks, families_, &handles_, &db);
  db_.reset(db);
  return status;
}

void Rocks::report_damage(std::string_view doing, const std::string& error) {
  if (damage_counter_ != nullptr) damage_counter_->Increment();
  // By file, where the error names one.
  std::string what = error;
  if (const size_t end = error.find(".sst"); end != std::string::npos) {
    const size_t begin = error.rfind(' ', end) + 1;
    what = error.substr(begin, end + 4 - begin);
  }
  {
    const MutexLock lock(damage_mu_);
    if (damage_told_.size() >= kDamageToldMax || !damage_told_.insert(what).second) return;
  }
  logger_.error("stored data does not read and is left out",
                {{"doing", doing},
                 {"err", error},
                 {"next",
                  "stop tidemark: then \"tidemark tsdb verify\" says what is lost, \"tidemark tsdb repair\" keeps "
                  "the rest"}});
}

void Rocks::stop_failed_compactions() {
  std::set<std::string> failed;
  {
    const MutexLock lock(damage_mu_);
    failed.swap(failed_compactions_);
  }
  for (rocksdb::ColumnFamilyHandle* handle : handles_) {
    if (!failed.contains(handle->GetName())) continue;
    const rocksdb::Status status = db_->SetOptions(handle, {{"disable_auto_compactions", "true"}});
    logger_.error("files of a family are not compacted any more, for one of them does not read",
                  {{"family", handle->GetName()}, {"err", to_status(status, "ending compaction")}});
  }
}

Rocks::~Rocks() {
  if (db_) {
    for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
    db_->Close().PermitUncheckedError();
    db_.reset();
  }
  if (lock_ != nullptr) env().UnlockFile(lock_).PermitUncheckedError();
}

Status Rocks::written(const rocksdb::Status& status, std::string_view doing) const {
  if (Status failed = failure(); !failed.ok()) return failed.at(doing);
  return to_status(status, doing);
}

rocksdb::Options Rocks::file_options(Family family) const {
  return {db_options_, families_[static_cast<size_t>(family)].options};
}

uint64_t Rocks::disk_bytes() {
  uint64_t bytes = 0;
  for (rocksdb::ColumnFamilyHandle* handle : handles_) {
    uint64_t files = 0;
    if (db_->GetIntProperty(handle, rocksdb::DB::Properties::kTotalSstFilesSize, &files)) bytes += files;
  }
  rocksdb::VectorLogPtr logs;
  if (db_->GetSortedWalFiles(logs).ok()) {
    for (const auto& log : logs) bytes += log->SizeFileBytes();
  }
  return bytes;
}

}  // namespace tidemark::storage
