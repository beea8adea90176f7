#include "aggregator/storage/column_times.h"

#include <algorithm>
#include <vector>

#include "model/varint.h"
#include "model/wide.h"

namespace tidemark::storage {
namespace {

// No time in a column is farther than this from its first: sums of two such do not overflow.
constexpr uint64_t kLengthMax = uint64_t{1} << 62;

int64_t plus(int64_t t_ms, uint64_t ms) { return static_cast<int64_t>(static_cast<uint64_t>(t_ms) + ms); }

TM_WIDE void fill_regular(uint64_t from, uint64_t stride, int64_t* t_ms) {
  for (size_t i = 0; i < kBlock; ++i, from += stride) t_ms[i] = static_cast<int64_t>(from);
}

bool is_regular(std::span<const int64_t> t_ms, int64_t stride) {
  size_t i = 1;
  for (; i + kBlock <= t_ms.size(); i += kBlock) {
    int64_t uneven = 0;
    for (size_t k = 0; k < kBlock; ++k) uneven |= (t_ms[i + k] - t_ms[i + k - 1]) ^ stride;
    if (uneven != 0) return false;
  }
  for (; i < t_ms.size(); ++i) {
    if (t_ms[i] - t_ms[i - 1] != stride) return false;
  }
  return true;
}

}  // namespace

void append_chunk_times(std::span<const int64_t> t_ms, std::string& out) {
  const size_t count = t_ms.size();
  const int64_t first = t_ms[0];
  const int64_t stride = count > 1 ? t_ms[1] - first : 0;
  if (is_regular(t_ms, stride)) {
    const bool seconds = stride != 0 && stride % 1000 == 0;
    return append_varint(
        out, seconds ? static_cast<uint64_t>(stride / 1000) * 4 + 3 : static_cast<uint64_t>(stride) * 4 + 1);
  }
  append_varint(out, static_cast<uint64_t>(t_ms[count - 1] - first) * 2);
  std::vector<int64_t> from_first(count);
  for (size_t i = 0; i < count; ++i) from_first[i] = t_ms[i] - first;
  append_packed_ints(from_first, out);
}

void append_times(std::span<const int64_t> t_ms, std::string& out) {
  append_signed_varint(out, t_ms[0]);
  append_chunk_times(t_ms, out);
}

bool take_times(std::string_view& in, std::span<int64_t> t_ms) {
  if (t_ms.empty()) return true;
  std::string_view rest = in;
  int64_t first_ms = 0;
  if (!take_signed_varint(rest, first_ms)) return false;
  TimeReader reader(rest, first_ms, t_ms.size());
  size_t at = 0;
  while (at + kBlock <= t_ms.size()) {
    if (reader.next(t_ms.data() + at) != kBlock) return false;
    at += kBlock;
  }
  if (at < t_ms.size()) {
    int64_t tail[kBlock];
    if (reader.next(tail) != t_ms.size() - at) return false;
    std::copy_n(tail, t_ms.size() - at, t_ms.data() + at);
  }
  const auto behind = reader.behind();
  if (!reader.ok() || !behind) return false;
  in = *behind;
  return true;
}

TimeReader::TimeReader(std::string_view bytes, int64_t first_ms, size_t count)
    : first_ms_(first_ms), before_ms_(first_ms), count_(count) {
  uint64_t kind = 0;
  uint64_t length = 0;
  ok_ = take_varint(bytes, kind);
  regular_ = (kind & 1) != 0;
  if (regular_) {
    const uint64_t stride = (kind >> 2) * ((kind & 2) != 0 ? 1000 : 1);
    // The shift leaves 62 bits, and a thousand of them would fit into 72.
    if ((kind >> 2) > kLengthMax / 1000 || stride > kLengthMax / count || (stride == 0) != (count == 1)) ok_ = false;
    if (ok_) {
      stride_ms_ = static_cast<int64_t>(stride);
      length = stride * (count - 1);
    }
  } else {
    length = kind >> 1;
    if (length > kLengthMax) ok_ = false;
  }
  last_ms_ = plus(first_ms, length);
  if (last_ms_ < first_ms) ok_ = false;
  bytes_ = bytes;
  if (!regular_) ints_ = IntReader(bytes, count);
  if (!ok_) count_ = 0;
}

size_t TimeReader::next(int64_t* t_ms) {
  const size_t count = std::min(kBlock, count_ - at_);
  if (count == 0) return 0;
  if (regular_) {
    const auto stride = static_cast<uint64_t>(stride_ms_);
    fill_regular(static_cast<uint64_t>(first_ms_) + stride * at_, stride, t_ms);
    at_ += count;
    return count;
  }
  bool rises = ints_.next(t_ms) == count;
  if (rises) {
    for (size_t i = 0; i < kBlock; ++i) t_ms[i] = plus(t_ms[i], static_cast<uint64_t>(first_ms_));
    rises = at_ == 0 ? t_ms[0] == first_ms_ : t_ms[0] > before_ms_;
    for (size_t i = 1; i < count; ++i) rises &= t_ms[i] > t_ms[i - 1];
    before_ms_ = t_ms[count - 1];
    at_ += count;
    if (at_ == count_ && before_ms_ != last_ms_) rises = false;
  }
  if (rises) return count;
  ok_ = false;
  count_ = at_;
  return 0;
}

std::optional<std::string_view> TimeReader::behind() const {
  if (!ok_) return std::nullopt;
  std::string_view rest = bytes_;
  if (!regular_ && !skip_packed_ints(rest, count_)) return std::nullopt;
  return rest;
}

}  // namespace tidemark::storage
