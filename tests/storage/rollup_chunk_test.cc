// Integer columns, folding samples into buckets, and the bytes of buckets.
#include "aggregator/storage/rollup_chunk.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "aggregator/storage/int_column.h"
#include "model/sample.h"

namespace tidemark::storage {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr int64_t k5mMs = 300'000;

TEST(IntColumn, RegularNumbersCostLittle) {
  struct Case {
    const char* what;
    size_t bytes_max;
    std::function<int64_t(int64_t)> at;
  };
  const Case cases[] = {
      {"zeros", 1, [](int64_t) { return 0; }},
      {"a constant", 5, [](int64_t) { return 12'345; }},
      {"steps of five minutes", 14, [](int64_t i) { return 1'700'000'000'000 + i * 300'000; }},
      {"a line and four bits", 300 / 2 + 30, [](int64_t i) { return i * 1000 + i * 7919 % 16; }},
      {"multiples of 4096 in three bits", 300 * 3 / 8 + 30, [](int64_t i) { return 4096 * (i * 7919 % 8); }},
      {"a square", 20, [](int64_t i) { return 5 * i * i; }},
      {"one outlier spoils one block", 64 * 5 + 40, [](int64_t i) { return i == 100 ? int64_t{1} << 39 : i % 2; }},
  };
  for (const Case& c : cases) {
    std::vector<int64_t> x;
    for (int64_t i = 0; i < 300; ++i) x.push_back(c.at(i));
    std::string bytes;
    append_ints(bytes, x);
    EXPECT_LE(bytes.size(), c.bytes_max) << c.what;
    std::string_view in = bytes;
    std::vector<int64_t> back(x.size());
    ASSERT_TRUE(take_ints(in, back)) << c.what;
    EXPECT_EQ(back, x) << c.what;
    EXPECT_TRUE(in.empty()) << c.what;
  }
}

TEST(IntColumn, AnyNumbersComeBack) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 3000; ++round) {
    std::vector<int64_t> x(1 + random() % 200);
    const unsigned width = static_cast<unsigned>(random() % 65);
    const auto step = static_cast<int64_t>(random() >> (random() % 64));
    const uint64_t g = random() % 3 == 0 ? random() >> (random() % 64) : 1;
    for (size_t i = 0; i < x.size(); ++i) {
      const uint64_t noise = width == 0 ? 0 : random() >> (64 - width);
      x[i] = static_cast<int64_t>((noise + static_cast<uint64_t>(step) * i) * g);
      if (random() % 100 == 0) x[i] = random() % 2 == 0 ? INT64_MIN : INT64_MAX;
    }
    std::string bytes;
    append_ints(bytes, x);
    std::string_view in = bytes;
    std::vector<int64_t> back(x.size());
    ASSERT_TRUE(take_ints(in, back));
    ASSERT_EQ(back, x);
    ASSERT_TRUE(in.empty());
    // What is cut off or changed is refused or is some column; it is never read beyond its end.
    if (bytes.size() > 1) {
      std::string_view cut = std::string_view(bytes).substr(0, bytes.size() - 1);
      EXPECT_FALSE(take_ints(cut, back));
    }
    bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
    in = bytes;
    static_cast<void>(take_ints(in, back));
  }
}

std::vector<Bucket> fold(Tier tier, const std::vector<Sample>& samples) {
  RollupFold fold(tier);
  std::vector<int64_t> t_ms;
  std::vector<double> v;
  for (const Sample& sample : samples) {
    t_ms.push_back(sample.t_ms);
    v.push_back(sample.v);
  }
  // In two blocks: buckets go on over their border.
  const size_t half = t_ms.size() / 2;
  fold.add(std::span(t_ms).first(half), std::span(v).first(half));
  fold.add(std::span(t_ms).subspan(half), std::span(v).subspan(half));
  return fold.take();
}

TEST(RollupFold, BucketsAreOpenOnTheLeft) {
  const auto buckets = fold(Tier::k5m, {{k5mMs, 1}, {k5mMs + 1, 2}, {2 * k5mMs, 4}, {2 * k5mMs + 1, 8}});
  ASSERT_EQ(buckets.size(), 3u);
  EXPECT_EQ(buckets[0].end_ms(k5mMs), k5mMs);
  EXPECT_EQ(buckets[1].end_ms(k5mMs), 2 * k5mMs);
  EXPECT_EQ(buckets[1].count, 2);
  EXPECT_EQ(buckets[1].sum, 6);
  EXPECT_EQ(buckets[1].first_ms, k5mMs + 1);
  EXPECT_EQ(buckets[1].last_ms, 2 * k5mMs);
  EXPECT_EQ(buckets[2].end_ms(k5mMs), 3 * k5mMs);
  const auto before_1970 = fold(Tier::k5m, {{-k5mMs, 1}, {-k5mMs + 1, 2}, {-1, 2}, {0, 3}});
  ASSERT_EQ(before_1970.size(), 2u);
  EXPECT_EQ(before_1970[0].end_ms(k5mMs), -k5mMs);
  EXPECT_EQ(before_1970[1].end_ms(k5mMs), 0);
}

TEST(RollupFold, FoldsWhatFunctionsNeed) {
  const auto buckets = fold(Tier::k5m, {{1, 5}, {2, 10}, {3, 2}, {4, kNaN}, {5, 20}, {6, 3}});
  ASSERT_EQ(buckets.size(), 1u);
  const Bucket& b = buckets[0];
  EXPECT_EQ(b.count, 6);
  EXPECT_TRUE(std::isnan(b.sum));
  EXPECT_EQ(b.min, 2);
  EXPECT_EQ(b.max, 20);
  EXPECT_EQ(b.first, 5);
  EXPECT_EQ(b.last, 3);
  EXPECT_EQ(b.resets, 2);
  EXPECT_EQ(b.resets_sum, 30);
  EXPECT_EQ(fold(Tier::k5m, {{1, kNaN}, {2, 7}})[0].min, 7);
  EXPECT_EQ(fold(Tier::k5m, {{1, 1e100}, {2, 1}, {3, -1e100}})[0].sum, 1);
  EXPECT_EQ(fold(Tier::k5m, {{1, kInf}, {2, 1}})[0].sum, kInf);
}

TEST(RollupFold, StalenessMarkersAreNoSamples) {
  const double stale = stale_nan();
  const auto ended = fold(Tier::k5m, {{1, 5}, {2, stale}});
  EXPECT_EQ(ended[0].count, 1);
  EXPECT_EQ(ended[0].last_ms, 1);
  EXPECT_EQ(ended[0].stale_ms, 2);
  const auto back = fold(Tier::k5m, {{1, 5}, {2, stale}, {3, 6}});
  EXPECT_EQ(back[0].count, 2);
  EXPECT_EQ(back[0].stale_ms, 0);
  const auto only = fold(Tier::k5m, {{1, stale}, {2, stale}});
  EXPECT_EQ(only[0].count, 0);
  EXPECT_EQ(only[0].last_ms, 2);
  const auto begins = fold(Tier::k5m, {{1, stale}, {2, 4}});
  EXPECT_EQ(begins[0].first_ms, 2);
  EXPECT_EQ(begins[0].count, 1);
}

bool same(double a, double b) { return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b); }
// A sum of doubles is only right to the last bits of its terms; as decimals it is exact.
bool close(double a, double b, const Bucket& of) {
  const double term = std::max(std::fabs(of.min), std::fabs(of.max));
  return same(a, b) || std::fabs(a - b) <= 1e-15 * term * static_cast<double>(of.count);
}

void expect_same(const std::vector<Bucket>& got, const std::vector<Bucket>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    const Bucket& a = got[i];
    const Bucket& b = want[i];
    EXPECT_EQ(a.first_ms, b.first_ms);
    EXPECT_EQ(a.last_ms, b.last_ms);
    EXPECT_EQ(a.stale_ms, b.stale_ms);
    EXPECT_EQ(a.count, b.count);
    EXPECT_EQ(a.resets, b.resets);
    if (b.count == 0) continue;
    EXPECT_TRUE(same(a.first, b.first) && same(a.last, b.last)) << a.first << " " << b.first;
    EXPECT_TRUE(same(a.min, b.min) && same(a.max, b.max)) << a.min << " " << b.min;
    EXPECT_TRUE(close(a.sum, b.sum, b)) << a.sum << " " << b.sum;
    EXPECT_TRUE(close(a.resets_sum, b.resets_sum, b)) << a.resets_sum << " " << b.resets_sum;
  }
}

TEST(RollupChunk, BucketsComeBack) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  using Next = std::function<double(double)>;
  const std::vector<Next> kinds = {
      [](double) { return 42.0; },
      [&](double v) { return random() % 200 == 0 ? 0 : v + static_cast<double>(random() % 50); },
      [&](double) { return static_cast<double>(static_cast<int64_t>(random() % 20'000) - 10'000) / 100; },
      [&](double v) { return v + std::normal_distribution<double>(0, 1)(random); },
      [&](double) { return std::bit_cast<double>(random()); },
      [&](double) { return random() % 2 == 0 ? 0.0 : -0.0; },
      [&](double v) { return v + static_cast<double>(random() % 5) * 0.01; },
      [&](double) { return random() % 3 == 0 ? kNaN : 9007199254740991.0; },
      [&](double) { return random() % 3 == 0 ? kInf : 1e300; },
  };
  for (int round = 0; round < 400; ++round) {
    const Next& next = kinds[static_cast<size_t>(round) % kinds.size()];
    std::vector<Sample> samples;
    int64_t t_ms = static_cast<int64_t>(random() % 1'000'000);
    double v = 0;
    const size_t count = 1 + random() % 2000;
    for (size_t i = 0; i < count; ++i) {
      v = next(v);
      samples.push_back({t_ms, random() % 50 == 0 ? stale_nan() : v});
      t_ms += 15'000 + (random() % 100 == 0 ? static_cast<int64_t>(random() % 2'000'000) : 0);
    }
    std::vector<Bucket> buckets = fold(Tier::k5m, samples);
    buckets.resize(std::min(buckets.size(), kRollupBucketsMax));
    const std::string bytes = encode_rollup(buckets);
    const auto back = parse_rollup(bytes);
    ASSERT_TRUE(back) << back.error().message();
    expect_same(*back, buckets);
    // The same again from what came back: a rebuild of one day rewrites its neighbours.
    EXPECT_EQ(encode_rollup(*back), bytes);
  }
}

TEST(RollupChunk, SumsKeepDecimalsThatOnlySamplesBetweenHave) {
  struct Case {
    const char* what;
    std::vector<double> v;
  };
  const Case cases[] = {
      {"halves between whole numbers", {0, 0.5, 0.25, 1}},
      {"falls from a half", {0, 0.5, 0, 1}},
      {"large whole numbers, quarters between", {348'127'297, 348'127'298.25, 348'127'301}},
      {"a third between", {0, 1.0 / 3, 1}},
  };
  for (const Case& c : cases) {
    RollupFold fold(Tier::k5m);
    int64_t t_ms = k5mMs;
    for (const double v : c.v) {
      t_ms += 15'000;
      fold.add({&t_ms, 1}, {&v, 1});
    }
    const std::vector<Bucket> buckets = fold.take();
    const auto back = parse_rollup(encode_rollup(buckets));
    ASSERT_TRUE(back) << c.what;
    EXPECT_DOUBLE_EQ(back->front().sum, buckets.front().sum) << c.what;
    EXPECT_DOUBLE_EQ(back->front().resets_sum, buckets.front().resets_sum) << c.what;
  }
}

TEST(RollupFold, HoursAreFiveMinutesFolded) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<Sample> samples;
    int64_t t_ms = static_cast<int64_t>(random() % 10'000'000) - 5'000'000;
    for (int i = 0; i < 1000; ++i) {
      double v = static_cast<double>(random() % 1000);
      if (random() % 5 == 0) v = stale_nan();
      if (random() % 50 == 0) v = kNaN;
      samples.push_back({t_ms, v});
      t_ms += static_cast<int64_t>(1 + random() % (random() % 10 == 0 ? 900'000 : 60'000));
    }
    expect_same(fold_buckets(fold(Tier::k5m, samples), Tier::k1h), fold(Tier::k1h, samples));
  }
}

TEST(RollupChunk, DamageIsRefused) {
  std::vector<Sample> samples;
  for (int i = 0; i < 500; ++i) samples.push_back({i * 15'000, static_cast<double>(i * i % 97)});
  const std::string bytes = encode_rollup(fold(Tier::k5m, samples));
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string bad = bytes;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    EXPECT_FALSE(parse_rollup(bad)) << i;
    EXPECT_FALSE(parse_rollup(bytes.substr(0, i))) << i;
  }
}

TEST(RollupChunk, AConstantSeriesCostsNextToNothing) {
  std::vector<Sample> samples;
  for (int i = 0; i < 5760; ++i) samples.push_back({1'700'006'400'000 + i * 15'000, 42.5});
  EXPECT_LE(encode_rollup(fold(Tier::k5m, samples)).size(), 72u);
}

}  // namespace
}  // namespace tidemark::storage
