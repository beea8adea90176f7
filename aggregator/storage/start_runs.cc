#include "aggregator/storage/start_runs.h"

#include <algorithm>

#include "aggregator/storage/keys.h"
#include "model/varint.h"

namespace tidemark::storage {
namespace {

// Starts come from outside and may be anything: sums wrap.
int64_t minus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
int64_t plus(int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b)); }

}  // namespace

int64_t StartRuns::Run::at(int64_t t_ms) const {
  switch (kind) {
    case Kind::kNone:
      return kNoStart;
    case Kind::kSame:
      return minus(from_ms, distance_ms);
    case Kind::kDistance:
      return minus(t_ms, distance_ms);
  }
  return kNoStart;
}

void StartRuns::append(int64_t t_ms, int64_t start_ms) {
  if (!runs_.empty()) {
    Run& last = runs_.back();
    if (last.at(t_ms) == start_ms && (start_ms == kNoStart) == (last.kind == Kind::kNone)) {
      last_is_one_ = false;
      return;
    }
    if (last_is_one_ && last.kind == Kind::kSame && start_ms != kNoStart && minus(t_ms, start_ms) == last.distance_ms) {
      last.kind = Kind::kDistance;
      last_is_one_ = false;
      return;
    }
  } else if (start_ms == kNoStart) {
    return;
  }
  runs_.push_back(
      {t_ms, start_ms == kNoStart ? 0 : minus(t_ms, start_ms), start_ms == kNoStart ? Kind::kNone : Kind::kSame});
  last_is_one_ = true;
}

int64_t StartRuns::at(int64_t t_ms) const {
  const auto behind =
      std::upper_bound(runs_.begin(), runs_.end(), t_ms, [](int64_t t, const Run& run) { return t < run.from_ms; });
  return behind == runs_.begin() ? kNoStart : (behind - 1)->at(t_ms);
}

std::string StartRuns::encode() const {
  std::string out;
  if (runs_.empty()) return out;
  append_varint(out, runs_.size());
  int64_t before_ms = 0;
  for (const Run& run : runs_) {
    append_signed_varint(out, run.from_ms - before_ms);
    append_varint(out, static_cast<uint64_t>(run.kind));
    if (run.kind != Kind::kNone) append_signed_varint(out, run.distance_ms);
    before_ms = run.from_ms;
  }
  return out;
}

std::optional<StartRuns> StartRuns::parse(std::string_view column) {
  StartRuns out;
  uint64_t count = 0;
  // Two bytes are the least a run takes, so memory stays in proportion.
  if (!take_varint(column, count) || count == 0 || count > column.size() / 2) return std::nullopt;
  out.runs_.reserve(count);
  int64_t from_ms = 0;
  for (uint64_t i = 0; i < count; ++i) {
    int64_t step_ms = 0;
    uint64_t kind = 0;
    Run run;
    if (!take_signed_varint(column, step_ms) || (i > 0 && step_ms <= 0) || !take_varint(column, kind) || kind > 2) {
      return std::nullopt;
    }
    from_ms = plus(from_ms, step_ms);
    if (from_ms < kOldestTimestampMs || from_ms > kNewestTimestampMs) return std::nullopt;
    run.from_ms = from_ms;
    run.kind = static_cast<Kind>(kind);
    if (run.kind != Kind::kNone && !take_signed_varint(column, run.distance_ms)) return std::nullopt;
    out.runs_.push_back(run);
  }
  if (!column.empty()) return std::nullopt;
  return out;
}

std::string encode_starts(std::span<const int64_t> t_ms, std::span<const int64_t> start_ms) {
  StartRuns runs;
  for (size_t i = 0; i < start_ms.size(); ++i) runs.append(t_ms[i], start_ms[i]);
  return runs.encode();
}

}  // namespace tidemark::storage
