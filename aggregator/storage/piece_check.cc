#include "aggregator/storage/piece_check.h"

#include <algorithm>
#include <array>

#include "aggregator/storage/checkpoint_record.h"
#include "aggregator/storage/chunk_codec.h"
#include "aggregator/storage/delete_record.h"
#include "aggregator/storage/head_group.h"
#include "aggregator/storage/histogram_chunk.h"
#include "aggregator/storage/log_record.h"
#include "aggregator/storage/postings.h"
#include "aggregator/storage/rollup_chunk.h"
#include "aggregator/storage/settings.h"
#include "aggregator/storage/tombstones.h"
#include "model/labels.h"
#include "model/rfc3339.h"

namespace tidemark::storage {
namespace {

constexpr size_t kKindAt = kWindowPrefixBytes;  // Where a postings key says what is under it.

Result<Piece> check_series(std::string_view key, std::string_view value) {
  Piece piece;
  if (const auto id = parse_series_key(key)) {
    piece.kind = Piece::Kind::kSeriesRecord;
    piece.series = *id;
    if (!is_valid_encoding(value) || value.empty()) return fail(Status::corruption("is no label set"));
    piece.hash = LabelsView(value).hash();
    return piece;
  }
  // 'h' hash id
  if (key.size() == 13 && key.front() == 'h') {
    piece.kind = Piece::Kind::kSeriesHash;
    piece.hash = read_be64(key.data() + 1);
    piece.series = read_be32(key.data() + 9);
    return piece;
  }
  return fail(Status::corruption("has a key of no known form"));
}

Status decode_all_histograms(const ChunkView& chunk) {
  const std::vector<HistogramSample> samples = decode_histograms(chunk);
  if (samples.empty()) return Status::corruption("does not decode");
  for (size_t i = 1; i < samples.size(); ++i) {
    if (samples[i].t_ms <= samples[i - 1].t_ms) return Status::corruption("has samples that are not in order");
  }
  if (samples.front().t_ms != chunk.first_ms) return Status::corruption("does not begin where its header says");
  if (samples.back().t_ms != chunk.last_ms) return Status::corruption("does not end where its header says");
  return {};
}

Status decode_all(const ChunkView& chunk) {
  if (chunk.codec == Codec::kHistograms) return decode_all_histograms(chunk);
  ChunkDecoder decoder(chunk);
  std::array<int64_t, 128> t_ms;
  std::array<double, 128> v;
  uint64_t count = 0;
  int64_t before_ms = INT64_MIN;
  while (const size_t n = decoder.next(t_ms, v)) {
    for (size_t i = 0; i < n; ++i) {
      if (t_ms[i] <= before_ms) return Status::corruption("has samples that are not in order");
      before_ms = t_ms[i];
    }
    if (count == 0 && t_ms[0] != chunk.first_ms) return Status::corruption("does not begin where its header says");
    count += n;
  }
  if (!decoder.ok() || count != chunk.count) return Status::corruption("does not decode");
  if (before_ms != chunk.last_ms) return Status::corruption("does not end where its header says");
  return {};
}

Result<Piece> check_chunk(std::string_view key, std::string_view value) {
  const auto parsed = parse_chunk_key(key);
  if (!parsed) return fail(Status::corruption("has a key of no known form"));
  Piece piece;
  piece.kind = parsed->tier == Tier::kRaw ? Piece::Kind::kRawChunk : Piece::Kind::kRollupChunk;
  piece.series = parsed->series;
  piece.tier = parsed->tier;
  piece.window = parsed->window;
  piece.first_ms = parsed->start_ms;
  if (piece.kind == Piece::Kind::kRollupChunk) {
    const auto buckets = parse_rollup(value);
    if (!buckets) return fail(buckets.error());
    piece.samples = buckets->size();
    if (!buckets->empty()) piece.last_ms = buckets->back().last_ms;
    return piece;
  }
  const Result<ChunkView> chunk = parse_chunk(value);
  if (!chunk) return fail(chunk.error());
  if (Status status = decode_all(*chunk); !status.ok()) return fail(status);
  if (chunk->first_ms != parsed->start_ms || window_of(chunk->last_ms) != parsed->window) {
    return fail(Status::corruption("does not lie where its key says"));
  }
  piece.samples = chunk->count;
  piece.last_ms = chunk->last_ms;
  return piece;
}

Result<Piece> check_postings(std::string_view key, std::string_view value) {
  const auto window = parse_window(key);
  if (!window || key.size() <= kKindAt) return fail(Status::corruption("has a key of no known form"));
  Piece piece;
  piece.tier = static_cast<Tier>(key.front());
  piece.window = *window;
  if (parse_tombstone_key(key)) {
    const auto tombstone = parse_tombstone(key, value);
    if (!tombstone) return fail(tombstone.error());
    return piece;
  }
  if (key[kKindAt] != 'a' && key[kKindAt] != 'p') return piece;
  piece.kind = Piece::Kind::kPostings;
  if (key[kKindAt] == 'p' && !parse_postings_key(key)) return fail(Status::corruption("has a key of no known form"));
  if (const Result<Roaring> ids = parse_postings(value); !ids) return fail(ids.error());
  return piece;
}

void make_rising(std::vector<SeriesId>& ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

Result<Piece> check_checkpoint(std::string_view key, std::string_view value) {
  Piece piece;
  if (!key.empty() && key.front() == 'm') {
    piece.kind = Piece::Kind::kMarker;
    const auto marker = parse_marker(value);
    if (!marker) return fail(marker.error());
    piece.generation = marker->generation;
    return piece;
  }
  const auto group_key = parse_head_group_key(key);
  if (!group_key) return fail(Status::corruption("has a key of no known form"));
  piece.kind = Piece::Kind::kHeadGroup;
  piece.generation = group_key->generation;
  const auto group = parse_head_group(value);
  if (!group) return fail(group.error());
  for (const HeadGroupEntry& entry : *group) {
    piece.several.push_back(entry.id);
    piece.open_chunks += !entry.open.empty();
    piece.samples += entry.open.count() + entry.late.size();
    piece.last_ms = std::max(piece.last_ms, entry.open.last_ms());
    if (entry.open.empty()) continue;
    const OwnedChunk chunk = entry.open.copy();
    if (Status status = decode_all(chunk.view()); !status.ok()) {
      return fail(status.at("open chunk of series " + std::to_string(entry.id)));
    }
  }
  make_rising(piece.several);
  return piece;
}

Result<Piece> check_log(std::string_view key, std::string_view value) {
  if (!parse_log_key(key)) return fail(Status::corruption("has a key of no known form"));
  Piece piece;
  piece.kind = Piece::Kind::kLogRecord;
  if (is_delete_record(value)) {
    // Series that have no record are not missed there.
    if (const auto deletes = decode_delete_record(value); !deletes) return fail(deletes.error());
    return piece;
  }
  std::vector<LogSample> samples;
  std::vector<LogHistogram> histograms;
  if (Status status = decode_log_record(value, samples, histograms); !status.ok()) return fail(status);
  piece.samples = samples.size() + histograms.size();
  for (const LogSample& sample : samples) piece.several.push_back(sample.series);
  for (const LogHistogram& sample : histograms) piece.several.push_back(sample.series);
  make_rising(piece.several);
  return piece;
}

std::string day(Tier tier, Window window) { return format_rfc3339(window_start_ms(tier, window)).substr(0, 10); }

std::string hex(std::string_view bytes) {
  constexpr size_t kShown = 24;
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes.substr(0, kShown)) {
    out += kDigits[static_cast<uint8_t>(c) >> 4];
    out += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return bytes.size() > kShown ? out + "..." : out;
}

}  // namespace

Result<Piece> check_piece(Family family, std::string_view key, std::string_view value) {
  switch (family) {
    case Family::kSeries:
      return check_series(key, value);
    case Family::kChunks:
      return check_chunk(key, value);
    case Family::kPostings:
      return check_postings(key, value);
    case Family::kCheckpoints:
      return check_checkpoint(key, value);
    case Family::kLog:
      return check_log(key, value);
    default:
      return Piece();
  }
}

bool Obsolete::covers(std::string_view key, const Piece& piece) const {
  switch (piece.kind) {
    case Piece::Kind::kRawChunk:
      return piece.window < raw_windows_before;
    case Piece::Kind::kPostings:
      return piece.tier == Tier::kRaw && piece.window < raw_windows_before;
    case Piece::Kind::kHeadGroup:
      return piece.generation < generations_before;
    case Piece::Kind::kLogRecord:
      return *parse_log_key(key) <= log_up_to;
    default:
      return false;
  }
}

Obsolete read_obsolete(Rocks& rocks, SalvageReader& checkpoints) {
  Obsolete obsolete;
  if (const auto oldest_ms = read_oldest_kept_ms(rocks); oldest_ms && *oldest_ms) {
    obsolete.raw_windows_before = window_of(**oldest_ms);
  }
  size_t markers = 0;
  Position least = UINT64_MAX;
  SeriesId first_unhashed = UINT32_MAX;
  while (checkpoints.next()) {
    const Result<Piece> piece = check_piece(Family::kCheckpoints, checkpoints.key(), checkpoints.value());
    if (!piece) continue;
    if (piece->kind != Piece::Kind::kMarker) break;  // They sort first.
    ++markers;
    const Result<Marker> marker = parse_marker(checkpoints.value());
    least = std::min(least, marker->position);
    first_unhashed = std::min(first_unhashed, marker->next_id);
    obsolete.generations_before = std::max(obsolete.generations_before, piece->generation);
  }
  // A shard without one has all of the log replayed.
  const auto shards = read_shards(rocks);
  if (shards && *shards && markers >= **shards) {
    obsolete.log_up_to = least;
    obsolete.hashed_below = first_unhashed;
  }
  return obsolete;
}

std::string name_piece(Family family, std::string_view key) {
  switch (family) {
    case Family::kSeries:
      if (const auto id = parse_series_key(key)) return "record of series " + std::to_string(*id);
      return "series entry " + hex(key);
    case Family::kChunks:
      if (const auto parsed = parse_chunk_key(key)) {
        return (parsed->tier == Tier::kRaw ? "chunk of series " : "rollup of series ") +
               std::to_string(parsed->series) + " on " + day(parsed->tier, parsed->window);
      }
      return "chunk " + hex(key);
    case Family::kPostings:
      if (const auto pair = parse_postings_key(key)) {
        return "postings of " + pair->name + "=\"" + pair->value + "\" on " +
               day(static_cast<Tier>(key.front()), *parse_window(key));
      }
      if (const auto window = parse_window(key)) return "postings of " + day(static_cast<Tier>(key.front()), *window);
      return "postings " + hex(key);
    case Family::kCheckpoints:
      if (const auto group = parse_head_group_key(key)) {
        return "open chunks of shard " + std::to_string(group->shard) + ", group " + std::to_string(group->group);
      }
      if (key.size() == 3 && key.front() == 'm') return "marker of shard " + std::to_string(read_be16(key.data() + 1));
      return "checkpoint entry " + hex(key);
    case Family::kLog:
      if (const auto position = parse_log_key(key)) return "log record " + std::to_string(*position);
      return "log entry " + hex(key);
    case Family::kState:
      return "state entry " + hex(key);
    default:
      return "entry " + hex(key);
  }
}

bool prefer_piece(std::string_view key, std::string_view newer, std::string_view older, Family family) {
  const Result<Piece> a = check_piece(family, key, newer);
  const Result<Piece> b = check_piece(family, key, older);
  if (!a || !b) return a.has_value();
  if (a->kind == Piece::Kind::kMarker) return parse_marker(newer)->position >= parse_marker(older)->position;
  if (a->kind == Piece::Kind::kRawChunk || a->kind == Piece::Kind::kRollupChunk) return a->samples >= b->samples;
  return true;
}

}  // namespace tidemark::storage
