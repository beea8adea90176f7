// Keys: what every family of the store is sorted by. All numbers are big-endian, so bytes sort as numbers do.
//
//   family       key                                                                    value
//   default      "format"                                                               varint(format) varint(shards)
//                "oldest"                                                               signed varint(ms)
//   series       'i' id:4                                                               encoded labels
//                'h' label hash:8 id:4                                                  empty
//   chunks       tier:1 window:4 id:4 start:4 version:8                                 chunk (chunk.h); of rollup
//                                                                                       tiers rollup_chunk.h
//   postings     raw:1 window:4 'D'                                                     bitmaps: see window_marks.h
//                raw:1 window:4 'R'                                                     progress: see window_marks.h
//                tier:1 window:4 'T' position:8                                         tombstone (tombstones.h)
//                tier:1 window:4 'U'                                                    bitmaps: series that were taken
//                                                                                       out of the following (unpost.h)
//                tier:1 window:4 'a'                                                    bitmaps (postings.h): every
//                                                                                       series
//                tier:1 window:4 'l' block:4                                            when series were alive
//                                                                                       (lifetimes.h)
//                tier:1 window:4 'p' escaped(name) 00 00 value                          bitmaps: series with
//                name="value"
//   checkpoints  'm' shard:2                                                            marker (checkpoint_record.h)
//                'o' generation:8 shard:2 group:4                                       head group (head_group.h)
//   log          position:8                                                             log record (log_record.h)
//   state        the owner's bytes                                                      the owner's bytes
//
// A window is a UTC day, in the 1h tier eight of them, counted from 1970-01-01 and biased by 2^31 so that those before
// it sort first. `start` is
// milliseconds from the window's beginning: 32 bits reach 49 days, enough for the longer windows of coarser tiers.
// `version` is the log position at which the chunk was sealed: two chunks of a series may share a start.
// `generation` counts checkpoints; the groups of all but the last are leftovers. In a file of their own and never
// written over, so that they cost no compaction.
// A name is escaped (00 becomes 00 FF) so that the two zero bytes end it and pairs sort by name, then value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::storage {

// Names a series for ever: on disk, never reused. 0 names none.
using SeriesId = uint32_t;
// Names a commit and its place in the log; only grows. 0 is before the first.
using Position = uint64_t;
// A UTC day, from 1970-01-01.
using Window = int32_t;

enum class Tier : uint8_t { kRaw = 0, k5m = 1, k1h = 2 };  // Stored in keys: never renumber.
inline constexpr Tier kRollupTiers[] = {Tier::k5m, Tier::k1h};
// Length of a rollup's buckets.
constexpr int64_t resolution_ms(Tier tier) { return tier == Tier::k5m ? 300'000 : tier == Tier::k1h ? 3'600'000 : 0; }

inline constexpr int64_t kWindowMs = 86'400'000;
// Days in a window of the tier. Eight days of hours are a chunk of some 200 buckets; a day's 24 would cost more in
// keys and headers than in values.
constexpr int32_t window_days(Tier tier) { return tier == Tier::k1h ? 8 : 1; }
// Timestamps that keys can hold with room to spare: the years 1 to 9999.
inline constexpr int64_t kOldestTimestampMs = -62'135'596'800'000;
inline constexpr int64_t kNewestTimestampMs = 253'402'300'799'999;

// REQUIRES: kOldestTimestampMs <= t_ms <= kNewestTimestampMs.
constexpr Window window_of(int64_t t_ms) {
  return static_cast<Window>((t_ms - (t_ms < 0 ? kWindowMs - 1 : 0)) / kWindowMs);
}
constexpr int64_t window_start_ms(Window window) { return int64_t{window} * kWindowMs; }

// Windows of a tier, by the days they are made of. The raw tier's are the days themselves.
constexpr Window window_of_day(Tier tier, Window day) {
  const int32_t days = window_days(tier);
  return (day - (day < 0 ? days - 1 : 0)) / days;
}
// "2023-11-14".
std::string day_text(Window day);
constexpr Window first_day(Tier tier, Window window) { return window * window_days(tier); }
// Of any window that a key can name, as keys in damaged files may.
constexpr int64_t window_start_ms(Tier tier, Window window) { return int64_t{window} * window_days(tier) * kWindowMs; }

void append_be16(std::string& out, uint16_t v);
void append_be32(std::string& out, uint32_t v);
void append_be64(std::string& out, uint64_t v);
uint16_t read_be16(const char* in);
uint32_t read_be32(const char* in);
uint64_t read_be64(const char* in);

struct ChunkKey {
  Tier tier = Tier::kRaw;
  Window window = 0;
  SeriesId series = 0;
  int64_t start_ms = 0;  // Of the first sample.
  Position version = 0;

  bool operator==(const ChunkKey&) const = default;
};
inline constexpr size_t kWindowPrefixBytes = 5;  // tier, window: what files of chunks and postings are cut by.
inline constexpr size_t kSeriesPrefixBytes = 9;

std::string chunk_key(const ChunkKey& key);
std::optional<ChunkKey> parse_chunk_key(std::string_view key);
std::string window_prefix(Tier tier, Window window);
std::string chunk_series_prefix(Tier tier, Window window, SeriesId series);
// Of any key in chunks or postings. Nothing when it is too short to be one.
std::optional<Window> parse_window(std::string_view key);

std::string dirty_key(Window window);
std::string progress_key(Window window);
struct TombstoneKey {
  Window window = 0;
  Position position = 0;  // Of the delete.
  Tier tier = Tier::kRaw;
};
std::string tombstone_prefix(Tier tier, Window window);
std::string tombstone_key(const TombstoneKey& key);
std::optional<TombstoneKey> parse_tombstone_key(std::string_view key);
std::string unposted_key(Tier tier, Window window);
std::string all_postings_key(Tier tier, Window window);
// `block`: of kLifetimeBlock ids.
std::string lifetimes_key(Tier tier, Window window, uint32_t block);
bool is_lifetimes_key(std::string_view key);
std::string postings_key(Tier tier, Window window, std::string_view name, std::string_view value);
// What all pairs of a window begin with, and all pairs of one name.
std::string postings_prefix(Tier tier, Window window);
std::string postings_name_prefix(Tier tier, Window window, std::string_view name);
struct PostingsPair {
  std::string name;
  std::string value;
};
std::optional<PostingsPair> parse_postings_key(std::string_view key);

std::string series_key(SeriesId id);
std::optional<SeriesId> parse_series_key(std::string_view key);
std::string series_hash_prefix(uint64_t hash);
std::string series_hash_key(uint64_t hash, SeriesId id);

std::string marker_key(uint16_t shard);
struct HeadGroupKey {
  uint64_t generation = 0;
  uint16_t shard = 0;
  uint32_t group = 0;
};
std::string head_group_prefix(uint64_t generation);
std::string head_group_key(const HeadGroupKey& key);
std::optional<HeadGroupKey> parse_head_group_key(std::string_view key);

std::string log_key(Position position);
std::optional<Position> parse_log_key(std::string_view key);

// The least string greater than every string that begins with `prefix`. REQUIRES: not all bytes are FF.
std::string after_prefix(std::string prefix);

}  // namespace tidemark::storage
