#include <algorithm>

#include "aggregator/storage/packed_ints.h"
#include "model/varint.h"
#include "model/wide.h"

namespace tidemark::storage {
namespace {

constexpr uint8_t kMore = 0x80;
constexpr uint8_t kPatched = 0x04;
constexpr uint8_t kSlopeShift = 3;

// Residuals to numbers, kBlock of them, so that there is no loop left over to compile.
TM_WIDE void add_frame(uint64_t first, uint64_t* x) {
  for (size_t i = 0; i < kBlock; ++i) x[i] += first;
}

TM_WIDE void add_line(uint64_t first, uint64_t slope, uint64_t from, unsigned slope_bits, uint64_t* x) {
  uint64_t rise = slope * from;
  if (slope_bits == 0) {
    rise += first;
    for (size_t i = 0; i < kBlock; ++i) x[i] += rise + slope * i;
    return;
  }
  for (size_t i = 0; i < kBlock; ++i) {
    x[i] += first + static_cast<uint64_t>(static_cast<int64_t>(rise) >> slope_bits);
    rise += slope;
  }
}

uint64_t add_steps(uint64_t value, uint64_t slope, uint64_t* x) {
  for (size_t i = 0; i < kBlock; ++i) {
    value += x[i] + slope;
    x[i] = value;
  }
  return value;
}

uint64_t add_bends(uint64_t value, uint64_t& step, uint64_t bend, uint64_t* x) {
  uint64_t d = step;
  for (size_t i = 0; i < kBlock; ++i) {
    d += x[i] + bend;
    value += d;
    x[i] = value;
  }
  step = d;
  return value;
}

}  // namespace

size_t IntSegment::bits_before(size_t block) const {
  if (block == 0) return 0;
  return packed_bits(packing, kBlock - unpacked()) + (block - 1) * packed_bits(packing, kBlock);
}

size_t IntSegment::bits() const {
  const size_t last = (count - 1) / kBlock;
  const size_t in_last = count - last * kBlock;
  const size_t none = last == 0 ? std::min(unpacked(), in_last) : 0;
  return bits_before(last) + packed_bits(packing, in_last - none);
}

int64_t IntSegment::end() const {
  const auto n = static_cast<uint64_t>(count);
  uint64_t rise = 0;
  if (mode == IntMode::kLine) {
    rise = static_cast<uint64_t>(static_cast<int64_t>(static_cast<uint64_t>(slope) * n) >> slope_bits);
  } else if (mode == IntMode::kSteps) {
    rise = (static_cast<uint64_t>(slope) + packing_max(packing) / 2) * n;
  }
  return static_cast<int64_t>(static_cast<uint64_t>(first) + rise);
}

bool IntReader::begin_segment() {
  if (rest_.size() < 2) return false;
  const auto head = static_cast<uint8_t>(rest_[0]);
  const auto kind = static_cast<uint8_t>(rest_[1]);
  rest_.remove_prefix(2);
  segment_.packing = head & 0x7f;
  if (segment_.packing >= kPackings || kind >= 1 << 5) return false;
  segment_.mode = static_cast<IntMode>(kind & 3);
  segment_.slope_bits = static_cast<uint8_t>((kind >> kSlopeShift) * 4);
  if (segment_.slope_bits != 0 && segment_.mode != IntMode::kLine) return false;
  segment_.count = left_;
  if ((head & kMore) != 0) {
    uint64_t blocks = 0;
    if (!take_varint(rest_, blocks) || blocks == 0 || blocks > (left_ - 1) / kBlock) return false;
    segment_.count = blocks * kBlock;
  }
  int64_t from_expected = 0;
  segment_.slope = 0;
  segment_.bend = 0;
  if (!take_signed_varint(rest_, from_expected)) return false;
  if (segment_.mode != IntMode::kFrame && !take_signed_varint(rest_, segment_.slope)) return false;
  if (segment_.mode == IntMode::kBends && !take_signed_varint(rest_, segment_.bend)) return false;
  segment_.first = static_cast<int64_t>(static_cast<uint64_t>(expected_) + static_cast<uint64_t>(from_expected));
  expected_ = segment_.end();
  patches_ = {};
  patch_at_ = SIZE_MAX;
  if ((kind & kPatched) != 0) {
    if (!take_prefixed(rest_, patches_) || patches_.empty()) return false;
    patch_at_ = 0;
    if (!next_patch()) return false;
  }
  const size_t bytes = (segment_.bits() + 7) / 8;
  if (bytes > rest_.size()) return false;
  packed_ = rest_;
  rest_.remove_prefix(bytes);
  at_ = 0;
  // Such that the first residuals, which are zero, lead to `first` and `first + slope`.
  const auto first = static_cast<uint64_t>(segment_.first);
  const auto slope = static_cast<uint64_t>(segment_.slope);
  const auto bend = static_cast<uint64_t>(segment_.bend);
  step_ = slope - 2 * bend;
  value_ = segment_.mode == IntMode::kSteps ? first - slope : first - slope + bend;
  return true;
}

// On from patch_at_, the first place the next patch may be at.
bool IntReader::next_patch() {
  uint64_t gap = 0;
  int64_t residual = 0;
  if (!take_varint(patches_, gap) || !take_signed_varint(patches_, residual)) return false;
  if (gap >= segment_.count || patch_at_ + gap >= segment_.count) return false;
  patch_at_ += gap;
  patch_ = static_cast<uint64_t>(residual);
  return true;
}

void IntReader::apply_patches(size_t begin, size_t count, uint64_t* residuals) {
  while (patch_at_ - begin < count) {
    residuals[patch_at_ - begin] = patch_;
    ++patch_at_;
    if (patches_.empty()) {
      patch_at_ = SIZE_MAX;
    } else if (!next_patch()) {
      ok_ = false;
      patch_at_ = SIZE_MAX;
    }
  }
}

size_t IntReader::fail() {
  ok_ = false;
  left_ = 0;
  return 0;
}

size_t IntReader::next(int64_t* numbers) {
  if (left_ == 0) return 0;
  if (at_ == segment_.count && !begin_segment()) return fail();
  const size_t count = std::min(kBlock, segment_.count - at_);
  const size_t none = at_ == 0 ? std::min(segment_.unpacked(), count) : 0;
  auto* const x = reinterpret_cast<uint64_t*>(numbers);  // The same type but for its sign.
  uint64_t tail[kBlock];                                 // Packings write whole blocks.
  if (none == 0) {
    unpack(segment_.packing, packed_, segment_.bits_before(at_ / kBlock), count, x);
  } else {
    unpack(segment_.packing, packed_, 0, count - none, tail);
    std::fill_n(x, none, 0);
    std::copy_n(tail, kBlock - none, x + none);
  }
  if (patch_at_ - at_ < count) {
    apply_patches(at_, count, x);
    if (!ok_) return fail();
  }
  switch (segment_.mode) {
    case IntMode::kFrame:
      add_frame(static_cast<uint64_t>(segment_.first), x);
      break;
    case IntMode::kLine:
      add_line(static_cast<uint64_t>(segment_.first), static_cast<uint64_t>(segment_.slope), at_, segment_.slope_bits,
               x);
      break;
    case IntMode::kSteps:
      value_ = add_steps(value_, static_cast<uint64_t>(segment_.slope), x);
      break;
    case IntMode::kBends:
      value_ = add_bends(value_, step_, static_cast<uint64_t>(segment_.bend), x);
      break;
  }
  at_ += count;
  left_ -= count;
  return count;
}

size_t IntReader::skip() {
  if (left_ == 0) return 0;
  if (at_ == segment_.count && !begin_segment()) return fail();
  if (segment_.mode >= IntMode::kSteps) {
    int64_t numbers[kBlock];
    return next(numbers);
  }
  const size_t count = std::min(kBlock, segment_.count - at_);
  if (patch_at_ - at_ < count) {
    uint64_t residuals[kBlock];
    apply_patches(at_, count, residuals);
    if (!ok_) return fail();
  }
  at_ += count;
  left_ -= count;
  return count;
}

size_t IntReader::skip_segment() {
  if (left_ == 0) return 0;
  if (at_ == segment_.count && !begin_segment()) return fail();
  const size_t count = segment_.count - at_;
  at_ += count;
  left_ -= count;
  return count;
}

bool skip_packed_ints(std::string_view& in, size_t count) {
  IntReader reader(in, count);
  while (reader.skip_segment() != 0) {
  }
  if (!reader.ok()) return false;
  in = reader.rest();
  return true;
}

}  // namespace tidemark::storage
