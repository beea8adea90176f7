#include "aggregator/storage/rollup_writer.h"

#include <algorithm>
#include <array>

#include "aggregator/storage/postings.h"
#include "aggregator/storage/rollup_chunk.h"

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
  const std::string key = chunk_key({tier, window, id, window_start_ms(tier, window), 0});
  metrics_.rollup_buckets[place_of(tier)]->Increment(static_cast<double>(of_day.size()));
  if (window_days(tier) > 1) {
    auto others = other_days(key);
    if (!others) return others.error();
    of_day.insert(of_day.end(), others->begin(), others->end());
    std::sort(of_day.begin(), of_day.end(), [](const Bucket& a, const Bucket& b) { return a.last_ms < b.last_ms; });
  }
  Entry entry{key, of_day.empty() ? std::string() : encode_rollup(of_day)};
  metrics_.rollup_bytes[place_of(tier)]->Increment(static_cast<double>(entry.value.size()));
  entries_[place_of(tier)].push_back(std::move(entry));
  return {};
}

Result<std::vector<Bucket>> RollupWriter::other_days(const std::string& key) {
  rocksdb::PinnableSlice value;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const rocksdb::Status status = rocks_.db().Get(options, rocks_.family(Family::kChunks), key, &value);
  if (status.IsNotFound()) return std::vector<Bucket>{};
  if (!status.ok()) return fail(to_status(status, "reading a rollup"));
  auto buckets = parse_rollup(view(value));
  if (!buckets) {
    // The days that are still there in raw form come back when they are folded again; the others are lost either way.
    metrics_.corruptions.Increment();
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

Status RollupWriter::write_postings(Ingest& ingest, Tier tier, bool all) {
  const Window window = window_of_day(tier, day_);
  Roaring missing = ids_;
  if (!all) {
    std::string value;
    const rocksdb::Status status = rocks_.db().Get(rocksdb::ReadOptions(), rocks_.family(Family::kPostings),
                                                   all_postings_key(tier, window), &value);
    if (!status.ok() && !status.IsNotFound()) return to_status(status, "reading postings");
    // What does not read is written again.
    if (const auto known = status.ok() ? parse_postings(value) : Roaring(); known) missing -= *known;
    if (missing.isEmpty()) return {};
  }
  if (Status status = ingest.next_file(Family::kPostings); !status.ok()) return status;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> at(rocks_.db().NewIterator(options, rocks_.family(Family::kPostings)));
  const std::string from = window_prefix(Tier::kRaw, day_);
  const std::string to = window_prefix(tier, window);
  for (at->Seek(all_postings_key(Tier::kRaw, day_)); at->Valid() && at->key().starts_with(from); at->Next()) {
    if (is_lifetimes_key(view(at->key()))) continue;  // Minutes of the day mean nothing in a longer window.
    const std::string key = to + std::string(view(at->key()).substr(from.size()));
    std::string value(view(at->value()));
    if (!all) {
      const auto ids = parse_postings(value);
      // What does not read is left to whoever reads or repairs the raw day.
      const Roaring some = ids ? *ids & missing : Roaring();
      if (some.isEmpty()) continue;
      value = encode_postings(some);
    }
    if (Status status = ingest.merge(key, value); !status.ok()) return status;
  }
  return to_status(at->status(), "reading postings");
}

}  // namespace tidemark::storage
