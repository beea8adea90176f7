// Any samples: through a chunk, and through an open chunk that is written and read between appends, they come back bit
// by bit.
#include <bit>
#include <vector>

#include "aggregator/storage/chunk_codec.h"
#include "aggregator/storage/open_chunk.h"
#include "tests/fuzz/fuzz.h"

namespace tidemark {
namespace {

constexpr int64_t kDayMs = 86'400'000;

void check(const storage::ChunkView& chunk, const std::vector<int64_t>& t_ms, const std::vector<double>& v) {
  std::vector<int64_t> got_t(t_ms.size() + 1);
  std::vector<double> got_v(t_ms.size() + 1);
  storage::ChunkDecoder decoder(chunk);
  fuzz::require(chunk.count == t_ms.size() && chunk.first_ms == t_ms.front() && chunk.last_ms == t_ms.back(), "header");
  fuzz::require(decoder.next(got_t, got_v) == t_ms.size() && decoder.ok(), "all samples come back");
  for (size_t i = 0; i < t_ms.size(); ++i) {
    fuzz::require(got_t[i] == t_ms[i], "times come back");
    fuzz::require(std::bit_cast<uint64_t>(got_v[i]) == std::bit_cast<uint64_t>(v[i]), "values come back");
  }
}

// Steps and values of the shapes that codecs are made for, and none.
double next_value(fuzz::Input& in, double before) {
  switch (in.take<uint8_t>() % 6) {
    case 0:
      return before;
    case 1:
      return before + in.take<uint8_t>();
    case 2:
      return before + static_cast<double>(in.take<int16_t>()) / 100;
    case 3:
      return static_cast<double>(in.take<int32_t>()) / 1000;
    case 4:
      return in.take<float>();
    default:
      return in.take<double>();
  }
}

}  // namespace
}  // namespace tidemark

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemark;
  fuzz::Input in(fuzz::view(data, size));
  const int64_t day_ms = int64_t{in.take<int16_t>()} * kDayMs;
  int64_t t = day_ms + in.take<uint32_t>() % kDayMs;
  std::vector<int64_t> t_ms;
  std::vector<double> v;
  storage::OpenChunk open;
  double value = 0;
  while (!in.empty() && t_ms.size() < storage::kChunkSamplesMax && t < day_ms + kDayMs) {
    value = next_value(in, value);
    t_ms.push_back(t);
    v.push_back(value);
    open.append(t, value);
    const auto step = in.take<uint8_t>();
    if (step == 255) {
      std::string written;
      open.append_to(written);
      std::string_view rest = written;
      fuzz::require(storage::OpenChunk::take_from(rest, open) && rest.empty(), "an open chunk reads as written");
    }
    t += step < 100 ? 15'000 : step < 200 ? step - 99 : 1 + in.take<uint32_t>() % 10'000'000;
  }
  if (t_ms.empty()) return 0;
  const std::string chunk = storage::make_chunk(t_ms, v);
  const auto parsed = storage::parse_chunk(chunk);
  fuzz::require(parsed.has_value(), "a chunk parses");
  check(*parsed, t_ms, v);
  check(open.copy().view(), t_ms, v);
  return 0;
}
