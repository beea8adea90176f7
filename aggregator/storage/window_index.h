// WindowIndex: what the postings family says of each window of one tier, as of one snapshot.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "aggregator/storage/keys.h"
#include "aggregator/storage/match.h"
#include "aggregator/storage/rocks.h"

namespace tidemark::storage {

class WindowIndex {
 public:
  // `snapshot` may be null: the newest, each read for itself. REQUIRES: outlived by both.
  WindowIndex(Rocks& rocks, const rocksdb::Snapshot* snapshot, Tier tier = Tier::kRaw)
      : rocks_(rocks), snapshot_(snapshot), tier_(tier) {}

  // Windows of the tier between the two that have series, in order. Where that does not read: those that may have some,
  // by what RocksDB knows of its files.
  Result<std::vector<Window>> windows(Window first, Window last_inclusive);

  Result<Roaring> match(Window window, const std::vector<Matcher>& matchers);
  Result<Roaring> all(Window window);
  // Series that had something in the window and lost it.
  Result<Roaring> unposted(Window window);
  // Takes from `ids` those that, as far as is known, had no sample in the window between the two times. `version`: of
  // LifetimeSummaries, for the snapshot; may be 0.
  Status remove_not_alive(Window window, int64_t min_ms, int64_t max_ms, uint64_t version, Roaring& ids);
  // Call `visit` for each, in order, until it returns false.
  using VisitText = std::function<bool(std::string_view)>;
  Status label_names(Window window, const VisitText& visit);
  // As PostingsSource::values.
  Status values(Window window, std::string_view name, const PostingsSource::Visit& visit);
  Status label_values(Window window, std::string_view name, const VisitText& visit);

 private:
  class Source;
  std::unique_ptr<rocksdb::Iterator> iterator();
  Result<Roaring> read(const std::string& key);
  // Blank where nothing is known.
  Status read_lifetimes(Window window, uint32_t number, LifetimeBlock& block);
  std::vector<Window> windows_of_files(Window first, Window last_inclusive);

  Rocks& rocks_;
  const rocksdb::Snapshot* const snapshot_;
  const Tier tier_;
};

}  // namespace tidemark::storage
