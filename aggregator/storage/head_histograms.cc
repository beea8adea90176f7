// The part of HeadShard that takes native histograms.
//
// They are few beside floats and large, so they lie apart (HeadExtra) as they came, each with its commit, until a
// checkpoint packs them into a chunk. The floats' way past here is not longer by a branch.
#include <algorithm>

#include "aggregator/storage/head_shard.h"
#include "aggregator/storage/histogram_code.h"

namespace tidemark::storage {
namespace {

int64_t bytes_of(const LateHistogram& sample) {
  return static_cast<int64_t>(sizeof(LateHistogram) + sample.histogram->bytes());
}

// Hints other than gauge's are found anew where it is read.
bool same(const NativeHistogram& a, const NativeHistogram& b) {
  return (a.reset == CounterReset::kGauge) == (b.reset == CounterReset::kGauge) && same_histogram(a, b);
}

}  // namespace

int64_t histogram_bytes(const std::vector<LateHistogram>& samples) {
  int64_t bytes = 0;
  for (const LateHistogram& sample : samples) bytes += bytes_of(sample);
  return bytes;
}

bool HeadShard::has_histogram_at(const HeadSeries& series, uint32_t slot, int64_t t_ms) {
  const HeadExtra* const more = extra_if(series, slot);
  return more != nullptr && more->histograms.find(t_ms) != nullptr;
}

void HeadShard::end_floats_at(HeadSeries& series, uint32_t slot, int64_t t_ms) {
  if (!series.open.empty()) {
    seal(series, slot);
    waiting_.store(waiting_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  series.open = OpenChunk(t_ms, 0);
  series.last_unknown = 1;
}

void HeadShard::add_histogram(HeadSeries& series, uint32_t slot, const LateHistogram& sample) {
  const std::optional<LateHistogram> replaced = extra(series, slot).histograms.add(sample);
  add_bytes(bytes_of(sample) - (replaced ? bytes_of(*replaced) : 0));
}

Outcome HeadShard::append_histogram(HeadSeries& series, uint32_t slot, uint32_t sample, const Batch& batch,
                                    const AppendRules& rules, AppendResult& result) {
  const storage::Value& value = batch.value(sample);
  const int64_t t_ms = batch.t_ms(sample);
  if (t_ms <= series.open.last_ms()) return append_late_histogram(series, slot, sample, batch, rules, nullptr, result);
  add_mark(series, slot, rules, result);
  end_floats_at(series, slot, t_ms);
  auto histogram = std::make_shared<const NativeHistogram>(*value.histogram);
  add_histogram(series, slot, {t_ms, histogram, rules.position, value.start_ms});
  accept(series, {series.id, t_ms, value.start_ms, std::move(histogram)}, rules, result);
  return Outcome::kAccepted;
}

Outcome HeadShard::append_late_histogram(HeadSeries& series, uint32_t slot, uint32_t sample, const Batch& batch,
                                         const AppendRules& rules, const InFiles* in_files, AppendResult& result) {
  const NativeHistogram& given = *batch.value(sample).histogram;
  const int64_t t_ms = batch.t_ms(sample);
  if (series.mark.position > rules.position) result.tied_to = std::max(result.tied_to, series.mark.position);
  const HeadExtra* const more = extra_if(series, slot);
  const LateHistogram* const here = more == nullptr ? nullptr : more->histograms.find(t_ms);
  const NativeHistogram* there = here == nullptr ? nullptr : here->histogram.get();
  if (here == nullptr) {
    if (find(series, slot, t_ms)) return Outcome::kOutOfOrder;  // A time has one kind of sample.
    if (t_ms < series.open.last_ms() && series.open.last_ms() - t_ms > rules.out_of_order_ms) {
      return Outcome::kOutOfOrder;
    }
    if (in_files == nullptr) {
      result.undecided.push_back(sample);
      return Outcome::kAccepted;
    }
    if (in_files->v_bits) return Outcome::kOutOfOrder;
    there = in_files->histogram.get();
  } else if (here->position > rules.position) {
    result.tied_to = std::max(result.tied_to, here->position);
  }
  if (there != nullptr) {
    if (same(*there, given)) return Outcome::kDuplicate;
    if (rules.out_of_order_ms == 0) return Outcome::kOutOfOrder;
    // The later commit's value stands, as it will after a replay.
    if (here != nullptr && here->position > rules.position) return Outcome::kAccepted;
  }
  const bool overwrites = there != nullptr;
  auto histogram = std::make_shared<const NativeHistogram>(given);
  const int64_t start_ms = batch.value(sample).start_ms;
  add_histogram(series, slot, {t_ms, histogram, rules.position, start_ms});
  accept(series, {series.id, t_ms, start_ms, std::move(histogram)}, rules, result);
  return overwrites ? Outcome::kOverwrote : Outcome::kAccepted;
}

void HeadShard::accept(HeadSeries& series, LogHistogram sample, const AppendRules& rules, AppendResult& result) {
  if (series.defined == 0) result.undefined.push_back(series.id);
  series.touched_min = rules.now_s / 60;
  result.histograms.push_back(std::move(sample));
}

void HeadShard::replay_histograms(std::span<const ReplayedHistogram> samples, Position position) {
  const MutexLock lock(mu_);
  for (const ReplayedHistogram& sample : samples) {
    HeadSeries& series = series_[sample.slot];
    if (series.id == 0) continue;
    if (sample.t_ms > series.open.last_ms()) end_floats_at(series, sample.slot, sample.t_ms);
    add_histogram(series, sample.slot, {sample.t_ms, sample.histogram, position, sample.start_ms});
  }
}

}  // namespace tidemark::storage
