#include "aggregator/storage/head_shard.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <bit>

namespace tidemark::storage {
namespace {

// Samples between asking for memory and using it: some 30 ns each, against 100 ns or so for the memory.
constexpr size_t kSeriesAhead = 12;
constexpr size_t kChunkAhead = 5;

}  // namespace

uint32_t HeadShard::add_series(SeriesId id, const Tail& tail, bool defined, uint32_t now_s) {
  const MutexLock lock(mu_);
  uint32_t slot = 0;
  if (free_slots_.empty()) {
    slot = static_cast<uint32_t>(series_.size());
    series_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  Series& series = series_[slot];
  series.id = id;
  series.last = tail;
  series.defined = defined;
  series.touched_s = now_s;
  return slot;
}

void HeadShard::set_defined(std::span<const SeriesRef> refs) {
  const MutexLock lock(mu_);
  for (const SeriesRef ref : refs) {
    Series& series = series_[ref_slot(ref)];
    if (series.id == ref_series(ref)) series.defined = true;
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

void HeadShard::append(Batch& batch, std::span<const uint32_t> samples, const AppendRules& rules,
                       AppendResult& result) {
  const MutexLock lock(mu_);
  for (size_t at = 0; at < samples.size(); ++at) {
    // Series lie all over memory, so waiting for it is most of the work: ask for a series well ahead, and for the end
    // of its chunk once the series should be there.
    if (at + kSeriesAhead < samples.size()) {
      const uint32_t slot = ref_slot(batch.ref(samples[at + kSeriesAhead]));
      if (slot < series_.size()) {
        const char* const series = reinterpret_cast<const char*>(&series_[slot]);
        for (size_t line = 0; line < sizeof(Series); line += 64) __builtin_prefetch(series + line, 1);
      }
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
    batch.set_outcome(i, append_one(series_[slot], batch.t_ms(i), batch.value(i), rules, result));
  }
}

Outcome HeadShard::append_one(Series& series, int64_t t_ms, const Value& value, const AppendRules& rules,
                              AppendResult& result) {
  if (value.histogram != nullptr) return Outcome::kUnsupported;
  if (t_ms < rules.min_ms) return Outcome::kTooOld;
  if (t_ms > rules.max_ms) return Outcome::kTooNew;
  if (t_ms <= series.last.last_ms) {
    if (t_ms < series.last.last_ms || std::bit_cast<uint64_t>(value.number) != series.last.last_bits) {
      return Outcome::kOutOfOrder;
    }
    // "It is there already" holds only once that one's commit is in the log.
    if (!series.marks.empty() && series.marks.back().position > rules.position) {
      result.tied_to = std::max(result.tied_to, series.marks.back().position);
    }
    return Outcome::kDuplicate;
  }
  auto& marks = series.marks;
  size_t settled = 0;
  while (settled < marks.size() && marks[settled].position <= rules.oldest_view) ++settled;
  marks.erase(marks.begin(), marks.begin() + static_cast<ptrdiff_t>(settled));
  if (marks.empty() || marks.back().position != rules.position) {
    if (!marks.empty() && marks.back().position > rules.position) {
      result.tied_to = std::max(result.tied_to, marks.back().position);
    }
    marks.push_back({rules.position, series.last.last_ms});
  }
  if (!series.defined) result.undefined.push_back(series.id);
  series.touched_s = rules.now_s;
  append_to_chunk(series, t_ms, value.number);
  result.accepted.push_back({series.id, t_ms, value.number, value.start_ms});
  return Outcome::kAccepted;
}

void HeadShard::append_to_chunk(Series& series, int64_t t_ms, double v) {
  if (!series.open.empty() && (series.open.full() || window_of(series.open.first_ms()) != window_of(t_ms))) {
    seal(series);
  }
  const size_t before = series.open.memory_bytes();
  series.open.append(t_ms, v);
  series.last = {t_ms, std::bit_cast<uint64_t>(v)};
  series.changed = true;
  const size_t after = series.open.memory_bytes();
  if (after != before) {
    head_bytes_.store(head_bytes_.load(std::memory_order_relaxed) + after - before, std::memory_order_relaxed);
  }
}

void HeadShard::seal(Series& series) {
  const size_t before = series.open.memory_bytes();
  series.sealed.push_back(series.open.take());
  series.changed = true;
  head_bytes_.store(head_bytes_.load(std::memory_order_relaxed) + series.sealed.back().payload.size() - before,
                    std::memory_order_relaxed);
}

void HeadShard::load_open_chunk(uint32_t slot, OpenChunk chunk) {
  const MutexLock lock(mu_);
  Series& series = series_[slot];
  head_bytes_ += chunk.memory_bytes();
  series.last = {chunk.last_ms(), chunk.last_bits()};
  series.open = std::move(chunk);
  series.checkpointed = true;
}

void HeadShard::replay(uint32_t slot, int64_t t_ms, double v) {
  const MutexLock lock(mu_);
  Series& series = series_[slot];
  if (t_ms > series.last.last_ms) return append_to_chunk(series, t_ms, v);
  // Two commits wrote this series at once and reached the log in the other order. Rare, so it may be slow: what is
  // newer in the open chunk is taken out and put in again behind it.
  OwnedChunk old = series.open.empty() ? OwnedChunk{} : series.open.copy();
  std::vector<int64_t> times(old.count);
  std::vector<double> values(old.count);
  XorDecoder decoder(old.payload, old.first_ms, old.count);
  if (old.count > 0 && decoder.next(times, values) != old.count) return;
  const auto at = std::lower_bound(times.begin(), times.end(), t_ms);
  if (at != times.end() && *at == t_ms) return;
  const auto index = at - times.begin();
  times.insert(at, t_ms);
  values.insert(values.begin() + index, v);
  head_bytes_ -= series.open.memory_bytes();
  series.open = OpenChunk();
  const Tail last = series.last;
  for (size_t i = 0; i < times.size(); ++i) append_to_chunk(series, times[i], values[i]);
  if (last.last_ms > series.last.last_ms) series.last = last;
}

std::optional<HeadCopy> HeadShard::copy(SeriesId id, uint32_t slot, int64_t min_ms, int64_t max_ms, Position view) {
  const MutexLock lock(mu_);
  if (slot >= series_.size() || series_[slot].id != id) return std::nullopt;
  const Series& series = series_[slot];
  HeadCopy out;
  for (const Mark& mark : series.marks) {
    if (mark.position > view) {
      out.visible_until_ms = mark.before_ms;
      break;
    }
  }
  for (const OwnedChunk& chunk : series.sealed) {
    if (chunk.last_ms >= min_ms && chunk.first_ms <= std::min(max_ms, out.visible_until_ms))
      out.chunks.push_back(chunk);
  }
  const OpenChunk& open = series.open;
  if (!open.empty() && open.last_ms() >= min_ms && open.first_ms() <= std::min(max_ms, out.visible_until_ms)) {
    out.chunks.push_back(open.copy());
  }
  return out;
}

ShardCopy HeadShard::checkpoint(const SealPolicy& policy, const std::function<Position()>& position) {
  const MutexLock lock(mu_);
  draining_ = true;
  while (inside_ > 0) drained_.wait(mu_);
  ShardCopy out;
  out.position = position();
  const size_t bytes_min = seal_bytes_min(policy.open_bytes_max);
  for (Series& series : series_) {
    if (series.id == 0) continue;
    const bool dropped = !series.open.empty() && series.open.last_ms() < policy.oldest_ms;
    if (dropped) {
      head_bytes_ -= series.open.memory_bytes();
      series.open = OpenChunk();
      series.changed = true;
    }
    if (!series.open.empty() &&
        (policy.all || series.touched_s < policy.idle_before_s || series.open.memory_bytes() >= bytes_min)) {
      seal(series);
    }
    for (const OwnedChunk& chunk : series.sealed) {
      // Those of dropped windows go with the rest when the checkpoint is done.
      out.sealed.push_back({series.id, chunk});
    }
    if (series.open.empty() && series.touched_s < policy.idle_before_s) out.idle.push_back(series.id);
    if (!series.changed) continue;
    series.changed = false;
    if (series.open.empty()) {
      out.tails.emplace_back(series.id, series.last);
      if (series.checkpointed) out.closed.push_back(series.id);
      series.checkpointed = false;
    } else {
      out.open.emplace_back(series.id, series.open.serialize());
      series.checkpointed = true;
    }
  }
  draining_ = false;
  drained_.notify_all();
  return out;
}

size_t HeadShard::seal_bytes_min(uint64_t open_bytes_max) {
  if (head_bytes() <= open_bytes_max) return SIZE_MAX;
  std::vector<size_t> sizes;
  uint64_t total = 0;
  for (const Series& series : series_) {
    if (series.open.empty()) continue;
    sizes.push_back(series.open.memory_bytes());
    total += sizes.back();
  }
  std::sort(sizes.begin(), sizes.end(), std::greater<>());
  // Down to three quarters, so that the next checkpoint does not find the shard over its budget at once.
  const uint64_t wanted = open_bytes_max / 4 * 3;
  size_t least = SIZE_MAX;
  for (const size_t size : sizes) {
    if (total <= wanted) break;
    total -= size;
    least = size;
  }
  return least;
}

void HeadShard::checkpoint_done(const ShardCopy& copy) {
  absl::flat_hash_map<SeriesId, size_t> taken;
  for (const SealedChunk& sealed : copy.sealed) ++taken[sealed.series];
  const MutexLock lock(mu_);
  for (Series& series : series_) {
    if (series.sealed.empty() || series.id == 0) continue;
    const auto found = taken.find(series.id);
    if (found == taken.end()) continue;
    const auto end = series.sealed.begin() + static_cast<ptrdiff_t>(found->second);
    for (auto chunk = series.sealed.begin(); chunk != end; ++chunk) head_bytes_ -= chunk->payload.size();
    series.sealed.erase(series.sealed.begin(), end);
    if (series.sealed.empty()) series.sealed.shrink_to_fit();
  }
}

bool HeadShard::remove_idle(SeriesId id, uint32_t slot, uint32_t idle_before_s) {
  const MutexLock lock(mu_);
  if (slot >= series_.size()) return false;
  Series& series = series_[slot];
  if (series.id != id || !series.open.empty() || !series.sealed.empty() || series.changed || !series.defined ||
      series.touched_s >= idle_before_s) {
    return false;
  }
  series.id = 0;
  series.open = OpenChunk();
  series.marks.clear();
  series.checkpointed = false;
  free_slots_.push_back(slot);
  return true;
}

int64_t HeadShard::oldest_ms() {
  const MutexLock lock(mu_);
  int64_t oldest = INT64_MAX;
  for (const Series& series : series_) {
    if (!series.sealed.empty()) oldest = std::min(oldest, series.sealed.front().first_ms);
    if (!series.open.empty()) oldest = std::min(oldest, series.open.first_ms());
  }
  return oldest;
}

}  // namespace tidemark::storage
