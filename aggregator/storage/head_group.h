// Head group: what is open of up to 64 series of a shard, as a checkpoint writes it into the checkpoints family.
//
//   format:1 (2) | entries | checksum:4 (as in chunk.h)
//   entry       varint(id) | flags:1 | open chunk (open_chunk.h) | [starts] | [late] | [histograms]
//   starts      varint(bytes) | start timestamps of the open chunk's samples (start_runs.h)
//   late        varint(count) | (signed varint(t_ms) | value bits:8 LE | varint(position) | [start])*
//   histograms  varint(count) | (signed varint(t_ms) | varint(position) | start | histogram (histogram_code.h))*
//   start       signed varint(start timestamp)
//
//   flag  1  has late samples    2  the value at the last time is not the open chunk's
//         4  has starts          8  late samples have starts                              16  has histograms
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "aggregator/storage/late_samples.h"
#include "aggregator/storage/open_chunk.h"
#include "aggregator/storage/start_runs.h"
#include "model/status.h"

namespace tidemark::storage {

inline constexpr size_t kGroupSeries = 64;

struct HeadGroupEntry {
  SeriesId id = 0;
  bool last_unknown = false;
  OpenChunk open;
  StartRuns starts;
  std::vector<LateSample> late;
  std::vector<LateHistogram> histograms;
};

// A group is begun, gets its entries, and is ended.
void begin_head_group(std::string& out);
// `starts`: as StartRuns::encode() gives them.
void append_head_entry(std::string& out, SeriesId id, bool last_unknown, const OpenChunk& open, std::string_view starts,
                       const std::vector<LateSample>& late, const std::vector<LateHistogram>& histograms);
void end_head_group(std::string& out);

// All or nothing.
Result<std::vector<HeadGroupEntry>> parse_head_group(std::string_view bytes);

}  // namespace tidemark::storage
