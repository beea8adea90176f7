#include "aggregator/storage/fail_stop_env.h"

#include <rocksdb/file_system.h>

#include <atomic>
#include <utility>

#include "model/mutex.h"

namespace tidemark::storage {
namespace {

using rocksdb::FileOptions;
using rocksdb::FSDirectory;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

}  // namespace

class FailStopEnv::Latch {
 public:
  bool closed() const { return closed_.load(std::memory_order_acquire); }

  // Does the write unless one failed before. OK in every case.
  template <class Write>
  IOStatus write(Write write) {
    if (closed()) return IOStatus::OK();
    const IOStatus status = write();
    if (!status.ok()) close(status);
    return IOStatus::OK();
  }

  void close(const IOStatus& why) {
    std::function<void(const Status&)> act;
    const Status failure = Status::io((why.IsNoSpace() ? "the disk is full: " : "") + why.ToString());
    {
      const MutexLock lock(mu_);
      if (closed()) return;
      failure_ = failure;
      disk_was_full_ = why.IsNoSpace();
      act = on_failure_;
      closed_.store(true, std::memory_order_release);
    }
    if (act) act(failure);
  }

  Status failure() const {
    if (!closed()) return {};
    const MutexLock lock(mu_);
    return failure_;
  }

  bool disk_was_full() const {
    const MutexLock lock(mu_);
    return disk_was_full_;
  }

  void set_on_failure(const std::function<void(const Status&)>& act) {
    {
      const MutexLock lock(mu_);
      on_failure_ = act;
      if (!closed()) return;
    }
    act(failure());
  }

 private:
  std::atomic<bool> closed_{false};  // Release after failure_ is set.
  mutable Mutex mu_;
  Status failure_ TM_GUARDED_BY(mu_);
  bool disk_was_full_ TM_GUARDED_BY(mu_) = false;
  std::function<void(const Status&)> on_failure_ TM_GUARDED_BY(mu_);
};

// A file there may be nothing behind: one made after the latch has closed.
class FailStopEnv::File final : public FSWritableFile {
 public:
  File(std::shared_ptr<Latch> latch, std::unique_ptr<FSWritableFile> target, const FileOptions& options)
      : FSWritableFile(options), latch_(std::move(latch)), target_(std::move(target)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    bytes_ += data.size();
    return latch_->write([&] { return target_->Append(data, options, debug); });
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Truncate(uint64_t bytes, const IOOptions& options, IODebugContext* debug) override {
    return latch_->write([&] { return target_->Truncate(bytes, options, debug); });
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    return latch_->write([&] { return target_->Flush(options, debug); });
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return latch_->write([&] { return target_->Sync(options, debug); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return latch_->write([&] { return target_->Fsync(options, debug); });
  }
  IOStatus RangeSync(uint64_t offset, uint64_t bytes, const IOOptions& options, IODebugContext* debug) override {
    return latch_->write([&] { return target_->RangeSync(offset, bytes, options, debug); });
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    if (!target_) return IOStatus::OK();
    const IOStatus status = target_->Close(options, debug);
    if (!status.ok()) latch_->close(status);
    return IOStatus::OK();
  }
  uint64_t GetFileSize(const IOOptions& options, IODebugContext* debug) override {
    return target_ ? target_->GetFileSize(options, debug) : bytes_;
  }
  // The file below allocates ahead, and gives back at the end what it did not need.
  void SetPreallocationBlockSize(size_t bytes) override {
    if (target_) target_->SetPreallocationBlockSize(bytes);
  }
  void GetPreallocationStatus(size_t* block_bytes, size_t* blocks) override {
    *block_bytes = *blocks = 0;
    if (target_) target_->GetPreallocationStatus(block_bytes, blocks);
  }
  void PrepareWrite(size_t offset, size_t bytes, const IOOptions& options, IODebugContext* debug) override {
    if (target_) target_->PrepareWrite(offset, bytes, options, debug);
  }
  // Only saves work: what cannot be allocated now fails when it is written.
  IOStatus Allocate(uint64_t offset, uint64_t bytes, const IOOptions& options, IODebugContext* debug) override {
    return target_ ? target_->Allocate(offset, bytes, options, debug) : IOStatus::OK();
  }
  IOStatus InvalidateCache(size_t offset, size_t bytes) override {
    return target_ ? target_->InvalidateCache(offset, bytes) : IOStatus::OK();
  }
  bool IsSyncThreadSafe() const override { return !target_ || target_->IsSyncThreadSafe(); }
  size_t GetUniqueId(char* id, size_t bytes_max) const override {
    return target_ ? target_->GetUniqueId(id, bytes_max) : 0;
  }

 private:
  const std::shared_ptr<Latch> latch_;
  const std::unique_ptr<FSWritableFile> target_;  // Null only when the latch is closed.
  uint64_t bytes_ = 0;
};

class FailStopEnv::Folder final : public FSDirectory {
 public:
  Folder(std::shared_ptr<Latch> latch, std::unique_ptr<FSDirectory> target)
      : latch_(std::move(latch)), target_(std::move(target)) {}
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return latch_->write([&] { return target_->Fsync(options, debug); });
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& more) override {
    return latch_->write([&] { return target_->FsyncWithDirOptions(options, debug, more); });
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override { return target_->Close(options, debug); }

 private:
  const std::shared_ptr<Latch> latch_;
  const std::unique_ptr<FSDirectory> target_;
};

class FailStopEnv::Files final : public rocksdb::FileSystemWrapper {
 public:
  Files(std::shared_ptr<Latch> latch, const std::shared_ptr<rocksdb::FileSystem>& target)
      : FileSystemWrapper(target), latch_(std::move(latch)) {}

  const char* Name() const override { return "FailStop"; }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options, std::unique_ptr<FSWritableFile>* file,
                           IODebugContext* debug) override {
    return open(options, file, [&](std::unique_ptr<FSWritableFile>* made) {
      return FileSystemWrapper::NewWritableFile(path, options, made, debug);
    });
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<FSWritableFile>* file, IODebugContext* debug) override {
    return open(options, file, [&](std::unique_ptr<FSWritableFile>* made) {
      return FileSystemWrapper::ReopenWritableFile(path, options, made, debug);
    });
  }
  IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path, const FileOptions& options,
                             std::unique_ptr<FSWritableFile>* file, IODebugContext* debug) override {
    return open(options, file, [&](std::unique_ptr<FSWritableFile>* made) {
      return FileSystemWrapper::ReuseWritableFile(path, old_path, options, made, debug);
    });
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions& options, std::unique_ptr<FSDirectory>* folder,
                        IODebugContext* debug) override {
    std::unique_ptr<FSDirectory> target;
    IOStatus status = FileSystemWrapper::NewDirectory(path, options, &target, debug);
    if (status.ok()) *folder = std::make_unique<Folder>(latch_, std::move(target));
    return status;
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    return latch_->write([&] { return FileSystemWrapper::RenameFile(from, to, options, debug); });
  }
  // A file that cannot be deleted, linked to or truncated is nothing RocksDB relies on; nor is a folder: where it does,
  // opening it fails.
  IOStatus DeleteFile(const std::string& path, const IOOptions& options, IODebugContext* debug) override {
    return latch_->closed() ? IOStatus::OK() : FileSystemWrapper::DeleteFile(path, options, debug);
  }
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions& options,
                    IODebugContext* debug) override {
    return latch_->closed() ? IOStatus::OK() : FileSystemWrapper::LinkFile(from, to, options, debug);
  }
  IOStatus Truncate(const std::string& path, size_t bytes, const IOOptions& options, IODebugContext* debug) override {
    return latch_->closed() ? IOStatus::OK() : FileSystemWrapper::Truncate(path, bytes, options, debug);
  }

 private:
  template <class Open>
  IOStatus open(const FileOptions& options, std::unique_ptr<FSWritableFile>* file, Open act) {
    std::unique_ptr<FSWritableFile> target;
    IOStatus done = latch_->write([&] { return act(&target); });
    *file = std::make_unique<File>(latch_, std::move(target), options);
    return done;
  }

  const std::shared_ptr<Latch> latch_;
};

// Files by all ways: RocksDB deletes its old list of files through the environment, not through its file system.
class FailStopEnv::Wrapper final : public rocksdb::EnvWrapper {
 public:
  Wrapper(rocksdb::Env* base, const std::shared_ptr<rocksdb::FileSystem>& files)
      : EnvWrapper(rocksdb::NewCompositeEnv(files)), base_(base) {
    file_system_ = files;
  }
  void SleepForMicroseconds(int micros) override { base_->SleepForMicroseconds(micros); }

 private:
  rocksdb::Env* const base_;
};

FailStopEnv::FailStopEnv(rocksdb::Env* base)
    : latch_(std::make_shared<Latch>()),
      env_(std::make_unique<Wrapper>(base, std::make_shared<Files>(latch_, base->GetFileSystem()))) {}

FailStopEnv::~FailStopEnv() = default;

Status FailStopEnv::failure() const { return latch_->failure(); }
bool FailStopEnv::disk_was_full() const { return latch_->disk_was_full(); }
void FailStopEnv::set_on_failure(const std::function<void(const Status&)>& act) { latch_->set_on_failure(act); }

}  // namespace tidemark::storage
