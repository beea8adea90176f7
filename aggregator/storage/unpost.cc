#include "aggregator/storage/unpost.h"

#include <vector>

#include "aggregator/storage/postings.h"
#include "aggregator/storage/series_records.h"
#include "model/labels.h"

namespace tidemark::storage {
namespace {

constexpr size_t kIdsAtOnce = 1024;

}  // namespace

std::map<std::string, Roaring> postings_of(Rocks& rocks, Tier tier, Window window, const Roaring& ids) {
  std::map<std::string, Roaring> out;
  if (ids.isEmpty()) return out;
  SeriesRecords records(rocks);
  std::vector<SeriesId> all(ids.cardinality());
  ids.toUint32Array(all.data());
  out[all_postings_key(tier, window)] = ids;
  for (size_t at = 0; at < all.size(); at += kIdsAtOnce) {
    const std::vector<SeriesId> some(all.begin() + static_cast<ptrdiff_t>(at),
                                     all.begin() + static_cast<ptrdiff_t>(std::min(all.size(), at + kIdsAtOnce)));
    const std::vector<std::string> labels = records.labels(some);
    for (size_t i = 0; i < some.size(); ++i) {
      for (const LabelView& label : LabelsView(labels[i])) {
        out[postings_key(tier, window, label.name, label.value)].add(some[i]);
      }
    }
  }
  return out;
}

Status rewrite_postings(Rocks& rocks, Ingest& ingest, const std::string& key, const Roaring& added,
                        const Roaring& removed) {
  rocksdb::PinnableSlice value;
  const rocksdb::Status status = rocks.db().Get(rocksdb::ReadOptions(), rocks.family(Family::kPostings), key, &value);
  if (is_damage(status)) {  // As what does not parse.
    rocks.report_damage("taking series out of an index", status.ToString());
    return {};
  }
  if (!status.ok() && !status.IsNotFound()) return to_status(status, "reading postings");
  Result<Roaring> before = status.ok() ? parse_postings(view(value)) : Roaring();
  if (!before) return {};
  const Roaring after = (*before | added) - removed;
  if (after == *before) return {};
  return after.isEmpty() ? ingest.erase(key) : ingest.put(key, encode_postings(after));
}

Status unpost(Rocks& rocks, Ingest& ingest, Tier tier, Window window, const Roaring& ids) {
  if (ids.isEmpty()) return {};
  if (Status status = ingest.merge(unposted_key(tier, window), encode_postings(ids)); !status.ok()) return status;
  for (const auto& [key, series] : postings_of(rocks, tier, window, ids)) {
    if (Status status = rewrite_postings(rocks, ingest, key, {}, series); !status.ok()) return status;
  }
  return {};
}

}  // namespace tidemark::storage
