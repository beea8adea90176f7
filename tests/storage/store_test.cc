// The store as its users see it: append, query, restart.
#include "aggregator/storage/store.h"

#include <filesystem>
#include <fstream>

#include "aggregator/storage/data_dir.h"
#include "aggregator/storage/keys.h"
#include "aggregator/storage/rocks.h"
#include "model/matcher.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/eventually.h"

namespace tidemark::storage {
namespace {

using testing::eventually;

class StoreTest : public StoreFixture {
 protected:
  static Labels cpu(int i) { return Labels{{"__name__", "cpu"}, {"instance", std::to_string(i)}, {"job", "node"}}; }
  static uint64_t bits(double v) { return std::bit_cast<uint64_t>(v); }
};

TEST_F(StoreTest, WhatIsAppendedIsReadBackAlsoAfterCloseAndAfterACrash) {
  open();
  const int64_t t = clock_.now_ms();
  EXPECT_EQ(append(cpu(1), t, 1.5), Outcome::kAccepted);
  EXPECT_EQ(append(cpu(1), t + 1000, stale_nan()), Outcome::kAccepted);
  EXPECT_EQ(append(cpu(2), t, -0.0), Outcome::kAccepted);
  const Content want{{cpu(1).to_string(), {{t, bits(1.5)}, {t + 1000, kStaleNaNBits}}},
                     {cpu(2).to_string(), {{t, bits(-0.0)}}}};
  EXPECT_EQ(read_all(), want);
  drop();
  open();
  EXPECT_EQ(read_all(), want) << "after a crash";
  close();
  open();
  EXPECT_EQ(read_all(), want) << "after a clean stop";
  EXPECT_EQ(metric("tidemark_storage_replayed_records"), 0) << "a clean stop leaves nothing to replay";
  EXPECT_EQ(append(cpu(1), t + 2000, 3), Outcome::kAccepted);
  EXPECT_EQ(read_all().at(cpu(1).to_string()).size(), 3u);
}

TEST_F(StoreTest, SaysWhatBecameOfEachSample) {
  open();
  const int64_t now = clock_.now_ms();
  const NativeHistogram histogram;
  NativeHistogram bad;
  bad.count = -1;
  ASSERT_EQ(append(cpu(1), now, 1), Outcome::kAccepted);
  struct Case {
    const char* what;
    int64_t t_ms;
    Value value;
    Outcome want;
  };
  const Case cases[] = {
      {"same bits again", now, {1}, Outcome::kDuplicate},
      {"another value at the newest time", now, {2}, Outcome::kOverwrote},
      {"that value again", now, {2}, Outcome::kDuplicate},
      {"older than the newest", now - 1, {1}, Outcome::kAccepted},
      {"that value again", now - 1, {1}, Outcome::kDuplicate},
      {"another value there", now - 1, {3}, Outcome::kOverwrote},
      {"before retention", now - options_.retention_ms - 1, {1}, Outcome::kTooOld},
      {"beyond the clock tolerance", now + options_.future_tolerance_ms + 1, {1}, Outcome::kTooNew},
      {"a histogram where a float is", now, {0, &histogram}, Outcome::kOutOfOrder},
      {"no histogram", now + 1, {0, &bad}, Outcome::kInvalidHistogram},
      {"far out of any range", INT64_MAX, {1}, Outcome::kTooNew},
      {"far out of any range", INT64_MIN, {1}, Outcome::kTooOld},
      {"with a start timestamp", now + 2, {1, nullptr, now - 5}, Outcome::kAccepted},
  };
  for (const Case& c : cases) {
    Batch batch;
    batch.add(kNoRef, cpu(1), c.t_ms, c.value);
    const auto report = store_->commit(batch);
    ASSERT_TRUE(report);
    EXPECT_EQ(batch.outcome(0), c.want) << c.what;
    EXPECT_EQ(report->of(c.want), 1u) << c.what;
  }
  EXPECT_EQ(metric("tidemark_storage_samples_overwrote_total"), 2);
  EXPECT_EQ(read_all().at(cpu(1).to_string()), (Column{{now - 1, bits(3)}, {now, bits(2)}, {now + 2, bits(1)}}));
}

TEST_F(StoreTest, TakesLateSamplesOnlyAsFarBackAsItIsTold) {
  options_.out_of_order_ms = 1000;
  open();
  const int64_t now = clock_.now_ms();
  ASSERT_EQ(append(cpu(1), now, 1), Outcome::kAccepted);
  EXPECT_EQ(append(cpu(1), now - 1000, 1), Outcome::kAccepted);
  EXPECT_EQ(append(cpu(1), now - 1001, 1), Outcome::kOutOfOrder);
  EXPECT_EQ(append(cpu(1), now, 2), Outcome::kOverwrote);
  drop();
  options_.out_of_order_ms = 0;
  open();
  EXPECT_EQ(append(cpu(1), now, 2), Outcome::kDuplicate);
  EXPECT_EQ(append(cpu(1), now, 3), Outcome::kOutOfOrder);
  EXPECT_EQ(append(cpu(1), now - 500, 3), Outcome::kOutOfOrder);
  EXPECT_EQ(metric("tidemark_storage_samples_refused_total{reason=\"out_of_order\"}"), 2);
  EXPECT_EQ(read_all().at(cpu(1).to_string()), (Column{{now - 1000, bits(1)}, {now, bits(2)}}));
}

// Whatever was sealed, merged or replayed in between.
TEST_F(StoreTest, TheLaterValueOfATimeWinsWhereverTheEarlierIs) {
  open();
  const int64_t t = clock_.now_ms();
  double v = 0;
  const auto overwrite = [&](const char* when) {
    for (const int64_t at : {t, t + 10, t + 20}) {
      EXPECT_EQ(append(cpu(1), at, v + 1), v == 0 ? Outcome::kAccepted : Outcome::kOverwrote) << when;
      EXPECT_EQ(append(cpu(1), at, v + 1), Outcome::kDuplicate) << when;
    }
    v += 1;
    EXPECT_EQ(read_all().at(cpu(1).to_string()), (Column{{t, bits(v)}, {t + 10, bits(v)}, {t + 20, bits(v)}})) << when;
  };
  overwrite("new");
  overwrite("open");
  drop();
  open();
  overwrite("replayed");
  close();
  open();
  overwrite("in files");
  drop();
  open();
  overwrite("replayed over files");
  close();
  open();
  overwrite("in files twice");
  EXPECT_EQ(append(cpu(1), t + 30, 1), Outcome::kAccepted);
  EXPECT_EQ(append(cpu(1), t + 5, 1), Outcome::kAccepted);
  close();
  open();
  EXPECT_EQ(read_all().at(cpu(1).to_string()),
            (Column{{t, bits(v)}, {t + 5, bits(1)}, {t + 10, bits(v)}, {t + 20, bits(v)}, {t + 30, bits(1)}}));
}

// Churn: a day names all series it ever had; a short range looks for those alive in it only.
TEST_F(StoreTest, AShortRangeTouchesOnlySeriesAliveInIt) {
  clock_.advance_ms(kWindowMs - clock_.now_ms() % kWindowMs);
  open();
  const int64_t midnight = clock_.now_ms();
  for (int hour = 0; hour < 12; ++hour) {
    for (int i = 0; i < 10; ++i)
      append(Labels{{"__name__", "m"}, {"pod", std::to_string(hour * 10 + i)}}, clock_.now_ms(), 1);
    clock_.advance_ms(3'600'000);
  }
  close();
  open();
  const auto seeks = [&](int64_t min_ms, int64_t max_ms, size_t want) {
    const double before = metric("tidemark_storage_chunk_seeks_total");
    EXPECT_EQ(read({Matcher::equal("__name__", "m")}, min_ms, max_ms).size(), want);
    return metric("tidemark_storage_chunk_seeks_total") - before;
  };
  EXPECT_EQ(seeks(midnight + 11 * 3'600'000 - 300'000, midnight + 11 * 3'600'000, 10), 10);
  EXPECT_EQ(seeks(midnight + 2 * 3'600'000, midnight + 4 * 3'600'000, 30), 30);
  EXPECT_EQ(seeks(midnight + 2 * 3'600'000 + 120'000, midnight + 3 * 3'600'000 - 1, 0), 0);
  EXPECT_EQ(seeks(midnight, midnight + kWindowMs - 1, 120), 120);
  // A late sample widens what is known of its series.
  EXPECT_EQ(append(Labels{{"__name__", "m"}, {"pod", "0"}}, midnight + 6 * 3'600'000 + 1, 2), Outcome::kAccepted);
  close();
  open();
  EXPECT_EQ(seeks(midnight + 6 * 3'600'000, midnight + 6 * 3'600'000 + 60'000, 11), 11);
}

// A view does not see what came late after it was made, nor lose what that overwrote.
TEST_F(StoreTest, AQuerySeesNothingThatCameLateAfterIt) {
  open();
  const int64_t t = clock_.now_ms();
  ASSERT_EQ(append(cpu(1), t, 1), Outcome::kAccepted);
  ASSERT_EQ(append(cpu(1), t + 10, 1), Outcome::kAccepted);
  ASSERT_EQ(append(cpu(1), t + 5, 1), Outcome::kAccepted);
  auto querier = store_->querier();
  ASSERT_TRUE(querier);
  ASSERT_EQ(append(cpu(1), t + 5, 2), Outcome::kOverwrote);
  ASSERT_EQ(append(cpu(1), t + 10, 2), Outcome::kOverwrote);
  ASSERT_EQ(append(cpu(1), t + 7, 2), Outcome::kAccepted);
  const auto set = (*querier)->select({Matcher::equal("__name__", "cpu")}, t, t + 100, {}, false);
  EXPECT_EQ(read_set(*set).at(cpu(1).to_string()), (Column{{t, bits(1)}, {t + 5, bits(1)}, {t + 10, bits(1)}}));
}

TEST_F(StoreTest, RefusesLabelsThatAreNoneOrTooMany) {
  open();
  std::vector<LabelView> many;
  std::vector<std::string> names;
  for (int i = 0; i < 129; ++i) names.push_back("l" + std::to_string(1000 + i));
  for (const std::string& name : names) many.push_back({name, "x"});
  const std::string long_value(65 << 10, 'x');
  const std::string long_name(1025, 'x');
  const Labels cases[] = {Labels{}, Labels::from_pairs(many), Labels{{"a", long_value}}, Labels{{long_name, "x"}}};
  for (const Labels& labels : cases) EXPECT_EQ(append(labels, clock_.now_ms(), 1), Outcome::kInvalidLabels);
  Batch batch;
  batch.add(kNoRef, LabelsView("\x05garbage"), clock_.now_ms(), 1.0);
  ASSERT_TRUE(store_->commit(batch));
  EXPECT_EQ(batch.outcome(0), Outcome::kInvalidLabels);
}

TEST_F(StoreTest, ARefSavesTheLabelsUntilItsStoreIsGone) {
  open();
  Batch batch;
  batch.add(kNoRef, cpu(1), clock_.now_ms(), 1.0);
  ASSERT_TRUE(store_->commit(batch));
  const SeriesRef ref = batch.ref(0);
  ASSERT_NE(ref, kNoRef);
  batch.clear();
  batch.add(ref, {}, clock_.now_ms() + 1, 2.0);
  batch.add(SeriesRef{0xdeadbeefcafe}, {}, clock_.now_ms() + 1, 2.0);
  ASSERT_TRUE(store_->commit(batch));
  EXPECT_EQ(batch.outcome(0), Outcome::kAccepted);
  EXPECT_EQ(batch.outcome(1), Outcome::kUnknownRef);
  EXPECT_EQ(read_all().at(cpu(1).to_string()).size(), 2u);
}

TEST_F(StoreTest, BeyondTheSeriesLimitOnlyKnownSeriesAreTaken) {
  options_.series_max = 2;
  open();
  EXPECT_EQ(append(cpu(1), clock_.now_ms(), 1), Outcome::kAccepted);
  EXPECT_EQ(append(cpu(2), clock_.now_ms(), 1), Outcome::kAccepted);
  EXPECT_EQ(append(cpu(3), clock_.now_ms(), 1), Outcome::kSeriesLimit);
  EXPECT_EQ(append(cpu(1), clock_.now_ms() + 1, 1), Outcome::kAccepted);
}

TEST_F(StoreTest, MatchersAnswerTheSameFromHeadAndFromFiles) {
  open();
  const int64_t t = clock_.now_ms();
  append(Labels{{"__name__", "m"}, {"a", "x"}}, t, 1);
  append(Labels{{"__name__", "m"}, {"a", "y"}, {"b", "1"}}, t, 1);
  append(Labels{{"__name__", "m"}, {"b", "2"}}, t, 1);
  append(Labels{{"__name__", "n"}, {"a", "xy"}}, t, 1);
  struct Case {
    MatchOp op;
    const char* name;
    const char* value;
    size_t want;  // Of the three series of m.
  };
  const Case cases[] = {
      {MatchOp::kEqual, "a", "x", 1},       {MatchOp::kEqual, "a", "", 1},       {MatchOp::kEqual, "c", "", 3},
      {MatchOp::kEqual, "c", "x", 0},       {MatchOp::kNotEqual, "a", "x", 2},   {MatchOp::kNotEqual, "a", "", 2},
      {MatchOp::kNotEqual, "c", "", 0},     {MatchOp::kRegex, "a", "x|y", 2},    {MatchOp::kRegex, "a", "x.*", 1},
      {MatchOp::kRegex, "a", ".*", 3},      {MatchOp::kRegex, "a", ".+", 2},     {MatchOp::kRegex, "a", "x|", 2},
      {MatchOp::kNotRegex, "a", "x|y", 1},  {MatchOp::kNotRegex, "a", "x.*", 2}, {MatchOp::kNotRegex, "a", ".+", 1},
      {MatchOp::kNotRegex, "a", ".*", 0},   {MatchOp::kNotRegex, "a", "x|", 1},  {MatchOp::kRegex, "b", "[12]", 2},
      {MatchOp::kNotRegex, "c", "nope", 3},
  };
  for (const char* where : {"head", "files"}) {
    for (const Case& c : cases) {
      const Matcher matcher = *Matcher::make(c.op, c.name, c.value);
      EXPECT_EQ(read({Matcher::equal(kMetricName, "m"), matcher}).size(), c.want)
          << where << " " << matcher.to_string();
    }
    auto querier = *store_->querier();
    EXPECT_EQ(*querier->label_names({}, t - 1, t + 1, 0), (std::vector<std::string>{"__name__", "a", "b"})) << where;
    EXPECT_EQ(*querier->label_names({}, t - 1, t + 1, 2), (std::vector<std::string>{"__name__", "a"})) << where;
    EXPECT_EQ(*querier->label_values("a", {}, t - 1, t + 1, 0), (std::vector<std::string>{"x", "xy", "y"})) << where;
    EXPECT_EQ(*querier->label_values("a", {Matcher::equal(kMetricName, "m")}, t - 1, t + 1, 0),
              (std::vector<std::string>{"x", "y"}))
        << where;
    EXPECT_TRUE(querier->label_values("a", {Matcher::equal(kMetricName, "m")}, t + 1, t + 2, 0)->empty()) << where;
    auto sorted = querier->select({Matcher::equal(kMetricName, "m")}, t, t, {}, true);
    std::vector<std::string> order;
    while (sorted->next()) order.push_back(sorted->labels().to_string());
    EXPECT_EQ(order, (std::vector<std::string>{"m{a=\"x\"}", "m{a=\"y\", b=\"1\"}", "m{b=\"2\"}"})) << where;
    sorted.reset();
    querier.reset();
    close();
    open();
  }
}

TEST_F(StoreTest, AQuerierSeesWhatWasThereWhenItWasMade) {
  open();
  const int64_t t = clock_.now_ms();
  append(cpu(1), t, 1);
  auto querier = *store_->querier();
  append(cpu(1), t + 1, 2);
  append(cpu(2), t + 1, 2);
  auto set = querier->select({Matcher::equal(kMetricName, "cpu")}, INT64_MIN, INT64_MAX, {}, false);
  EXPECT_EQ(read_set(*set), (Content{{cpu(1).to_string(), {{t, bits(1)}}}}));
  EXPECT_EQ(read_all().size(), 2u);
}

TEST_F(StoreTest, ChunksNeverCrossMidnightAndAllDaysAreRead) {
  open();
  const int64_t midnight = clock_.now_ms() / 86'400'000 * 86'400'000;
  Column want;
  for (int64_t t = midnight - 3 * 86'400'000; t < midnight + 60'000; t += 600'000) {
    ASSERT_EQ(append(cpu(1), t, static_cast<double>(t % 7)), Outcome::kAccepted);
    want[t] = bits(static_cast<double>(t % 7));
  }
  EXPECT_EQ(read_all().at(cpu(1).to_string()), want);
  close();
  open();
  EXPECT_EQ(read_all().at(cpu(1).to_string()), want);
  const Content middle = read({Matcher::equal(kMetricName, "cpu")}, midnight - 86'400'000, midnight - 1);
  EXPECT_EQ(middle.at(cpu(1).to_string()).size(), 144u);
  EXPECT_EQ(store_->stats().min_ms, want.begin()->first);
  EXPECT_EQ(store_->stats().max_ms, want.rbegin()->first);
}

TEST_F(StoreTest, CheckpointsKeepTheLogShortWhileChunksStayOpen) {
  options_.log_bytes_max = 64 << 10;
  open();
  std::vector<SeriesRef> refs(500, kNoRef);
  Batch batch;
  uint64_t most = 0;
  for (int step = 0; step < 200; ++step) {
    batch.clear();
    for (int i = 0; i < 500; ++i) batch.add(refs[i], cpu(i), clock_.now_ms(), step * 0.1 + i);
    ASSERT_TRUE(store_->commit(batch));
    for (int i = 0; i < 500; ++i) refs[i] = batch.ref(i);
    most = std::max(most, store_->stats().log_bytes);
    clock_.advance_ms(1000);
  }
  EXPECT_LT(most, 2 * options_.log_bytes_max + (8 << 10));
  // On a busy machine the third may be under way.
  EXPECT_TRUE(testing::eventually([this] { return metric("tidemark_storage_checkpoints_total") > 2; }));
  EXPECT_EQ(metric("tidemark_storage_chunks_sealed_total"), 0) << "no chunk was full";
  const Content before = read_all();
  EXPECT_EQ(before.size(), 500u);
  EXPECT_EQ(before.at(cpu(7).to_string()).size(), 200u);
  drop();
  open();
  EXPECT_EQ(read_all(), before);
}

// A crash some time after a load has nothing to replay.
TEST_F(StoreTest, ALoadThatEndsIsCheckpointed) {
  open();
  Batch batch;
  for (int step = 0; step < 400; ++step) {
    batch.clear();
    for (int i = 0; i < 1000; ++i) {
      batch.add(kNoRef, Labels{{"__name__", "m"}, {"i", std::to_string(i)}}, clock_.now_ms() + step, 0.1 * i * step);
    }
    ASSERT_TRUE(store_->commit(batch));
  }
  const Content before = read_all();
  ASSERT_GT(store_->stats().log_bytes, uint64_t{1} << 20);
  ASSERT_EQ(metric("tidemark_storage_checkpoints_total"), 0);
  EXPECT_TRUE(testing::eventually([&] {
    clock_.advance_ms(1000);
    return store_->stats().log_bytes == 0;
  }));
  drop();
  open();
  EXPECT_EQ(metric("tidemark_storage_replayed_records"), 0);
  EXPECT_EQ(read_all(), before);
}

TEST_F(StoreTest, AfterACrashTheLogsFilesGoWithTheNextCheckpoint) {
  open();
  Batch batch;
  for (int step = 0; step < 200; ++step) {
    batch.clear();
    for (int i = 0; i < 5000; ++i) batch.add(kNoRef, cpu(i), clock_.now_ms() + step * 1000, step);
    ASSERT_TRUE(store_->commit(batch));
  }
  const uint64_t log_bytes = store_->stats().log_bytes;
  ASSERT_GT(log_bytes, 3u << 20);
  drop();
  open();
  close();
  uint64_t disk_bytes = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(options_.path)) {
    if (file.is_regular_file()) disk_bytes += file.file_size();
  }
  EXPECT_LT(disk_bytes, log_bytes / 4);
  open();
  EXPECT_EQ(read_all().at(cpu(7).to_string()).size(), 200u);
}

// Dropping files passes over those of level 0 and those that are being compacted.
TEST_F(StoreTest, ACleanStopLeavesNothingOfEarlierCheckpoints) {
  open();
  append(cpu(1), clock_.now_ms(), 1);
  close();
  const auto disk_bytes = [&] {
    uint64_t bytes = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(options_.path)) {
      if (file.is_regular_file()) bytes += file.file_size();
    }
    return bytes;
  };
  const uint64_t before = disk_bytes();
  constexpr uint64_t kDeadBytes = 3 << 20;
  {
    const auto rocks = Rocks::open(*prepare_data_dir(options_.path), options_, logger_);
    ASSERT_TRUE(rocks);
    const auto family = (*rocks)->family(Family::kCheckpoints);
    for (uint32_t group = 0; group < 48; ++group) {
      const std::string key = head_group_key({0, 0, group});
      ASSERT_TRUE((*rocks)->db().Put({}, family, key, std::string(kDeadBytes / 48, 'x')).ok());
    }
    ASSERT_TRUE((*rocks)->db().Flush({}, family).ok());
  }
  ASSERT_GT(disk_bytes(), before + kDeadBytes);
  open();
  append(cpu(1), clock_.now_ms() + 1, 2);
  close();
  EXPECT_LT(disk_bytes(), before + kDeadBytes / 4);
  open();
  EXPECT_EQ(read_all().at(cpu(1).to_string()).size(), 2u);
}

TEST_F(StoreTest, OverItsBudgetTheHeadSealsTheLongestChunksEarly) {
  options_.head_bytes_min = 64 << 10;
  options_.head_bytes_per_series = 1;
  open();
  Batch batch;
  for (int step = 0; step < 300; ++step) {
    batch.clear();
    for (int i = 0; i < 200; ++i) batch.add(kNoRef, cpu(i), clock_.now_ms() + step * 1000, 1.0 / (step + i + 1));
    ASSERT_TRUE(store_->commit(batch));
  }
  EXPECT_TRUE(eventually([&] { return store_->stats().head_bytes <= options_.head_bytes_min; }));
  EXPECT_GT(metric("tidemark_storage_chunks_sealed_total"), 0);
  const Content all = read_all();
  ASSERT_EQ(all.size(), 200u);
  for (const auto& [series, column] : all) EXPECT_EQ(column.size(), 300u) << series;
}

// A checkpoint seals a chunk while a view holds back what overwrote some of it; the next one, with no commit in
// between, brings that.
TEST_F(StoreTest, WhatAViewHeldBackWinsOverTheChunkThatWasSealedMeanwhile) {
  const int64_t start_ms = clock_.now_ms();
  const std::vector<std::vector<int64_t>> overwritten = {{start_ms}, {start_ms - 500, start_ms + 2'000}};
  for (size_t i = 0; i < overwritten.size(); ++i) {
    options_.path = dir_.file("data" + std::to_string(i));
    options_.log_bytes_max = 10'000;
    options_.head_bytes_min = 0;
    options_.head_bytes_per_series = 0;
    open();
    const Labels series{{"__name__", "m"}};
    for (int s = 0; s < 10; ++s) append(series, start_ms + s * 1'000, s);
    auto view = store_->querier();
    ASSERT_TRUE(view);
    for (const int64_t t_ms : overwritten[i]) append(series, t_ms, 77);
    const Content want = read({Matcher::equal(kMetricName, "m")});
    Batch batch;
    for (int k = 0; k < 1'000; ++k)
      batch.add(kNoRef, Labels{{"__name__", "other"}, {"k", std::to_string(k)}}, start_ms, k);
    ASSERT_TRUE(store_->commit(batch));
    EXPECT_TRUE(eventually([this] { return metric("tidemark_storage_checkpoints_total") >= 1; }));
    view->reset();
    close();
    open();
    EXPECT_EQ(read({Matcher::equal(kMetricName, "m")}), want);
    close();
  }
}

TEST_F(StoreTest, WhatMidnightSealsDoesNotWaitInMemory) {
  options_.head_bytes_min = 256 << 10;
  options_.head_bytes_per_series = 1;
  open();
  const int64_t midnight_ms = window_start_ms(window_of(clock_.now_ms()));
  for (const int64_t t_ms : {midnight_ms - 1000, midnight_ms + 1000}) {
    Batch batch;
    for (int i = 0; i < 2000; ++i) batch.add(kNoRef, cpu(i), t_ms, i);
    ASSERT_TRUE(store_->commit(batch));
    if (t_ms < midnight_ms) {
      EXPECT_LT(store_->stats().head_bytes, options_.head_bytes_min);
    }
  }
  EXPECT_TRUE(eventually([this] { return metric("tidemark_storage_chunks_sealed_total") == 2000; }));
  EXPECT_LT(store_->stats().head_bytes, options_.head_bytes_min);
}

TEST_F(StoreTest, ARefusedSampleMakesNoSeries) {
  options_.log_bytes_max = 1000;
  options_.retention_ms = 86'400'000;
  open();
  EXPECT_EQ(append(cpu(1), clock_.now_ms() - options_.retention_ms - 1, 1), Outcome::kTooOld);
  EXPECT_EQ(append(cpu(2), clock_.now_ms() + 86'400'000, 1), Outcome::kTooNew);
  EXPECT_EQ(metric("tidemark_storage_series"), 0);
  EXPECT_TRUE(eventually([&] {
    append(cpu(3), clock_.now_ms(), 1);
    clock_.advance_ms(1000);
    return metric("tidemark_storage_checkpoints_total") >= 1;
  }));
  drop();
  open();
  EXPECT_EQ(metric("tidemark_storage_corruptions_total"), 0);
  EXPECT_EQ(metric("tidemark_storage_series"), 1);
}

TEST_F(StoreTest, IdleSeriesLeaveMemoryAndReturnUnderTheirOldId) {
  options_.log_bytes_max = 4 << 10;
  open();
  Batch first;
  first.add(kNoRef, cpu(1), clock_.now_ms(), 1.0);
  ASSERT_TRUE(store_->commit(first));
  const SeriesRef old = first.ref(0);
  const int64_t t = clock_.now_ms();
  const auto fill = [&] {
    for (int i = 0; i < 60; ++i) {
      append(cpu(2), clock_.now_ms(), i * 0.37);
      append(cpu(3), clock_.now_ms(), 1 / (i + 1.0));
      clock_.advance_ms(1000);
    }
  };
  clock_.advance_ms(2 * 3'600'000);
  ASSERT_TRUE(eventually([&] {
    fill();
    return metric("tidemark_storage_series_evicted_total") > 0;
  }));
  Batch again;
  again.add(old, {}, clock_.now_ms(), 2.0);
  ASSERT_TRUE(store_->commit(again));
  EXPECT_EQ(again.outcome(0), Outcome::kUnknownRef);
  EXPECT_EQ(append(cpu(1), t, 1), Outcome::kDuplicate) << "it still knows where it stopped";
  EXPECT_EQ(append(cpu(1), t, 5), Outcome::kOverwrote);
  const int64_t now = clock_.now_ms();
  EXPECT_EQ(append(cpu(1), now, 2), Outcome::kAccepted);
  EXPECT_EQ(read_all().at(cpu(1).to_string()), (Column{{t, bits(5)}, {now, bits(2)}}));
  EXPECT_GT(metric("tidemark_storage_series_returned_total"), 0);
}

TEST_F(StoreTest, StateIsAMapThatSurvives) {
  open();
  ASSERT_TRUE(store_->write_state({{"a/1", "x"}, {"a/2", "y"}, {"b/1", "z"}}).ok());
  ASSERT_TRUE(store_->write_state({{"a/1", std::nullopt}, {"a/3", std::string("\0w", 2)}}).ok());
  drop();
  open();
  EXPECT_EQ(*store_->get_state("a/1"), std::nullopt);
  EXPECT_EQ(*store_->get_state("b/1"), "z");
  EXPECT_EQ(*store_->scan_state("a/"),
            (std::vector<std::pair<std::string, std::string>>{{"a/2", "y"}, {"a/3", std::string("\0w", 2)}}));
  EXPECT_EQ(store_->write_state({{"big", std::string(2 << 20, 'x')}}).code(), Code::kLimit);
}

TEST_F(StoreTest, ADirectoryThatCannotBeUsedIsRefusedWithPathAndRemedy) {
  open();
  prometheus::Registry registry;
  const auto second = Store::open(options_, clock_, logger_, registry);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message().find(options_.path + " is in use"), std::string::npos) << second.error().message();
  close();

  dir_.write("data/tidemark.format", "tidemark storage format 99\n");
  const auto newer = Store::open(options_, clock_, logger_, registry);
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code(), Code::kUnsupported);
  EXPECT_NE(newer.error().message().find("format 99"), std::string::npos);

  dir_.write("data/tidemark.format", "garbage");
  EXPECT_FALSE(Store::open(options_, clock_, logger_, registry));

  Options file = options_;
  file.path = dir_.write("a_file", "x") + "/data";
  const auto no_dir = Store::open(file, clock_, logger_, registry);
  ASSERT_FALSE(no_dir);
  EXPECT_NE(no_dir.error().message().find(file.path), std::string::npos) << no_dir.error().message();
}

TEST_F(StoreTest, CountsWhereSeriesComeFrom) {
  open();
  EXPECT_EQ(store_->cardinality(10).series, 0u);
  constexpr int kSeries = 5000;  // More values than are looked at under one lock.
  Batch batch;
  for (int i = 0; i < kSeries; ++i) {
    batch.add(kNoRef, Labels{{"__name__", i < 100 ? "few" : "many"}, {"i", std::to_string(i)}, {"job", "a"}},
              clock_.now_ms(), i);
  }
  ASSERT_TRUE(store_->commit(batch));
  using Counts = std::vector<Cardinality::Count>;
  const Cardinality all = store_->cardinality(3);
  EXPECT_EQ(all.series, 5000u);
  EXPECT_EQ(all.label_pairs, 5003u);
  EXPECT_EQ(all.series_by_metric, (Counts{{"many", 4900}, {"few", 100}}));
  EXPECT_EQ(all.values_by_label, (Counts{{"i", 5000}, {"__name__", 2}, {"job", 1}}));
  EXPECT_EQ(all.bytes_by_label, (Counts{{"__name__", 4900 * 4 + 300}, {"i", 10 + 180 + 2700 + 16000}, {"job", 5000}}));
  EXPECT_EQ(all.series_by_pair, (Counts{{"job=a", 5000}, {"__name__=many", 4900}, {"__name__=few", 100}}));
  EXPECT_EQ(all.max_ms, clock_.now_ms());
  EXPECT_EQ(store_->cardinality(1).values_by_label, (Counts{{"i", 5000}}));
}

}  // namespace
}  // namespace tidemark::storage
