// Deletes: gone at once wherever the samples are, gone after a crash, and no further than asked.
#include <atomic>
#include <set>
#include <thread>

#include "aggregator/storage/delete_record.h"
#include "aggregator/storage/tombstones.h"
#include "model/matcher.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/eventually.h"

namespace tidemark::storage {
namespace {

constexpr int64_t kStepMs = 15'000;

class DeleteTest : public StoreFixture {
 protected:
  static Labels labels(int i) {
    return Labels{{"__name__", "m"}, {"i", std::to_string(i)}, {"job", i < 2 ? "a" : "b"}};
  }
  static std::string text(int i) { return labels(i).to_string(); }

  DeleteTest() {
    options_.retention_ms = int64_t{3650} * 86'400'000;
    start_ms_ = clock_.now_ms() / kWindowMs * kWindowMs + 3'600'000;
    clock_.advance_ms(start_ms_ - clock_.now_ms());
  }

  // `count` samples of each of four series from `from_ms` on.
  void append_some(int64_t from_ms, int count, double v = 1) {
    Batch batch;
    for (int n = 0; n < count; ++n) {
      for (int i = 0; i < 4; ++i) batch.add(kNoRef, labels(i), from_ms + n * kStepMs, v + n);
    }
    clock_.advance_ms(std::max<int64_t>(0, from_ms + count * kStepMs - clock_.now_ms()));
    const auto report = store_->commit(batch);
    ASSERT_TRUE(report) << report.error().message();
    ASSERT_EQ(report->of(Outcome::kAccepted), batch.size());
  }

  void erase(const std::vector<Matcher>& matchers, int64_t min_ms = INT64_MIN, int64_t max_ms = INT64_MAX) {
    const Status status = store_->delete_samples({matchers}, min_ms, max_ms);
    ASSERT_TRUE(status.ok()) << status.message();
  }

  // All that is open goes into files; the store goes on.
  void to_files() {
    close();
    open();
  }

  size_t count(int i) { return read_all()[text(i)].size(); }

  std::vector<std::string> values(std::string_view name, int64_t min_ms = INT64_MIN, int64_t max_ms = INT64_MAX) {
    auto querier = store_->querier();
    const auto out = (*querier)->label_values(name, {}, min_ms, max_ms, 0);
    EXPECT_TRUE(out);
    return *out;
  }
  std::vector<std::string> names() {
    auto querier = store_->querier();
    return *(*querier)->label_names({}, INT64_MIN, INT64_MAX, 0);
  }
  // As /api/v1/series asks.
  std::set<std::string> series(int64_t min_ms, int64_t max_ms) {
    auto querier = store_->querier();
    const auto set = (*querier)->select({Matcher::equal(kMetricName, "m")}, min_ms, max_ms, {0, 0, "series"}, false);
    std::set<std::string> out;
    while (set->next()) out.insert(set->labels().to_string());
    EXPECT_TRUE(set->status().ok());
    return out;
  }

  int64_t start_ms_;
};

const Matcher kJobA = Matcher::equal("job", "a");

TEST_F(DeleteTest, InOpenChunksAtTheirEndsAndInTheMiddle) {
  struct Case {
    const char* what;
    int first;
    int last;
  };
  for (const Case& c : {Case{"the middle", 10, 20}, Case{"the beginning", 0, 5}, Case{"the end", 25, 29},
                        Case{"all", 0, 29}, Case{"between two", 40, 50}}) {
    SCOPED_TRACE(c.what);
    options_.path = dir_.file(c.what);
    open();
    append_some(start_ms_, 30);
    Content want = read_all();
    erase({kJobA}, start_ms_ + c.first * kStepMs, start_ms_ + c.last * kStepMs);
    for (const int i : {0, 1}) {
      std::erase_if(want[text(i)], [&](const auto& one) {
        return one.first >= start_ms_ + c.first * kStepMs && one.first <= start_ms_ + c.last * kStepMs;
      });
    }
    std::erase_if(want, [](const auto& one) { return one.second.empty(); });
    EXPECT_EQ(read_all(), want);
    // What follows is in order, and what is sent again is taken as new.
    append_some(start_ms_ + 30 * kStepMs, 5);
    EXPECT_EQ(append(labels(0), start_ms_ + 29 * kStepMs, 7),
              c.last >= 29 && c.first <= 29 ? Outcome::kAccepted : Outcome::kOverwrote);
    EXPECT_EQ(read_all()[text(0)][start_ms_ + 29 * kStepMs], std::bit_cast<uint64_t>(7.0));
    const Content before = read_all();
    drop();
    open();
    EXPECT_EQ(read_all(), before) << "after a crash";
    to_files();
    EXPECT_EQ(read_all(), before) << "after a clean stop";
    drop();
  }
}

TEST_F(DeleteTest, InFilesSealedAndLateSamplesAtOnce) {
  open();
  append_some(start_ms_, 600);  // One full chunk and an open one.
  to_files();
  append_some(start_ms_ + 600 * kStepMs, 600);
  ASSERT_EQ(append(labels(0), start_ms_ + 1, 5), Outcome::kAccepted);
  ASSERT_EQ(append(labels(0), start_ms_ + 700 * kStepMs + 1, 5), Outcome::kAccepted);
  ASSERT_EQ(append(labels(0), start_ms_ + 3 * kStepMs, 9), Outcome::kOverwrote);
  EXPECT_EQ(count(0), 1202u);
  erase({kJobA}, INT64_MIN, start_ms_ + 1100 * kStepMs);
  EXPECT_EQ(count(0), 99u);
  EXPECT_EQ(count(1), 99u);
  EXPECT_EQ(count(2), 1200u);
  drop();
  open();
  EXPECT_EQ(count(0), 99u);
  EXPECT_EQ(metric("tidemark_storage_tombstones"), 1);
  to_files();
  EXPECT_EQ(count(0), 99u);
  EXPECT_EQ(count(2), 1200u);
}

TEST_F(DeleteTest, DataSentAgainShowsWhereverItIsByThen) {
  open();
  append_some(start_ms_, 100);
  to_files();
  erase({kJobA});
  EXPECT_EQ(count(0), 0u);
  EXPECT_EQ(append(labels(0), start_ms_ + 5 * kStepMs, 6), Outcome::kAccepted) << "the very value that was deleted";
  EXPECT_EQ(append(labels(0), start_ms_ + 5 * kStepMs, 6), Outcome::kDuplicate);
  EXPECT_EQ(append(labels(0), start_ms_ + 6 * kStepMs, 1), Outcome::kAccepted);
  const Column want{{start_ms_ + 5 * kStepMs, std::bit_cast<uint64_t>(6.0)},
                    {start_ms_ + 6 * kStepMs, std::bit_cast<uint64_t>(1.0)}};
  EXPECT_EQ(read_all()[text(0)], want);
  drop();
  open();
  EXPECT_EQ(read_all()[text(0)], want);
  to_files();
  EXPECT_EQ(read_all()[text(0)], want);
  EXPECT_EQ(append(labels(0), start_ms_ + 5 * kStepMs, 6), Outcome::kDuplicate);
  EXPECT_EQ(append(labels(0), start_ms_ + 7 * kStepMs, 8), Outcome::kAccepted) << "still deleted";
  ASSERT_TRUE(store_->clean_tombstones().ok());
  EXPECT_EQ(metric("tidemark_storage_tombstones"), 0);
  EXPECT_EQ(count(0), 3u);
  erase({kJobA});
  EXPECT_EQ(count(0), 0u);
}

TEST_F(DeleteTest, SeriesAndLabelsGoWithTheirSamples) {
  open();
  append_some(start_ms_, 50);
  ASSERT_EQ(append(Labels{{"__name__", "other"}, {"only", "here"}}, start_ms_, 1), Outcome::kAccepted);
  const auto check = [&](const char* where) {
    SCOPED_TRACE(where);
    EXPECT_EQ(values("job"), std::vector<std::string>{"b"});
    EXPECT_EQ(values("i"), (std::vector<std::string>{"2", "3"}));
    EXPECT_EQ(values(kMetricName), std::vector<std::string>{"m"});
    EXPECT_EQ(names(), (std::vector<std::string>{"__name__", "i", "job"}));
    EXPECT_EQ(series(INT64_MIN, INT64_MAX), (std::set<std::string>{text(2), text(3)}));
  };
  erase({kJobA});
  erase({Matcher::equal(kMetricName, "other")});
  check("open");
  drop();
  open();
  check("replayed");
  to_files();
  check("in files");
  // Again, from files.
  append_some(start_ms_ + 50 * kStepMs, 50);
  ASSERT_EQ(append(Labels{{"__name__", "other"}, {"only", "here"}}, clock_.now_ms(), 1), Outcome::kAccepted);
  EXPECT_EQ(values("only"), std::vector<std::string>{"here"});
  to_files();
  EXPECT_EQ(values("job"), (std::vector<std::string>{"a", "b"}));
  erase({kJobA});
  erase({Matcher::equal(kMetricName, "other")});
  check("tombstones");
  ASSERT_TRUE(store_->clean_tombstones().ok());
  EXPECT_EQ(metric("tidemark_storage_tombstones"), 0);
  check("cleaned");
  drop();
  open();
  check("cleaned and opened again");
  append_some(start_ms_ + 200 * kStepMs, 2);
  EXPECT_EQ(values("job"), (std::vector<std::string>{"a", "b"}));
  to_files();
  EXPECT_EQ(values("job"), (std::vector<std::string>{"a", "b"}));
}

TEST_F(DeleteTest, ASeriesDoesNotShowWhereItHasAHole) {
  open();
  append_some(start_ms_, 100);
  const int64_t min_ms = start_ms_ + 40 * kStepMs;
  const int64_t max_ms = start_ms_ + 60 * kStepMs;
  const std::set<std::string> rest{text(2), text(3)};
  erase({kJobA}, min_ms, max_ms);
  EXPECT_EQ(series(min_ms, max_ms), rest);
  EXPECT_EQ(series(min_ms - kStepMs, max_ms).size(), 4u);
  EXPECT_EQ(values("job", min_ms, max_ms), std::vector<std::string>{"b"});
  EXPECT_EQ(values("job", min_ms, max_ms + kStepMs), (std::vector<std::string>{"a", "b"}));
  to_files();
  erase({kJobA}, min_ms - kStepMs, max_ms);
  EXPECT_EQ(series(min_ms - kStepMs, max_ms), rest);
  EXPECT_EQ(values("job", min_ms - kStepMs, max_ms), std::vector<std::string>{"b"});
  EXPECT_EQ(read({kJobA}, min_ms - kStepMs, max_ms).size(), 0u);
  EXPECT_EQ(series(min_ms - 2 * kStepMs, max_ms).size(), 4u);
}

TEST_F(DeleteTest, SetsOfMatchersAreUnitedAndOthersStay) {
  open();
  append_some(start_ms_, 10);
  to_files();
  append_some(start_ms_ + 10 * kStepMs, 10);
  ASSERT_TRUE(store_
                  ->delete_samples({{Matcher::equal("i", "0")}, {Matcher::equal("i", "3"), Matcher::equal("job", "b")}},
                                   INT64_MIN, INT64_MAX)
                  .ok());
  EXPECT_EQ(series(INT64_MIN, INT64_MAX), (std::set<std::string>{text(1), text(2)}));
  const double before = metric("tidemark_storage_deletes_total");
  erase({Matcher::equal("i", "9")});
  erase({Matcher::equal("i", "1")}, 10, 5);
  EXPECT_EQ(metric("tidemark_storage_deletes_total"), before) << "nothing matched";
}

TEST_F(DeleteTest, ClosedDaysAreRewrittenByThemselves) {
  open();
  append_some(start_ms_, 100);
  close();
  clock_.advance_ms(3 * kWindowMs);
  open();
  ASSERT_EQ(append(labels(3), clock_.now_ms(), 1), Outcome::kAccepted);
  erase({kJobA}, start_ms_, start_ms_ + 10 * kStepMs);
  erase({Matcher::equal("i", "2")});
  EXPECT_TRUE(testing::eventually([&] { return metric("tidemark_storage_tombstones") == 0; }));
  EXPECT_EQ(count(0), 89u);
  EXPECT_EQ(count(2), 0u);
  EXPECT_EQ(count(3), 101u);
  EXPECT_EQ(values("i"), (std::vector<std::string>{"0", "1", "3"}));
  // A late sample of a series that had left the day's postings brings it back.
  EXPECT_EQ(append(labels(2), start_ms_ + 5, 4), Outcome::kAccepted);
  to_files();
  EXPECT_EQ(count(2), 1u);
  EXPECT_EQ(values("i"), (std::vector<std::string>{"0", "1", "2", "3"}));
  EXPECT_EQ(read({Matcher::equal("i", "2")}).size(), 1u);
}

TEST_F(DeleteTest, WhileCommitsCheckpointsAndQueriesRun) {
  options_.log_bytes_max = 2000;
  options_.head_bytes_min = 4000;
  open();
  append_some(start_ms_, 10);
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    // Series 2 and 3 rise for ever and are never deleted.
    for (int n = 0; !stop; ++n) {
      Batch batch;
      const int64_t t_ms = start_ms_ + 600'000 + n;
      for (int i = 0; i < 4; ++i) batch.add(kNoRef, labels(i), t_ms, n);
      EXPECT_TRUE(store_->commit(batch));
    }
  });
  std::thread reader([&] {
    size_t least = 0;
    while (!stop) {
      const Content all = read({Matcher::equal("job", "b")});
      const size_t now = all.at(text(2)).size();
      EXPECT_GE(now, least);
      EXPECT_EQ(now, all.at(text(3)).size());
      least = now;
    }
  });
  for (int i = 0; i < 30; ++i) {
    const int64_t newest_ms = read({Matcher::equal("i", "2")})[text(2)].rbegin()->first;
    erase({kJobA}, INT64_MIN, newest_ms);
    const Content left = read({kJobA});
    for (const auto& [series, column] : left) {
      EXPECT_TRUE(column.empty() || column.begin()->first > newest_ms) << series;
    }
  }
  stop = true;
  writer.join();
  reader.join();
  const Content before = read_all();
  drop();
  open();
  EXPECT_EQ(read_all(), before);
  ASSERT_TRUE(store_->clean_tombstones().ok());
  EXPECT_EQ(read_all(), before);
  to_files();
  EXPECT_EQ(read_all(), before);
}

TEST(DeleteRecord, ComesBackAndRefusesDamage) {
  const std::string record =
      encode_delete_record({{-5, 7, Roaring::bitmapOf(2, 1, 9)}, {kOldestTimestampMs, kNewestTimestampMs, Roaring()}});
  EXPECT_TRUE(is_delete_record(record));
  const auto back = decode_delete_record(record);
  ASSERT_TRUE(back) << back.error().message();
  ASSERT_EQ(back->size(), 2u);
  EXPECT_EQ((*back)[0].min_ms, -5);
  EXPECT_EQ((*back)[0].max_ms, 7);
  EXPECT_EQ((*back)[0].ids, Roaring::bitmapOf(2, 1, 9));
  EXPECT_EQ((*back)[1].max_ms, kNewestTimestampMs);
  for (size_t i = 0; i < record.size(); ++i) {
    std::string bad = record;
    bad[i] = static_cast<char>(bad[i] ^ 4);
    EXPECT_FALSE(decode_delete_record(bad)) << i;
    EXPECT_FALSE(decode_delete_record(record.substr(0, i))) << i;
  }
}

TEST(TombstoneRecord, ComesBackAndRefusesDamage) {
  Tombstone one{{19'000, 77}, window_start_ms(19'000), window_start_ms(19'001) - 1, Roaring::bitmapOf(2, 1, 9)};
  const std::string key = tombstone_key(one.key);
  const std::string value = encode_tombstone(one);
  const auto back = parse_tombstone(key, value);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->key.window, 19'000);
  EXPECT_EQ(back->key.position, 77u);
  EXPECT_EQ(back->min_ms, one.min_ms);
  EXPECT_EQ(back->max_ms, one.max_ms);
  EXPECT_EQ(back->ids, one.ids);
  for (size_t i = 0; i < value.size(); ++i) {
    std::string bad = value;
    bad[i] = static_cast<char>(bad[i] ^ 4);
    EXPECT_FALSE(parse_tombstone(key, bad)) << i;
  }
  EXPECT_FALSE(parse_tombstone(tombstone_key({19'001, 77}), value)) << "of another day";
  EXPECT_FALSE(parse_tombstone(tombstone_key({19'000, 77, Tier::k1h}), value)) << "of another tier";
  // Eight days.
  Tombstone week{{2'375, 78, Tier::k1h}, window_start_ms(19'000), window_start_ms(19'008) - 1, one.ids};
  const auto hours = parse_tombstone(tombstone_key(week.key), encode_tombstone(week));
  ASSERT_TRUE(hours) << hours.error().message();
  EXPECT_EQ(hours->key.tier, Tier::k1h);
  EXPECT_EQ(hours->max_ms, week.max_ms);
  ++week.max_ms;
  EXPECT_FALSE(parse_tombstone(tombstone_key(week.key), encode_tombstone(week)));
}

}  // namespace
}  // namespace tidemark::storage
