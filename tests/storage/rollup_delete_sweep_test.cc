// Deletes in days that have nothing but rollups, while the n-th change to the files fails, for one n after the other:
// whatever happens, they are in effect wholly or not at all, at once, after a kill, and when files are written anew.
// TIDEMARK_TEST_LONG=1 tries every n.
#include <filesystem>

#include "tests/storage/fault_fixture.h"
#include "tests/support/eventually.h"

namespace tidemark::storage {
namespace {

using testing::eventually;
using testing::FaultFs;

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int64_t kStartMs = 19'000 * kDayMs;
constexpr int64_t kYearMs = 365 * kDayMs;
constexpr int kDays = 2;

class RollupDeleteSweep : public FaultFixture {
 protected:
  RollupDeleteSweep() {
    options_.reopen_after_ms = 5;
    options_.shards = 1;
  }

  static Labels labels(const char* k) { return Labels{{"__name__", "m"}, {"k", k}}; }
  void commit(const char* k, int64_t from_ms, int64_t to_ms) {
    Batch batch;
    for (int64_t t_ms = from_ms; t_ms < to_ms; t_ms += 10 * 60'000) batch.add(kNoRef, labels(k), t_ms, 0.25);
    clock_.set_now_ms(std::max(clock_.now_ms(), to_ms));
    const auto report = store_->commit(batch);
    ASSERT_TRUE(report) << report.error().message();
    ASSERT_EQ(report->refused(), 0u);
  }

  // A store with two days of a, b and c that has only rollups of them.
  void fill() {
    options_.retention_5m_ms = options_.retention_1h_ms = kYearMs;
    clock_.set_now_ms(kStartMs);
    open();
    for (const char* k : {"a", "b", "c"}) commit(k, kStartMs + 1, kStartMs + kDays * kDayMs);
    clock_.set_now_ms(kStartMs + (kDays + 3) * kDayMs);
    commit("newest", clock_.now_ms(), clock_.now_ms() + 1);
    close();
    open();
    EXPECT_TRUE(eventually([&] {
      store_->set_retention(clock_.now_ms() - (kStartMs + kDays * kDayMs), 0);
      return metric("tidemark_storage_windows_dropped_total") == kDays;
    }));
    close();
    std::filesystem::copy(options_.path, saved_, std::filesystem::copy_options::recursive);
  }

  // Of a in the hours that lie in both days, and of all of b.
  bool erase() {
    return store_
               ->delete_samples({{Matcher::equal("k", "a")}, {Matcher::equal("k", "b")}}, kStartMs + 5 * kHourMs + 1,
                                kStartMs + 30 * kHourMs)
               .ok() &&
           store_->delete_samples({{Matcher::equal("k", "b")}}, INT64_MIN, INT64_MAX).ok();
  }

  // What each tier has, and what shows.
  std::string content() {
    const auto querier = store_->querier();
    EXPECT_TRUE(querier);
    if (!querier) return "no querier";
    std::string out;
    for (const int64_t resolution_ms : {5 * 60'000L, kHourMs}) {
      SelectHints hints;
      hints.function = "sum_over_time";
      hints.range_ms = hints.step_ms = resolution_ms;
      hints.max_resolution_ms = resolution_ms;
      const auto set =
          (*querier)->select({Matcher::equal("__name__", "m")}, kStartMs, kStartMs + kDays * kDayMs, hints, true);
      while (set->next()) {
        std::vector<int64_t> t_ms(1000);
        std::vector<double> v(1000);
        double sum = 0;
        SampleReader& samples = set->samples();
        while (const size_t count = samples.next(t_ms, v)) {
          for (size_t i = 0; i < count; ++i) sum += v[i];
        }
        if (sum > 0) out += set->labels().to_string() + " " + std::to_string(sum) + "\n";
      }
      EXPECT_TRUE(set->status().ok());
      EXPECT_TRUE(set->warnings().empty());
    }
    const auto values = (*querier)->label_values("k", {}, kStartMs, kStartMs + kDays * kDayMs, 0);
    EXPECT_TRUE(values);
    if (!values) return "no values";
    for (const std::string& value : *values) out += value + " ";
    return out;
  }
  bool in_files() { return metric("tidemark_storage_tombstones") == 0; }
  void wake() { store_->set_rollup_retention(kYearMs, kYearMs); }

  // A life in which fault strikes. Returns how many changes there were while it could strike.
  uint64_t live(const FaultFs::Fault& fault) {
    options_.path = dir_.file("data" + std::to_string(lives_++));
    std::filesystem::copy(saved_, options_.path, std::filesystem::copy_options::recursive);
    open();
    EXPECT_EQ(content(), before_);
    const uint64_t changes = fs_->changes();
    fs_->fail(fault);
    const bool erased = erase();
    EXPECT_TRUE(eventually([&] { return fs_->failed() || in_files(); }));
    const uint64_t made = fs_->changes() - changes;
    EXPECT_TRUE(eventually([&] { return store_->querier().has_value(); }));
    if (erased) {
      EXPECT_EQ(content(), after_);
    }
    drop();
    fs_->heal();
    open();
    const std::string found = content();
    if (erased) {
      EXPECT_EQ(found, after_);
    }
    // One of its two deletes may be there.
    EXPECT_TRUE(found == before_ || found == between_ || found == after_) << found;
    EXPECT_TRUE(eventually([&] {
      wake();
      return in_files();
    }));
    EXPECT_EQ(content(), found);
    close();
    open();
    EXPECT_TRUE(in_files());
    EXPECT_EQ(content(), found);
    drop();
    std::filesystem::remove_all(options_.path);
    return made;
  }

  void sweep(bool lasting, FaultFs::Error error) {
    fill();
    options_.path = dir_.file("right");
    std::filesystem::copy(saved_, options_.path, std::filesystem::copy_options::recursive);
    open();
    before_ = content();
    ASSERT_TRUE(store_
                    ->delete_samples({{Matcher::equal("k", "a")}, {Matcher::equal("k", "b")}},
                                     kStartMs + 5 * kHourMs + 1, kStartMs + 30 * kHourMs)
                    .ok());
    between_ = content();
    ASSERT_TRUE(erase());
    ASSERT_TRUE(store_->clean_tombstones().ok());
    EXPECT_TRUE(in_files());
    after_ = content();
    EXPECT_EQ(before_,
              "m{k=\"a\"} 72.000000\nm{k=\"b\"} 72.000000\n"
              "m{k=\"c\"} 72.000000\nm{k=\"a\"} 72.000000\n"
              "m{k=\"b\"} 72.000000\nm{k=\"c\"} 72.000000\na b c ");
    EXPECT_EQ(after_,
              "m{k=\"a\"} 34.500000\nm{k=\"c\"} 72.000000\n"
              "m{k=\"a\"} 34.500000\nm{k=\"c\"} 72.000000\na c ");
    drop();
    fail_each_change(lasting, error, [this](const FaultFs::Fault& fault) { return live(fault); });
  }

  const std::string saved_ = dir_.file("saved");
  std::string before_;
  std::string between_;
  std::string after_;
  int lives_ = 0;
};

TEST_F(RollupDeleteSweep, EveryWriteFailsOnceWithEio) { sweep(false, FaultFs::Error::kIo); }
TEST_F(RollupDeleteSweep, EveryWriteFromTheNthOnFailsWithEio) { sweep(true, FaultFs::Error::kIo); }
TEST_F(RollupDeleteSweep, EveryWriteFailsOnceWithEnospc) { sweep(false, FaultFs::Error::kNoSpace); }
TEST_F(RollupDeleteSweep, EveryWriteFromTheNthOnFailsWithEnospc) { sweep(true, FaultFs::Error::kNoSpace); }

}  // namespace
}  // namespace tidemark::storage
