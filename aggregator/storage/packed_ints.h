// PackedInts: any run of 64-bit integers in few bytes; what times and values come down to. Differences wrap around, so
// every integer is as good as any other.
//
// The column is cut into segments, each coded in the way that is cheapest for it, and each but the last of whole blocks
// of 64 numbers:
//
//   packing + 0x80 if more segments follow (1) | mode + 4 if patched + 8 * slope bits / 4 (1) | [varint(blocks) if more
//   follow] | signed varint(first - expected) | [signed varint(slope)] | [signed varint(bend)]
//   | [varint(bytes) | patches] | blocks, packed (packing.h), to a whole byte
//
//   mode 0, frame     x[i] = first + u[i]                                   constants, gauges
//   mode 1, line      x[i] = first + (slope * i >> slope bits) + u[i]       counters: noise about a steady rate
//   mode 2, steps     x[i] = x[i - 1] + slope + u[i], x[0] = first          what wanders
//   mode 3, bends     x[i] = x[i - 1] + d[i], d[i] = d[i - 1] + bend + u[i], x[0] = first, d[1] = slope
//
//   u         residuals, packed: none below zero. Modes 2 and 3 pack none for their first one or two numbers.
//   patch     varint(numbers between this one and the patch before) | signed varint(u): the few residuals that would
//             widen all others, such as the reset of a counter or a missed scrape. What is packed in their place counts
//             for nothing.
//   expected  0, then where the segment before ends: first, + slope * count, as IntSegment::end() has it.
//
// A segment of frame or line can be skipped without being decoded. The number of numbers is not stored. No RocksDB
// here: bytes and spans.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "aggregator/storage/packing.h"

namespace tidemark::storage {

enum class IntMode : uint8_t { kFrame = 0, kLine = 1, kSteps = 2, kBends = 3 };  // Stored: never renumber.

// A segment's header.
struct IntSegment {
  IntMode mode = IntMode::kFrame;
  uint8_t packing = 0;
  uint8_t slope_bits = 0;  // 0, 4, 8 or 12.
  int64_t first = 0;
  int64_t slope = 0;
  int64_t bend = 0;
  size_t count = 0;

  // How many numbers at its head have no residual.
  size_t unpacked() const { return mode < IntMode::kSteps ? 0 : static_cast<size_t>(mode) - 1; }
  // Bits before the block with this index.
  size_t bits_before(size_t block) const;
  size_t bits() const;
  // About where the next segment begins.
  int64_t end() const;
};

// Appends the column. REQUIRES: not empty.
void append_packed_ints(std::span<const int64_t> numbers, std::string& out);

// Reads a column, block by block. Any bytes may be given: what does not decode ends in ok() == false.
class IntReader {
 public:
  IntReader() = default;
  // REQUIRES: `bytes` outlives the reader. They begin with the column and may hold more.
  IntReader(std::string_view bytes, size_t count) : rest_(bytes), left_(count) {}

  // Decodes the next block, kBlock numbers but for the last one, and returns how many; those behind have no meaning. 0
  // at the end and when the bytes are no column. REQUIRES: room for kBlock numbers.
  size_t next(int64_t* numbers);

  // The same without the numbers.
  size_t skip();

  // Passes over what is left of a segment, or over the next one. Its patches are not looked at, and next() cannot go on
  // behind it in the segment's middle: for finding the column's end. 0 as next().
  size_t skip_segment();

  bool ok() const { return ok_; }

  // What follows the segments read so far: after the last one, what follows the column.
  std::string_view rest() const { return rest_; }

 private:
  bool begin_segment();
  void apply_patches(size_t begin, size_t count, uint64_t* residuals);
  bool next_patch();
  size_t fail();

  std::string_view rest_;
  size_t left_ = 0;  // Of the column.
  bool ok_ = true;
  int64_t expected_ = 0;
  IntSegment segment_;
  std::string_view packed_;  // From the segment's first block on.
  size_t at_ = 0;            // Numbers of the segment read; so is the whole of it at first.
  uint64_t value_ = 0;       // Modes 2 and 3: the last number and the last difference.
  uint64_t step_ = 0;
  std::string_view patches_;
  size_t patch_at_ = SIZE_MAX;  // In the segment.
  uint64_t patch_ = 0;
};

// Takes a column off the front of `in` without decoding it; false, and `in` unchanged, when it is none. That the bytes
// have a column's shape does not say that next() will find its patches in order.
bool skip_packed_ints(std::string_view& in, size_t count);

}  // namespace tidemark::storage
