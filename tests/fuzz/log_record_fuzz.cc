// Any bytes as a log record: what decodes is encoded and decoded again to the same samples, and a shard replays it.
#include <bit>
#include <map>
#include <vector>

#include "aggregator/storage/chunk_codec.h"
#include "aggregator/storage/head_shard.h"
#include "aggregator/storage/log_record.h"
#include "tests/fuzz/fuzz.h"

namespace tidemark {
namespace {

constexpr size_t kSamplesReplayedMax = 4096;

bool same(const storage::LogSample& a, const storage::LogSample& b) {
  return a.series == b.series && a.t_ms == b.t_ms && a.start_ms == b.start_ms &&
         std::bit_cast<uint64_t>(a.v) == std::bit_cast<uint64_t>(b.v);
}

bool same(const storage::LogHistogram& a, const storage::LogHistogram& b) {
  return a.series == b.series && a.t_ms == b.t_ms && a.start_ms == b.start_ms &&
         a.histogram->reset == b.histogram->reset && same_histogram(*a.histogram, *b.histogram);
}

void replay(const std::vector<storage::LogSample>& samples) {
  if (samples.size() > kSamplesReplayedMax) return;
  storage::HeadShard shard(0);
  std::map<storage::SeriesId, uint32_t> slots;
  std::map<storage::SeriesId, std::map<int64_t, uint64_t>> want;
  std::vector<storage::HeadShard::Replayed> record;
  std::vector<int64_t> starts;
  for (const storage::LogSample& sample : samples) {
    const auto [at, added] = slots.try_emplace(sample.series, 0);
    if (added) at->second = shard.add_series(sample.series, INT64_MIN, true, 1);
    if (sample.start_ms != kNoStart) starts.push_back(sample.start_ms);
    const auto start = sample.start_ms == kNoStart ? 0 : static_cast<uint32_t>(starts.size());
    record.push_back({at->second, start, sample.v, sample.t_ms, 1});
    want[sample.series][sample.t_ms] = std::bit_cast<uint64_t>(sample.v);
  }
  shard.replay(record, starts);
  for (const auto& [id, slot] : slots) {
    storage::HeadCopy copied;
    fuzz::require(shard.copy(id, slot, INT64_MIN, INT64_MAX, 1, copied), "a replayed series is there");
    std::map<int64_t, uint64_t> got;
    std::vector<int64_t> t_ms(storage::kChunkSamplesMax);
    std::vector<double> v(storage::kChunkSamplesMax);
    const auto take = [&](const storage::OwnedChunk& chunk) {
      storage::ChunkDecoder decoder(chunk.view());
      const size_t count = decoder.next(t_ms, v);
      fuzz::require(count == chunk.count && decoder.ok(), "its chunks decode");
      for (size_t i = 0; i < count; ++i) got[t_ms[i]] = std::bit_cast<uint64_t>(v[i]);
    };
    for (const auto& chunk : copied.chunks) take(*chunk);
    if (copied.open.count > 0) take(copied.open);
    for (const auto& late : copied.late) got[late.t_ms] = std::bit_cast<uint64_t>(late.v);
    fuzz::require(got == want[id], "a shard holds what the record says, the last value of a time");
  }
}

}  // namespace
}  // namespace tidemark

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemark;
  std::vector<storage::LogSample> samples;
  std::vector<storage::LogHistogram> histograms;
  if (!storage::decode_log_record(fuzz::with_checksum(fuzz::view(data, size)), samples, histograms).ok()) return 0;
  std::string written;
  storage::encode_log_record(samples, histograms, written);
  std::vector<storage::LogSample> again;
  std::vector<storage::LogHistogram> histograms_again;
  fuzz::require(storage::decode_log_record(written, again, histograms_again).ok() && again.size() == samples.size() &&
                    histograms_again.size() == histograms.size(),
                "reads as written");
  for (size_t i = 0; i < histograms.size(); ++i) {
    fuzz::require(same(histograms[i], histograms_again[i]), "histograms come back");
  }
  for (size_t i = 0; i < samples.size(); ++i) fuzz::require(same(samples[i], again[i]), "samples come back");
  replay(samples);
  return 0;
}
