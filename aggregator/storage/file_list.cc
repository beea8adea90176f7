// Rocks::rebuild_file_list(): a new MANIFEST.
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table_properties.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <set>

#include "aggregator/storage/rocks.h"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

struct DataFiles {
  std::set<std::string> families;  // That have one.
  uint64_t last_number = 0;
};

DataFiles look_at_files(const std::string& folder, const rocksdb::Options& options) {
  DataFiles out;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    uint64_t number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    out.last_number = std::max(out.last_number, number);
    rocksdb::SstFileReader reader(options);
    if (at->path().extension() != ".sst" || !reader.Open(at->path().string()).ok()) continue;
    out.families.insert(reader.GetTableProperties()->column_family_name);
  }
  return out;
}

}  // namespace

// RocksDB learns families from data files, which hold their names and numbers, and leaves out what the write-ahead log
// has for those without any. So these get a file, which says nothing: a deletion of what is not there. Their numbers
// are those that a new database gives them.
Status Rocks::add_files_for_families(const DataDir& dir) {
  DataFiles files = look_at_files(dir.rocks, file_options(Family::kDefault));
  const std::string scratch = dir.path + "/families";
  std::error_code ignored;
  fs::remove_all(scratch, ignored);
  rocksdb::DBOptions options = db_options_;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  rocksdb::DB* raw = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::Status status = rocksdb::DB::Open(options, scratch, families_, &handles, &raw);
  std::unique_ptr<rocksdb::DB> db(raw);
  for (size_t i = 0; status.ok() && i < kFamilyCount; ++i) {
    if (files.families.contains(families_[i].name)) continue;
    const rocksdb::Options file = file_options(static_cast<Family>(i));
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(file), file, handles[i]);
    char name[32];
    std::snprintf(name, sizeof name, "/%06llu.sst", static_cast<unsigned long long>(++files.last_number));
    status = writer.Open(dir.rocks + name);
    if (status.ok()) status = writer.Delete(std::string(1, '\0'));
    if (status.ok()) status = writer.Finish();
  }
  if (db) {
    for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
    db.reset();
  }
  fs::remove_all(scratch, ignored);
  return to_status(status, "naming the families in " + dir.rocks);
}

Status Rocks::rebuild_file_list(const DataDir& dir, const Options& options, Logger& logger) {
  const auto rocks = prepare(dir, options, logger, OpenMode::kSalvage);
  if (!rocks) return rocks.error();
  if (Status status = (*rocks)->add_files_for_families(dir); !status.ok()) return status;
  return to_status(rocksdb::RepairDB(dir.rocks, (*rocks)->db_options_, (*rocks)->families_),
                   "making a new list of the files in " + dir.rocks);
}

}  // namespace tidemark::storage
