#include "tests/storage/fault_fs.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace tidemark::testing {
namespace {

namespace fs = std::filesystem;
using rocksdb::FileOptions;
using rocksdb::FSDirectory;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr uint64_t kSectorBytes = 512;

class FaultEnv final : public rocksdb::EnvWrapper {
 public:
  explicit FaultEnv(std::unique_ptr<rocksdb::Env> target) : EnvWrapper(std::move(target)) {}
  void SleepForMicroseconds(int micros) override { EnvWrapper::SleepForMicroseconds(std::min(micros, 2000)); }
};

std::string folder_of(const std::string& path) { return fs::path(path).parent_path().string(); }
std::string plain(const std::string& path) { return fs::path(path).lexically_normal().string(); }

}  // namespace

class FaultFs::WritableFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WritableFile(FaultFs& over, std::string path, std::shared_ptr<File> file, std::unique_ptr<FSWritableFile> target)
      : FSWritableFileOwnerWrapper(std::move(target)), over_(over), path_(std::move(path)), file_(std::move(file)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    const IOStatus refused = over_.change(kAppend, path_);
    if (refused.ok()) return write(data, options, debug);
    if (!over_.frozen()) write(Slice(data.data(), data.size() / 2), options, debug).PermitUncheckedError();
    return refused;
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus PositionedAppend(const Slice&, uint64_t, const IOOptions&, IODebugContext*) override {
    return IOStatus::NotSupported("PositionedAppend");  // Only for direct I/O.
  }
  IOStatus PositionedAppend(const Slice&, uint64_t, const IOOptions&, const rocksdb::DataVerificationInfo&,
                            IODebugContext*) override {
    return IOStatus::NotSupported("PositionedAppend");
  }
  IOStatus Truncate(uint64_t bytes, const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus refused = over_.change(kAppend, path_); !refused.ok()) return refused;
    IOStatus status = FSWritableFileOwnerWrapper::Truncate(bytes, options, debug);
    if (status.ok()) file_->bytes = bytes;
    return status;
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return sync(); }
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return sync(); }
  IOStatus RangeSync(uint64_t, uint64_t, const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  bool IsSyncThreadSafe() const override { return true; }

 private:
  IOStatus write(const Slice& data, const IOOptions& options, IODebugContext* debug) {
    IOStatus status = FSWritableFileOwnerWrapper::Append(data, options, debug);
    if (status.ok()) file_->bytes += data.size();
    return status;
  }
  // Nothing is really synced: what matters is what power_cut() believes.
  IOStatus sync() {
    const uint64_t bytes = file_->bytes;
    std::function<void()> hook;
    {
      const MutexLock lock(over_.mu_);
      hook = over_.before_sync_;
    }
    if (hook) hook();
    if (IOStatus refused = over_.change(kSync, path_); !refused.ok()) return refused;
    file_->synced_bytes = std::max(file_->synced_bytes.load(), bytes);
    return IOStatus::OK();
  }

  FaultFs& over_;
  const std::string path_;
  const std::shared_ptr<File> file_;
};

class FaultFs::DataFile final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  DataFile(FaultFs& over, std::unique_ptr<rocksdb::FSRandomAccessFile> target)
      : FSRandomAccessFileOwnerWrapper(std::move(target)), over_(over) {}

  IOStatus Read(uint64_t offset, size_t size, const IOOptions& options, Slice* result, char* scratch,
                IODebugContext* debug) const override {
    if (over_.reads_fail_) return IOStatus::IOError("made to fail");
    return FSRandomAccessFileOwnerWrapper::Read(offset, size, options, result, scratch, debug);
  }
  IOStatus MultiRead(rocksdb::FSReadRequest* requests, size_t count, const IOOptions& options,
                     IODebugContext* debug) override {
    if (over_.reads_fail_) return IOStatus::IOError("made to fail");
    return FSRandomAccessFileOwnerWrapper::MultiRead(requests, count, options, debug);
  }

 private:
  FaultFs& over_;
};

class FaultFs::Folder final : public FSDirectory {
 public:
  Folder(FaultFs& over, std::string path) : over_(over), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    const size_t entries = over_.unsynced_entries(path_);
    if (IOStatus refused = over_.change(kSyncFolder, path_); !refused.ok()) return refused;
    over_.folder_synced(path_, entries);
    return IOStatus::OK();
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  FaultFs& over_;
  const std::string path_;
};

FaultFs::FaultFs(std::string attic) : FileSystemWrapper(rocksdb::FileSystem::Default()), attic_(std::move(attic)) {
  fs::create_directories(attic_);
}

void FaultFs::fail(const Fault& fault) {
  const MutexLock lock(mu_);
  fault_ = fault;
}

void FaultFs::heal() {
  const MutexLock lock(mu_);
  fault_.reset();
  failed_ = false;
}

void FaultFs::set_free_bytes(std::optional<uint64_t> bytes) {
  const MutexLock lock(mu_);
  free_bytes_ = bytes;
}

void FaultFs::set_before_sync(std::function<void()> hook) {
  const MutexLock lock(mu_);
  before_sync_ = std::move(hook);
}

IOStatus FaultFs::change(Change kind, const std::string& path) {
  if (++changes_ >= freeze_at_) frozen_ = true;
  if (frozen_) return IOStatus::IOError("the power is gone", path);
  const MutexLock lock(mu_);
  if (!fault_ || (fault_->changes & kind) == 0 || path.find(fault_->path_part) == std::string::npos) {
    return IOStatus::OK();
  }
  if (fault_->at > 1) {
    --fault_->at;
    return IOStatus::OK();
  }
  const Error error = fault_->error;
  if (!fault_->lasting) fault_.reset();
  if (error == Error::kPower) {
    frozen_ = true;
    return IOStatus::IOError("the power is gone", path);
  }
  failed_ = true;
  return error == Error::kNoSpace ? IOStatus::NoSpace("made to fail", path) : IOStatus::IOError("made to fail", path);
}

IOStatus FaultFs::NewWritableFile(const std::string& given, const FileOptions& options,
                                  std::unique_ptr<FSWritableFile>* file, IODebugContext* debug) {
  const std::string path = plain(given);
  if (IOStatus refused = change(kCreate, path); !refused.ok()) return refused;
  std::unique_ptr<FSWritableFile> target;
  IOStatus status = FileSystemWrapper::NewWritableFile(path, options, &target, debug);
  if (!status.ok()) return status;
  auto record = std::make_shared<File>();
  made(path, record);
  *file = std::make_unique<WritableFile>(*this, path, std::move(record), std::move(target));
  return status;
}

IOStatus FaultFs::NewRandomAccessFile(const std::string& path, const FileOptions& options,
                                      std::unique_ptr<rocksdb::FSRandomAccessFile>* file, IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSRandomAccessFile> target;
  IOStatus status = FileSystemWrapper::NewRandomAccessFile(path, options, &target, debug);
  if (status.ok()) *file = std::make_unique<DataFile>(*this, std::move(target));
  return status;
}

IOStatus FaultFs::ReopenWritableFile(const std::string& given, const FileOptions& options,
                                     std::unique_ptr<FSWritableFile>* file, IODebugContext* debug) {
  const std::string path = plain(given);
  if (!fs::exists(path)) return NewWritableFile(path, options, file, debug);
  std::unique_ptr<FSWritableFile> target;
  IOStatus status = FileSystemWrapper::ReopenWritableFile(path, options, &target, debug);
  if (!status.ok()) return status;
  const MutexLock lock(mu_);
  std::shared_ptr<File>& record = files_[path];
  if (!record) {
    record = std::make_shared<File>();
    record->bytes = record->synced_bytes = fs::file_size(path);
  }
  *file = std::make_unique<WritableFile>(*this, path, record, std::move(target));
  return status;
}

IOStatus FaultFs::ReuseWritableFile(const std::string&, const std::string&, const FileOptions&,
                                    std::unique_ptr<FSWritableFile>*, IODebugContext*) {
  return IOStatus::NotSupported("ReuseWritableFile");  // Only for recycled logs.
}

IOStatus FaultFs::NewDirectory(const std::string& path, const IOOptions& options, std::unique_ptr<FSDirectory>* folder,
                               IODebugContext* debug) {
  IOStatus status = FileSystemWrapper::NewDirectory(path, options, folder, debug);
  if (status.ok()) *folder = std::make_unique<Folder>(*this, plain(path));
  return status;
}

IOStatus FaultFs::CreateDir(const std::string& path, const IOOptions& options, IODebugContext* debug) {
  if (IOStatus refused = change(kMakeFolder, path); !refused.ok()) return refused;
  return FileSystemWrapper::CreateDir(path, options, debug);
}

IOStatus FaultFs::CreateDirIfMissing(const std::string& path, const IOOptions& options, IODebugContext* debug) {
  if (fs::exists(path)) return IOStatus::OK();
  return CreateDir(path, options, debug);
}

IOStatus FaultFs::DeleteFile(const std::string& given, const IOOptions& options, IODebugContext* debug) {
  const std::string path = plain(given);
  if (!fs::exists(path)) return FileSystemWrapper::DeleteFile(path, options, debug);
  if (IOStatus refused = change(kDelete, path); !refused.ok()) return refused;
  const MutexLock lock(mu_);
  Entry entry{Entry::Kind::kDeleted, path, "", "", nullptr};
  if (IOStatus status = move_to_attic(path, entry); !status.ok()) return status;
  unsynced_[folder_of(path)].push_back(std::move(entry));
  return IOStatus::OK();
}

IOStatus FaultFs::RenameFile(const std::string& given, const std::string& given_to, const IOOptions& options,
                             IODebugContext* debug) {
  const std::string from = plain(given);
  const std::string to = plain(given_to);
  if (IOStatus refused = change(kRename, to); !refused.ok()) return refused;
  const MutexLock lock(mu_);
  Entry entry{Entry::Kind::kRenamed, to, from, "", nullptr};
  if (fs::exists(to)) {
    if (IOStatus status = move_to_attic(to, entry); !status.ok()) return status;
  }
  if (IOStatus status = FileSystemWrapper::RenameFile(from, to, options, debug); !status.ok()) return status;
  if (auto moved = files_.extract(from)) {
    moved.key() = to;
    files_.insert(std::move(moved));
  }
  unsynced_[folder_of(to)].push_back(std::move(entry));
  return IOStatus::OK();
}

IOStatus FaultFs::LinkFile(const std::string& given, const std::string& given_to, const IOOptions& options,
                           IODebugContext* debug) {
  const std::string from = plain(given);
  const std::string to = plain(given_to);
  if (IOStatus refused = change(kCreate, to); !refused.ok()) return refused;
  IOStatus status = FileSystemWrapper::LinkFile(from, to, options, debug);
  if (!status.ok()) return status;
  std::shared_ptr<File> record;
  {
    const MutexLock lock(mu_);
    if (const auto found = files_.find(from); found != files_.end()) record = found->second;
  }
  made(to, record);
  return status;
}

IOStatus FaultFs::GetFreeSpace(const std::string& path, const IOOptions& options, uint64_t* bytes,
                               IODebugContext* debug) {
  {
    const MutexLock lock(mu_);
    if (free_bytes_) {
      *bytes = *free_bytes_;
      return IOStatus::OK();
    }
  }
  return FileSystemWrapper::GetFreeSpace(path, options, bytes, debug);
}

void FaultFs::made(const std::string& path, const std::shared_ptr<File>& file) {
  const MutexLock lock(mu_);
  if (file) files_[path] = file;
  unsynced_[folder_of(path)].push_back({Entry::Kind::kMade, path, "", "", nullptr});
}

IOStatus FaultFs::move_to_attic(const std::string& path, Entry& entry) {
  entry.attic_path = attic_ + "/" + std::to_string(attic_files_++);
  std::error_code error;
  fs::rename(path, entry.attic_path, error);
  if (error) return IOStatus::IOError(path, error.message());
  if (auto file = files_.extract(path)) entry.file_in_attic = std::move(file.mapped());
  return IOStatus::OK();
}

size_t FaultFs::unsynced_entries(const std::string& folder) {
  const MutexLock lock(mu_);
  return unsynced_[folder].size();
}

void FaultFs::folder_synced(const std::string& path, size_t entries) {
  const MutexLock lock(mu_);
  std::vector<Entry>& all = unsynced_[path];
  entries = std::min(entries, all.size());
  for (size_t i = 0; i < entries; ++i) {
    if (!all[i].attic_path.empty()) fs::remove(all[i].attic_path);
  }
  all.erase(all.begin(), all.begin() + static_cast<ptrdiff_t>(entries));
}

void FaultFs::take_back(const Entry& entry) {
  std::error_code ignored;  // Somebody may have emptied a folder behind our back.
  if (entry.kind == Entry::Kind::kMade) {
    fs::remove(entry.path, ignored);
    files_.erase(entry.path);
  }
  if (entry.kind == Entry::Kind::kRenamed) {
    fs::rename(entry.path, entry.from, ignored);
    if (auto moved = files_.extract(entry.path)) {
      moved.key() = entry.from;
      files_.insert(std::move(moved));
    }
  }
  if (entry.attic_path.empty()) return;
  fs::rename(entry.attic_path, entry.path, ignored);
  if (entry.file_in_attic) files_[entry.path] = entry.file_in_attic;
}

void FaultFs::power_cut(std::mt19937_64& random, const Cut& cut) {
  const MutexLock lock(mu_);
  for (auto& [folder, entries] : unsynced_) {
    const size_t kept = cut.entries ? random() % (entries.size() + 1) : 0;
    while (entries.size() > kept) {
      take_back(entries.back());
      entries.pop_back();
    }
    for (const Entry& entry : entries) {
      if (!entry.attic_path.empty()) fs::remove(entry.attic_path);
    }
  }
  unsynced_.clear();
  for (const auto& [path, file] : files_) {
    const uint64_t synced = file->synced_bytes;
    std::error_code error;
    const uint64_t bytes = fs::file_size(path, error);
    if (error || bytes <= synced) continue;
    uint64_t kept = synced;
    if (cut.torn || cut.holes) kept += random() % (bytes - synced + 1);
    fs::resize_file(path, kept);
    if (!cut.holes) continue;
    std::fstream io(path, std::ios::in | std::ios::out | std::ios::binary);
    for (uint64_t at = synced; at < kept; at = (at / kSectorBytes + 1) * kSectorBytes) {
      if (random() % 2 == 0) continue;
      const std::string zeros(std::min(kept, (at / kSectorBytes + 1) * kSectorBytes) - at, '\0');
      io.seekp(static_cast<std::streamoff>(at));
      io.write(zeros.data(), static_cast<std::streamsize>(zeros.size()));
    }
  }
  files_.clear();
  fault_.reset();
  failed_ = false;
  freeze_at_ = UINT64_MAX;
  frozen_ = false;
}

std::unique_ptr<rocksdb::Env> make_fault_env(const std::shared_ptr<FaultFs>& files) {
  return std::make_unique<FaultEnv>(rocksdb::NewCompositeEnv(files));
}

}  // namespace tidemark::testing
