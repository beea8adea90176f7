#include "aggregator/storage/head_shard.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

#include "aggregator/storage/chunk_codec.h"

namespace tidemark::storage {
namespace {

// Samples between asking for memory and using it: some 30 ns each, against 100 ns or so for the memory.
constexpr size_t kSeriesAhead = 12;
constexpr size_t kChunkAhead = 5;

void prefetch(const HeadSeries& series) {
  __builtin_prefetch(&series, 1);
  __builtin_prefetch(reinterpret_cast<const char*>(&series) + sizeof(HeadSeries) - 1, 1);
}

// The value at `t_ms`, if the chunk has one.
std::optional<uint64_t> find_in(const OwnedChunk& chunk, int64_t t_ms) {
  ChunkDecoder decoder(chunk.view());
  decoder.skip_to(t_ms);
  int64_t times[64];
  double values[64];
  while (const size_t count = decoder.next(times, values)) {
    if (times[count - 1] < t_ms) continue;
    const int64_t* const at = std::lower_bound(times, times + count, t_ms);
    if (*at != t_ms) return std::nullopt;
    return std::bit_cast<uint64_t>(values[at - times]);
  }
  return std::nullopt;
}

// Those in the range, and the one before them. No more is looked at: an instant query wants the newest of hundreds.
std::vector<LateHistogram> with_predecessor(const LateHistograms& histograms, Position view, int64_t min_ms,
                                            int64_t max_ms) {
  const std::vector<LateHistogram>& all = histograms.all();
  const auto first = std::lower_bound(all.begin(), all.end(), min_ms,
                                      [](const LateHistogram& one, int64_t t_ms) { return one.t_ms < t_ms; });
  auto before = first;
  while (before != all.begin() && std::prev(before)->position > view) --before;
  std::vector<LateHistogram> out;
  for (auto at = before == all.begin() ? first : std::prev(before); at != all.end() && at->t_ms <= max_ms; ++at) {
    if (at->position > view) continue;
    if (!out.empty() && out.back().t_ms == at->t_ms) out.pop_back();
    out.push_back(*at);
  }
  if (!out.empty() && out.back().t_ms < min_ms) out.clear();
  return out;
}

}  // namespace

uint32_t HeadShard::add_series(SeriesId id, int64_t last_ms, bool defined, uint32_t now_s) {
  const MutexLock lock(mu_);
  uint32_t slot = 0;
  if (free_slots_.empty()) {
    slot = static_cast<uint32_t>(series_.size());
    series_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  HeadSeries& series = series_[slot];
  series.id = id;
  series.open = OpenChunk(last_ms, 0);
  series.last_unknown = 1;
  series.defined = defined ? 1 : 0;
  series.touched_min = now_s / 60;
  return slot;
}

void HeadShard::set_defined(std::span<const SeriesRef> refs) {
  const MutexLock lock(mu_);
  for (const SeriesRef ref : refs) {
    HeadSeries& series = series_[ref_slot(ref)];
    if (series.id == ref_series(ref)) series.defined = 1;
  }
}

void HeadShard::enter() {
  const MutexLock lock(mu_);
  while (draining_) drained_.wait(mu_);
  ++inside_;
}

void HeadShard::leave() {
  const MutexLock lock(mu_);
  if (--inside_ == 0 && draining_) drained_.notify_all();
}

void HeadShard::close_off() {
  const MutexLock lock(mu_);
  draining_ = true;
  while (inside_ > 0) drained_.wait(mu_);
}

void HeadShard::reopen() {
  const MutexLock lock(mu_);
  draining_ = false;
  drained_.notify_all();
}

HeadExtra& HeadShard::extra(HeadSeries& series, uint32_t slot) {
  auto& entry = extras_[slot];
  if (!entry) entry = std::make_unique<HeadExtra>();
  series.extra = 1;
  return *entry;
}

HeadExtra* HeadShard::extra_if(const HeadSeries& series, uint32_t slot) {
  if (series.extra == 0) return nullptr;
  return extras_.find(slot)->second.get();
}

void HeadShard::drop_extra_if_empty(HeadSeries& series, uint32_t slot) {
  if (series.extra == 0) return;
  const auto found = extras_.find(slot);
  if (found == extras_.end() || !found->second->empty()) return;
  extras_.erase(found);
  series.extra = 0;
}

void HeadShard::append(Batch& batch, std::span<const uint32_t> samples, const AppendRules& rules,
                       AppendResult& result) {
  const MutexLock lock(mu_);
  for (size_t at = 0; at < samples.size(); ++at) {
    // Series lie all over memory, so waiting for it is most of the work: ask for a series well ahead, and for the end
    // of its chunk once the series should be there.
    if (at + kSeriesAhead < samples.size()) {
      const uint32_t slot = ref_slot(batch.ref(samples[at + kSeriesAhead]));
      if (slot < series_.size()) prefetch(series_[slot]);
    }
    if (at + kChunkAhead < samples.size()) {
      const uint32_t slot = ref_slot(batch.ref(samples[at + kChunkAhead]));
      if (slot < series_.size()) series_[slot].open.prefetch();
    }
    const uint32_t i = samples[at];
    const SeriesRef ref = batch.ref(i);
    const uint32_t slot = ref_slot(ref);
    if (slot >= series_.size() || series_[slot].id != ref_series(ref)) {
      batch.set_outcome(i, Outcome::kUnknownRef);
      continue;
    }
    batch.set_outcome(i, append_one(series_[slot], slot, i, batch, rules, result));
  }
}

void HeadShard::append_late(Batch& batch, std::span<const InFiles> samples, const AppendRules& rules,
                            AppendResult& result) {
  const MutexLock lock(mu_);
  for (const InFiles& one : samples) {
    const SeriesRef ref = batch.ref(one.sample);
    const uint32_t slot = ref_slot(ref);
    // Idle series leave memory meanwhile, and others take their slots.
    if (series_[slot].id != ref_series(ref)) {
      batch.set_outcome(one.sample, Outcome::kUnknownRef);
      continue;
    }
    batch.set_outcome(one.sample, append_late_one(series_[slot], slot, one.sample, batch, rules, &one, result));
  }
}

Outcome HeadShard::append_one(HeadSeries& series, uint32_t slot, uint32_t sample, const Batch& batch,
                              const AppendRules& rules, AppendResult& result) {
  const storage::Value& value = batch.value(sample);
  const int64_t t_ms = batch.t_ms(sample);
  if (const Outcome outcome = rules.judge(value, t_ms); outcome != Outcome::kAccepted) return outcome;
  if (value.histogram != nullptr) return append_histogram(series, slot, sample, batch, rules, result);
  if (t_ms <= series.open.last_ms()) return append_late_one(series, slot, sample, batch, rules, nullptr, result);
  add_mark(series, slot, rules, result);
  series.last_unknown = 0;
  append_to_chunk(series, slot, t_ms, value.number, value.start_ms);
  accept(series, {series.id, t_ms, value.number, value.start_ms}, rules, result);
  return Outcome::kAccepted;
}

Outcome HeadShard::append_late_one(HeadSeries& series, uint32_t slot, uint32_t sample, const Batch& batch,
                                   const AppendRules& rules, const InFiles* in_files, AppendResult& result) {
  if (batch.value(sample).histogram != nullptr) {
    return append_late_histogram(series, slot, sample, batch, rules, in_files, result);
  }
  const double v = batch.value(sample).number;
  const auto bits = std::bit_cast<uint64_t>(v);
  const int64_t t_ms = batch.t_ms(sample);
  // A commit with a later position was quicker: both must show together.
  if (series.mark.position > rules.position) result.tied_to = std::max(result.tied_to, series.mark.position);
  // A time has one kind of sample.
  if (has_histogram_at(series, slot, t_ms) || (in_files != nullptr && in_files->histogram != nullptr)) {
    return Outcome::kOutOfOrder;
  }
  std::optional<Value> there = find(series, slot, t_ms);
  if (!there) {
    if (t_ms < series.open.last_ms() && series.open.last_ms() - t_ms > rules.out_of_order_ms) {
      return Outcome::kOutOfOrder;
    }
    if (in_files == nullptr) {
      result.undecided.push_back(sample);
      return Outcome::kAccepted;
    }
    if (in_files->v_bits) there = Value{*in_files->v_bits, 0};
  }
  if (there) {
    // "It is there already" holds only once that one's commit is in the log.
    if (there->position > rules.position) result.tied_to = std::max(result.tied_to, there->position);
    if (there->bits == bits) return Outcome::kDuplicate;
    if (rules.out_of_order_ms == 0) return Outcome::kOutOfOrder;
    // The later commit's value stands, as it will after a replay.
    if (there->position > rules.position) return Outcome::kAccepted;
  }
  add_late(series, slot, {t_ms, v, rules.position, batch.value(sample).start_ms});
  accept(series, {series.id, t_ms, v, batch.value(sample).start_ms}, rules, result);
  return there ? Outcome::kOverwrote : Outcome::kAccepted;
}

void HeadShard::accept(HeadSeries& series, const LogSample& sample, const AppendRules& rules, AppendResult& result) {
  if (series.defined == 0) result.undefined.push_back(series.id);
  series.touched_min = rules.now_s / 60;
  result.accepted.push_back(sample);
}

std::optional<HeadShard::Value> HeadShard::find(const HeadSeries& series, uint32_t slot, int64_t t_ms) {
  const HeadExtra* const more = extra_if(series, slot);
  if (more != nullptr) {
    if (const LateSample* const late = more->late.find(t_ms)) {
      return Value{std::bit_cast<uint64_t>(late->v), late->position};
    }
  }
  const OpenChunk& open = series.open;
  if (t_ms == open.last_ms() && series.last_unknown == 0) {
    return Value{open.last_bits(), brought_by(series, slot, t_ms)};
  }
  if (!open.empty() && t_ms >= open.first_ms()) {
    if (const auto bits = find_in(open.copy(t_ms), t_ms)) return Value{*bits, brought_by(series, slot, t_ms)};
    return std::nullopt;
  }
  if (more == nullptr) return std::nullopt;
  for (const SharedChunk& chunk : more->sealed) {
    if (t_ms < chunk->first_ms || t_ms > chunk->last_ms) continue;
    if (const auto bits = find_in(*chunk, t_ms)) return Value{*bits, brought_by(series, slot, t_ms)};
  }
  return std::nullopt;
}

Position HeadShard::brought_by(const HeadSeries& series, uint32_t slot, int64_t t_ms) {
  if (series.mark.position != 0 && t_ms > series.mark.before_ms) return series.mark.position;
  const HeadExtra* const more = extra_if(series, slot);
  if (more == nullptr) return 0;
  for (auto mark = more->older_marks.rbegin(); mark != more->older_marks.rend(); ++mark) {
    if (t_ms > mark->before_ms) return mark->position;
  }
  return 0;
}

void HeadShard::add_mark(HeadSeries& series, uint32_t slot, const AppendRules& rules, AppendResult& result) {
  if (series.older_marks != 0) {
    auto& older = extra(series, slot).older_marks;
    std::erase_if(older, [&](const Mark& mark) { return mark.position <= rules.oldest_view; });
    if (older.empty()) {
      series.older_marks = 0;
      drop_extra_if_empty(series, slot);
    }
  }
  if (series.mark.position == rules.position) return;
  if (series.mark.position > rules.oldest_view) {
    if (series.mark.position > rules.position) result.tied_to = std::max(result.tied_to, series.mark.position);
    extra(series, slot).older_marks.push_back(series.mark);
    series.older_marks = 1;
  }
  series.mark = {rules.position, series.open.last_ms()};
}

void HeadShard::append_to_chunk(HeadSeries& series, uint32_t slot, int64_t t_ms, double v, int64_t start_ms) {
  if (!series.open.empty() && (series.open.full() || window_of(series.open.first_ms()) != window_of(t_ms))) {
    seal(series, slot);
    waiting_.store(waiting_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  const size_t before = series.open.memory_bytes();
  series.open.append(t_ms, v);
  const size_t after = series.open.memory_bytes();
  if (after != before) add_bytes(static_cast<int64_t>(after - before));
  if (start_ms != kNoStart || series.starts != 0) add_start(series, slot, t_ms, start_ms);
}

void HeadShard::add_start(HeadSeries& series, uint32_t slot, int64_t t_ms, int64_t start_ms) {
  StartRuns& starts = extra(series, slot).starts;
  const size_t before = starts.memory_bytes();
  starts.append(t_ms, start_ms);
  add_bytes(static_cast<int64_t>(starts.memory_bytes()) - static_cast<int64_t>(before));
  series.starts = 1;
}

std::string HeadShard::take_starts(HeadSeries& series, uint32_t slot) {
  if (series.starts == 0) return {};
  StartRuns& starts = extra(series, slot).starts;
  add_bytes(-static_cast<int64_t>(starts.memory_bytes()));
  series.starts = 0;
  return std::exchange(starts, {}).encode();
}

void HeadShard::add_late(HeadSeries& series, uint32_t slot, const LateSample& sample) {
  LateSamples& late = extra(series, slot).late;
  const size_t before = late.size();
  late.add(sample);
  add_bytes(static_cast<int64_t>((late.size() - before) * sizeof(LateSample)));
  if (sample.t_ms != series.open.last_ms()) return;
  if (series.open.empty()) {
    series.open.set_last_bits(std::bit_cast<uint64_t>(sample.v));
    series.last_unknown = 0;
  } else {
    series.last_unknown = 1;
  }
}

void HeadShard::seal(HeadSeries& series, uint32_t slot) {
  const size_t before = series.open.memory_bytes();
  auto chunk = std::make_shared<OwnedChunk>(series.open.take());
  chunk->starts = take_starts(series, slot);
  add_bytes(chunk->bytes() - static_cast<int64_t>(before));
  extra(series, slot).sealed.push_back(std::move(chunk));
}

void HeadShard::replay(std::span<const Replayed> samples, std::span<const int64_t> starts) {
  const MutexLock lock(mu_);
  for (size_t i = 0; i < samples.size(); ++i) {
    if (i + kSeriesAhead < samples.size()) prefetch(series_[samples[i + kSeriesAhead].slot]);
    if (i + kChunkAhead < samples.size()) series_[samples[i + kChunkAhead].slot].open.prefetch();
    const auto& [slot, start, v, t_ms, position] = samples[i];
    const int64_t start_ms = start == 0 ? kNoStart : starts[start - 1];
    HeadSeries& series = series_[slot];
    if (series.id == 0) continue;
    if (t_ms > series.open.last_ms()) {
      series.last_unknown = 0;
      append_to_chunk(series, slot, t_ms, v, start_ms);
    } else {
      add_late(series, slot, {t_ms, v, position, start_ms});
    }
  }
}

std::optional<Sample> HeadShard::newest(SeriesId id, uint32_t slot, int64_t min_ms, int64_t max_ms, Position view) {
  const MutexLock lock(mu_);
  if (slot >= series_.size() || series_[slot].id != id) return std::nullopt;
  const HeadSeries& series = series_[slot];
  const OpenChunk& open = series.open;
  if (open.empty() || series.last_unknown != 0 || series.mark.position > view) return std::nullopt;
  if (open.last_ms() < min_ms || open.last_ms() > max_ms) return std::nullopt;
  return Sample{open.last_ms(), std::bit_cast<double>(open.last_bits())};
}

bool HeadShard::copy(SeriesId id, uint32_t slot, int64_t min_ms, int64_t max_ms, Position view, HeadCopy& out) {
  const MutexLock lock(mu_);
  if (slot >= series_.size() || series_[slot].id != id) return false;
  const HeadSeries& series = series_[slot];
  const HeadExtra* const more = extra_if(series, slot);
  // From the newest mark back to the oldest that is after the view.
  if (series.mark.position > view) out.visible_until_ms = series.mark.before_ms;
  if (more != nullptr) {
    for (const Mark& mark : more->older_marks) {
      if (mark.position > view) out.visible_until_ms = std::min(out.visible_until_ms, mark.before_ms);
    }
    for (const SharedChunk& chunk : more->sealed) {
      if (chunk->last_ms >= min_ms && chunk->first_ms <= std::min(max_ms, out.visible_until_ms)) {
        out.chunks.push_back(chunk);
      }
    }
    if (!more->late.empty()) out.late = newest_of(more->late.all(), view, min_ms, max_ms);
    if (!more->histograms.empty()) out.histograms = with_predecessor(more->histograms, view, min_ms, max_ms);
  }
  const OpenChunk& open = series.open;
  if (!open.empty() && open.last_ms() >= min_ms && open.first_ms() <= std::min(max_ms, out.visible_until_ms)) {
    open.copy_to(out.open, min_ms);
    if (series.starts != 0) out.open.starts = more->starts.encode();
  }
  return true;
}

bool HeadShard::remove_idle(SeriesId id, uint32_t slot, uint32_t idle_before_s) {
  const MutexLock lock(mu_);
  if (slot >= series_.size()) return false;
  HeadSeries& series = series_[slot];
  if (series.id != id || !series.open.empty() || series.extra != 0 ||
      uint32_t{series.touched_min} * 60 >= idle_before_s) {
    return false;
  }
  series = HeadSeries();
  free_slots_.push_back(slot);
  return true;
}

int64_t HeadShard::oldest_ms() {
  const MutexLock lock(mu_);
  int64_t oldest = INT64_MAX;
  for (const HeadSeries& series : series_) {
    if (!series.open.empty()) oldest = std::min(oldest, series.open.first_ms());
  }
  for (const auto& [slot, more] : extras_) {
    if (!more->sealed.empty()) oldest = std::min(oldest, more->sealed.front()->first_ms);
    if (!more->late.empty()) oldest = std::min(oldest, more->late.all().front().t_ms);
    if (!more->histograms.empty()) oldest = std::min(oldest, more->histograms.all().front().t_ms);
  }
  return oldest;
}

}  // namespace tidemark::storage
