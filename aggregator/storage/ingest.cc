#include "aggregator/storage/ingest.h"

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

Status Ingest::put(std::string_view key, std::string_view value) {
  ++entries_;
  return to_status(writer_->Put(slice(key), slice(value)), "writing " + path_);
}

Status Ingest::merge(std::string_view key, std::string_view value) {
  ++entries_;
  return to_status(writer_->Merge(slice(key), slice(value)), "writing " + path_);
}

Status Ingest::erase(std::string_view key) {
  ++entries_;
  return to_status(writer_->Delete(slice(key)), "writing " + path_);
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
  if (arguments.empty()) return {};
  const LifetimeSummaries::Change change(rocks_.lifetime_summaries());
  return rocks_.written(rocks_.db().IngestExternalFiles(arguments), "ingesting a checkpoint");
}

}  // namespace tidemark::storage
