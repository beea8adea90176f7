#include "aggregator/storage/snapshot.h"

#include <rocksdb/utilities/checkpoint.h>

#include <filesystem>
#include <vector>

#include "aggregator/storage/encryption_key.h"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

Status copy_if_there(const std::string& from, const std::string& to) {
  std::error_code error;
  if (!fs::exists(from, error)) return {};
  fs::copy_file(from, to, error);
  return error ? Status::io("copying " + from + " to " + to + ": " + error.message()) : Status();
}

Status fill(Rocks& rocks, const DataDir& from, const std::string& to) {
  rocksdb::Checkpoint* raw = nullptr;
  rocksdb::Status status = rocksdb::Checkpoint::Create(&rocks.db(), &raw);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw);
  // Never flush: the write-ahead log comes along as it is.
  if (status.ok()) status = checkpoint->CreateCheckpoint(to + "/rocks", UINT64_MAX);
  if (Status written = rocks.written(status, "making the snapshot " + to); !written.ok()) return written;
  for (const char* name : {kFormatFileName, kEncryptionRecordName}) {
    if (Status copied = copy_if_there(from.path + "/" + name, to + "/" + name); !copied.ok()) return copied;
  }
  return {};
}

}  // namespace

Status take_snapshot(Rocks& rocks, const DataDir& from, const std::string& to) {
  std::error_code error;
  if (fs::exists(to, error)) return Status::invalid(to + " exists already");
  const std::string making = to + kUnfinishedCopy;
  fs::remove_all(making, error);
  fs::create_directories(making, error);
  if (error) return Status::io("cannot make " + making + ": " + error.message());
  Status status = fill(rocks, from, making);
  if (status.ok()) {
    fs::rename(making, to, error);
    if (error) status = Status::io("cannot name " + making + " " + to + ": " + error.message());
  }
  if (!status.ok()) fs::remove_all(making, error);
  return status;
}

void remove_unfinished_copies(const DataDir& dir) {
  std::error_code ignored;
  fs::remove_all(dir.path + "/" + kBackupSource, ignored);
  fs::remove_all(dir.path + "/" + kBackupSource + kUnfinishedCopy, ignored);
  std::vector<fs::path> unfinished;
  for (fs::directory_iterator at(dir.path + "/" + kSnapshotsFolder, ignored), end; at != end; at.increment(ignored)) {
    if (at->path().string().ends_with(kUnfinishedCopy)) unfinished.push_back(at->path());
  }
  for (const fs::path& path : unfinished) fs::remove_all(path, ignored);
}

}  // namespace tidemark::storage
