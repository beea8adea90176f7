#include "aggregator/storage/series_records.h"

#include "aggregator/storage/keys.h"

namespace tidemark::storage {

SeriesRecords::Lookup::Lookup(SeriesRecords& records)
    : records_(records),
      hashes_(records.rocks_.db().NewIterator(iterator_options(), records.rocks_.family(Family::kSeries))) {}

Result<std::optional<SeriesId>> SeriesRecords::Lookup::find(uint64_t hash, LabelsView labels) {
  const std::string prefix = series_hash_prefix(hash);
  if (!hashes_->status().ok()) {
    hashes_.reset(records_.rocks_.db().NewIterator(iterator_options(), records_.rocks_.family(Family::kSeries)));
  }
  for (hashes_->Seek(prefix); hashes_->Valid() && hashes_->key().starts_with(prefix); hashes_->Next()) {
    if (hashes_->key().size() != prefix.size() + 4) continue;
    const SeriesId id = read_be32(hashes_->key().data() + prefix.size());
    const Result<std::string> record = records_.labels(id);
    if (record && *record == labels.encoded()) return id;
    if (!record && record.error().code() == Code::kIo) return fail(record.error());
  }
  if (!hashes_->status().ok()) return fail(to_status(hashes_->status(), "looking up a series"));
  return std::nullopt;
}

Result<std::string> SeriesRecords::labels(SeriesId id, const rocksdb::Snapshot* snapshot) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  std::string record;
  const rocksdb::Status status = rocks_.db().Get(options, rocks_.family(Family::kSeries), series_key(id), &record);
  if (status.IsNotFound()) return fail(Status::not_found("series " + std::to_string(id) + " has no record"));
  if (!status.ok()) return fail(to_status(status, "reading series " + std::to_string(id)));
  if (!is_valid_encoding(record)) {
    return fail(Status::corruption("record of series " + std::to_string(id) + " is no label set"));
  }
  return record;
}

std::vector<std::string> SeriesRecords::labels(const std::vector<SeriesId>& ids, const rocksdb::Snapshot* snapshot) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  std::vector<std::string> keys;
  std::vector<rocksdb::Slice> slices;
  keys.reserve(ids.size());
  slices.reserve(ids.size());
  for (const SeriesId id : ids) keys.push_back(series_key(id));
  for (const std::string& key : keys) slices.emplace_back(key);
  std::vector<rocksdb::PinnableSlice> values(ids.size());
  std::vector<rocksdb::Status> statuses(ids.size());
  rocks_.db().MultiGet(options, rocks_.family(Family::kSeries), slices.size(), slices.data(), values.data(),
                       statuses.data());
  std::vector<std::string> out(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    if (statuses[i].ok() && is_valid_encoding(view(values[i]))) out[i] = view(values[i]);
  }
  return out;
}

Result<SeriesId> SeriesRecords::next_id() {
  const std::unique_ptr<rocksdb::Iterator> at(
      rocks_.db().NewIterator(iterator_options(), rocks_.family(Family::kSeries)));
  at->SeekForPrev(series_key(UINT32_MAX));
  if (!at->status().ok()) return fail(to_status(at->status(), "looking for the highest series id"));
  if (!at->Valid()) return SeriesId{1};
  const std::optional<SeriesId> id = parse_series_key(view(at->key()));
  return id ? *id + 1 : SeriesId{1};
}

void SeriesRecords::define(rocksdb::WriteBatch& batch, SeriesId id, LabelsView labels) {
  batch.Put(rocks_.family(Family::kSeries), series_key(id), slice(labels.encoded())).PermitUncheckedError();
}

void SeriesRecords::erase(rocksdb::WriteBatch& batch, SeriesId id, uint64_t hash) {
  batch.Delete(rocks_.family(Family::kSeries), series_key(id)).PermitUncheckedError();
  batch.Delete(rocks_.family(Family::kSeries), series_hash_key(hash, id)).PermitUncheckedError();
}

}  // namespace tidemark::storage
