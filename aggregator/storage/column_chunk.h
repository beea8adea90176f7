// Columnar codec: a chunk's payload as a column of times (column_times.h, without the first time) and one of values
// (column_values.h), nothing between them. Bit-exact for every double and any times that rise. Written whole, once;
// read in blocks of 64 without a branch for each sample.
//
// Sizes, without the chunk's header: an unchanged value in a steady scrape takes some 6 bytes, whatever the length;
// integer counters with a noise of 30 about their rate take 5 bits a sample; floats that are no decimals 5 to 7 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "aggregator/storage/column_times.h"
#include "aggregator/storage/column_values.h"

namespace tidemark::storage {

// Appends the payload. REQUIRES: as many times as values, at least one; times rise.
void append_columns(std::span<const int64_t> t_ms, std::span<const double> v, std::string& out);

// The last time of the payload's samples; nothing when it is no payload. Looks at its first bytes only.
std::optional<int64_t> columns_last_ms(std::string_view payload, int64_t first_ms, uint32_t count);

// Reads a payload, oldest first. Any bytes may be given: what does not decode ends in ok() == false.
class ColumnDecoder {
 public:
  ColumnDecoder() = default;
  // REQUIRES: `payload` outlives the decoder.
  ColumnDecoder(std::string_view payload, int64_t first_ms, uint32_t count);

  // Decodes into the columns until they are full or the samples at an end; returns how many. 0 at the end, and when the
  // bytes are no payload. Fastest with room for whole blocks.
  size_t next(std::span<int64_t> t_ms, std::span<double> v);

  // Passes over whole blocks that end before t_ms, where times are regular: next() goes on at or before the first
  // sample that is not older. Blocks passed over are mostly not decoded. To be called before the first next().
  void skip_to(int64_t t_ms);

  // False for good once the bytes turned out to be no payload.
  bool ok() const { return ok_; }

 private:
  bool read_block(int64_t* t_ms, double* v, size_t& count);
  size_t fail();

  TimeReader times_;
  ValueReader values_;
  size_t left_ = 0;  // In blocks not yet read.
  bool ok_ = true;
  uint32_t held_from_ = 0;  // What a block had and the columns had no room for.
  uint32_t held_to_ = 0;
  int64_t first_ms_ = 0;
  int64_t held_t_ms_[kBlock];
  double held_v_[kBlock];
};

}  // namespace tidemark::storage
