// The small records beside the open chunks in the checkpoints family.
//
//   marker   format:1 (1) | varint(position) | varint(next id) | varint(next position) | signed varint(newest ms)
//            | checksum:4
//   tail     format:1 (1) | signed varint(last ms) | value bits:8 LE | checksum:4
#pragma once

#include <string>
#include <string_view>

#include "aggregator/storage/keys.h"
#include "model/status.h"

namespace tidemark::storage {

// "Of this shard, files hold all up to `position`." A power cut may keep an ingest and lose the log before it, and with
// it the highest ids and positions; so every marker says from where on both are unused.
struct Marker {
  Position position = 0;
  SeriesId next_id = 1;
  Position next_position = 1;
  int64_t newest_ms = INT64_MIN;  // Of all samples up to here.
};

// The last sample of a series without an open chunk: what it must know when it returns.
struct Tail {
  int64_t last_ms = INT64_MIN;
  uint64_t last_bits = 0;
};

std::string encode_marker(const Marker& marker);
Result<Marker> parse_marker(std::string_view bytes);
std::string encode_tail(const Tail& tail);
Result<Tail> parse_tail(std::string_view bytes);

}  // namespace tidemark::storage
