#include "aggregator/storage/rollup_writer.h"

#include <algorithm>
#include <array>
#include <set>

#include "aggregator/storage/postings.h"
#include "aggregator/storage/rollup_chunk.h"
#include "aggregator/storage/rollup_reader.h"
#include "aggregator/storage/unpost.h"

namespace tidemark::storage {
namespace {

size_t place_of(Tier tier) { return static_cast<size_t>(tier) - 1; }

}  // namespace

Result<size_t> RollupWriter::fold(SeriesId id, ChunkMerge& samples) {
  RollupFold fold(Tier::k5m);
  std::array<int64_t, 1024> t_ms;
  std::array<double, 1024> v;
  size_t total = 0;
  while (const size_t count = samples.next(t_ms, v)) {
    fold.add(std::span(t_ms).first(count), std::span(v).first(count));
    total += count;
  }
  if (!samples.status().ok()) return fail(samples.status());
  const std::vector<Bucket> fine = fold.take();
  for (const Tier tier : kRollupTiers) {
    if ((tiers_ & tier_bit(tier)) == 0) continue;
    Status status = add(tier, id, tier == Tier::k5m ? fine : fold_buckets(fine, tier));
    if (!status.ok()) return fail(status);
  }
  if (total > 0) ids_.add(id);
  return total;
}

Status RollupWriter::add(Tier tier, SeriesId id, std::vector<Bucket> of_day) {
  const Window window = window_of_day(tier, day_);
  metrics_.rollup_buckets[place_of(tier)]->Increment(static_cast<double>(of_day.size()));
  if (window_days(tier) > 1) {
    auto others = other_days(tier, window, id);
    if (!others) return others.error();
    of_day.insert(of_day.end(), others->begin(), others->end());
    std::sort(of_day.begin(), of_day.end(), [](const Bucket& a, const Bucket& b) { return a.last_ms < b.last_ms; });
  }
  Entry entry{rollup_key(tier, window, id), of_day.empty() ? std::string() : encode_rollup(of_day)};
  if (entry.value.empty()) emptied_[place_of(tier)].add(id);
  metrics_.rollup_bytes[place_of(tier)]->Increment(static_cast<double>(entry.value.size()));
  entries_[place_of(tier)].push_back(std::move(entry));
  return {};
}

Result<std::vector<Bucket>> RollupWriter::other_days(Tier tier, Window window, SeriesId id) {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  auto buckets = read_rollup(rocks_, options, tier, window, id);
  if (!buckets) {
    if (buckets.error().code() != Code::kCorruption) return buckets;
    // The days that are still there in raw form come back when they are folded again; the others are lost either way.
    rocks_.report_damage("rolling up", buckets.error().message());
    return std::vector<Bucket>{};
  }
  std::erase_if(*buckets, [this](const Bucket& b) { return window_of(b.last_ms) == day_; });
  return buckets;
}

Status RollupWriter::write(Ingest& ingest, bool first_piece) {
  for (const Tier tier : kRollupTiers) {
    if ((tiers_ & tier_bit(tier)) == 0) continue;
    if (Status status = ingest.next_file(Family::kChunks); !status.ok()) return status;
    for (const Entry& entry : entries_[place_of(tier)]) {
      Status status = entry.value.empty() ? ingest.erase(entry.key) : ingest.put(entry.key, entry.value);
      if (!status.ok()) return status;
    }
    if (Status status = write_postings(ingest, tier, first_piece); !status.ok()) return status;
  }
  return {};
}

Result<Roaring> RollupWriter::not_posted(Tier tier) const {
  std::string value;
  const rocksdb::Status status = rocks_.db().Get(rocksdb::ReadOptions(), rocks_.family(Family::kPostings),
                                                 all_postings_key(tier, window_of_day(tier, day_)), &value);
  if (!status.ok() && !status.IsNotFound() && !is_damage(status)) return fail(to_status(status, "reading postings"));
  // What does not read is written again.
  const auto known = status.ok() ? parse_postings(value) : Roaring();
  return known ? ids_ - *known : ids_;
}

Status RollupWriter::write_postings(Ingest& ingest, Tier tier, bool all) {
  const Window window = window_of_day(tier, day_);
  const auto missing = not_posted(tier);
  if (!missing) return missing.error();
  const Roaring& emptied = emptied_[place_of(tier)];
  if (!all && missing->isEmpty() && emptied.isEmpty()) return {};
  if (Status status = ingest.next_file(Family::kPostings); !status.ok()) return status;
  if (!emptied.isEmpty()) {
    if (Status status = ingest.merge(unposted_key(tier, window), encode_postings(emptied)); !status.ok()) return status;
  }
  // Two sorted runs of keys: those of the raw day, and those that emptied series are under.
  const auto removals = postings_of(rocks_, tier, window, emptied);
  auto removal = removals.begin();
  const auto remove_before = [&](const std::string* key) {
    for (; removal != removals.end() && (key == nullptr || removal->first < *key); ++removal) {
      Status status = rewrite_postings(rocks_, ingest, removal->first, {}, removal->second);
      if (!status.ok()) return status;
    }
    return Status();
  };
  if (!all && missing->isEmpty()) return remove_before(nullptr);
  // Before anything is written: what is in a file cannot be taken back.
  Status readable = each_raw([](const rocksdb::Iterator&) { return Status(); });
  if (readable.code() == Code::kCorruption) {
    rocks_.report_damage("rolling up the index of " + day_text(day_), readable.message());
    return write_posted_by_records(ingest, postings_of(rocks_, tier, window, *missing), removals);
  }
  if (!readable.ok()) return readable;
  const size_t from_size = window_prefix(Tier::kRaw, day_).size();
  const std::string to = window_prefix(tier, window);
  Status written = each_raw([&](const rocksdb::Iterator& at) {
    const std::string key = to + std::string(view(at.key()).substr(from_size));
    if (Status status = remove_before(&key); !status.ok()) return status;
    const bool removed = removal != removals.end() && removal->first == key;
    if (all && !removed) return ingest.merge(key, view(at.value()));
    const auto ids = parse_postings(view(at.value()));
    // What does not read is left to whoever reads or repairs the raw day.
    const Roaring some = !ids ? Roaring() : all ? *ids : *ids & *missing;
    if (removed) return rewrite_postings(rocks_, ingest, key, some, removal++->second);
    return some.isEmpty() ? Status() : ingest.merge(key, encode_postings(some));
  });
  return written.ok() ? remove_before(nullptr) : written;
}

Status RollupWriter::each_raw(const std::function<Status(const rocksdb::Iterator&)>& visit) const {
  rocksdb::ReadOptions options = iterator_options();
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> at(rocks_.db().NewIterator(options, rocks_.family(Family::kPostings)));
  const std::string prefix = window_prefix(Tier::kRaw, day_);
  for (at->Seek(all_postings_key(Tier::kRaw, day_)); at->Valid() && at->key().starts_with(prefix); at->Next()) {
    if (is_lifetimes_key(view(at->key()))) continue;  // Minutes of the day mean nothing in a longer window.
    if (Status status = visit(*at); !status.ok()) return status;
  }
  return to_status(at->status(), "reading postings");
}

Status RollupWriter::write_posted_by_records(Ingest& ingest, const std::map<std::string, Roaring>& added,
                                             const std::map<std::string, Roaring>& removed) {
  std::set<std::string> keys;
  for (const auto& [key, ids] : added) keys.insert(key);
  for (const auto& [key, ids] : removed) keys.insert(key);
  for (const std::string& key : keys) {
    const auto more = added.find(key);
    const auto less = removed.find(key);
    const Roaring ids = more == added.end() ? Roaring() : more->second;
    Status status = less == removed.end() ? ingest.merge(key, encode_postings(ids))
                                          : rewrite_postings(rocks_, ingest, key, ids, less->second);
    if (!status.ok()) return status;
  }
  return {};
}

}  // namespace tidemark::storage
