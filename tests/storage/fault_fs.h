// FaultFs: a file system for tests that fails when it is told to, and forgets what was not synced when the power goes.
//
// It lies over the operating system's. Every change to a file or folder made through it is counted; from these counts
// tests choose where something goes wrong. Data is written through at once, and remembered as unsynced until the file
// is synced; a file made, renamed or deleted is remembered until its folder is.
//
//   fail()        the n-th change fails, once or with all that follow: a full disk, or one that breaks
//   freeze()      no change reaches the disk any more: the moment the power goes
//   power_cut()   afterwards, with no file open: takes back what was not synced
//
// An append that fails has written half of its bytes, as full disks do. Reads fail while fail_reads(). Thread-safe, but
// for power_cut().
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "model/mutex.h"

namespace tidemark::testing {

class FaultFs final : public rocksdb::FileSystemWrapper {
 public:
  enum Change : unsigned {
    kCreate = 1,
    kAppend = 2,
    kSync = 4,
    kRename = 8,
    kDelete = 16,
    kSyncFolder = 32,
    kMakeFolder = 64,
    kAnyChange = 127,
  };
  enum class Error { kNoSpace, kIo, kPower };  // kPower: freeze() at that change.

  struct Fault {
    uint64_t at = 1;  // From now on, counting the changes that it is about. From 1.
    bool lasting = false;
    Error error = Error::kIo;
    unsigned changes = kAnyChange;
    std::string path_part = {};  // Only files and folders whose path contains it.
  };

  // What a cut may leave of what was not synced. Without any of these: nothing.
  struct Cut {
    bool torn = false;     // Of each file some first bytes.
    bool holes = false;    // Of each file some sectors, zeros between them.
    bool entries = false;  // Of each folder some first changes.
  };

  // `attic`, in the same file system: where deleted files wait until it is known that they stay deleted.
  explicit FaultFs(std::string attic);

  const char* Name() const override { return "FaultFs"; }

  void fail(const Fault& fault);
  void heal();                                    // No fault any more.
  void fail_reads(bool on) { reads_fail_ = on; }  // Of data files.
  // A fault has struck since the last heal().
  bool failed() const { return failed_.load(); }
  uint64_t changes() const { return changes_.load(); }

  void freeze() { frozen_ = true; }
  void freeze_at(uint64_t change) { freeze_at_ = change; }  // As changes() counts.
  bool frozen() const { return frozen_.load(); }
  // Ends the freeze too. REQUIRES: all files are closed.
  void power_cut(std::mt19937_64& random, const Cut& cut);

  // What GetFreeSpace answers; nothing: the truth.
  void set_free_bytes(std::optional<uint64_t> bytes);
  // Called before each sync of a file, on its thread, without a lock: makes disks slow.
  void set_before_sync(std::function<void()> hook);

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomAccessFile(const std::string& path, const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* folder,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus CreateDir(const std::string& path, const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus CreateDirIfMissing(const std::string& path, const rocksdb::IOOptions& options,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFreeSpace(const std::string& path, const rocksdb::IOOptions& options, uint64_t* bytes,
                                 rocksdb::IODebugContext* debug) override;

 private:
  class WritableFile;
  class DataFile;
  class Folder;
  struct File {
    std::atomic<uint64_t> bytes{0};
    std::atomic<uint64_t> synced_bytes{0};
  };
  // A change to a folder that is not synced.
  struct Entry {
    enum class Kind { kMade, kRenamed, kDeleted } kind;
    std::string path;                     // After a rename: the new one.
    std::string from;                     // Of a rename.
    std::string attic_path;               // Where the file lies that was deleted, or replaced by a rename. "" if none.
    std::shared_ptr<File> file_in_attic;  // Null when all of it is synced.
  };

  // Counts a change, and refuses it where it is to fail.
  rocksdb::IOStatus change(Change kind, const std::string& path);
  void made(const std::string& path, const std::shared_ptr<File>& file);
  rocksdb::IOStatus move_to_attic(const std::string& path, Entry& entry) TM_REQUIRES(mu_);
  void take_back(const Entry& entry) TM_REQUIRES(mu_);
  void folder_synced(const std::string& path, size_t entries);
  size_t unsynced_entries(const std::string& folder);

  const std::string attic_;
  std::atomic<uint64_t> changes_{0};
  std::atomic<uint64_t> freeze_at_{UINT64_MAX};
  std::atomic<bool> frozen_{false};
  std::atomic<bool> failed_{false};
  std::atomic<bool> reads_fail_{false};

  Mutex mu_;
  std::optional<Fault> fault_ TM_GUARDED_BY(mu_);
  std::map<std::string, std::shared_ptr<File>> files_ TM_GUARDED_BY(mu_);  // Written through this, by path.
  std::map<std::string, std::vector<Entry>> unsynced_ TM_GUARDED_BY(mu_);  // By folder, oldest first.
  uint64_t attic_files_ TM_GUARDED_BY(mu_) = 0;
  std::optional<uint64_t> free_bytes_ TM_GUARDED_BY(mu_);
  std::function<void()> before_sync_ TM_GUARDED_BY(mu_);
};

// An environment over it in which RocksDB, after a failure, waits milliseconds where it would wait a second.
std::unique_ptr<rocksdb::Env> make_fault_env(const std::shared_ptr<FaultFs>& files);

}  // namespace tidemark::testing
