#include "aggregator/storage/unpost.h"

#include <map>
#include <string>
#include <vector>

#include "aggregator/storage/postings.h"
#include "aggregator/storage/series_records.h"
#include "model/labels.h"

namespace tidemark::storage {
namespace {

constexpr size_t kIdsAtOnce = 1024;

}  // namespace

Status unpost(Rocks& rocks, Ingest& ingest, Window window, const Roaring& ids) {
  SeriesRecords records(rocks);
  std::vector<SeriesId> all(ids.cardinality());
  ids.toUint32Array(all.data());
  std::map<std::string, Roaring> gone;  // By key.
  for (size_t at = 0; at < all.size(); at += kIdsAtOnce) {
    const std::vector<SeriesId> some(all.begin() + static_cast<ptrdiff_t>(at),
                                     all.begin() + static_cast<ptrdiff_t>(std::min(all.size(), at + kIdsAtOnce)));
    const std::vector<std::string> labels = records.labels(some);
    for (size_t i = 0; i < some.size(); ++i) {
      for (const LabelView& label : LabelsView(labels[i])) {
        gone[postings_key(Tier::kRaw, window, label.name, label.value)].add(some[i]);
      }
    }
  }
  for (const auto& [key, series] : gone) {
    rocksdb::PinnableSlice value;
    const rocksdb::Status status = rocks.db().Get(rocksdb::ReadOptions(), rocks.family(Family::kPostings), key, &value);
    if (status.IsNotFound()) continue;
    if (!status.ok()) return to_status(status, "reading postings");
    Result<Roaring> kept = parse_postings(view(value));
    if (!kept) continue;  // Left to be found by readers and repaired.
    *kept -= series;
    Status written = kept->isEmpty() ? ingest.erase(key) : ingest.put(key, encode_postings(*kept));
    if (!written.ok()) return written;
  }
  return {};
}

}  // namespace tidemark::storage
