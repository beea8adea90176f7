// Any bytes as a stored chunk of native histograms: what decodes is valid, in order, as many as the header says, and
// comes back from a chunk made of it.
#include <vector>

#include "aggregator/storage/histogram_chunk.h"
#include "aggregator/storage/histogram_code.h"
#include "aggregator/storage/keys.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemark;
  const std::string bytes = fuzz::with_checksum(fuzz::view(data, size));
  const auto chunk = storage::parse_chunk(bytes);
  if (!chunk || chunk->codec != storage::Codec::kHistograms) return 0;
  const std::vector<HistogramSample> samples = storage::decode_histograms(*chunk);
  if (samples.empty()) return 0;
  fuzz::require(samples.size() == chunk->count, "as many histograms as the header says");
  for (size_t i = 0; i < samples.size(); ++i) {
    fuzz::require(storage::check_histogram(*samples[i].histogram).ok(), "what decodes is valid");
    fuzz::require(i == 0 || samples[i - 1].t_ms < samples[i].t_ms, "times rise");
  }
  const int64_t first_ms = samples.front().t_ms;
  const int64_t last_ms = samples.back().t_ms;
  if (first_ms < storage::kOldestTimestampMs || last_ms > storage::kNewestTimestampMs ||
      storage::window_of(first_ms) != storage::window_of(last_ms)) {
    return 0;
  }
  const std::string again = storage::make_histogram_chunk(samples);
  const auto parsed = storage::parse_chunk(again);
  fuzz::require(parsed.has_value(), "what was made parses");
  fuzz::require(parsed->first_ms == first_ms && parsed->last_ms == last_ms, "the header tells the times");
  const std::vector<HistogramSample> read = storage::decode_histograms(*parsed);
  fuzz::require(read.size() == samples.size(), "what was made decodes");
  for (size_t i = 0; i < samples.size(); ++i) {
    const NativeHistogram& a = *samples[i].histogram;
    const NativeHistogram& b = *read[i].histogram;
    fuzz::require(read[i].t_ms == samples[i].t_ms && a.reset == b.reset && same_histogram(a, b), "to the same");
  }
  return 0;
}
