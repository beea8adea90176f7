// Log record: what one commit adds, as it lies in the log family under its position. About five bytes a sample.
//
//   format:1 (1) | type:1 (0: samples) | runs | checksum:4 (as in chunk.h)
//   run     varint(samples) | kind:1 | samples         kind as in a chunk's header; a run is of one kind
//   sample  signed varint(id - id before) | signed varint(t_ms - t_ms before) | [signed varint(start - t_ms)] | value
//   value   of a float as in log_value.h, of a histogram as in histogram_code.h
//
// The start timestamp is there when the kind has 0x10. Histograms come last, in one run of kind 0x11. Series are named
// by id only: their definitions go into the series family in the same write as the first record that names them. Type 1
// is in delete_record.h. Other types and kinds are of later formats, which raise the store's format number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/storage/keys.h"
#include "model/native_histogram.h"
#include "model/sample.h"
#include "model/status.h"

namespace tidemark::storage {

struct LogSample {
  SeriesId series = 0;
  int64_t t_ms = 0;
  double v = 0;
  int64_t start_ms = kNoStart;
};

struct LogHistogram {
  SeriesId series = 0;
  int64_t t_ms = 0;
  int64_t start_ms = kNoStart;
  HistogramRef histogram;
};

// Writes the record of both to `out`, which is cleared first.
void encode_log_record(const std::vector<LogSample>& samples, const std::vector<LogHistogram>& histograms,
                       std::string& out);

// Fills both, which are cleared first. On an error nothing of it counts.
Status decode_log_record(std::string_view record, std::vector<LogSample>& samples,
                         std::vector<LogHistogram>& histograms);

}  // namespace tidemark::storage
