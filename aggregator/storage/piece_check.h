// What is stored under one key, judged by itself: whether it reads, and which series it is about. What verify, repair
// and the statistics see of the formats; each is described where its parser is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/storage/keys.h"
#include "aggregator/storage/rocks.h"
#include "aggregator/storage/salvage_reader.h"
#include "model/status.h"

namespace tidemark::storage {

struct Piece {
  enum class Kind {
    kOther,  // Nothing more is known of it; only whoever owns it can tell whether it is right.
    kSeriesRecord,
    kSeriesHash,
    kRawChunk,
    kRollupChunk,  // Of a rollup tier.
    kPostings,     // A bitmap of series.
    kMarker,
    kHeadGroup,
    kLogRecord,
  };

  Kind kind = Kind::kOther;
  SeriesId series = 0;            // The one it is about; 0 when it is about none or several.
  std::vector<SeriesId> several;  // Of a log record or head group: rising, each once.
  uint64_t hash = 0;              // Of a series record's labels, or of its hash entry.
  Tier tier = Tier::kRaw;         // Of chunks and postings, as is the window.
  Window window = 0;
  uint64_t samples = 0;      // Of a rollup: buckets.
  uint64_t open_chunks = 0;  // Of a head group.
  uint64_t generation = 0;   // Of markers and head groups.
  int64_t first_ms = 0;      // Of chunks.
  int64_t last_ms = 0;
};

// Reads and decodes all of it. An error is damage, and names what is wrong but not where: see name_piece().
Result<Piece> check_piece(Family family, std::string_view key, std::string_view value);

// What no longer counts although it may still be there, for it was deleted as a range: raw windows before the oldest
// time kept, log records that all markers are past, head groups of old generations.
struct Obsolete {
  Window raw_windows_before = INT32_MIN;
  Position log_up_to = 0;
  uint64_t generations_before = 0;
  // The other way round: series from this id on are younger than the checkpoint and need not have their hash yet.
  SeriesId hashed_below = 1;

  bool covers(std::string_view key, const Piece& piece) const;
};
// `checkpoints` reads that family from its beginning; only its markers are taken.
Obsolete read_obsolete(Rocks& rocks, SalvageReader& checkpoints);

// For people: "chunk of series 17 on 2026-11-21", "log record 4711".
std::string name_piece(Family family, std::string_view key);

// Of two readable values under one key, whether to keep the first, the one in the newer file: for SalvageReader. A
// chunk with more samples, an open chunk that reaches further and a marker that does are the newer ones whatever the
// file.
bool prefer_piece(std::string_view key, std::string_view newer, std::string_view older, Family family);

}  // namespace tidemark::storage
