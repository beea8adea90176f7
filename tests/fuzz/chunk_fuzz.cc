// Any bytes as a stored chunk, in every codec: decoded in batches of any size it gives the same rising times, at most
// as many as its header says, and what decodes comes back bit by bit from a chunk made of it.
#include <bit>
#include <vector>

#include "aggregator/storage/chunk_codec.h"
#include "aggregator/storage/keys.h"
#include "aggregator/storage/start_runs.h"
#include "tests/fuzz/fuzz.h"

namespace tidemark {
namespace {

struct Decoded {
  bool ok = false;
  std::vector<int64_t> t_ms;
  std::vector<double> v;

  bool operator==(const Decoded& other) const {
    return ok == other.ok && t_ms == other.t_ms && v.size() == other.v.size() &&
           (v.empty() || std::memcmp(v.data(), other.v.data(), v.size() * sizeof(double)) == 0);
  }
};

Decoded decode(const storage::ChunkView& chunk, size_t batch) {
  Decoded out;
  storage::ChunkDecoder decoder(chunk);
  std::vector<int64_t> t_ms(batch);
  std::vector<double> v(batch);
  while (const size_t count = decoder.next(t_ms, v)) {
    fuzz::require(count <= batch, "no more samples than there is room");
    out.t_ms.insert(out.t_ms.end(), t_ms.begin(), t_ms.begin() + static_cast<std::ptrdiff_t>(count));
    out.v.insert(out.v.end(), v.begin(), v.begin() + static_cast<std::ptrdiff_t>(count));
    fuzz::require(out.t_ms.size() <= chunk.count, "no more samples than the header says");
  }
  out.ok = decoder.ok();
  return out;
}

}  // namespace
}  // namespace tidemark

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemark;
  (void)storage::parse_chunk(fuzz::view(data, size));
  const std::string bytes = fuzz::with_checksum(fuzz::view(data, size));
  const auto chunk = storage::parse_chunk(bytes);
  if (!chunk) return 0;
  const Decoded whole = decode(*chunk, storage::kChunkSamplesMax);
  const Decoded pieces = decode(*chunk, 7);
  fuzz::require(whole.ok == pieces.ok, "the size of batches does not decide whether a chunk is good");
  if (!whole.ok) return 0;
  fuzz::require(whole == pieces, "the size of batches does not change what is decoded");
  fuzz::require(whole.t_ms.size() == chunk->count, "a good chunk has as many samples as its header says");
  for (size_t i = 1; i < whole.t_ms.size(); ++i) fuzz::require(whole.t_ms[i - 1] < whole.t_ms[i], "times rise");
  const int64_t first_ms = whole.t_ms.front();
  const int64_t last_ms = whole.t_ms.back();
  if (chunk->count > storage::kChunkSamplesMax || first_ms < storage::kOldestTimestampMs ||
      last_ms > storage::kNewestTimestampMs || storage::window_of(first_ms) != storage::window_of(last_ms)) {
    return 0;
  }
  const auto starts = storage::StartRuns::parse(chunk->starts);
  fuzz::require(starts.has_value() == !chunk->starts.empty(), "the column of start timestamps reads or is not there");
  std::vector<int64_t> start_ms;
  for (const int64_t t_ms : whole.t_ms) start_ms.push_back(starts ? starts->at(t_ms) : kNoStart);
  const std::string again = storage::make_chunk(whole.t_ms, whole.v, start_ms);
  const auto parsed = storage::parse_chunk(again);
  fuzz::require(parsed.has_value(), "what was made parses");
  fuzz::require(parsed->first_ms == first_ms && parsed->last_ms == last_ms, "the header tells the times");
  fuzz::require(decode(*parsed, storage::kChunkSamplesMax) == whole, "what was made decodes to the same");
  const auto starts_again = storage::StartRuns::parse(parsed->starts).value_or(storage::StartRuns());
  for (size_t i = 0; i < start_ms.size(); ++i) {
    fuzz::require(starts_again.at(whole.t_ms[i]) == start_ms[i], "start timestamps come back");
  }
  return 0;
}
