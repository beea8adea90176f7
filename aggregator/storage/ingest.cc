#include "aggregator/storage/ingest.h"

#include <rocksdb/snapshot.h>

#include <filesystem>

namespace tidemark::storage {

namespace fs = std::filesystem;

Result<std::unique_ptr<Ingest>> Ingest::begin(Rocks& rocks, const std::string& dir) {
  std::error_code error;
  fs::remove_all(dir, error);
  fs::create_directories(dir, error);
  if (error) return fail(Status::io("cannot make " + dir + ": " + error.message()));
  return std::unique_ptr<Ingest>(new Ingest(rocks, dir));
}

Ingest::~Ingest() {
  writer_.reset();
  std::error_code ignored;  // What stays is removed by the next one.
  fs::remove_all(dir_, ignored);
}

Status Ingest::next_file(Family family) {
  if (Status status = finish_file(); !status.ok()) return status;
  family_ = family;
  entries_ = 0;
  path_ = dir_ + "/" + std::to_string(file_count_++) + ".sst";
  writer_ = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(rocks_.file_options(family)),
                                                     rocks_.file_options(family), rocks_.family(family));
  return to_status(writer_->Open(path_), "creating " + path_);
}

Status Ingest::put(std::string_view key, std::string_view value) { return add(Kind::kPut, key, value); }

Status Ingest::merge(std::string_view key, std::string_view value) { return add(Kind::kMerge, key, value); }

Status Ingest::erase(std::string_view key) { return add(Kind::kErase, key, {}); }

Status Ingest::add(Kind kind, std::string_view key, std::string_view value) {
  if (entries_++ == 0) first_.try_emplace(family_, Entry{kind, std::string(key), std::string(value)});
  rocksdb::Status status;
  switch (kind) {
    case Kind::kPut:
      status = writer_->Put(slice(key), slice(value));
      break;
    case Kind::kMerge:
      status = writer_->Merge(slice(key), slice(value));
      break;
    case Kind::kErase:
      status = writer_->Delete(slice(key));
      break;
  }
  return to_status(status, "writing " + path_);
}

Status Ingest::finish_file() {
  if (!writer_) return {};
  if (entries_ > 0) {
    if (Status status = to_status(writer_->Finish(), "writing " + path_); !status.ok()) return status;
    files_[family_].push_back(path_);
  }
  writer_.reset();
  return {};
}

Status Ingest::commit() {
  if (Status status = finish_file(); !status.ok()) return status;
  if (files_.empty()) return {};
  rocksdb::Status status = take_in();
  if (is_damage(status) && rocks_.failure().ok()) {
    rocks_.report_damage("looking where new files may lie", status.ToString());
    if (Status overlaps = add_overlaps(); !overlaps.ok()) return overlaps;
    const rocksdb::ManagedSnapshot one(&rocks_.db());
    status = take_in();
  }
  return rocks_.written(status, "ingesting a checkpoint");
}

Status Ingest::add_overlaps() {
  const std::map<Family, Entry> first = first_;
  for (const auto& [family, entry] : first) {
    std::vector<std::string> files = std::move(files_[family]);
    files_[family].clear();
    if (Status status = next_file(family); !status.ok()) return status;
    if (Status status = add(entry.kind, entry.key, entry.value); !status.ok()) return status;
    if (Status status = finish_file(); !status.ok()) return status;
    // Before the others: of equal keys those count.
    files_[family].insert(files_[family].end(), files.begin(), files.end());
  }
  return {};
}

rocksdb::Status Ingest::take_in() {
  std::vector<rocksdb::IngestExternalFileArg> arguments;
  for (const auto& [family, files] : files_) {
    rocksdb::IngestExternalFileArg argument;
    argument.column_family = rocks_.family(family);
    argument.external_files = files;
    // Moving saves a copy, and destroys the database under an encrypting file system.
    argument.options.move_files = !rocks_.encrypted();
    argument.options.write_global_seqno = false;
    arguments.push_back(std::move(argument));
  }
  const LifetimeSummaries::Change change(rocks_.lifetime_summaries());
  return rocks_.db().IngestExternalFiles(arguments);
}

}  // namespace tidemark::storage
