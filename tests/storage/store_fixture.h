// StoreFixture: a store in a directory of its own, on a clock of its own, that can be closed, dropped and reopened.
#pragma once

#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <bit>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "aggregator/storage/histogram_code.h"
#include "aggregator/storage/store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_logger.h"
#include "tests/support/temp_dir.h"

namespace tidemark::storage {

// Bits rather than doubles, so that NaNs compare.
using Column = std::map<int64_t, uint64_t>;
using Content = std::map<std::string, Column>;  // By the series' text.

// What stands for a histogram in a Column: all of it but the hint, of which a store gives what it knows.
inline uint64_t fingerprint(NativeHistogram histogram) {
  histogram.reset = CounterReset::kUnknown;
  std::string bytes;
  append_histogram(bytes, histogram);
  return std::hash<std::string>()(bytes);
}

inline void read_histograms(SampleReader& samples, Column& column) {
  std::vector<int64_t> t_ms(5);
  std::vector<HistogramRef> histograms(5);
  int64_t last_ms = INT64_MIN;
  while (const size_t count = samples.next_histograms(t_ms, histograms)) {
    for (size_t i = 0; i < count; ++i) {
      EXPECT_GT(t_ms[i], last_ms);
      last_ms = t_ms[i];
      column[t_ms[i]] = fingerprint(*histograms[i]);
    }
  }
}

// `starts`: when given, gets the start timestamps of those samples that have one. `histograms`: those.
inline Content read_set(SeriesSet& set, Content* starts = nullptr, Content* histograms = nullptr) {
  Content out;
  std::vector<int64_t> t_ms(7);  // Small and odd: batches end everywhere.
  std::vector<double> v(7);
  while (set.next()) {
    Column& column = out[set.labels().to_string()];
    int64_t last_ms = INT64_MIN;
    SampleReader& samples = set.samples();
    while (const size_t count = samples.next(t_ms, v)) {
      for (size_t i = 0; i < count; ++i) {
        EXPECT_GT(t_ms[i], last_ms) << set.labels().to_string();
        last_ms = t_ms[i];
        column[t_ms[i]] = std::bit_cast<uint64_t>(v[i]);
      }
      const std::span<const int64_t> some = samples.starts();
      EXPECT_TRUE(some.empty() || some.size() == count);
      for (size_t i = 0; starts != nullptr && i < some.size(); ++i) {
        if (some[i] != kNoStart) (*starts)[set.labels().to_string()][t_ms[i]] = static_cast<uint64_t>(some[i]);
      }
    }
    if (histograms != nullptr) read_histograms(samples, (*histograms)[set.labels().to_string()]);
    EXPECT_TRUE(samples.status().ok()) << samples.status().message();
  }
  EXPECT_TRUE(set.status().ok()) << set.status().message();
  EXPECT_TRUE(set.warnings().empty()) << set.warnings().front();
  return out;
}

class StoreFixture : public ::testing::Test {
 protected:
  StoreFixture() {
    options_.path = dir_.file("data");
    options_.sync = SyncPolicy::kNever;
    options_.shards = 4;
    options_.reserve_bytes = 0;
  }

  void open() {
    registry_ = std::make_unique<prometheus::Registry>();
    auto store = Store::open(options_, clock_, logger_, *registry_);
    ASSERT_TRUE(store) << store.error().message();
    store_ = std::move(*store);
  }
  void close() {
    const Status status = store_->close();
    ASSERT_TRUE(status.ok()) << status.message();
    store_.reset();
  }
  // As a crash of the process leaves it: nothing is sealed.
  void drop() { store_.reset(); }

  // One sample, by labels.
  Outcome append(const Labels& labels, int64_t t_ms, double v) {
    Batch batch;
    batch.add(kNoRef, labels, t_ms, v);
    const auto report = store_->commit(batch);
    EXPECT_TRUE(report) << report.error().message();
    return batch.outcome(0);
  }

  Content read(const std::vector<Matcher>& matchers, int64_t min_ms = INT64_MIN, int64_t max_ms = INT64_MAX,
               Content* starts = nullptr, Content* histograms = nullptr) {
    auto querier = store_->querier();
    EXPECT_TRUE(querier);
    SelectHints hints;
    hints.start_times = starts != nullptr;
    const auto set = (*querier)->select(matchers, min_ms, max_ms, hints, false);
    return read_set(*set, starts, histograms);
  }
  Content read_all(Content* starts = nullptr, Content* histograms = nullptr) {
    return read({*Matcher::make(MatchOp::kRegex, kMetricName, ".+")}, INT64_MIN, INT64_MAX, starts, histograms);
  }

  std::string metrics_text() { return prometheus::TextSerializer().Serialize(registry_->Collect()); }
  double metric(const std::string& line_start) {
    const std::string text = "\n" + metrics_text();
    const size_t at = text.find("\n" + line_start + " ");
    EXPECT_NE(at, std::string::npos) << line_start;
    return at == std::string::npos ? 0 : std::stod(text.substr(at + line_start.size() + 2));
  }

  testing::TempDir dir_;
  testing::FakeClock clock_;
  testing::MemoryLogger logger_;
  Options options_;
  std::unique_ptr<prometheus::Registry> registry_;
  std::unique_ptr<Store> store_;
};

}  // namespace tidemark::storage
