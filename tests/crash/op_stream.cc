#include "tests/crash/op_stream.h"

#include <algorithm>
#include <set>

namespace tidemark::crash {
namespace {

// What an operation is made from.
struct Draw {
  uint64_t seed = 0;
  uint64_t n = 0;
  std::mt19937_64 random;
};

constexpr uint64_t kOpsBetweenGaps = 40;
constexpr int64_t kGapMs = 9 * kHourMs;  // More than a series may idle in memory, and days pass soon.
constexpr int64_t kLateMs = kRawRetentionMs - kDayMs;
constexpr uint32_t kSteadySeries = 20;

uint32_t known_series(uint64_t n) { return kSteadySeries + static_cast<uint32_t>(n / 4); }

// Says which series and which operation it belongs to. Quarters, so that sums of them are exact.
double value_of(uint32_t series, uint64_t n) { return static_cast<double>((uint64_t{series} << 24) + n) / 4; }

// One sample a series at the current time: the steady ones, some of the newest, now and then one that idled.
void append(Op& op, Draw& draw) {
  const uint32_t known = known_series(draw.n);
  std::set<uint32_t> series;
  for (uint32_t s = 0; s < kSteadySeries; ++s) series.insert(s);
  for (uint32_t s = known - std::min(known, kSteadySeries); s < known; ++s) {
    if (draw.random() % 3 != 0) series.insert(s);
  }
  if (draw.random() % 4 == 0) series.insert(static_cast<uint32_t>(draw.random() % known));
  for (const uint32_t s : series) op.samples.push_back({s, op.now_ms, value_of(s, draw.n)});
}

// A scrape's worth of samples at once for some series: chunks fill and are sealed.
void catch_up(Op& op, Draw& draw) {
  const uint32_t s = static_cast<uint32_t>(draw.random() % kSteadySeries);
  for (int64_t i = 0; i < 300; ++i) op.samples.push_back({s, op.now_ms + i * 150, value_of(s, draw.n)});
}

// Samples of earlier times: between what is there, and in its place.
void late(Op& op, Draw& draw) {
  const uint32_t known = known_series(draw.n);
  std::set<std::pair<uint32_t, int64_t>> taken;
  for (uint64_t i = 0, count = 1 + draw.random() % 20; i < count; ++i) {
    const auto s =
        static_cast<uint32_t>(draw.random() % 2 == 0 ? draw.random() % kSteadySeries : draw.random() % known);
    int64_t t_ms = op.now_ms - 1 - static_cast<int64_t>(draw.random() % kLateMs);
    if (draw.random() % 2 == 0)
      t_ms = std::min(op_time_ms(draw.n - std::min<uint64_t>(draw.n, 1 + draw.random() % 300)), op.now_ms);
    if (t_ms < std::max(kStartMs, op.now_ms - kLateMs)) continue;
    if (taken.emplace(s, t_ms).second) op.samples.push_back({s, t_ms, value_of(s, draw.n)});
  }
}

// An earlier operation's samples once more, as a sender does that missed the answer.
void repeat(Op& op, Draw& draw) {
  const uint64_t back = 1 + draw.random() % 100;
  if (back > draw.n) return;
  Op earlier = op_at(draw.seed, draw.n - back);
  // What was late then may be too late by now.
  std::erase_if(earlier.samples, [&](const LedgerSample& sample) { return sample.t_ms < op.now_ms - kLateMs; });
  op.samples = std::move(earlier.samples);
}

// Many series at once that nobody has seen before.
void burst(Op& op, Draw& draw) {
  const auto first = static_cast<uint32_t>(100'000 + draw.n * 64);
  for (uint32_t i = 0, count = 1 + static_cast<uint32_t>(draw.random() % 64); i < count; ++i) {
    op.samples.push_back({first + i, op.now_ms, value_of(first + i, draw.n)});
  }
}

// Deletes in days that still have raw samples.
void erase(Op& op, Draw& draw) {
  op.kind = Op::Kind::kErase;
  op.series = static_cast<uint32_t>(draw.random() % 2 == 0 ? draw.random() % kSteadySeries
                                                           : draw.random() % known_series(draw.n));
  op.min_ms = op.now_ms - static_cast<int64_t>(draw.random() % kLateMs);
  op.max_ms = op.min_ms + static_cast<int64_t>(draw.random() % (draw.random() % 2 == 0 ? kHourMs : kLateMs));
}

// Half of all series, at any time, most of which has nothing but rollups after a while. There whole buckets go, so the
// range begins and ends between two of each tier.
void purge(Op& op, Draw& draw) {
  op.kind = Op::Kind::kErase;
  op.parity = parity_of(static_cast<uint32_t>(draw.random() % 2));
  const auto hours = static_cast<uint64_t>((op.now_ms - kStartMs) / kHourMs);
  op.min_ms = kStartMs + static_cast<int64_t>(draw.random() % (hours + 1)) * kHourMs + 1;
  op.max_ms = op.min_ms - 1 + static_cast<int64_t>(1 + draw.random() % (draw.random() % 4 == 0 ? 96 : 6)) * kHourMs;
}

void settle(Op& op, Draw&) { op.kind = Op::Kind::kSettle; }
void reopen(Op& op, Draw&) { op.kind = Op::Kind::kReopen; }
void snapshot(Op& op, Draw&) { op.kind = Op::Kind::kSnapshot; }
void backup(Op& op, Draw&) { op.kind = Op::Kind::kBackup; }

struct Row {
  const char* name;
  unsigned weight;
  void (*make)(Op& op, Draw& draw);
};
constexpr Row kRows[] = {
    {"append", 60, append},    {"catch_up", 4, catch_up}, {"late", 20, late},    {"repeat", 8, repeat},
    {"burst", 3, burst},       {"erase", 3, erase},       {"settle", 4, settle}, {"reopen", 1, reopen},
    {"snapshot", 1, snapshot}, {"backup", 1, backup},     {"purge", 2, purge},
};

}  // namespace

bool is_histogram(uint32_t series, int64_t t_ms) { return series % 5 == 4 && t_ms / kMinuteMs % 3 != 0; }

NativeHistogram histogram_of(double v) {
  const auto n = static_cast<uint64_t>(v * 4);
  NativeHistogram out;
  out.integer_counts = true;
  out.positive.spans = {{static_cast<int32_t>(n % 3), 1}, {1, static_cast<uint32_t>(1 + n % 2)}};
  out.positive.counts.resize(2 + n % 2);
  for (size_t i = 0; i < out.positive.counts.size(); ++i) {
    out.positive.counts[i] = static_cast<double>((n >> i) % 1000);
    out.count += out.positive.counts[i];
  }
  out.sum = v;
  return out;
}

int64_t op_time_ms(uint64_t n) {
  return kStartMs + static_cast<int64_t>(n) * kMinuteMs + static_cast<int64_t>(n / kOpsBetweenGaps) * kGapMs;
}

Op op_at(uint64_t seed, uint64_t n) {
  std::seed_seq mixed{seed, seed >> 32, n, n >> 32};
  Draw draw{seed, n, std::mt19937_64(mixed)};
  unsigned sum = 0;
  for (const Row& row : kRows) sum += row.weight;
  auto left = static_cast<unsigned>(draw.random() % sum);
  const Row* row = kRows;
  for (; left >= row->weight; ++row) left -= row->weight;
  Op op;
  op.name = row->name;
  op.now_ms = op_time_ms(n);
  row->make(op, draw);
  return op;
}

std::string parity_of(uint32_t series) { return series % 2 == 0 ? "even" : "odd"; }

Labels series_labels(uint32_t series) {
  return Labels{{"__name__", "ledger"}, {"parity", parity_of(series)}, {"series", std::to_string(series)}};
}

}  // namespace tidemark::crash
