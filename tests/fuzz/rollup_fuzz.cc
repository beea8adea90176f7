// Any bytes as a rollup chunk: what parses is encoded and parsed again to the same buckets, sums but for rounding. And
// any numbers through an integer column, any bytes as one.
#include <bit>
#include <cmath>
#include <vector>

#include "aggregator/storage/int_column.h"
#include "aggregator/storage/rollup_chunk.h"
#include "tests/fuzz/fuzz.h"

namespace tidemark::storage {
namespace {

bool same(double a, double b) { return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b); }

void rollup(std::string_view input) {
  const auto buckets = parse_rollup(fuzz::with_checksum(input));
  if (!buckets) return;
  fuzz::require(!buckets->empty() && buckets->size() <= kRollupBucketsMax, "a chunk has its limits");
  for (size_t i = 1; i < buckets->size(); ++i) {
    if ((*buckets)[i].last_ms <= (*buckets)[i - 1].last_ms) return;
  }
  const auto again = parse_rollup(encode_rollup(*buckets));
  fuzz::require(again && again->size() == buckets->size(), "a rollup reads as written");
  for (size_t i = 0; i < buckets->size(); ++i) {
    const Bucket& a = (*buckets)[i];
    const Bucket& b = (*again)[i];
    fuzz::require(a.first_ms == b.first_ms && a.last_ms == b.last_ms && a.stale_ms == b.stale_ms, "times");
    fuzz::require(a.count == b.count && a.resets == b.resets, "counts");
    fuzz::require(same(a.min, b.min) && same(a.max, b.max) && same(a.first, b.first) && same(a.last, b.last), "values");
  }
}

void columns(std::string_view input) {
  fuzz::Input in(input);
  const size_t length = 1 + in.take<uint16_t>() % 2000;
  std::vector<int64_t> x(length);
  std::string_view rest = in.rest();
  if (take_ints(rest, x)) {
    std::string written;
    append_ints(written, x);
    std::vector<int64_t> again(length);
    std::string_view written_rest = written;
    fuzz::require(take_ints(written_rest, again) && written_rest.empty() && again == x, "a column reads as written");
  }
  x.clear();
  int64_t before = 0;
  while (!in.empty() && x.size() < 2000) {
    const auto kind = in.take<uint8_t>();
    const int64_t step = kind % 4 == 0   ? 0
                         : kind % 4 == 1 ? in.take<uint8_t>()
                         : kind % 4 == 2 ? in.take<int16_t>() * 1000
                                         : in.take<int64_t>();
    before = static_cast<int64_t>(static_cast<uint64_t>(before) + static_cast<uint64_t>(step));
    x.push_back(before);
  }
  if (x.empty()) return;
  std::string written;
  append_ints(written, x);
  std::vector<int64_t> again(x.size());
  std::string_view written_rest = written;
  fuzz::require(take_ints(written_rest, again) && written_rest.empty() && again == x, "numbers come back");
}

}  // namespace
}  // namespace tidemark::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tidemark::storage::rollup(tidemark::fuzz::view(data, size));
  tidemark::storage::columns(tidemark::fuzz::view(data, size));
  return 0;
}
