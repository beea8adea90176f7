#include "model/native_histogram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "model/bucket_builder.h"
#include "model/histogram_buckets.h"
#include "model/histogram_math.h"

namespace tidemark {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

BucketList buckets(const std::map<int32_t, double>& counts) {
  BucketBuilder list;
  for (const auto& [place, count] : counts) list.append(place, count);
  return list.take();
}

std::map<int32_t, double> counts_of(const BucketList& list) {
  std::map<int32_t, double> counts;
  list.for_each([&](int32_t place, double count) { counts[place] = count; });
  return counts;
}

NativeHistogram exponential(int32_t schema, const std::map<int32_t, double>& positive,
                            const std::map<int32_t, double>& negative = {}) {
  NativeHistogram h;
  h.schema = schema;
  h.positive = buckets(positive);
  h.negative = buckets(negative);
  for (const auto& [place, count] : positive) h.count += count;
  for (const auto& [place, count] : negative) h.count += count;
  h.sum = h.count;
  return h;
}

NativeHistogram custom(std::vector<double> bounds, const std::map<int32_t, double>& counts) {
  NativeHistogram h = exponential(0, counts);
  h.schema = kCustomBuckets;
  h.bounds = std::move(bounds);
  return h;
}

using Counts = std::map<int32_t, double>;

TEST(NativeHistogram, BoundsAreThoseOfTheFormat) {
  EXPECT_EQ(exponential_bound(0, 0), 1);
  EXPECT_EQ(exponential_bound(3, 0), 8);
  EXPECT_EQ(exponential_bound(-3, 0), 0.125);
  EXPECT_EQ(exponential_bound(1, -4), 65536);
  EXPECT_EQ(exponential_bound(1, 1), 1.414213562373095);
  EXPECT_EQ(exponential_bound(3, 2), 1.6817928305074288);
  EXPECT_EQ(exponential_bound(1, 8), 1.0027112750502025);
  EXPECT_EQ(exponential_bound(-1, 3), 2 * 0.9170040432046711 / 2);
  EXPECT_EQ(exponential_bound(-3, 8), 0.9919100824251095);
  EXPECT_EQ(exponential_bound(1024, 0), std::numeric_limits<double>::max());
  EXPECT_EQ(exponential_bound(1025, 0), kInf);
  EXPECT_EQ(exponential_bound(64, -4), std::numeric_limits<double>::max());
  EXPECT_EQ(exponential_bound(1 << 29, -4), kInf);
  EXPECT_EQ(exponential_bound(-(1 << 29), 8), 0);
}

TEST(NativeHistogram, BucketsComeInOrderAndGiveWayToTheZeroBucket) {
  NativeHistogram h = exponential(0, {{0, 1}, {2, 3}}, {{1, 5}});
  h.zero_threshold = 0.75;
  h.zero_count = 2;
  std::vector<HistogramBucket> list;
  list_buckets(h, list);
  ASSERT_EQ(list.size(), 4U);
  EXPECT_EQ(list[0].lower, -2);
  EXPECT_EQ(list[0].upper, -1);
  EXPECT_TRUE(list[0].lower_inclusive);
  EXPECT_FALSE(list[0].upper_inclusive);
  EXPECT_EQ(list[1].lower, -0.75);
  EXPECT_EQ(list[1].upper, 0.75);
  EXPECT_EQ(list[2].lower, 0.75);
  EXPECT_EQ(list[2].upper, 1);
  EXPECT_EQ(list[3].lower, 2);
  EXPECT_EQ(list[3].count, 3);
  list_buckets(custom({5, 10}, {{0, 1}, {2, 1}}), list);
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].lower, -kInf);
  EXPECT_EQ(list[0].upper, 5);
  EXPECT_EQ(list[1].lower, 10);
  EXPECT_EQ(list[1].upper, kInf);
}

TEST(NativeHistogram, ValidateRefuses) {
  const auto says = [](NativeHistogram h, std::string_view part) {
    const Status status = validate(h);
    EXPECT_EQ(status.code(), Code::kInvalid) << part;
    EXPECT_NE(status.message().find(part), std::string::npos) << status.message();
  };
  const NativeHistogram good = exponential(3, {{-4, 1}, {7, 2}}, {{0, 1}});
  EXPECT_TRUE(validate(good).ok());
  EXPECT_TRUE(validate(custom({1, 2}, {{0, 1}, {2, 1}})).ok());
  NativeHistogram h = good;
  h.schema = 9;
  says(h, "invalid schema");
  h = good;
  h.positive.counts.pop_back();
  says(h, "positive side: spans need 2 buckets, have 1 buckets");
  h = good;
  h.positive.spans[1].offset = -1;
  says(h, "span number 2 with offset -1");
  h = good;
  h.negative.counts[0] = -1;
  says(h, "negative side: bucket number 1 has observation count of -1");
  h = good;
  h.count = -1;
  says(h, "observation count is negative");
  h = good;
  h.zero_count = -1;
  says(h, "zero bucket has observation count of -1");
  h = good;
  h.zero_threshold = kNaN;
  says(h, "zero threshold");
  h = good;
  h.bounds = {1};
  says(h, "must not have custom bounds");
  h = good;
  h.positive.spans[1].length = 0xffffffff;
  says(h, "spans need");
  h = good;
  h.integer_counts = true;
  EXPECT_TRUE(validate(h).ok());
  h.count = 5;
  says(h, "observation count should equal");
  h.sum = kNaN;
  EXPECT_TRUE(validate(h).ok());
  h.count = 3;
  says(h, "should be at least");
  says(custom({2, 1}, {{0, 1}}), "strictly increasing");
  says(custom({1, kNaN}, {{0, 1}}), "must not be NaN");
  says(custom({1, kInf}, {{0, 1}}), "must be finite");
  says(custom({1}, {{2, 1}}), "custom bounds are too few");
  h = custom({1}, {{0, 1}});
  h.zero_count = 1;
  says(h, "zero count of 0");
}

TEST(NativeHistogram, CompactAndEquality) {
  NativeHistogram h = exponential(0, {{0, 0}, {1, 2}, {2, 0}, {3, 4}});
  NativeHistogram dense = h;
  compact(dense);
  EXPECT_EQ(counts_of(dense.positive), (Counts{{1, 2}, {3, 4}}));
  EXPECT_EQ(dense.positive.spans, (std::vector<BucketSpan>{{1, 1}, {1, 1}}));
  EXPECT_FALSE(same_histogram(h, dense));
  NativeHistogram other = dense;
  other.positive.spans = {{0, 0}, {1, 1}, {1, 0}, {0, 1}};
  EXPECT_TRUE(same_histogram(other, dense));
  other.positive.spans = {{0, 1}, {1, 1}};
  EXPECT_FALSE(same_histogram(other, dense));
  other = dense;
  other.reset = CounterReset::kGauge;
  EXPECT_TRUE(same_histogram(other, dense));
  other.sum = kNaN;
  EXPECT_FALSE(same_histogram(other, dense));
  dense.sum = kNaN;
  EXPECT_TRUE(same_histogram(other, dense));
}

TEST(HistogramMath, MeetsAtTheLowerResolution) {
  NativeHistogram fine = exponential(1, {{0, 1}, {1, 2}, {2, 4}, {5, 8}});
  const NativeHistogram coarse = exponential(0, {{1, 16}, {2, 32}});
  NativeHistogram sum = fine;
  EXPECT_FALSE(add(sum, coarse).incompatible);
  EXPECT_EQ(sum.schema, 0);
  EXPECT_EQ(counts_of(sum.positive), (Counts{{0, 1}, {1, 22}, {2, 32}, {3, 8}}));
  NativeHistogram difference = coarse;
  subtract(difference, fine);
  EXPECT_EQ(difference.schema, 0);
  EXPECT_EQ(counts_of(difference.positive), (Counts{{0, -1}, {1, 10}, {2, 32}, {3, -8}}));
}

TEST(HistogramMath, MeetsAtAZeroThresholdThatCutsNoBucket) {
  NativeHistogram wide = exponential(0, {{4, 1}});
  wide.zero_threshold = 0.3;
  wide.zero_count = 1;
  NativeHistogram narrow = exponential(0, {{-2, 2}, {-1, 4}, {0, 8}}, {{-3, 16}, {3, 1}});
  narrow.zero_count = 32;
  NativeHistogram sum = wide;
  add(sum, narrow);  // 0.3 lies in (0.25, 0.5], which is populated.
  EXPECT_EQ(sum.zero_threshold, 0.5);
  EXPECT_EQ(sum.zero_count, 1 + 32 + 2 + 4 + 16);
  EXPECT_EQ(counts_of(sum.positive), (Counts{{0, 8}, {4, 1}}));
  EXPECT_EQ(counts_of(sum.negative), (Counts{{3, 1}}));
  NativeHistogram other_way = narrow;
  add(other_way, wide);
  EXPECT_TRUE(same_histogram(sum, other_way));
}

TEST(HistogramMath, MeetsAtTheBoundsThatBothHave) {
  NativeHistogram a = custom({1, 2, 5}, {{0, 1}, {1, 2}, {2, 4}, {3, 8}});
  const NativeHistogram b = custom({1, 3, 5}, {{0, 10}, {1, 20}, {3, 40}});
  NativeHistogram sum = a;
  EXPECT_TRUE(add(sum, b).bounds_reconciled);
  EXPECT_EQ(sum.bounds, (std::vector<double>{1, 5}));
  EXPECT_EQ(counts_of(sum.positive), (Counts{{0, 11}, {1, 26}, {2, 48}}));
  subtract(a, custom({7}, {{0, 1}}));
  EXPECT_TRUE(a.bounds.empty());
  EXPECT_EQ(counts_of(a.positive), (Counts{{0, 14}}));
  NativeHistogram untouched = a;
  EXPECT_TRUE(add(untouched, exponential(0, {{0, 1}})).incompatible);
  EXPECT_TRUE(same_histogram(untouched, a));
}

TEST(HistogramMath, HintsOfASum) {
  using R = CounterReset;
  const struct {
    R a, b, sum;
    bool collision;
  } cases[] = {{R::kUnknown, R::kUnknown, R::kUnknown, false}, {R::kReset, R::kReset, R::kReset, false},
               {R::kReset, R::kNotReset, R::kUnknown, true},   {R::kNotReset, R::kUnknown, R::kUnknown, false},
               {R::kUnknown, R::kReset, R::kUnknown, false},   {R::kGauge, R::kReset, R::kGauge, false},
               {R::kNotReset, R::kGauge, R::kGauge, false}};
  for (const auto& c : cases) {
    NativeHistogram a = exponential(0, {{0, 1}});
    NativeHistogram b = a;
    a.reset = c.a;
    b.reset = c.b;
    EXPECT_EQ(add(a, b).reset_collision, c.collision);
    EXPECT_EQ(a.reset, c.sum);
  }
  NativeHistogram h = exponential(0, {{0, 1}});
  multiply(h, -1);
  EXPECT_EQ(h.reset, R::kGauge);
}

TEST(HistogramMath, Resets) {
  const NativeHistogram h = exponential(0, {{1, 2}, {3, 4}});
  const auto reset_to = [&](const NativeHistogram& next) { return is_reset(h, next); };
  EXPECT_FALSE(reset_to(h));
  EXPECT_FALSE(reset_to(exponential(0, {{1, 2}, {2, 1}, {3, 4}})));
  EXPECT_TRUE(reset_to(exponential(0, {{1, 3}, {3, 3}, {4, 9}})));
  EXPECT_TRUE(reset_to(exponential(0, {{1, 9}})));
  EXPECT_TRUE(reset_to(exponential(0, {{1, 2}, {3, 3}})));
  EXPECT_TRUE(reset_to(exponential(1, {{2, 2}, {6, 4}})));    // Finer.
  EXPECT_FALSE(reset_to(exponential(-1, {{1, 2}, {2, 4}})));  // Coarser.
  EXPECT_TRUE(reset_to(exponential(-1, {{1, 3}, {2, 3}})));
  NativeHistogram claimed = exponential(0, {{1, 1}});
  claimed.reset = CounterReset::kNotReset;
  EXPECT_FALSE(reset_to(claimed));
  claimed = h;
  claimed.reset = CounterReset::kReset;
  EXPECT_TRUE(reset_to(claimed));
  NativeHistogram wider = exponential(0, {{3, 4}});
  wider.zero_threshold = 2;
  wider.zero_count = 2;
  wider.count = 6;
  EXPECT_FALSE(reset_to(wider));
  EXPECT_TRUE(is_reset(wider, h));
  wider.zero_threshold = 1.5;  // Cuts the bucket (1, 2].
  EXPECT_TRUE(reset_to(wider));
  EXPECT_TRUE(is_reset(h, custom({1}, {{0, 9}})));
  EXPECT_FALSE(is_reset(custom({1, 2}, {{0, 1}, {1, 2}}), custom({1, 3}, {{0, 1}, {1, 2}})));
  EXPECT_TRUE(is_reset(custom({1, 2}, {{0, 2}, {1, 1}}), custom({1, 3}, {{0, 1}, {1, 2}})));
}

TEST(HistogramMath, HintsFromStorage) {
  const NativeHistogram h = exponential(0, {{1, 2}});
  NativeHistogram more = exponential(0, {{1, 3}});
  EXPECT_EQ(hint_as_stored(nullptr, h), CounterReset::kUnknown);
  EXPECT_EQ(hint_as_stored(&h, more), CounterReset::kNotReset);
  EXPECT_EQ(hint_as_stored(&more, h), CounterReset::kUnknown);
  more.reset = CounterReset::kReset;
  EXPECT_EQ(hint_as_stored(&h, more), CounterReset::kUnknown);
  more.reset = CounterReset::kGauge;
  EXPECT_EQ(hint_as_stored(&h, more), CounterReset::kGauge);
  EXPECT_EQ(hint_as_stored(&more, exponential(0, {{1, 4}})), CounterReset::kUnknown);
  EXPECT_EQ(hint_as_stored(&h, exponential(-1, {{1, 4}})), CounterReset::kUnknown);
}

TEST(HistogramMath, TrimKeepsWhatIsOnOneSide) {
  NativeHistogram h = exponential(0, {{0, 2}, {1, 4}, {2, 8}}, {{1, 1}});
  NativeHistogram below = h;
  trim(below, 2, true);
  EXPECT_EQ(counts_of(below.positive), (Counts{{0, 2}, {1, 4}}));
  EXPECT_EQ(below.count, 7);
  EXPECT_NEAR(below.sum, 2 * std::sqrt(0.5) + 4 * std::sqrt(2) - std::sqrt(2), 1e-12);
  NativeHistogram above = h;
  trim(above, std::sqrt(2), false);  // The middle of (1, 2] on a logarithmic scale.
  EXPECT_NEAR(counts_of(above.positive)[1], 2, 1e-12);
  EXPECT_EQ(counts_of(above.positive)[2], 8);
  EXPECT_TRUE(above.negative.empty());
  NativeHistogram all = h;
  trim(all, 100, true);
  EXPECT_TRUE(same_histogram(all, h));
  NativeHistogram none = h;
  trim(none, kNaN, true);
  EXPECT_EQ(none.count, 0);
  EXPECT_TRUE(none.positive.empty());
  NativeHistogram linear = custom({10, 20}, {{0, 4}, {1, 4}, {2, 4}});
  trim(linear, 15, true);
  EXPECT_EQ(counts_of(linear.positive), (Counts{{0, 4}, {1, 2}}));
  EXPECT_EQ(linear.sum, 4 * 5 + 2 * 12.5);
}

TEST(HistogramMath, SumsAreCompensated) {
  const NativeHistogram big = exponential(2, {{1, 1e100}, {5, 1}});
  const NativeHistogram small = exponential(2, {{1, 1}});
  HistogramSum sum(small);
  sum.add(big);
  sum.add(small);
  NativeHistogram minus = big;
  multiply(minus, -1);
  sum.add(minus);
  EXPECT_EQ(counts_of(sum.value().positive), (Counts{{1, 2}, {5, 0}}));
}

TEST(HistogramMath, MeansDoNotOverflow) {
  const NativeHistogram huge = exponential(0, {{1, 1e308}});
  HistogramMean mean(huge);
  for (int i = 0; i < 3; ++i) mean.add(huge);
  EXPECT_DOUBLE_EQ(counts_of(mean.value().positive)[1], 1e308);
  HistogramMean plain(exponential(0, {{1, 1}}));
  plain.add(exponential(0, {{1, 2}, {2, 5}}));
  EXPECT_EQ(counts_of(plain.value().positive), (Counts{{1, 1.5}, {2, 2.5}}));
}

// Against maps: any two exponential histograms of whole counts, of any resolution.
TEST(HistogramMath, AddsAsMapsDo) {
  std::mt19937_64 random(42);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint64_t>(n)); };
  for (int round = 0; round < 2000; ++round) {
    const auto make = [&] {
      Counts positive;
      Counts negative;
      for (int i = below(12); i > 0; --i) positive[below(40) - 20] = below(5);
      for (int i = below(4); i > 0; --i) negative[below(40) - 20] = below(5);
      return exponential(below(5) - 1, positive, negative);
    };
    const NativeHistogram a = make();
    const NativeHistogram b = make();
    const int32_t schema = std::min(a.schema, b.schema);
    const auto expected = [&](const BucketList& x, const BucketList& y, double sign) {
      Counts sum;
      x.for_each([&](int32_t p, double c) { sum[((p - 1) >> (a.schema - schema)) + 1] += c; });
      y.for_each([&](int32_t p, double c) { sum[((p - 1) >> (b.schema - schema)) + 1] += sign * c; });
      return sum;
    };
    NativeHistogram sum = a;
    add(sum, b);
    EXPECT_EQ(counts_of(sum.positive), expected(a.positive, b.positive, 1)) << round;
    EXPECT_EQ(counts_of(sum.negative), expected(a.negative, b.negative, 1)) << round;
    EXPECT_TRUE(validate(sum).ok());
    HistogramSum compensated(a);
    compensated.add(b);
    EXPECT_TRUE(same_histogram(compensated.value(), sum)) << round;
    NativeHistogram difference = a;
    subtract(difference, b);
    EXPECT_EQ(counts_of(difference.positive), expected(a.positive, b.positive, -1)) << round;
    EXPECT_FALSE(is_reset(a, sum)) << round;
  }
}

}  // namespace
}  // namespace tidemark
