// Sweeps over work on the past: while closed days are rewritten, folded into rollups and deleted from, the n-th change
// to the files fails, for one n after the other, once or from there on. TIDEMARK_TEST_LONG=1 tries every n.
#include <filesystem>

#include "aggregator/promql/engine.h"
#include "tests/storage/fault_fixture.h"
#include "tests/support/eventually.h"

namespace tidemark::storage {
namespace {

using testing::eventually;
using testing::FaultFs;

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int64_t kStartMs = 19'000 * kDayMs;
constexpr int64_t kStepMs = 10 * 60'000;
constexpr int64_t kYearMs = 365 * kDayMs;
constexpr int kDays = 2;
constexpr int kSeries = 6;

class PastSweepTest : public FaultFixture {
 protected:
  PastSweepTest() {
    options_.reopen_after_ms = 5;
    options_.retention_5m_ms = options_.retention_1h_ms = 0;
    options_.shards = 1;
  }

  static Labels labels(int i) { return Labels{{"__name__", "m"}, {"i", std::to_string(i)}}; }

  void commit(int i, const std::vector<int64_t>& times) {
    Batch batch;
    for (const int64_t t_ms : times) {
      const double v = static_cast<double>((t_ms - kStartMs) / 1000 + i) / 4;
      batch.add(kNoRef, labels(i), t_ms, v);
      content_[labels(i).to_string()][t_ms] = std::bit_cast<uint64_t>(v);
    }
    const auto report = store_->commit(batch);
    ASSERT_TRUE(report) << report.error().message();
    ASSERT_EQ(report->refused(), 0u);
  }

  void erase_from_content(int i, int64_t min_ms, int64_t max_ms) {
    Column& column = content_[labels(i).to_string()];
    column.erase(column.lower_bound(min_ms), column.upper_bound(max_ms));
  }

  // Days that are closed, each of them in several short chunks, a delete in one of them, and a day that is open.
  void fill() {
    for (int day = 0; day < kDays; ++day) {
      for (int piece = 0; piece < 4; ++piece) {
        const int64_t from_ms = kStartMs + day * kDayMs + piece * 6 * kHourMs;
        clock_.set_now_ms(from_ms + 6 * kHourMs);
        open();
        for (int i = 0; i < kSeries; ++i) {
          std::vector<int64_t> times;
          for (int64_t t_ms = from_ms; t_ms < from_ms + 6 * kHourMs; t_ms += kStepMs) times.push_back(t_ms);
          commit(i, times);
        }
        close();
      }
    }
    clock_.set_now_ms(kStartMs + (kDays + 2) * kDayMs);
    open();
    ASSERT_TRUE(store_->delete_samples({{Matcher::equal("i", "1")}}, kStartMs, kStartMs + 5 * kHourMs).ok());
    erase_from_content(1, kStartMs, kStartMs + 5 * kHourMs);
    commit(0, {clock_.now_ms()});
    close();
    std::filesystem::copy(options_.path, saved_, std::filesystem::copy_options::recursive);
    options_.retention_5m_ms = options_.retention_1h_ms = kYearMs;
  }

  void wake() { store_->set_rollup_retention(options_.retention_5m_ms, options_.retention_1h_ms); }

  // Two rounds: one may have been under way.
  void settle() {
    const auto rounds = [&] { return metric("tidemark_storage_rewrite_rounds_total"); };
    const double before = rounds();
    EXPECT_TRUE(eventually([&] {
      wake();
      return rounds() >= before + 2 && metric("tidemark_storage_rewrite_days_due") == 0;
    }));
  }

  // Sums over hours, from rollups when they are allowed. Sums of few quarters are exact.
  std::string hours(int64_t resolution_max_ms) {
    prometheus::Registry registry;
    promql::Engine engine(*store_, promql::EngineOptions{}, clock_, registry);
    promql::QueryOptions options;
    options.max_resolution_ms = resolution_max_ms;
    const auto answer =
        engine.range("sum_over_time(m[1h])", kStartMs, kStartMs + (kDays + 1) * kDayMs, kHourMs, options);
    EXPECT_TRUE(answer) << answer.error().message();
    if (!answer) return "";
    EXPECT_EQ(answer->infos.empty(), resolution_max_ms == 0);
    std::string out;
    for (const auto& series : answer->series) {
      out += series.labels.view().to_string() + ":";
      for (const Sample& sample : series.samples) out += " " + std::to_string(sample.v);
      out += "\n";
    }
    return out;
  }

  void check() {
    expect_same_content(read_all(), content_);
    EXPECT_EQ(hours(kHourMs), hours(0));
    EXPECT_EQ(hours(5 * 60'000), hours(0));
  }

  // A life in which fault strikes. Returns how many changes there were while it could strike.
  uint64_t live(const FaultFs::Fault& fault) {
    options_.path = dir_.file("data" + std::to_string(lives_++));
    std::filesystem::copy(saved_, options_.path, std::filesystem::copy_options::recursive);
    const Content before = content_;
    const uint64_t changes = fs_->changes();
    fs_->fail(fault);
    auto opened = Store::open(options_, clock_, logger_, *(registry_ = std::make_unique<prometheus::Registry>()));
    if (!opened) {
      // Opening may fail, and must then be possible later.
      EXPECT_TRUE(fs_->failed()) << opened.error().message();
      fs_->heal();
      open();
    } else {
      store_ = std::move(*opened);
    }
    const auto erase = [&] {
      return store_->delete_samples({{Matcher::equal("i", "2")}}, kStartMs + kHourMs, kStartMs + 30 * kHourMs).ok();
    };
    // Some of the work lies before the delete, some behind it.
    const double rounds = metric("tidemark_storage_rewrite_rounds_total");
    EXPECT_TRUE(eventually([&] {
      wake();
      return fs_->failed() || metric("tidemark_storage_rewrite_rounds_total") > rounds;
    }));
    const bool erased = erase();
    EXPECT_TRUE(eventually([&] {
      wake();
      return fs_->failed() || metric("tidemark_storage_rewrite_rounds_total") > rounds + 2;
    }));
    const uint64_t made = fs_->changes() - changes;
    EXPECT_TRUE(eventually([&] { return store_->querier().has_value(); }));
    fs_->heal();
    if (!erased) {
      EXPECT_TRUE(eventually(erase)) << "it does not resume";
    }
    erase_from_content(2, kStartMs + kHourMs, kStartMs + 30 * kHourMs);
    settle();
    check();
    EXPECT_EQ(metric("tidemark_storage_read_only"), 0);
    drop();
    open();
    check();
    close();
    open();
    settle();
    check();
    drop();
    std::filesystem::remove_all(options_.path);
    content_ = before;
    return made;
  }

  void sweep(bool lasting, FaultFs::Error error) {
    fill();
    fail_each_change(lasting, error, [this](const FaultFs::Fault& fault) { return live(fault); });
  }

  const std::string saved_ = dir_.file("saved");
  Content content_;
  int lives_ = 0;
};

TEST_F(PastSweepTest, EveryWriteFailsOnceWithEio) { sweep(false, FaultFs::Error::kIo); }
TEST_F(PastSweepTest, EveryWriteFromTheNthOnFailsWithEio) { sweep(true, FaultFs::Error::kIo); }
TEST_F(PastSweepTest, EveryWriteFailsOnceWithEnospc) { sweep(false, FaultFs::Error::kNoSpace); }
TEST_F(PastSweepTest, EveryWriteFromTheNthOnFailsWithEnospc) { sweep(true, FaultFs::Error::kNoSpace); }

}  // namespace
}  // namespace tidemark::storage
