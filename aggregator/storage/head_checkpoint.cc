// The part of HeadShard that checkpoints and recovery use.
#include <algorithm>

#include "aggregator/storage/head_group.h"
#include "aggregator/storage/head_shard.h"

namespace tidemark::storage {
namespace {

// Late samples within an open chunk wait to be sealed with it; so many do not.
constexpr size_t kLateMax = 64;
// So many histograms make a chunk worth having; fewer wait for the next checkpoint, unless memory is short.
constexpr size_t kHistogramsMin = 64;

}  // namespace

ShardCopy HeadShard::checkpoint(const SealPolicy& policy, const std::function<Position()>& position) {
  const MutexLock lock(mu_);
  draining_ = true;
  while (inside_ > 0) drained_.wait(mu_);
  ShardCopy out;
  out.position = position();
  waiting_.store(0, std::memory_order_relaxed);
  const size_t bytes_min = seal_bytes_min(policy.open_bytes_max);
  std::string group;
  for (uint32_t slot = 0; slot < series_.size(); ++slot) {
    if (slot % kGroupSeries == 0) {
      if (!group.empty()) {
        end_head_group(group);
        out.groups.push_back(std::move(group));
      }
      group.clear();
    }
    HeadSeries& series = series_[slot];
    if (series.id == 0) continue;
    if (!series.open.empty() && series.open.last_ms() < policy.oldest_ms) {
      add_bytes(-static_cast<int64_t>(series.open.memory_bytes()));
      series.open.drop();
      take_starts(series, slot);
      drop_extra_if_empty(series, slot);
    }
    const bool idle = uint32_t{series.touched_min} * 60 < policy.idle_before_s;
    HeadExtra* more = extra_if(series, slot);
    if (!series.open.empty() && (policy.all || idle || series.open.memory_bytes() >= bytes_min ||
                                 (more != nullptr && more->late.size() > kLateMax))) {
      seal(series, slot);
    }
    more = extra_if(series, slot);
    const bool histograms = more != nullptr && !more->histograms.empty() &&
                            (policy.all || idle || bytes_min != SIZE_MAX || more->histograms.size() >= kHistogramsMin);
    if (series.extra != 0) take_sealed(series, slot, policy, histograms, out);
    if (idle && series.open.empty()) out.idle.push_back(series.id);
    // One without a record has no sample yet.
    if (policy.all || series.defined == 0) continue;
    if (group.empty()) begin_head_group(group);
    // What was taken goes to files in the same ingest.
    static const std::vector<LateSample> kNone;
    more = extra_if(series, slot);
    const std::string starts = series.starts != 0 ? more->starts.encode() : std::string();
    static const std::vector<LateHistogram> kNoHistograms;
    if (more == nullptr || (more->late.empty() && more->histograms.empty())) {
      append_head_entry(group, series.id, series.last_unknown != 0, series.open, starts, kNone, kNoHistograms);
    } else {
      const bool some_taken = !out.sealed.empty() && out.sealed.back().id == series.id;
      LateSamples stay = more->late;
      LateHistograms histograms_stay = more->histograms;
      if (some_taken) {
        stay.remove(out.sealed.back().late);
        histograms_stay.remove(out.sealed.back().histograms);
      }
      append_head_entry(group, series.id, series.last_unknown != 0, series.open, starts, stay.all(),
                        histograms_stay.all());
    }
  }
  if (!group.empty()) {
    end_head_group(group);
    out.groups.push_back(std::move(group));
  }
  draining_ = false;
  drained_.notify_all();
  return out;
}

void HeadShard::take_sealed(HeadSeries& series, uint32_t slot, const SealPolicy& policy, bool histograms,
                            ShardCopy& out) {
  const HeadExtra& more = extra(series, slot);
  const int64_t before_ms = series.open.empty() ? INT64_MAX : series.open.first_ms();
  SealedSeries sealed;
  const Position up_to = policy.all ? UINT64_MAX : policy.oldest_view;
  sealed.late = more.late.copy(before_ms, up_to);
  if (histograms) sealed.histograms = more.histograms.copy(INT64_MAX, up_to);
  if (more.sealed.empty() && sealed.late.empty() && sealed.histograms.empty()) return;
  sealed.id = series.id;
  sealed.slot = slot;
  sealed.chunks = more.sealed;
  out.sealed.push_back(std::move(sealed));
}

size_t HeadShard::seal_bytes_min(uint64_t open_bytes_max) {
  if (head_bytes() <= open_bytes_max) return SIZE_MAX;
  std::vector<uint32_t> sizes;
  uint64_t total = 0;
  for (const HeadSeries& series : series_) {
    if (series.open.empty()) continue;
    sizes.push_back(static_cast<uint32_t>(series.open.memory_bytes()));
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
  const MutexLock lock(mu_);
  for (const SealedSeries& taken : copy.sealed) {
    HeadSeries& series = series_[taken.slot];
    // Nothing frees a slot that still has something sealed or late.
    HeadExtra& more = extra(series, taken.slot);
    for (const SharedChunk& chunk : taken.chunks) add_bytes(-chunk->bytes());
    more.sealed.erase(more.sealed.begin(), more.sealed.begin() + static_cast<ptrdiff_t>(taken.chunks.size()));
    const size_t before = more.late.size();
    more.late.remove(taken.late);
    add_bytes(-static_cast<int64_t>((before - more.late.size()) * sizeof(LateSample)));
    more.histograms.remove(taken.histograms);
    add_bytes(-histogram_bytes(taken.histograms));
    drop_extra_if_empty(series, taken.slot);
  }
}

bool HeadShard::load_group(std::string_view group, uint32_t now_s, std::vector<Loaded>& loaded) {
  auto entries = parse_head_group(group);
  if (!entries) return false;
  const MutexLock lock(mu_);
  for (HeadGroupEntry& entry : *entries) {
    const auto slot = static_cast<uint32_t>(series_.size());
    HeadSeries& series = series_.emplace_back();
    series.id = entry.id;
    series.open = std::move(entry.open);
    series.last_unknown = entry.last_unknown ? 1 : 0;
    series.defined = 1;
    series.touched_min = now_s / 60;
    add_bytes(static_cast<int64_t>(series.open.memory_bytes()));
    if (!entry.starts.empty()) {
      series.starts = 1;
      add_bytes(static_cast<int64_t>(entry.starts.memory_bytes()));
      extra(series, slot).starts = std::move(entry.starts);
    }
    for (const LateSample& late : entry.late) {
      extra(series, slot).late.add(late);
      add_bytes(sizeof(LateSample));
    }
    for (const LateHistogram& histogram : entry.histograms) add_histogram(series, slot, histogram);
    loaded.push_back({entry.id, slot, !series.open.empty() || series.extra != 0});
  }
  return true;
}

void HeadShard::discard(uint32_t slot) {
  const MutexLock lock(mu_);
  HeadSeries& series = series_[slot];
  add_bytes(-static_cast<int64_t>(series.open.memory_bytes()));
  if (const HeadExtra* const more = extra_if(series, slot)) {
    for (const SharedChunk& chunk : more->sealed) add_bytes(-chunk->bytes());
    add_bytes(-static_cast<int64_t>(more->starts.memory_bytes()));
    add_bytes(-static_cast<int64_t>(more->late.size() * sizeof(LateSample)));
    add_bytes(-histogram_bytes(more->histograms.all()));
    extras_.erase(slot);
  }
  // Not free for another: what else the log holds of this series names the slot.
  series = HeadSeries();
}

}  // namespace tidemark::storage
