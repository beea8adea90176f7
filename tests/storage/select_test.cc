// What a select gives of each series.
#include <gtest/gtest.h>

#include "tests/storage/store_fixture.h"
#include "tests/support/eventually.h"

namespace tidemark::storage {
namespace {

using testing::eventually;

class SelectTest : public StoreFixture {
 protected:
  static Labels cpu(int i) { return Labels{{"__name__", "cpu"}, {"instance", std::to_string(i)}, {"job", "node"}}; }
  static uint64_t bits(double v) { return std::bit_cast<uint64_t>(v); }
};

TEST_F(SelectTest, GivesNoMoreLabelsOfSeriesInMemoryThanAreOfUse) {
  open();
  const int64_t t = clock_.now_ms();
  const Labels full{{"__name__", "m"}, {"a", "1"}, {"b", "2"}};
  append(full, t, 1);
  append(full, t + 1000, 2);
  const auto select = [&](std::vector<std::string> labels, bool sorted) {
    const auto querier = store_->querier();
    SelectHints hints;
    hints.labels = std::move(labels);
    hints.newest_only = true;
    const auto set = (*querier)->select({Matcher::equal("a", "1")}, t, t + 1000, hints, sorted);
    EXPECT_TRUE(set->next());
    const Sample* const only = set->only_sample();
    EXPECT_EQ(only == nullptr ? 0 : only->v, 2);
    const std::string text = set->labels().to_string();
    EXPECT_FALSE(set->next());
    EXPECT_TRUE(set->status().ok());
    return text;
  };
  EXPECT_EQ(select({"b", "c"}, false), "{b=\"2\"}");
  EXPECT_EQ(select({}, false), "{}");
  EXPECT_EQ(select({}, true), full.to_string()) << "they could not be sorted";
}

TEST_F(SelectTest, WhatComesDuringAQueryStaysHiddenOnItsWayThroughFiles) {
  const int64_t t = clock_.now_ms();
  open();
  append(cpu(1), t, 1);
  close();
  options_.log_bytes_max = 2500;
  open();
  const auto querier = store_->querier();
  const auto set =
      (*querier)->select({*Matcher::make(MatchOp::kRegex, kMetricName, ".+")}, INT64_MIN, INT64_MAX, {}, false);
  Batch batch;
  for (int i = 1; i <= 600; ++i) batch.add(kNoRef, cpu(1), t + i * 1000, i * 0.37);
  clock_.advance_ms(600'000);
  ASSERT_TRUE(store_->commit(batch));
  EXPECT_TRUE(eventually([&] {
    append(cpu(2), clock_.now_ms(), 1);
    clock_.advance_ms(1000);
    return metric("tidemark_storage_checkpoints_total") >= 1;
  }));
  EXPECT_EQ(read_set(*set), (Content{{cpu(1).to_string(), {{t, bits(1)}}}}));
}

TEST_F(SelectTest, LateSamplesOfAnyTimesAreRead) {
  options_.retention_ms = 0;
  open();
  const int64_t t = clock_.now_ms();
  const int64_t year_ms = int64_t{366} * 86'400'000;
  Column want;
  for (const int64_t back_ms : {int64_t{0}, int64_t{1}, year_ms, 70 * year_ms, 90 * year_ms}) {
    EXPECT_EQ(append(cpu(1), t - back_ms, 1), Outcome::kAccepted);
    want[t - back_ms] = bits(1);
  }
  EXPECT_EQ(read_all().at(cpu(1).to_string()), want);
}

}  // namespace
}  // namespace tidemark::storage
