// A column of timestamps in milliseconds that rise. A steady scrape costs one or two bytes, whatever the length.
//
//   varint(kind) | [ints]
//
//   kind   stride of a regular column in seconds * 4 + 3, or in milliseconds * 4 + 1 (a column of one time has 0 * 4 +
//   1);
//          otherwise (last - first) * 2, and the times less the first follow (packed_ints.h).
//
// In a chunk the first time stands in the header; in a column of its own it goes before: signed varint(first).
// The number of times is not stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "aggregator/storage/packed_ints.h"

namespace tidemark::storage {

// With the first time. REQUIRES for both: not empty, times rise by less than 2^62 ms in all.
void append_times(std::span<const int64_t> t_ms, std::string& out);
// Without it.
void append_chunk_times(std::span<const int64_t> t_ms, std::string& out);

// Takes a column of t_ms.size() times, with the first, off the front of `in`. False, and `in` unchanged, when it is
// none: any bytes may be given. Times may have been written by then. What it accepts rises.
bool take_times(std::string_view& in, std::span<int64_t> t_ms);

// Reads a column without the first time, block by block. Any bytes may be given: what does not decode, or does not
// rise, ends in ok() == false.
class TimeReader {
 public:
  TimeReader() = default;
  // REQUIRES: `bytes` outlives the reader. They begin with the column and may hold more. count > 0.
  TimeReader(std::string_view bytes, int64_t first_ms, size_t count);

  // Decodes the next block, kBlock times but for the last one, and returns how many; those behind have no meaning. 0 at
  // the end and when the bytes are no column. REQUIRES: room for kBlock times.
  size_t next(int64_t* t_ms);

  // Of a regular column; 0: it is not.
  int64_t stride_ms() const { return stride_ms_; }
  int64_t last_ms() const { return last_ms_; }
  // Goes on behind so many times. REQUIRES: regular, a multiple of kBlock, no more than there are.
  void seek(size_t index) { at_ = index; }

  bool ok() const { return ok_; }
  // What follows the column, wherever reading stands; nothing when it has not the shape of one.
  std::optional<std::string_view> behind() const;

 private:
  bool regular_ = true;
  bool ok_ = true;
  int64_t first_ms_ = 0;
  int64_t last_ms_ = 0;
  int64_t before_ms_ = 0;  // The last time read.
  int64_t stride_ms_ = 0;
  size_t at_ = 0;
  size_t count_ = 0;
  std::string_view bytes_;  // Behind the kind.
  IntReader ints_;
};

}  // namespace tidemark::storage
