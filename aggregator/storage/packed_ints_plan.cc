#include "aggregator/storage/packed_ints_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "model/varint.h"

namespace tidemark::storage {
namespace {

// 1024 numbers: beyond that a header is nothing, and a split could not save it.
constexpr size_t kRunBlocksMax = 16;

int64_t minus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

size_t varint_bits(int64_t v) { return (static_cast<size_t>(std::bit_width(zigzag(v) | 1)) + 6) / 7 * 8; }

struct Range {
  int64_t min = std::numeric_limits<int64_t>::max();
  int64_t max = std::numeric_limits<int64_t>::min();

  void add(int64_t v) {
    min = std::min(min, v);
    max = std::max(max, v);
  }
  void add(const Range& other) {
    min = std::min(min, other.min);
    max = std::max(max, other.max);
  }
  bool empty() const { return min > max; }
  uint64_t width() const { return empty() ? 0 : static_cast<uint64_t>(max) - static_cast<uint64_t>(min); }
};

// What is known of a run without looking at its numbers again. Differences to numbers before the run are not in it.
struct Stats {
  Range x;
  Range step;
  Range bend;
  double sum = 0;     // Of the numbers, less the column's first.
  double moment = 0;  // Of the same, each times its place in the run.
};

size_t block_bits(uint64_t width, size_t count) {
  const uint8_t code = packing_for(width);
  return count / kBlock * packed_bits(code, kBlock) + packed_bits(code, count % kBlock);
}

struct Choice {
  PlannedSegment plan;
  size_t bits = SIZE_MAX;
};

class Planner {
 public:
  explicit Planner(std::span<const int64_t> numbers) : x_(numbers) {
    for (size_t begin = 0; begin < x_.size(); begin += kBlock) blocks_.push_back(stats_of_block(begin));
  }

  std::vector<PlannedSegment> plan() {
    for (size_t block = 0; block < blocks_.size(); block += kRunBlocksMax) {
      plan_run(block, std::min(kRunBlocksMax, blocks_.size() - block));
    }
    return std::move(out_);
  }

 private:
  size_t begin_of(size_t block) const { return block * kBlock; }
  size_t end_of(size_t block) const { return std::min(x_.size(), (block + 1) * kBlock); }
  int64_t step_at(size_t i) const { return minus(x_[i], x_[i - 1]); }
  int64_t bend_at(size_t i) const { return minus(step_at(i), step_at(i - 1)); }

  Stats stats_of_block(size_t begin) const;
  Stats stats_of_run(size_t block, size_t blocks) const;
  size_t plan_run(size_t block, size_t blocks);
  size_t least_bits(size_t block, size_t blocks) const;
  void try_plain(const Stats& stats, size_t begin, size_t count, Choice& best) const;
  void try_line(const Stats& stats, size_t block, size_t blocks, Choice& best);
  void try_slope(double slope, uint8_t slope_bits, size_t block, size_t blocks, Choice& best);
  int64_t residual_at(const IntSegment& segment, size_t begin, size_t i) const;
  bool may_be_spiky(const IntSegment& segment, size_t begin, uint64_t width) const;
  void try_patches(IntSegment segment, size_t begin, uint64_t width, Choice& best);
  void offer(PlannedSegment plan, uint64_t width, size_t extra_bits, Choice& best) const;

  std::span<const int64_t> x_;
  std::vector<Stats> blocks_;
  std::vector<PlannedSegment> out_;
  Range line_[kRunBlocksMax];  // Residuals of the last line tried, by block of its run.
  std::vector<int64_t> residuals_;
};

Stats Planner::stats_of_block(size_t begin) const {
  const size_t count = std::min(kBlock, x_.size() - begin);
  const int64_t* x = x_.data() + begin;
  Stats stats;
  int64_t before = x[0];
  int64_t step_before = 0;
  double sum = 0;
  double moment = 0;
  stats.x.add(before);
  sum = static_cast<double>(minus(before, x_[0]));
  if (count > 1) {
    step_before = minus(x[1], before);
    before = x[1];
    stats.x.add(before);
    stats.step.add(step_before);
    moment = static_cast<double>(minus(before, x_[0]));
    sum += moment;
  }
  for (size_t i = 2; i < count; ++i) {
    const int64_t step = minus(x[i], before);
    stats.bend.add(minus(step, step_before));
    stats.step.add(step);
    stats.x.add(x[i]);
    const auto v = static_cast<double>(minus(x[i], x_[0]));
    sum += v;
    moment += v * static_cast<double>(i);
    before = x[i];
    step_before = step;
  }
  stats.sum = sum;
  stats.moment = moment;
  return stats;
}

Stats Planner::stats_of_run(size_t block, size_t blocks) const {
  Stats run = blocks_[block];
  for (size_t b = 1; b < blocks; ++b) {
    const Stats& next = blocks_[block + b];
    const size_t at = begin_of(block + b);
    run.x.add(next.x);
    run.step.add(next.step);
    run.step.add(step_at(at));
    run.bend.add(next.bend);
    run.bend.add(bend_at(at));
    if (end_of(block + b) - at > 1) run.bend.add(bend_at(at + 1));
    run.sum += next.sum;
    run.moment += next.moment + next.sum * static_cast<double>(b * kBlock);
  }
  return run;
}

// Residuals 0 .. width in the way of `plan`.
void Planner::offer(PlannedSegment plan, uint64_t width, size_t extra_bits, Choice& best) const {
  plan.segment.packing = packing_for(width);
  const int64_t expected = plan.begin == 0 ? 0 : x_[plan.begin - 1];
  size_t bits = 16 + (plan.begin == 0 ? 0 : 8) + varint_bits(minus(plan.segment.first, expected)) + extra_bits;
  if (plan.segment.mode != IntMode::kFrame) bits += varint_bits(plan.segment.slope);
  if (plan.segment.mode == IntMode::kBends) bits += varint_bits(plan.segment.bend);
  bits += (plan.segment.bits() + 7) / 8 * 8;
  if (bits < best.bits) best = {plan, bits};
}

void Planner::try_plain(const Stats& stats, size_t begin, size_t count, Choice& best) const {
  PlannedSegment plan;
  plan.begin = begin;
  plan.segment.count = count;
  plan.segment.first = stats.x.min;
  offer(plan, stats.x.width(), 0, best);
  if (count < 2 || stats.x.width() == 0) return;
  plan.segment.first = x_[begin];
  plan.segment.mode = IntMode::kSteps;
  plan.segment.slope = stats.step.min;
  offer(plan, stats.step.width(), 0, best);
  if (count < 3 || stats.step.width() == 0) return;
  plan.segment.mode = IntMode::kBends;
  plan.segment.slope = step_at(begin + 1);
  plan.segment.bend = stats.bend.min;
  offer(plan, stats.bend.width(), 0, best);
}

void Planner::try_line(const Stats& stats, size_t block, size_t blocks, Choice& best) {
  const size_t begin = begin_of(block);
  const auto n = static_cast<double>(end_of(block + blocks - 1) - begin);
  for (size_t b = 0; b < blocks; ++b) line_[b] = blocks_[block + b].x;
  const double slope = 12 * (stats.moment - (n - 1) / 2 * stats.sum) / (n * (n * n - 1));
  const auto width = static_cast<double>(stats.x.width());
  const auto step_width = static_cast<double>(stats.step.width());
  // A line so flat gains less than its slope costs; one so steep has no place in its fixed point.
  if (n < 4 || !(std::abs(slope) * n > width / 16) || !(std::abs(slope) < 0x1p40)) return;
  const double whole = std::nearbyint(slope);
  const double tilt = std::abs(slope - whole) * n;  // What rounding the slope may add to the residuals' range.
  // Noise about a line has half the range of its differences. Most counters count whole things at a steady rate: the
  // rounded slope is the true one where it is near.
  if (tilt <= std::max(1.0, step_width / 8)) try_slope(whole, 0, block, blocks, best);
  if (tilt <= std::max(0.25, step_width / 256)) return;
  uint8_t slope_bits = 4;
  while (slope_bits < 12 && std::ldexp(n, -slope_bits - 1) > std::max(0.25, step_width / 64)) slope_bits += 4;
  try_slope(std::nearbyint(std::ldexp(slope, slope_bits)), slope_bits, block, blocks, best);
}

void Planner::try_slope(double slope, uint8_t slope_bits, size_t block, size_t blocks, Choice& best) {
  PlannedSegment plan;
  plan.begin = begin_of(block);
  plan.segment.count = end_of(block + blocks - 1) - plan.begin;
  plan.segment.mode = IntMode::kLine;
  plan.segment.slope = static_cast<int64_t>(slope);
  plan.segment.slope_bits = slope_bits;
  Range all;
  uint64_t rise = 0;
  for (size_t b = 0; b < blocks; ++b) {
    Range range;
    const size_t end = end_of(block + b);
    for (size_t i = begin_of(block + b); i < end; ++i) {
      range.add(minus(x_[i], static_cast<int64_t>(rise) >> slope_bits));
      rise += static_cast<uint64_t>(plan.segment.slope);
    }
    line_[b] = range;
    all.add(range);
  }
  plan.segment.first = all.min;
  offer(plan, all.width(), 0, best);
}

// Less cannot be reached by splitting the run, but for lines of the blocks' own.
size_t Planner::least_bits(size_t block, size_t blocks) const {
  size_t bits = 0;
  for (size_t b = 0; b < blocks; ++b) {
    const Stats& stats = blocks_[block + b];
    const size_t count = end_of(block + b) - begin_of(block + b);
    const uint64_t width = std::min({stats.x.width(), stats.step.width(), stats.bend.width(), line_[b].width()});
    bits += block_bits(width, count);
  }
  return bits;
}

// Line, frame as a line without slope, or steps; less `first`.
int64_t Planner::residual_at(const IntSegment& segment, size_t begin, size_t i) const {
  if (segment.mode == IntMode::kSteps) return i == 0 ? segment.slope : step_at(begin + i);
  const auto rise = static_cast<int64_t>(static_cast<uint64_t>(segment.slope) * i);
  return minus(x_[begin + i], rise >> segment.slope_bits);
}

// A look at a few pairs: where most residuals lie together and the range is made by a few, few pairs are far apart; of
// pairs from an even noise three in four are an eighth of the range or more apart.
bool Planner::may_be_spiky(const IntSegment& segment, size_t begin, uint64_t width) const {
  constexpr size_t kPairs = 16;
  const size_t stride = segment.count / kPairs;
  if (stride < 2 || width < 4) return width >= 4 && segment.count >= 8;
  size_t far = 0;
  for (size_t i = 1; i + 1 < segment.count; i += stride) {
    const int64_t a = residual_at(segment, begin, i);
    const int64_t b = residual_at(segment, begin, i + stride / 2);
    far += (a > b ? static_cast<uint64_t>(a) - static_cast<uint64_t>(b)
                  : static_cast<uint64_t>(b) - static_cast<uint64_t>(a)) > width / 8
               ? 1
               : 0;
    if (i + stride + stride / 2 >= segment.count) break;
  }
  return far <= kPairs / 2;
}

// Sets residuals aside where a few lie far from the others.
void Planner::try_patches(IntSegment segment, size_t begin, uint64_t width_known, Choice& best) {
  const size_t count = segment.count;
  if (!may_be_spiky(segment, begin, width_known)) return;
  const bool steps = segment.mode == IntMode::kSteps;
  const size_t n = steps ? count - 1 : count;
  residuals_.resize(n);
  Range all;
  if (steps) {
    for (size_t i = 0; i < n; ++i) residuals_[i] = step_at(begin + 1 + i);
  } else {
    uint64_t rise = 0;
    for (size_t i = 0; i < n; ++i) {
      residuals_[i] = minus(x_[begin + i], static_cast<int64_t>(rise) >> segment.slope_bits);
      rise += static_cast<uint64_t>(segment.slope);
    }
  }
  double mean = 0;
  for (const int64_t r : residuals_) {
    all.add(r);
    mean += static_cast<double>(r);
  }
  mean /= static_cast<double>(n);
  const auto width = static_cast<double>(all.width());
  if (width < 4) return;
  size_t far = 0;
  for (const int64_t r : residuals_) far += std::abs(static_cast<double>(r) - mean) > width / 8 ? 1 : 0;
  if (far * 8 > n) return;

  std::sort(residuals_.begin(), residuals_.end());
  PlannedSegment plan;
  plan.begin = begin;
  plan.segment = segment;
  plan.patched = true;
  const size_t patch_bits = 8 + varint_bits(static_cast<int64_t>(all.width() >> 1));
  for (size_t patches = 1; patches <= n / 8; patches += std::max<size_t>(1, patches / 2)) {
    const size_t kept = n - patches;
    size_t from = 0;
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i <= patches; ++i) {
      const auto span = static_cast<uint64_t>(minus(residuals_[i + kept - 1], residuals_[i]));
      if (span < least) {
        least = span;
        from = i;
      }
    }
    (steps ? plan.segment.slope : plan.segment.first) = residuals_[from];
    offer(plan, least, 8 + patches * patch_bits, best);
  }
}

// Appends the run's segments; returns their bits.
size_t Planner::plan_run(size_t block, size_t blocks) {
  const size_t begin = begin_of(block);
  const size_t count = end_of(block + blocks - 1) - begin;
  const Stats stats = stats_of_run(block, blocks);
  Choice best;
  try_plain(stats, begin, count, best);
  const bool perfect = best.plan.segment.packing == 0;
  if (!perfect) {
    try_line(stats, block, blocks, best);
    IntSegment segment;
    segment.count = count;
    uint64_t width = stats.x.width();
    if (best.plan.segment.mode == IntMode::kLine) {
      segment = best.plan.segment;
      width = packing_max(segment.packing);
    }
    const size_t least = least_bits(block, blocks);
    try_patches(segment, begin, width, best);
    segment.mode = IntMode::kSteps;
    segment.first = x_[begin];
    segment.slope_bits = 0;
    try_patches(segment, begin, stats.step.width(), best);
    if (blocks > 1 && least + 40 < best.bits - best.bits / 32) {
      const size_t planned = out_.size();
      const size_t half = std::bit_floor(blocks - 1);
      const size_t split = plan_run(block, half) + plan_run(block + half, blocks - half);
      if (split < best.bits) return split;
      out_.resize(planned);
    }
  }
  out_.push_back(best.plan);
  return best.bits;
}

}  // namespace

std::vector<PlannedSegment> plan_ints(std::span<const int64_t> numbers) { return Planner(numbers).plan(); }

}  // namespace tidemark::storage
