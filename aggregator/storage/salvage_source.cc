#include "aggregator/storage/salvage_source.h"

#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table_properties.h>

#include <filesystem>

#include "aggregator/storage/encryption_key.h"
#include "aggregator/storage/piece_check.h"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

constexpr char kLinksFolder[] = "/repair.source";

bool is_ingested(Family family) {
  return family == Family::kChunks || family == Family::kCheckpoints || family == Family::kPostings;
}

}  // namespace

Result<std::unique_ptr<SalvageSource>> SalvageSource::open(const OfflineStore& store, Logger& logger) {
  std::unique_ptr<SalvageSource> source(new SalvageSource(store.path + kLinksFolder));
  if (Status status = source->start(store, logger); !status.ok()) return fail(status);
  return source;
}

SalvageSource::~SalvageSource() {
  rocks_.reset();
  std::error_code ignored;
  if (lock_ != nullptr) {
    fs::remove_all(links_, ignored);
    lock_env_->UnlockFile(lock_).PermitUncheckedError();
  }
}

Status SalvageSource::start(const OfflineStore& store, Logger& logger) {
  const Result<DataDir> from = find_data_dir(store.path);
  if (!from) return from.error();
  if (Status status = lock(store, *from); !status.ok()) return status;
  dir_ = {links_, links_ + "/rocks", links_ + "/ingest"};
  if (Status status = link_files(*from, dir_); !status.ok()) return status;

  Options options;
  options.encryption_key_file = store.encryption_key_file;
  options.env = store.env;
  auto rocks = Rocks::open(dir_, options, logger, OpenMode::kSalvage);
  if (!rocks && rocks.error().code() != Code::kInvalid) {
    // Not a matter of keys: the list of files is damaged or gone.
    file_list_was_lost_ = true;
    if (Status status = Rocks::rebuild_file_list(dir_, options, logger); !status.ok()) return status;
    rocks = Rocks::open(dir_, options, logger, OpenMode::kSalvage);
  }
  if (!rocks) return rocks.error();
  rocks_ = std::move(*rocks);
  return {};
}

Status SalvageSource::lock(const OfflineStore& store, const DataDir& dir) {
  lock_env_ = store.env != nullptr ? store.env : rocksdb::Env::Default();
  const rocksdb::Status status = lock_env_->LockFile(dir.rocks + "/LOCK", &lock_);
  if (status.ok()) return {};
  return Status::unavailable("data directory " + dir.path + " is in use by another process: stop it first (" +
                             status.ToString() + ")");
}

Status SalvageSource::link_files(const DataDir& from, const DataDir& to) {
  std::error_code error;
  fs::remove_all(links_, error);
  fs::create_directories(to.rocks, error);
  if (error) return Status::io("cannot make " + to.rocks + ": " + error.message());
  const auto copy = [&](const fs::path& file, const std::string& folder) {
    const std::string target = folder + "/" + file.filename().string();
    // Data files never change once written; RocksDB may write to the others.
    if (file.extension() == ".sst") fs::create_hard_link(file, target, error);
    if (file.extension() != ".sst" || error) fs::copy_file(file, target, error);
    return error ? Status::io("copying " + file.string() + " to " + folder + ": " + error.message()) : Status();
  };
  for (fs::directory_iterator at(from.rocks, error), end; !error && at != end; at.increment(error)) {
    if (!at->is_regular_file() || at->path().filename() == "LOCK") continue;
    if (Status status = copy(at->path(), to.rocks); !status.ok()) return status;
  }
  if (error) return Status::io("cannot list " + from.rocks + ": " + error.message());
  for (const char* name : {kFormatFileName, kEncryptionRecordName}) {
    const fs::path file = fs::path(from.path) / name;
    if (!fs::exists(file, error)) continue;
    if (Status status = copy(file, to.path); !status.ok()) return status;
  }
  return {};
}

std::unique_ptr<SalvageReader> SalvageSource::reader(Family family) {
  const auto prefer = [family](std::string_view key, std::string_view newer, std::string_view older) {
    return prefer_piece(key, newer, older, family);
  };
  if (file_list_was_lost_ && is_ingested(family)) {
    return std::make_unique<SalvageReader>(*rocks_, family, files_of(family), prefer);
  }
  return std::make_unique<SalvageReader>(*rocks_, family, prefer);
}

// Those that RocksDB put aside as not repairable, too: much of them may read.
std::vector<std::string> SalvageSource::files_of(Family family) {
  std::vector<std::string> out;
  std::error_code error;
  for (fs::recursive_directory_iterator at(dir_.rocks, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() != ".sst") continue;
    rocksdb::SstFileReader reader(rocks_->file_options(family));
    if (!reader.Open(at->path().string()).ok()) continue;
    if (reader.GetTableProperties()->column_family_name == rocks_->family(family)->GetName()) {
      out.push_back(at->path().string());
    }
  }
  return out;
}

}  // namespace tidemark::storage
