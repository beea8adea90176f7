// Native histograms in the store: their codes, the chunk of them, and what the store does with them.
#include <array>
#include <cctype>
#include <deque>
#include <limits>
#include <random>

#include "aggregator/storage/chunk_merge.h"
#include "aggregator/storage/histogram_chunk.h"
#include "model/histogram_math.h"
#include "model/matcher.h"
#include "tests/storage/store_fixture.h"

namespace tidemark::storage {
namespace {

constexpr int64_t kStartMs = 1'700'000'000'000;

NativeHistogram counting(double n) {
  NativeHistogram h;
  h.integer_counts = true;
  h.schema = 3;
  h.positive = {{{-2, 2}, {3, 1}}, {n, 2 * n, 3 * n}};
  h.count = 6 * n;
  h.sum = 4.5 * n;
  return h;
}

NativeHistogram custom(double n) {
  NativeHistogram h;
  h.schema = kCustomBuckets;
  h.bounds = {0.1, 1, 10};
  h.positive = {{{0, 1}, {1, 2}}, {n, n / 3, n}};
  h.count = 3 * n;
  h.sum = -n;
  h.reset = CounterReset::kGauge;
  return h;
}

NativeHistogram two_sided(double n) {
  NativeHistogram h;
  h.schema = -1;
  h.zero_threshold = 1e-128;
  h.zero_count = n;
  h.positive = {{{0, 1}}, {n}};
  h.negative = {{{5, 2}}, {n, 0.1}};
  h.count = 4 * n;
  h.sum = std::numeric_limits<double>::quiet_NaN();
  h.reset = CounterReset::kReset;
  return h;
}

HistogramRef ref(NativeHistogram h) { return std::make_shared<const NativeHistogram>(std::move(h)); }

bool same(const NativeHistogram& a, const NativeHistogram& b) {
  return same_histogram(a, b) && a.reset == b.reset && a.integer_counts == b.integer_counts &&
         a.positive.spans == b.positive.spans && a.negative.spans == b.negative.spans;
}

TEST(HistogramCode, ComesBackAndRefusesDamage) {
  for (const NativeHistogram& h : {NativeHistogram(), counting(7), custom(1.5), two_sided(1e300)}) {
    std::string bytes;
    append_histogram(bytes, h);
    bytes += "rest";
    std::string_view in = bytes;
    const HistogramRef read = take_histogram(in);
    ASSERT_NE(read, nullptr);
    EXPECT_TRUE(same(*read, h));
    EXPECT_EQ(in, "rest");
    bytes.resize(bytes.size() - 4);
    for (size_t i = 0; i < bytes.size(); ++i) {
      std::string_view cut = std::string_view(bytes).substr(0, i);
      EXPECT_EQ(take_histogram(cut), nullptr) << i;
      std::string bad = bytes;
      for (int bit = 0; bit < 8; ++bit) {
        bad[i] = static_cast<char>(bytes[i] ^ (1 << bit));
        std::string_view some = bad;
        const HistogramRef got = take_histogram(some);
        if (got != nullptr) {
          EXPECT_TRUE(check_histogram(*got).ok());
        }
      }
    }
  }
}

TEST(HistogramCode, BucketsAreBounded) {
  NativeHistogram h;
  h.schema = 8;
  h.positive = {{{0, kHistogramBucketsMax + 1}}, std::vector<double>(kHistogramBucketsMax + 1, 0)};
  EXPECT_TRUE(validate(h).ok());
  EXPECT_FALSE(check_histogram(h).ok());
  std::string bytes;
  append_histogram(bytes, h);
  std::string_view in = bytes;
  EXPECT_EQ(take_histogram(in), nullptr);
}

TEST(HistogramChunk, ComesBackWhateverChangesInIt) {
  std::mt19937_64 random(3);
  for (const size_t count : {1U, 2U, 63U, 64U, 65U, 300U, 512U}) {
    std::vector<HistogramSample> samples;
    std::vector<int64_t> start_ms;
    for (size_t i = 0; i < count; ++i) {
      const auto n = static_cast<double>(i + 1);
      const auto kind = i < 100 ? 0 : random() % 3;
      samples.push_back({kStartMs + static_cast<int64_t>(i) * 15'000 + static_cast<int64_t>(random() % 3),
                         ref(kind == 0   ? counting(n)
                             : kind == 1 ? custom(n)
                                         : two_sided(n))});
      start_ms.push_back(i % 7 == 0 ? kNoStart : kStartMs - 5);
    }
    const std::string bytes = make_histogram_chunk(samples, start_ms);
    const auto chunk = parse_chunk(bytes);
    ASSERT_TRUE(chunk) << chunk.error().message();
    EXPECT_EQ(chunk->codec, Codec::kHistograms);
    EXPECT_EQ(chunk->first_ms, samples.front().t_ms);
    EXPECT_EQ(chunk->last_ms, samples.back().t_ms);
    const std::vector<HistogramSample> read = decode_histograms(*chunk);
    ASSERT_EQ(read.size(), count);
    const auto starts = StartRuns::parse(chunk->starts).value_or(StartRuns());
    for (size_t i = 0; i < count; ++i) {
      EXPECT_EQ(read[i].t_ms, samples[i].t_ms);
      EXPECT_TRUE(same(*read[i].histogram, *samples[i].histogram)) << i;
      EXPECT_EQ(starts.at(read[i].t_ms), start_ms[i]);
    }
    ChunkDecoder floats(*chunk);
    int64_t t_ms = 0;
    double v = 0;
    EXPECT_EQ(floats.next({&t_ms, 1}, {&v, 1}), 0U);
    EXPECT_FALSE(floats.ok()) << "it has no floats";
  }
}

TEST(HistogramChunk, CountersPackAsCountersDo) {
  std::vector<HistogramSample> samples;
  NativeHistogram h = counting(0);
  h.positive = {{{0, 40}}, std::vector<double>(40, 0)};
  std::mt19937_64 random(4);
  for (int i = 0; i < 120; ++i) {
    for (double& count : h.positive.counts) {
      const auto more = static_cast<double>(random() % 20);
      count += more;
      h.count += more;
    }
    h.sum += 12.5;
    samples.push_back({kStartMs + i * 15'000, ref(h)});
  }
  EXPECT_LT(make_histogram_chunk(samples).size(), 120U * 40U) << "less than a byte a bucket";
}

TEST(HistogramChunk, DamageIsAnErrorOrValid) {
  std::vector<HistogramSample> samples;
  for (int i = 0; i < 20; ++i) samples.push_back({kStartMs + i * 15'000, ref(i % 9 == 8 ? two_sided(i) : counting(i))});
  const std::string good = make_histogram_chunk(samples);
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    EXPECT_FALSE(parse_chunk(bad)) << i;
    bad.resize(bad.size() - 4);
    append_checksum(bad);
    const auto chunk = parse_chunk(bad);
    if (!chunk) continue;
    for (const HistogramSample& sample : decode_histograms(*chunk)) {
      EXPECT_TRUE(check_histogram(*sample.histogram).ok());
    }
  }
}

class HistogramStoreTest : public StoreFixture {
 protected:
  Outcome append_histogram_at(int64_t t_ms, const NativeHistogram& h, int64_t start_ms = kNoStart) {
    Batch batch;
    batch.add(kNoRef, labels_, t_ms, Value{0, &h, start_ms});
    const auto report = store_->commit(batch);
    EXPECT_TRUE(report) << report.error().message();
    return batch.outcome(0);
  }

  // All of them, with their hints.
  std::vector<std::pair<int64_t, CounterReset>> hints(int64_t min_ms, int64_t max_ms) {
    const auto querier = store_->querier();
    const auto set = (*querier)->select({Matcher::equal(kMetricName, "h")}, min_ms, max_ms, {}, false);
    std::vector<std::pair<int64_t, CounterReset>> out;
    while (set->next()) {
      SampleReader& reader = set->samples();
      std::array<int64_t, 3> t_ms{};
      std::array<HistogramRef, 3> some;
      while (const size_t count = reader.next_histograms(t_ms, some)) {
        for (size_t i = 0; i < count; ++i) out.emplace_back(t_ms[i], some[i]->reset);
      }
      EXPECT_TRUE(reader.status().ok());
    }
    return out;
  }

  // The newest of what a select gives that asks for no more, with what it is.
  std::pair<int64_t, char> newest() {
    const auto querier = store_->querier();
    SelectHints hints;
    hints.newest_only = true;
    std::vector<Matcher> matchers;
    for (const LabelView label : labels_.view()) matchers.push_back(Matcher::equal(label.name, label.value));
    const auto set = (*querier)->select(matchers, INT64_MIN, INT64_MAX, hints, false);
    std::pair<int64_t, char> out{INT64_MIN, ' '};
    while (set->next()) {
      SampleReader& reader = set->samples();
      std::array<int64_t, 16> t_ms{};
      std::array<double, 16> v{};
      std::array<HistogramRef, 16> some;
      while (const size_t count = reader.next(t_ms, v)) {
        out = std::max(out, std::pair{t_ms[count - 1], is_stale(v[count - 1]) ? 's' : 'f'});
      }
      while (const size_t count = reader.next_histograms(t_ms, some))
        out = std::max(out, std::pair{t_ms[count - 1], 'h'});
      EXPECT_TRUE(reader.status().ok());
    }
    return out;
  }

  Labels labels_{{"__name__", "h"}};
};

TEST_F(HistogramStoreTest, ATimeHasOneKindOfSample) {
  open();
  EXPECT_EQ(append(labels_, kStartMs - 50, 1), Outcome::kAccepted);
  EXPECT_EQ(append_histogram_at(kStartMs - 50, counting(1)), Outcome::kOutOfOrder);
  EXPECT_EQ(append_histogram_at(kStartMs - 40, counting(1)), Outcome::kAccepted);
  EXPECT_EQ(append(labels_, kStartMs - 40, 1), Outcome::kOutOfOrder);
  EXPECT_EQ(append_histogram_at(kStartMs - 40, counting(1)), Outcome::kDuplicate);
  EXPECT_EQ(append_histogram_at(kStartMs - 40, counting(2)), Outcome::kOverwrote);
  EXPECT_EQ(append(labels_, kStartMs - 30, 2), Outcome::kAccepted);
  EXPECT_EQ(append_histogram_at(kStartMs - 35, counting(3)), Outcome::kAccepted) << "late";
  NativeHistogram bad = counting(1);
  bad.positive.counts.pop_back();
  EXPECT_EQ(append_histogram_at(kStartMs, bad), Outcome::kInvalidHistogram);
  for (int pass = 0; pass < 3; ++pass) {
    Content found;
    const Content floats = read_all(nullptr, &found);
    EXPECT_EQ(floats.at(labels_.to_string()).size(), 2U);
    EXPECT_EQ(found.at(labels_.to_string()),
              (Column{{kStartMs - 40, fingerprint(counting(2))}, {kStartMs - 35, fingerprint(counting(3))}}));
    // What was decided in memory is decided the same by what files say.
    EXPECT_EQ(append_histogram_at(kStartMs - 50, counting(1)), Outcome::kOutOfOrder);
    EXPECT_EQ(append(labels_, kStartMs - 40, 1), Outcome::kOutOfOrder);
    EXPECT_EQ(append_histogram_at(kStartMs - 40, counting(2)), Outcome::kDuplicate);
    if (pass == 0) {
      drop();
    } else {
      close();
    }
    open();
  }
}

TEST_F(HistogramStoreTest, HintsSayWhatIsBefore) {
  open();
  for (int i = 1; i <= 4; ++i) {
    EXPECT_EQ(append_histogram_at(kStartMs - 50 + i, counting(i == 3 ? 1 : 4 + i)), Outcome::kAccepted);
  }
  using R = CounterReset;
  const std::vector<std::pair<int64_t, R>> all{{kStartMs - 49, R::kUnknown},
                                               {kStartMs - 48, R::kNotReset},
                                               {kStartMs - 47, R::kUnknown},
                                               {kStartMs - 46, R::kNotReset}};
  for (int pass = 0; pass < 2; ++pass) {
    EXPECT_EQ(hints(INT64_MIN, INT64_MAX), all);
    EXPECT_EQ(hints(kStartMs - 48, kStartMs - 47), (std::vector(all.begin() + 1, all.begin() + 3)));
    close();
    open();
  }
}

// What an instant query asks for, at every kind of newest sample: 'f' a float, 'h' a histogram, 's' a staleness marker.
TEST_F(HistogramStoreTest, TheNewestSampleIsThatOfEitherKind) {
  struct Case {
    const char* samples;  // In the order in which they come; capitals come with the commit of the one before.
    std::vector<int64_t> times;
    int64_t newest_ms;
    char kind;
  };
  const std::vector<Case> cases{
      {"fh", {1, 2}, 2, 'h'},
      {"hf", {1, 2}, 2, 'f'},
      {"hs", {1, 2}, 2, 's'},
      {"fsh", {1, 2, 3}, 3, 'h'},
      {"fhf", {1, 3, 2}, 3, 'h'},
      {"hfh", {1, 3, 2}, 3, 'f'},
      {"hsh", {1, 3, 2}, 3, 's'},
      {"fhs", {1, 3, 2}, 3, 'h'},
      {"fHFH", {1, 2, 3, 4}, 4, 'h'},
      {"hFHF", {1, 2, 4, 3}, 4, 'h'},
      {"hFHFS", {1, 4, 2, 3, 5}, 5, 's'},
      {"hhf", {3, 3, 2}, 3, 'h'},
      {"hff", {2, 3, 3}, 3, 'f'},
  };
  options_.out_of_order_ms = INT64_MAX;
  for (const Case& one : cases) {
    SCOPED_TRACE(one.samples);
    labels_ = Labels{{"__name__", "h"}, {"case", one.samples}};
    open();
    Batch batch;
    std::deque<NativeHistogram> kept;
    for (size_t i = 0; one.samples[i] != 0; ++i) {
      const char kind = static_cast<char>(std::tolower(one.samples[i]));
      const bool with_the_one_before = one.samples[i] != kind;
      if (!with_the_one_before && !batch.empty()) {
        ASSERT_TRUE(store_->commit(batch));
        batch.clear();
      }
      const double v = kind == 's' ? stale_nan() : static_cast<double>(i);
      if (kind == 'h') kept.push_back(counting(static_cast<double>(i + 1)));
      batch.add(kNoRef, labels_, kStartMs - 100 + one.times[i], Value{v, kind == 'h' ? &kept.back() : nullptr});
    }
    ASSERT_TRUE(store_->commit(batch));
    for (int pass = 0; pass < 4; ++pass) {
      SCOPED_TRACE(pass);
      EXPECT_EQ(newest(), (std::pair{kStartMs - 100 + one.newest_ms, one.kind}));
      if (pass % 2 == 0) {
        drop();
      } else {
        close();
      }
      open();
    }
    // Without it, the one before counts, and what comes at its time, too.
    ASSERT_TRUE(store_
                    ->delete_samples({{Matcher::equal("case", one.samples)}}, kStartMs - 100 + one.newest_ms,
                                     kStartMs - 100 + one.newest_ms)
                    .ok());
    EXPECT_LT(newest().first, kStartMs - 100 + one.newest_ms);
    EXPECT_EQ(append(labels_, kStartMs - 100 + one.newest_ms, 7), Outcome::kAccepted);
    EXPECT_EQ(newest(), (std::pair{kStartMs - 100 + one.newest_ms, 'f'}));
    close();
  }
}

TEST_F(HistogramStoreTest, DeletesTakeThem) {
  open();
  for (int i = 0; i < 100; ++i) append_histogram_at(kStartMs - 1000 + i, counting(i));
  ASSERT_TRUE(store_->delete_samples({{Matcher::equal(kMetricName, "h")}}, kStartMs - 990, kStartMs - 951).ok());
  const auto count = [&] { return hints(INT64_MIN, INT64_MAX).size(); };
  EXPECT_EQ(count(), 60U);
  close();
  open();
  EXPECT_EQ(count(), 60U);
  ASSERT_TRUE(store_->delete_samples({{Matcher::equal(kMetricName, "h")}}, kStartMs - 920, INT64_MAX).ok());
  EXPECT_EQ(count(), 40U);
  ASSERT_TRUE(store_->clean_tombstones().ok());
  EXPECT_EQ(count(), 40U);
  close();
  open();
  EXPECT_EQ(count(), 40U);
}

}  // namespace
}  // namespace tidemark::storage
