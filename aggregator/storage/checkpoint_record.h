// Marker: one shard's part of a checkpoint.
//
//   format:1 (1) | varint(position) | varint(next id) | varint(next position) | signed varint(newest ms)
//   | varint(generation) | checksum:4
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
  uint64_t generation = 0;        // Of the head groups that belong to it; see keys.h.
};

std::string encode_marker(const Marker& marker);
Result<Marker> parse_marker(std::string_view bytes);

}  // namespace tidemark::storage
