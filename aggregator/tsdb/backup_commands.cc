// `tidemark tsdb backup`, `backups` and `restore`.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "aggregator/storage/backup.h"
#include "aggregator/tsdb/command_line.h"

namespace tidemark::tsdb {
namespace {

void declare_folder(config::Flags& flags, const char* name, storage::BackupFolder& folder) {
  flags.add(name, &folder.path, "Folder of the backups.");
}

void declare_folder_key(config::Flags& flags, storage::BackupFolder& folder) {
  flags.add("backup.encryption-key-file", &folder.encryption_key_file,
            "File with the key of the backups, if they are encrypted.");
}

std::string no_folder(const char* flag) { return fmt::format("which folder of backups? (--{}=FOLDER)", flag); }

}  // namespace

int backup_command(const Args& args) {
  CommandLine line("backup", "Adds a backup of a data directory to a folder; it is encrypted as the directory is.");
  StoreFlags store;
  storage::BackupFolder folder;
  int64_t keep = 0;
  store.declare(line.flags());
  declare_folder(line.flags(), "to", folder);
  line.flags().add("keep", &keep, "Drop all but so many of the newest backups. 0: keep all.");
  if (const auto exit_code = line.parse(args)) return *exit_code;
  if (folder.path.empty()) return line.failed(no_folder("to"));
  folder.encryption_key_file = store.encryption_key_file;
  const auto backup = storage::make_backup(store.path, folder, static_cast<size_t>(keep), command_logger());
  if (!backup) return line.failed(backup.error());
  fmt::print("backup {}: {} files, {}; {} copied\n", backup->id, backup->files, format_bytes(backup->bytes),
             format_bytes(backup->copied_bytes));
  return 0;
}

int backups_command(const Args& args) {
  CommandLine line("backups", "Lists the backups in a folder, or verifies them.");
  storage::BackupFolder folder;
  bool verify = false;
  declare_folder(line.flags(), "from", folder);
  declare_folder_key(line.flags(), folder);
  line.flags().add("verify", &verify, "Read every file of every backup and compare its checksum.");
  if (const auto exit_code = line.parse(args)) return *exit_code;
  if (folder.path.empty()) return line.failed(no_folder("from"));
  const auto backups = storage::list_backups(folder, command_logger());
  if (!backups) return line.failed(backups.error());
  Table table({{"BACKUP", true}, {"MADE (UTC)"}, {"FILES", true}, {"SIZE", true}, {"STATE"}});
  int exit_code = 0;
  for (const storage::Backup& backup : *backups) {
    std::string state = backup.damaged ? "damaged: files are missing" : "complete";
    if (verify && !backup.damaged) {
      const Status status = storage::verify_backup(folder, backup.id, command_logger());
      state = status.ok() ? "verified" : status.message();
      if (!status.ok()) exit_code = 1;
    }
    if (backup.damaged) exit_code = 1;
    table.add({std::to_string(backup.id), backup.damaged ? "" : format_time(backup.made_ms),
               backup.damaged ? "" : std::to_string(backup.files), backup.damaged ? "" : format_bytes(backup.bytes),
               state});
  }
  table.print();
  return exit_code;
}

int restore_command(const Args& args) {
  CommandLine line("restore", "Writes a backup into a data directory that is empty or does not exist.");
  StoreFlags store;
  store.path.clear();
  storage::BackupFolder folder;
  int64_t id = 0;
  declare_folder(line.flags(), "from", folder);
  declare_folder_key(line.flags(), folder);
  line.flags().add("storage.tsdb.path", &store.path, "Directory to write.");
  line.flags().add("storage.encryption-key-file", &store.encryption_key_file,
                   "File with the key to encrypt the directory with; that of the backups, another, or none.");
  line.flags().add("backup", &id, "Number of the backup. 0: the newest.");
  if (const auto exit_code = line.parse(args)) return *exit_code;
  if (folder.path.empty()) return line.failed(no_folder("from"));
  if (store.path.empty()) return line.failed("which directory is to be written? (--storage.tsdb.path=DIRECTORY)");
  if (id > UINT32_MAX) return line.failed("--backup: no backup has such a number");
  const auto backup = storage::restore_backup(folder, static_cast<uint32_t>(id), store.path, store.encryption_key_file,
                                              command_logger());
  if (!backup) return line.failed(backup.error());
  fmt::print("backup {} of {} is in {}: {} files, {}\n", backup->id, format_time(backup->made_ms), store.path,
             backup->files, format_bytes(backup->bytes));
  return 0;
}

}  // namespace tidemark::tsdb
