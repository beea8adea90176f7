#include "aggregator/storage/column_chunk.h"

#include <algorithm>

namespace tidemark::storage {

void append_columns(std::span<const int64_t> t_ms, std::span<const double> v, std::string& out) {
  append_chunk_times(t_ms, out);
  append_values(v, out);
}

std::optional<int64_t> columns_last_ms(std::string_view payload, int64_t first_ms, uint32_t count) {
  if (count == 0) return std::nullopt;
  const TimeReader times(payload, first_ms, count);
  if (!times.ok()) return std::nullopt;
  return times.last_ms();
}

ColumnDecoder::ColumnDecoder(std::string_view payload, int64_t first_ms, uint32_t count)
    : left_(count), first_ms_(first_ms) {
  if (count == 0) return;
  times_ = TimeReader(payload, first_ms, count);
  const auto values = times_.behind();
  if (values) values_ = ValueReader(*values, count);
  if (!values || !values_.ok()) fail();
}

size_t ColumnDecoder::fail() {
  ok_ = false;
  left_ = 0;
  held_from_ = 0;
  held_to_ = 0;
  return 0;
}

bool ColumnDecoder::read_block(int64_t* t_ms, double* v, size_t& count) {
  count = values_.next(v);
  if (count == 0 || times_.next(t_ms) != count) return false;
  left_ -= count;
  return left_ > 0 || (values_.ok() && values_.rest().empty());
}

size_t ColumnDecoder::next(std::span<int64_t> t_ms, std::span<double> v) {
  const size_t room = std::min(t_ms.size(), v.size());
  size_t done = 0;
  while (done < room) {
    size_t count = 0;
    if (held_from_ < held_to_) {
      count = std::min<size_t>(room - done, held_to_ - held_from_);
      std::copy_n(held_t_ms_ + held_from_, count, t_ms.data() + done);
      std::copy_n(held_v_ + held_from_, count, v.data() + done);
      held_from_ += static_cast<uint32_t>(count);
    } else if (left_ == 0) {
      break;
    } else if (room - done >= kBlock) {
      if (!read_block(t_ms.data() + done, v.data() + done, count)) return fail();
    } else {
      size_t held = 0;
      if (!read_block(held_t_ms_, held_v_, held)) return fail();
      held_from_ = 0;
      held_to_ = static_cast<uint32_t>(held);
    }
    done += count;
  }
  return done;
}

void ColumnDecoder::skip_to(int64_t t_ms) {
  const int64_t stride = times_.stride_ms();
  if (stride == 0 || t_ms <= first_ms_) return;
  const uint64_t before =
      (static_cast<uint64_t>(t_ms) - static_cast<uint64_t>(first_ms_) - 1) / static_cast<uint64_t>(stride) +
      1;  // Samples older than t_ms, were there so many.
  size_t skipped = 0;
  while (left_ > kBlock && skipped + kBlock <= before) {
    const size_t count = values_.skip();
    if (count == 0) {
      fail();
      return;
    }
    skipped += count;
    left_ -= count;
  }
  times_.seek(skipped);
}

}  // namespace tidemark::storage
