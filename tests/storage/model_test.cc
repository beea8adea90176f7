// Random operations against a plain map: appends in and out of order, of floats and native histograms, duplicates,
// deletes, checkpoints, midnight, idle series, clean stops and crashes of the process.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <random>
#include <set>

#include "model/matcher.h"
#include "tests/storage/store_fixture.h"

namespace tidemark::storage {
namespace {

constexpr int kSeries = 40;
constexpr int kSteps = 3000;

class ModelTest : public StoreFixture {
 protected:
  static Labels labels(size_t i) {
    return Labels{
        {"__name__", i % 2 == 0 ? "even" : "odd"}, {"i", std::to_string(i)}, {"third", std::to_string(i % 3)}};
  }

  double value() {
    switch (random_() % 4) {
      case 0:
        return stale_nan();
      case 1:
        return static_cast<double>(random_() % 100);
      case 2:
        return static_cast<double>(random_() % 100'000) / 100;
      default:
        return std::bit_cast<double>(random_());
    }
  }

  // One series in four has none, one a counter's that restarts at times, one a delta's, one anything.
  int64_t start(size_t series, int64_t t_ms) {
    switch (series % 4) {
      case 1:
        if (random_() % 50 == 0) counting_since_ms_ = t_ms;
        return counting_since_ms_;
      case 2:
        return random_() % 20 == 0 ? kNoStart : t_ms - 15'000;
      case 3:
        return random_() % 3 == 0 ? static_cast<int64_t>(random_()) : t_ms;
      default:
        return kNoStart;
    }
  }

  // A counter's that grows, gets buckets, is reset, and at times is of another resolution or of custom buckets.
  NativeHistogram histogram() {
    NativeHistogram h;
    h.integer_counts = random_() % 2 == 0;
    h.schema = random_() % 10 == 0 ? kCustomBuckets : static_cast<int32_t>(random_() % 3);
    const auto offset = static_cast<int32_t>(random_() % 3);
    h.positive.spans = {{offset, 1}, {2, static_cast<uint32_t>(1 + random_() % 2)}};
    h.positive.counts.resize(1 + h.positive.spans[1].length);
    for (double& count : h.positive.counts) {
      count = static_cast<double>(random_() % 1000) / (h.integer_counts ? 1 : 8);
      if (h.integer_counts) count = std::floor(count);
      h.count += count;
    }
    h.sum = value();
    if (std::isnan(h.sum)) h.sum = 1;
    if (h.schema == kCustomBuckets) {
      h.bounds = {0.5, 1, 2.5, 5, 10, 20, 40};
    } else if (random_() % 3 == 0) {
      h.zero_threshold = 0.125;
      h.zero_count = 7;
      h.count += 7;
      h.negative = {{{-3, 1}}, {2}};
      h.count += 2;
    }
    return h;
  }

  // Series that have both kinds: one in five.
  bool takes_histogram(size_t series) { return series % 5 == 4 && random_() % 3 != 0; }

  void commit_some() {
    struct Expected {
      size_t series;
      Outcome outcome;
    };
    Batch batch;
    std::vector<Expected> expected;
    std::deque<NativeHistogram> kept;
    const int64_t now = clock_.now_ms();
    for (size_t n = 1 + random_() % 30; n > 0; --n) {
      const size_t i = random_() % kSeries;
      const bool of_histogram = takes_histogram(i);
      Column& column = (of_histogram ? histograms_ : model_)[labels(i).to_string()];
      const Column& other = (of_histogram ? model_ : histograms_)[labels(i).to_string()];
      int64_t t_ms = now - static_cast<int64_t>(random_() % 5000);
      double v = value();
      const auto dice = random_() % 40;
      if (dice < 4 && !column.empty()) {
        // At a time that is there, the newest or any.
        auto at = std::prev(column.end());
        if (dice < 2) at = std::next(column.begin(), static_cast<ptrdiff_t>(random_() % column.size()));
        t_ms = at->first;
        if (random_() % 2 == 0) v = std::bit_cast<double>(at->second);
      } else if (dice < 6) {
        t_ms = now - static_cast<int64_t>(random_() % 300'000'000);  // Backfill, days ago.
      }
      if (of_histogram) {
        kept.push_back(histogram());
        // Of those that are there only the fingerprint is known, so repeat one of this batch at times.
        if (kept.size() > 1 && random_() % 8 == 0) kept.back() = kept.front();
      }
      const auto bits = of_histogram ? fingerprint(kept.back()) : std::bit_cast<uint64_t>(v);
      const auto there = column.find(t_ms);
      const Outcome outcome = other.contains(t_ms)    ? Outcome::kOutOfOrder  // A time has one kind of sample.
                              : there == column.end() ? Outcome::kAccepted
                              : there->second == bits ? Outcome::kDuplicate
                                                      : Outcome::kOverwrote;
      if (outcome != Outcome::kOutOfOrder) column[t_ms] = bits;
      const int64_t start_ms = of_histogram ? kNoStart : start(i, t_ms);
      Column& starts = starts_[labels(i).to_string()];
      if (!of_histogram && outcome != Outcome::kDuplicate && outcome != Outcome::kOutOfOrder) {
        starts.erase(t_ms);
        if (start_ms != kNoStart) starts[t_ms] = static_cast<uint64_t>(start_ms);
      }
      // A ref may be stale by now; the labels go along only when it is missing.
      const bool by_ref = refs_[i] != kNoRef && random_() % 2 == 0 && fresh_[i];
      batch.add(by_ref ? refs_[i] : kNoRef, by_ref ? LabelsView() : labels_[i].view(), t_ms,
                Value{v, of_histogram ? &kept.back() : nullptr, start_ms});
      expected.push_back({i, outcome});
    }
    const auto report = store_->commit(batch);
    ASSERT_TRUE(report) << report.error().message();
    for (size_t k = 0; k < expected.size(); ++k) {
      ASSERT_EQ(batch.outcome(k), expected[k].outcome)
          << outcome_name(batch.outcome(k)) << ", want " << outcome_name(expected[k].outcome);
      refs_[expected[k].series] = batch.ref(k);
      fresh_[expected[k].series] = true;
    }
  }

  // Of some series, a stretch of minutes, hours or days.
  void erase_some() {
    std::vector<std::vector<Matcher>> sets{{Matcher::equal("i", std::to_string(random_() % kSeries))}};
    if (random_() % 3 == 0) sets.push_back({Matcher::equal("i", std::to_string(random_() % kSeries))});
    if (random_() % 4 == 0) {
      sets.push_back({Matcher::equal(kMetricName, "even"), *Matcher::make(MatchOp::kNotEqual, "third", "0")});
    }
    const int64_t length_ms = static_cast<int64_t>(random_() % (random_() % 2 == 0 ? 1'000'000 : 300'000'000));
    int64_t min_ms = clock_.now_ms() - static_cast<int64_t>(random_() % 300'000'000);
    int64_t max_ms = min_ms + length_ms;
    if (random_() % 8 == 0) min_ms = INT64_MIN;
    if (random_() % 8 == 0) max_ms = INT64_MAX;
    const Status status = store_->delete_samples(sets, min_ms, max_ms);
    ASSERT_TRUE(status.ok()) << status.message();
    for (const Labels& labels : labels_) {
      const bool wanted =
          std::any_of(sets.begin(), sets.end(), [&](const auto& matchers) { return matches_all(matchers, labels); });
      if (!wanted) continue;
      for (Content* content : {&model_, &starts_, &histograms_}) {
        std::erase_if((*content)[labels.to_string()],
                      [&](const auto& one) { return one.first >= min_ms && one.first <= max_ms; });
      }
    }
  }

  void forget_refs() { fresh_.assign(kSeries, false); }

  void compare() {
    const int64_t min_ms =
        random_() % 2 == 0 ? INT64_MIN : clock_.now_ms() - static_cast<int64_t>(random_() % 200'000'000);
    const int64_t max_ms =
        random_() % 2 == 0 ? INT64_MAX : clock_.now_ms() - static_cast<int64_t>(random_() % 100'000'000);
    const char* third = random_() % 2 == 0 ? "1" : "0|2";
    const std::vector<Matcher> matchers{Matcher::equal(kMetricName, random_() % 2 == 0 ? "even" : "odd"),
                                        *Matcher::make(MatchOp::kRegex, "third", third)};
    const auto expected = [&](Content& all) {
      Content want;
      for (size_t i = 0; i < kSeries; ++i) {
        if (!matches_all(matchers, labels_[i])) continue;
        for (const auto& [t_ms, bits] : all[labels_[i].to_string()]) {
          if (t_ms >= min_ms && t_ms <= max_ms) want[labels_[i].to_string()][t_ms] = bits;
        }
      }
      return want;
    };
    Content starts;
    Content histograms;
    Content got = read(matchers, min_ms, max_ms, random_() % 2 == 0 ? &starts : nullptr, &histograms);
    std::erase_if(histograms, [](const auto& one) { return one.second.empty(); });
    ASSERT_EQ(histograms, expected(histograms_));
    // A chunk may reach over the range without a sample in it.
    std::erase_if(got, [](const auto& one) { return one.second.empty(); });
    ASSERT_EQ(got, expected(model_));
    if (!starts.empty()) {
      ASSERT_EQ(starts, expected(starts_));
    }
    for (auto& [series, column] : histograms) got[series].merge(column);
    compare_newest(matchers, min_ms, max_ms, got);
    compare_names(matchers, min_ms, max_ms, got);
    if (min_ms > INT64_MIN || max_ms < INT64_MAX) return;
    // What nobody has does not show.
    std::set<std::string> values;
    for (size_t i = 0; i < kSeries; ++i) {
      const std::string text = labels_[i].to_string();
      if (!model_[text].empty() || !histograms_[text].empty()) values.insert(std::to_string(i));
    }
    const auto querier = store_->querier();
    const auto shown = (*querier)->label_values("i", {}, INT64_MIN, INT64_MAX, 0);
    ASSERT_TRUE(shown);
    ASSERT_EQ(*shown, std::vector<std::string>(values.begin(), values.end()));
  }

  // Of each series at least the newest sample, of whichever kind, and none that it does not have; by stripes, too.
  void compare_newest(const std::vector<Matcher>& matchers, int64_t min_ms, int64_t max_ms, const Content& want) {
    const auto querier = store_->querier();
    ASSERT_TRUE(querier);
    SelectHints hints;
    hints.newest_only = true;
    const auto set = (*querier)->select(matchers, min_ms, max_ms, hints, random_() % 2 == 0);
    Content got;
    Content histograms;
    if (set->stripes() > 0 && random_() % 2 == 0) {
      const auto reader = set->stripe_reader();
      for (size_t stripe = set->stripes(); stripe-- > 0;) {
        reader->begin_stripe(stripe);
        got.merge(read_set(*reader, nullptr, &histograms));
      }
    } else {
      got = read_set(*set, nullptr, &histograms);
    }
    for (auto& [series, column] : histograms) got[series].merge(column);
    std::erase_if(got, [](const auto& one) { return one.second.empty(); });
    ASSERT_EQ(got.size(), want.size());
    for (const auto& [series, column] : want) {
      ASSERT_FALSE(got[series].empty()) << series;
      ASSERT_EQ(*got[series].rbegin(), *column.rbegin()) << series;
      for (const auto& sample : got[series]) ASSERT_TRUE(column.contains(sample.first)) << series;
    }
  }

  // Series that have a sample in the range, when only their labels are asked for.
  void compare_names(const std::vector<Matcher>& matchers, int64_t min_ms, int64_t max_ms, const Content& want) {
    const auto querier = store_->querier();
    ASSERT_TRUE(querier);
    SelectHints hints;
    hints.function = "series";
    const auto set = (*querier)->select(matchers, min_ms, max_ms, hints, true);
    size_t count = 0;
    for (; set->next(); ++count) {
      const std::string series = set->labels().to_string();
      ASSERT_TRUE(want.contains(series)) << series;
    }
    ASSERT_EQ(count, want.size());
  }

  // A store from its beginning on.
  void live() {
    options_.log_bytes_max = 3000;
    options_.head_bytes_min = 6000;
    options_.head_bytes_per_series = 100;
    options_.retention_ms = int64_t{3650} * 86'400'000;
    open();
    for (int step = 0; step < kSteps && !HasFatalFailure(); ++step) {
      const auto dice = random_() % 1000;
      if (dice < 900) {
        commit_some();
        clock_.advance_ms(static_cast<int64_t>(random_() % 20'000));
      } else if (dice < 960) {
        compare();
      } else if (dice < 969) {
        erase_some();
      } else if (dice < 970) {
        ASSERT_TRUE(store_->clean_tombstones().ok());
      } else if (dice < 985) {
        clock_.advance_ms(static_cast<int64_t>(random_() % 8'000'000));  // Up to two hours: some go idle.
        forget_refs();
      } else if (dice < 988) {
        clock_.advance_ms(86'400'000);
        forget_refs();
      } else if (dice < 995) {
        drop();
        open();
        forget_refs();
      } else {
        close();
        open();
        forget_refs();
      }
    }
    if (HasFatalFailure()) return;
    for (Content* content : {&model_, &starts_, &histograms_}) {
      std::erase_if(*content, [](const auto& one) { return one.second.empty(); });
    }
    for (int pass = 0; pass < 2; ++pass) {
      Content starts;
      Content histograms;
      Content got = read_all(&starts, &histograms);
      for (Content* content : {&got, &histograms}) {
        std::erase_if(*content, [](const auto& one) { return one.second.empty(); });
      }
      EXPECT_EQ(got, model_);
      EXPECT_EQ(histograms, histograms_);
      EXPECT_EQ(starts, starts_);
      close();
      open();
    }
  }

  std::mt19937_64 random_;
  Content model_;
  Content starts_;
  Content histograms_;
  int64_t counting_since_ms_ = 1;
  std::vector<Labels> labels_;
  std::vector<SeriesRef> refs_ = std::vector<SeriesRef>(kSeries, kNoRef);
  std::vector<bool> fresh_ = std::vector<bool>(kSeries, false);
};

// TIDEMARK_TEST_LONG=334 goes a million steps, in stores of their own; TIDEMARK_TEST_SEED=<seed> repeats a failure.
TEST_F(ModelTest, AnswersAsAPlainMapDoes) {
  const char* given = std::getenv("TIDEMARK_TEST_SEED");
  const uint64_t seed = given == nullptr ? std::random_device{}() : std::strtoull(given, nullptr, 10);
  const char* times = std::getenv("TIDEMARK_TEST_LONG");
  const int rounds = times == nullptr ? 1 : std::max(1, std::atoi(times));
  for (size_t i = 0; i < kSeries; ++i) labels_.push_back(labels(i));
  const int64_t start_ms = clock_.now_ms();
  for (int round = 0; round < rounds && !HasFailure(); ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed + static_cast<uint64_t>(round)));
    random_.seed(seed + static_cast<uint64_t>(round));
    options_.path = dir_.file("data" + std::to_string(round));
    for (Content* content : {&model_, &starts_, &histograms_}) content->clear();
    clock_.set_now_ms(start_ms);
    counting_since_ms_ = 1;
    forget_refs();
    live();
    store_.reset();
    std::filesystem::remove_all(options_.path);
  }
}

}  // namespace
}  // namespace tidemark::storage
