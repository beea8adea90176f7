#include "aggregator/storage/backup.h"

#include <rocksdb/utilities/backup_engine.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "aggregator/storage/data_dir.h"
#include "aggregator/storage/encrypted_env.h"
#include "aggregator/storage/rocks.h"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

// Folder and files of backups, and the lock on them.
class OpenFolder {
 public:
  static Result<std::unique_ptr<OpenFolder>> open(const BackupFolder& folder, bool make, Logger& logger) {
    std::unique_ptr<OpenFolder> out(new OpenFolder(folder.path));
    if (Status status = out->prepare(folder, make, logger); !status.ok()) return fail(status);
    return out;
  }
  ~OpenFolder() {
    if (lock_ != nullptr) env().UnlockFile(lock_).PermitUncheckedError();
  }
  OpenFolder(const OpenFolder&) = delete;
  OpenFolder& operator=(const OpenFolder&) = delete;

  rocksdb::Env& env() const { return encrypted_ ? *encrypted_ : *base_; }
  rocksdb::BackupEngineOptions options() const { return rocksdb::BackupEngineOptions(path_, &env()); }
  std::string text() const { return "backups in " + path_; }

 private:
  explicit OpenFolder(std::string path) : path_(std::move(path)) {}

  Status prepare(const BackupFolder& folder, bool make, Logger& logger) {
    base_ = folder.env != nullptr ? folder.env : rocksdb::Env::Default();
    std::error_code error;
    const bool in_use = fs::exists(path_ + "/meta", error);
    if (!in_use) {
      if (!make) return Status::not_found("there are no " + text());
      fs::create_directories(path_, error);
      if (error) return Status::io("cannot make the folder for " + text() + ": " + error.message());
    }
    if (Status status = mark_format(path_); !status.ok()) return status;
    auto encrypted = open_encryption(path_, in_use, folder.encryption_key_file, base_, logger);
    if (!encrypted) return encrypted.error();
    encrypted_ = std::move(*encrypted);
    const rocksdb::Status locked = env().LockFile(path_ + "/LOCK", &lock_);
    if (locked.ok()) {
      if (!make) return {};
      const auto raised = raise_format(path_);  // Before a backup of ours is in it.
      return raised ? Status() : raised.error();
    }
    return Status::unavailable("another process works on the " + text() + ": try again later (" + locked.ToString() +
                               ")");
  }

  const std::string path_;
  rocksdb::Env* base_ = nullptr;
  std::unique_ptr<rocksdb::Env> encrypted_;  // Null when not encrypted.
  rocksdb::FileLock* lock_ = nullptr;
};

Backup to_backup(const rocksdb::BackupInfo& info) {
  return {info.backup_id, info.timestamp * 1000, info.size, info.number_files, 0, false};
}

uint64_t bytes_below(const std::string& path) {
  uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    std::error_code vanished;
    const uint64_t size = at->is_regular_file(vanished) ? at->file_size(vanished) : 0;
    if (!vanished) bytes += size;
  }
  return bytes;
}

Result<std::unique_ptr<rocksdb::BackupEngineReadOnly>> open_engine(const OpenFolder& folder, rocksdb::Env& data_env) {
  rocksdb::BackupEngineReadOnly* raw = nullptr;
  const rocksdb::Status status = rocksdb::BackupEngineReadOnly::Open(folder.options(), &data_env, &raw);
  if (!status.ok()) return fail(to_status(status, "opening the " + folder.text()));
  return std::unique_ptr<rocksdb::BackupEngineReadOnly>(raw);
}

Result<Backup> find_backup(const OpenFolder& folder, const rocksdb::BackupEngineReadOnly& engine, uint32_t id) {
  std::vector<rocksdb::BackupInfo> infos;
  engine.GetBackupInfo(&infos);
  std::vector<rocksdb::BackupID> damaged;
  engine.GetCorruptedBackups(&damaged);
  if (id == 0) {
    // The newest that is whole is not always the newest.
    if (!infos.empty() && (damaged.empty() || damaged.back() < infos.back().backup_id)) return to_backup(infos.back());
    if (infos.empty() && damaged.empty()) return fail(Status::not_found("there are no " + folder.text()));
    id = damaged.back();
  }
  for (const rocksdb::BackupInfo& info : infos) {
    if (info.backup_id == id) return to_backup(info);
  }
  if (std::find(damaged.begin(), damaged.end(), id) != damaged.end()) {
    return fail(Status::corruption("backup " + std::to_string(id) + " of the " + folder.text() +
                                   " is damaged: files are missing (choose another; "
                                   "\"tidemark tsdb backups\" lists them)"));
  }
  return fail(Status::not_found("there is no backup " + std::to_string(id) + " among the " + folder.text()));
}

}  // namespace

Result<Backup> make_backup(const std::string& data_dir, const BackupFolder& to, size_t keep, Logger& logger) {
  const Result<DataDir> dir = find_data_dir(data_dir);
  if (!dir) return fail(dir.error());
  Options options;
  options.encryption_key_file = to.encryption_key_file;
  options.env = to.env;
  options.block_cache_bytes = 1 << 20;
  const auto rocks = Rocks::open(*dir, options, logger, OpenMode::kRead);
  if (!rocks) return fail(rocks.error());
  const auto folder = OpenFolder::open(to, true, logger);
  if (!folder) return fail(folder.error());

  rocksdb::BackupEngine* raw = nullptr;
  rocksdb::Status status = rocksdb::BackupEngine::Open((*folder)->options(), &(*rocks)->env(), &raw);
  const std::unique_ptr<rocksdb::BackupEngine> engine(raw);
  const uint64_t bytes_before = bytes_below(to.path);
  rocksdb::BackupID id = 0;
  if (status.ok()) status = engine->CreateNewBackup(rocksdb::CreateBackupOptions(), &(*rocks)->db(), &id);
  if (!status.ok()) return fail(to_status(status, "backing up " + data_dir + " to " + to.path));
  rocksdb::BackupInfo info;
  status = engine->GetBackupInfo(id, &info);
  if (!status.ok()) return fail(to_status(status, "looking at the new backup in " + to.path));
  Backup backup = to_backup(info);
  backup.copied_bytes = bytes_below(to.path) - bytes_before;
  if (keep > 0) {
    status = engine->PurgeOldBackups(static_cast<uint32_t>(std::min<size_t>(keep, UINT32_MAX)));
    if (!status.ok()) return fail(to_status(status, "dropping old backups from " + to.path));
  }
  return backup;
}

Result<std::vector<Backup>> list_backups(const BackupFolder& where, Logger& logger) {
  const auto folder = OpenFolder::open(where, false, logger);
  if (!folder) return fail(folder.error());
  const auto engine = open_engine(**folder, (*folder)->env());
  if (!engine) return fail(engine.error());
  std::vector<rocksdb::BackupInfo> infos;
  (*engine)->GetBackupInfo(&infos);
  std::vector<Backup> out;
  out.reserve(infos.size());
  for (const rocksdb::BackupInfo& info : infos) out.push_back(to_backup(info));
  std::vector<rocksdb::BackupID> damaged;
  (*engine)->GetCorruptedBackups(&damaged);
  for (const rocksdb::BackupID id : damaged) out.push_back({id, 0, 0, 0, 0, true});
  std::sort(out.begin(), out.end(), [](const Backup& a, const Backup& b) { return a.id < b.id; });
  return out;
}

Status verify_backup(const BackupFolder& where, uint32_t id, Logger& logger) {
  const auto folder = OpenFolder::open(where, false, logger);
  if (!folder) return folder.error();
  const auto engine = open_engine(**folder, (*folder)->env());
  if (!engine) return engine.error();
  Result<Backup> backup = find_backup(**folder, **engine, id);
  if (!backup) return backup.error();
  return to_status((*engine)->VerifyBackup(backup->id, true),
                   "verifying backup " + std::to_string(backup->id) + " of the " + (*folder)->text());
}

Result<Backup> restore_backup(const BackupFolder& from, uint32_t id, const std::string& data_dir,
                              const std::string& encryption_key_file, Logger& logger) {
  const auto folder = OpenFolder::open(from, false, logger);
  if (!folder) return fail(folder.error());
  std::error_code error;
  if (fs::exists(data_dir, error) && !fs::is_empty(data_dir, error)) {
    return fail(Status::invalid(data_dir + " is not empty: restore into a new directory, and move that one away first "
                                           "if it is to have the name"));
  }
  fs::create_directories(data_dir, error);
  if (error) return fail(Status::io("cannot create " + data_dir + ": " + error.message()));
  auto encrypted = open_encryption(data_dir, false, encryption_key_file, from.env, logger);
  if (!encrypted) return fail(encrypted.error());
  rocksdb::Env* base = from.env != nullptr ? from.env : rocksdb::Env::Default();
  rocksdb::Env& env = *encrypted ? **encrypted : *base;

  const auto engine = open_engine(**folder, env);
  if (!engine) return fail(engine.error());
  Result<Backup> backup = find_backup(**folder, **engine, id);
  if (!backup) return backup;
  // Under another name until it is whole: a start in between must not take half of it for a store.
  const std::string making = data_dir + "/rocks.making";
  const rocksdb::Status status = (*engine)->RestoreDBFromBackup(rocksdb::RestoreOptions(), backup->id, making, making);
  if (!status.ok()) {
    fs::remove_all(making, error);
    return fail(to_status(status, "restoring backup " + std::to_string(backup->id) + " of the " + (*folder)->text()));
  }
  fs::rename(making, data_dir + "/rocks", error);
  if (error) return fail(Status::io("cannot rename " + making + ": " + error.message()));
  if (Status marked = mark_format(data_dir); !marked.ok()) return fail(marked);
  return backup;
}

}  // namespace tidemark::storage
