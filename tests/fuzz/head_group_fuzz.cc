// Any bytes as a group of open chunks: what parses is written and parsed again to the same bytes, its chunks decode or
// say that they do not, and may be appended to.
#include <vector>

#include "aggregator/storage/chunk_codec.h"
#include "aggregator/storage/head_group.h"
#include "aggregator/storage/keys.h"
#include "tests/fuzz/fuzz.h"

namespace tidemark {
namespace {

std::string write(const std::vector<storage::HeadGroupEntry>& entries) {
  std::string out;
  storage::begin_head_group(out);
  for (const auto& entry : entries) {
    storage::append_head_entry(out, entry.id, entry.last_unknown, entry.open, entry.starts.encode(), entry.late,
                               entry.histograms);
  }
  storage::end_head_group(out);
  return out;
}

void use(storage::OpenChunk& open) {
  std::vector<int64_t> t_ms(storage::kChunkSamplesMax);
  std::vector<double> v(storage::kChunkSamplesMax);
  const storage::OwnedChunk copied = open.copy();
  storage::ChunkDecoder decoder(copied.view());
  fuzz::require(decoder.next(t_ms, v) <= copied.count, "no more samples than it says");
  const int64_t window_end_ms = storage::window_start_ms(storage::window_of(open.first_ms())) + storage::kWindowMs;
  for (int64_t step_ms = 1; !open.full() && open.last_ms() + step_ms < window_end_ms; step_ms = step_ms * 3 / 2 + 1) {
    open.append(open.last_ms() + step_ms, 1.0 / static_cast<double>(step_ms));
  }
  if (open.empty()) return;  // Its tail filled up and did not decode: damage that only a checksum of one's own hides.
  fuzz::require(open.take().count > 0 && open.empty(), "taking empties it");
}

}  // namespace
}  // namespace tidemark

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemark;
  auto entries = storage::parse_head_group(fuzz::with_checksum(fuzz::view(data, size)));
  if (!entries) return 0;
  fuzz::require(entries->size() <= storage::kGroupSeries, "a group has its limit");
  const std::string written = write(*entries);
  const auto again = storage::parse_head_group(written);
  fuzz::require(again && write(*again) == written, "a group reads as written");
  for (auto& entry : *entries) {
    if (!entry.open.empty()) use(entry.open);
  }
  return 0;
}
