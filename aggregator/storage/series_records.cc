#include "aggregator/storage/series_records.h"

#include "aggregator/storage/keys.h"

namespace tidemark::storage {
namespace {

// Records passed over one by one before it is cheaper to seek.
constexpr unsigned kNextMax = 8;

}  // namespace

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

SeriesRecords::Cursor::Cursor(SeriesRecords& records, const rocksdb::ReadOptions& options)
    : records_(records),
      options_(options),
      at_(records.rocks_.db().NewIterator(options_, records.rocks_.family(Family::kSeries))) {}

std::string_view SeriesRecords::Cursor::labels(SeriesId id) {
  if (!at_->status().ok()) {
    at_.reset(records_.rocks_.db().NewIterator(options_, records_.rocks_.family(Family::kSeries)));
  }
  const std::string key = series_key(id);
  int order = -1;
  unsigned passed = 0;
  while (at_->Valid() && (order = at_->key().compare(key)) < 0 && passed < kNextMax) {
    at_->Next();
    ++passed;
  }
  if (order < 0 || (order > 0 && passed == 0)) {
    at_->Seek(key);
    order = at_->Valid() ? at_->key().compare(key) : 1;
  }
  failed_ = at_->status();
  if (order != 0 || !failed_.ok() || !is_valid_encoding(view(at_->value()))) return {};
  return view(at_->value());
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
  Cursor at(*this, iterator_options(snapshot));
  std::vector<std::string> out;
  out.reserve(ids.size());
  for (const SeriesId id : ids) out.emplace_back(at.labels(id));
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
