#include "aggregator/storage/state.h"

#include <rocksdb/write_batch.h>

namespace tidemark::storage {

Result<std::optional<std::string>> State::get(std::string_view key) {
  std::string value;
  const rocksdb::Status status =
      rocks_.db().Get(rocksdb::ReadOptions(), rocks_.family(Family::kState), slice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return fail(to_status(status, "reading state " + std::string(key)));
  return value;
}

Result<std::vector<std::pair<std::string, std::string>>> State::scan(std::string_view prefix) {
  std::vector<std::pair<std::string, std::string>> out;
  const std::unique_ptr<rocksdb::Iterator> at(
      rocks_.db().NewIterator(iterator_options(), rocks_.family(Family::kState)));
  for (at->Seek(slice(prefix)); at->Valid() && at->key().starts_with(slice(prefix)); at->Next()) {
    out.emplace_back(at->key().ToString(), at->value().ToString());
  }
  if (!at->status().ok()) return fail(to_status(at->status(), "reading state under " + std::string(prefix)));
  return out;
}

Status State::write(const std::vector<StateChange>& changes) {
  rocksdb::WriteBatch batch;
  for (const StateChange& change : changes) {
    if (!change.value) {
      batch.Delete(rocks_.family(Family::kState), slice(change.key)).PermitUncheckedError();
      continue;
    }
    if (change.value->size() > kStateValueBytesMax) {
      return Status::limit("state " + change.key + " is larger than 1 MB");
    }
    batch.Put(rocks_.family(Family::kState), slice(change.key), *change.value).PermitUncheckedError();
  }
  rocksdb::WriteOptions options;
  options.sync = true;
  return rocks_.written(rocks_.db().Write(options, &batch), "writing state");
}

}  // namespace tidemark::storage
