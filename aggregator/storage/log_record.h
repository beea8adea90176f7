// Log record: what one commit adds, as it lies in the log family under its position. About five bytes a sample.
//
//   format:1 (1) | type:1 (0: samples) | runs | checksum:4 (as in chunk.h)
//   run     varint(samples) | kind:1 | samples         kind as in a chunk's header; a run is of one kind
//   sample  signed varint(id - id before) | signed varint(t_ms - t_ms before) | [signed varint(start - t_ms)] | value
//   value   varint(zigzag(digits) << 3 | exponent), worth digits / 10^exponent, exponent 0 to 6;
//           or varint(7), then the double's 8 bytes, little-endian
//
// The start timestamp is there when the kind has 0x10. Series are named by id only: their definitions go into the
// series family in the same write as the first record that names them. Type 1 is in delete_record.h. Other types and
// kinds (histograms) are of later formats, which raise the store's format number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/storage/keys.h"
#include "model/sample.h"
#include "model/status.h"

namespace tidemark::storage {

struct LogSample {
  SeriesId series = 0;
  int64_t t_ms = 0;
  double v = 0;
  int64_t start_ms = kNoStart;
};

// Appends the record of `samples` to `out`, which is cleared first.
void encode_log_record(const std::vector<LogSample>& samples, std::string& out);

// Fills `samples`, which is cleared first. On an error nothing of it counts.
Status decode_log_record(std::string_view record, std::vector<LogSample>& samples);

}  // namespace tidemark::storage
