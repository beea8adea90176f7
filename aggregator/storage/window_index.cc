#include "aggregator/storage/window_index.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>

#include "aggregator/storage/lifetimes.h"
#include "aggregator/storage/postings.h"

namespace tidemark::storage {
namespace {

constexpr int64_t kMinutesOfWindow = kWindowMs / 60'000;

}  // namespace

class WindowIndex::Source final : public PostingsSource {
 public:
  Source(WindowIndex& index, Window window) : index_(index), window_(window) {}

  Result<Roaring> all() override { return index_.all(window_); }
  Result<Roaring> pair(std::string_view name, std::string_view value) override {
    return index_.read(postings_key(index_.tier_, window_, name, value));
  }
  Status values(std::string_view name, std::string_view prefix, const Visit& visit) override {
    const std::string name_prefix = postings_name_prefix(index_.tier_, window_, name);
    const std::string from = name_prefix + std::string(prefix);
    const auto at = index_.iterator();
    for (at->Seek(from); at->Valid() && at->key().starts_with(from); at->Next()) {
      const std::string_view value = view(at->key()).substr(name_prefix.size());
      if (!visit(value, [&] { return parse_postings(view(at->value())); })) return {};
    }
    return to_status(at->status(), "reading postings");
  }

 private:
  WindowIndex& index_;
  const Window window_;
};

std::unique_ptr<rocksdb::Iterator> WindowIndex::iterator() {
  return std::unique_ptr<rocksdb::Iterator>(
      rocks_.db().NewIterator(iterator_options(snapshot_), rocks_.family(Family::kPostings)));
}

Result<Roaring> WindowIndex::read(const std::string& key) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  rocksdb::PinnableSlice value;
  const rocksdb::Status status = rocks_.db().Get(options, rocks_.family(Family::kPostings), key, &value);
  if (status.IsNotFound()) return Roaring();
  if (!status.ok()) return fail(to_status(status, "reading postings"));
  return parse_postings(view(value));
}

Result<std::vector<Window>> WindowIndex::windows(Window first, Window last_inclusive) {
  std::vector<Window> out;
  const auto at = iterator();
  at->Seek(window_prefix(tier_, first));
  while (at->Valid() && at->key()[0] == static_cast<char>(tier_)) {
    const std::optional<Window> window = parse_window(view(at->key()));
    if (!window || *window > last_inclusive) break;
    out.push_back(*window);
    at->Seek(window_prefix(tier_, *window + 1));
  }
  if (is_damage(at->status())) {
    rocks_.report_damage("listing windows", at->status().ToString());
    return windows_of_files(first, last_inclusive);
  }
  if (!at->status().ok()) return fail(to_status(at->status(), "listing windows"));
  return out;
}

std::vector<Window> WindowIndex::windows_of_files(Window first, Window last_inclusive) {
  std::vector<rocksdb::LiveFileMetaData> files;
  rocks_.db().GetLiveFilesMetaData(&files);
  std::set<Window> found;
  for (const rocksdb::LiveFileMetaData& file : files) {
    if (file.column_family_name != rocks_.family(Family::kPostings)->GetName()) continue;
    const auto of_tier = [this](const std::string& key, Window otherwise) {
      return key[0] == static_cast<char>(tier_) ? parse_window(key).value_or(otherwise) : otherwise;
    };
    if (file.smallestkey.empty() || file.smallestkey[0] > static_cast<char>(tier_)) continue;
    if (file.largestkey.empty() || file.largestkey[0] < static_cast<char>(tier_)) continue;
    const Window from = std::max(first, of_tier(file.smallestkey, first));
    const Window to = std::min(last_inclusive, of_tier(file.largestkey, from));
    for (Window window = from; window <= to; ++window) found.insert(window);
  }
  return {found.begin(), found.end()};
}

Result<Roaring> WindowIndex::match(Window window, const std::vector<Matcher>& matchers) {
  Source source(*this, window);
  return storage::match(source, matchers);
}

Status WindowIndex::read_lifetimes(Window window, uint32_t number, LifetimeBlock& block) {
  block.fill(Lifetime{});
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  rocksdb::PinnableSlice value;
  const rocksdb::Status status =
      rocks_.db().Get(options, rocks_.family(Family::kPostings), lifetimes_key(Tier::kRaw, window, number), &value);
  if (!status.ok() && !status.IsNotFound()) return to_status(status, "reading lifetimes");
  if (status.ok() && !add_lifetimes(view(value), block)) block.fill(Lifetime{});
  return {};
}

Status WindowIndex::remove_not_alive(Window window, int64_t min_ms, int64_t max_ms, uint64_t version, Roaring& ids) {
  const Lifetime asked = lifetime_of(window, min_ms, max_ms);
  if (ids.isEmpty() || (asked.first == 0 && asked.last == kMinutesOfWindow - 1)) return {};
  std::vector<SeriesId> all(ids.cardinality());
  ids.toUint32Array(all.data());
  std::vector<SeriesId> dead;
  LifetimeBlock block;
  for (size_t begin = 0, end = 0; begin < all.size(); begin = end) {
    const uint32_t number = all[begin] / kLifetimeBlock;
    while (end < all.size() && all[end] / kLifetimeBlock == number) ++end;
    std::optional<LifetimeSummary> summary;
    if (version != 0) summary = rocks_.lifetime_summaries().find(window, number, version);
    const bool summary_found = summary.has_value();
    if (!summary_found) {
      if (Status status = read_lifetimes(window, number, block); !status.ok()) return status;
      summary.emplace(block);
      if (version != 0) rocks_.lifetime_summaries().add(window, number, version, *summary);
    }
    if (summary->all_touch(asked)) continue;
    if (summary->none_touches(asked)) {
      std::copy_if(all.begin() + static_cast<ptrdiff_t>(begin), all.begin() + static_cast<ptrdiff_t>(end),
                   std::back_inserter(dead), [&](SeriesId id) { return summary->known[id % kLifetimeBlock]; });
      continue;
    }
    if (summary_found) {
      if (Status status = read_lifetimes(window, number, block); !status.ok()) return status;
    }
    std::copy_if(all.begin() + static_cast<ptrdiff_t>(begin), all.begin() + static_cast<ptrdiff_t>(end),
                 std::back_inserter(dead), [&](SeriesId id) {
                   const Lifetime& lifetime = block[id % kLifetimeBlock];
                   return lifetime.known() && (lifetime.last < asked.first || lifetime.first > asked.last);
                 });
  }
  ids -= Roaring(dead.size(), dead.data());
  return {};
}

Result<Roaring> WindowIndex::all(Window window) { return read(all_postings_key(tier_, window)); }

Result<Roaring> WindowIndex::unposted(Window window) { return read(unposted_key(tier_, window)); }

Status WindowIndex::label_names(Window window, const VisitText& visit) {
  const std::string prefix = postings_prefix(tier_, window);
  const auto at = iterator();
  at->Seek(prefix);
  while (at->Valid() && at->key().starts_with(prefix)) {
    const std::optional<PostingsPair> pair = parse_postings_key(view(at->key()));
    if (!pair) return Status::corruption("a postings key does not read");
    if (!visit(pair->name)) return {};
    // Past all values of this name, in one step.
    at->Seek(after_prefix(postings_name_prefix(tier_, window, pair->name)));
  }
  return to_status(at->status(), "reading label names");
}

Status WindowIndex::values(Window window, std::string_view name, const PostingsSource::Visit& visit) {
  return Source(*this, window).values(name, {}, visit);
}

Status WindowIndex::label_values(Window window, std::string_view name, const VisitText& visit) {
  return values(window, name, [&](std::string_view value, const auto&) { return visit(value); });
}

}  // namespace tidemark::storage
