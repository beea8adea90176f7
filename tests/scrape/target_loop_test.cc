#include "aggregator/scrape/target_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include <functional>

#include "tests/scrape/fake_appender.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_logger.h"

namespace tidemark::scrape {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Page = tl::expected<std::string, ScrapeError>;

class FakeFetcher final : public Fetcher {
 public:
  explicit FakeFetcher(const Page& page, std::function<void()> during) : page_(page), during_(std::move(during)) {}
  Page fetch() override {
    during_();
    return page_;
  }
  void cancel() override {}

 private:
  const Page& page_;
  const std::function<void()> during_;
};

config::RelabelConfig rule(config::RelabelAction action, const std::string& source, const std::string& regex,
                           const std::string& target = "", const std::string& replacement = "$1") {
  config::RelabelConfig out;
  out.action = action;
  out.source_labels = {source};
  out.regex_text = regex;
  out.regex = std::make_shared<const RE2>(regex);
  out.target_label = target;
  out.replacement = replacement;
  return out;
}

class TargetLoopTest : public ::testing::Test {
 protected:
  static constexpr int64_t kStartMs = 1'700'000'000'000;

  TargetLoopTest() { config_.job_name = "j"; }

  Target target() {
    discovery::TargetGroup group;
    group.targets = {Labels{{"__address__", "h:1"}}};
    config_.interval_ms = 15'000;
    BuiltTargets built = build_targets(config_, {group}, 10);
    return built.active.at(0);
  }
  void scrape(const Page& page) {
    page_ = page;
    if (loop_ == nullptr)
      loop_ = std::make_unique<TargetLoop>(context_, target(), std::make_shared<const Job>(config_));
    EXPECT_FALSE(loop_->run(scratch_));
    clock_.advance_ms(15'000);
  }
  // The configuration as it is now, after a reload.
  void reload() { loop_->update(std::make_shared<const Job>(config_), "", Labels()); }
  std::string series(const std::string& name) { return store_.series(name, kStartMs); }
  std::string up() { return store_.last(R"(up{instance="h:1", job="j"})"); }
  std::string report(const std::string& name) { return store_.last(name + R"({instance="h:1", job="j"})"); }

  testing::FakeClock clock_{kStartMs};
  testing::MemoryLogger logger_;
  testing::FakeAppender store_;
  prometheus::Registry registry_;
  Metrics metrics_{registry_};
  MetadataPool metadata_;
  Page page_;
  std::function<void()> during_ = [] {};
  LoopContext context_{store_,
                       clock_,
                       metrics_,
                       logger_,
                       metadata_,
                       100,
                       7,
                       [this](const Target&, const config::ScrapeConfig&) -> std::unique_ptr<Fetcher> {
                         return std::make_unique<FakeFetcher>(page_, [this] { during_(); });
                       }};
  config::ScrapeConfig config_;
  ScrapeScratch scratch_;
  std::unique_ptr<TargetLoop> loop_;
};

TEST_F(TargetLoopTest, stores_what_is_shown_with_the_report_series) {
  during_ = [&] { clock_.advance_ms(250); };
  scrape("# TYPE c counter\nc 1\nd{x=\"y\"} 2.5\n");
  clock_.advance_ms(-250);
  scrape("# TYPE c counter\nc 2\nd{x=\"y\"} 2.5\n");
  EXPECT_EQ(series(R"(c{instance="h:1", job="j"})"), "1@0 2@15000");
  EXPECT_EQ(series(R"(d{instance="h:1", job="j", x="y"})"), "2.5@0 2.5@15000");
  EXPECT_EQ(series(R"(up{instance="h:1", job="j"})"), "1@0 1@15000");
  EXPECT_EQ(series(R"(scrape_duration_seconds{instance="h:1", job="j"})"), "0.25@0 0.25@15000");
  EXPECT_EQ(series(R"(scrape_samples_scraped{instance="h:1", job="j"})"), "2@0 2@15000");
  EXPECT_EQ(series(R"(scrape_samples_post_metric_relabeling{instance="h:1", job="j"})"), "2@0 2@15000");
  EXPECT_EQ(series(R"(scrape_series_added{instance="h:1", job="j"})"), "2@0 0@15000");
  EXPECT_EQ(store_.commits(), 2U) << "a scrape is one batch";
  EXPECT_EQ(store_.labels_seen(), 7U) << "the second scrape goes by refs alone";
  const ActiveTarget shown = loop_->status();
  EXPECT_EQ(shown.health, TargetHealth::kUp);
  EXPECT_EQ(shown.last_error, "");
  EXPECT_EQ(shown.last_scrape_ms, kStartMs + 15'000);
  EXPECT_EQ(shown.last_scrape_duration_s, 0.25);
  EXPECT_EQ(shown.scrape_interval, "15s");
}

TEST_F(TargetLoopTest, a_series_that_goes_away_gets_one_marker) {
  scrape("a 1\nb 1\n");
  scrape("a 2\n");
  scrape("a 3\n");
  scrape("a 4\nb 4\n");
  EXPECT_EQ(series(R"(a{instance="h:1", job="j"})"), "1@0 2@15000 3@30000 4@45000");
  EXPECT_EQ(series(R"(b{instance="h:1", job="j"})"), "1@0 stale@15000 4@45000");
  EXPECT_EQ(report("scrape_series_added"), "1");
}

TEST_F(TargetLoopTest, a_bad_page_stores_nothing_and_ends_all_series) {
  struct Case {
    const char* page;
    const char* error;
  };
  int64_t at = 0;
  for (const Case& c :
       {Case{"a 5\nb 5\na five\n", "line 3"}, Case{"a{x=\"y} 1\n", "line 1"}, Case{"{x=\"y\"} 1\n", ""}}) {
    scrape("a 1\nb 1\n");
    scrape(c.page);
    EXPECT_EQ(up(), "0") << c.page;
    EXPECT_EQ(store_.last(R"(a{instance="h:1", job="j"})"), "stale") << c.page;
    EXPECT_EQ(store_.last(R"(b{instance="h:1", job="j"})"), "stale") << c.page;
    EXPECT_THAT(loop_->status().last_error, HasSubstr(c.error));
    EXPECT_NE(loop_->status().last_error, "");
    EXPECT_EQ(loop_->status().health, TargetHealth::kDown);
    EXPECT_THAT(store_.scraped_series(), ElementsAre(R"(a{instance="h:1", job="j"})", R"(b{instance="h:1", job="j"})"));
    at += 30'000;
  }
  EXPECT_EQ(series(R"(a{instance="h:1", job="j"})"), "1@0 stale@15000 1@30000 stale@45000 1@60000 stale@75000");
}

TEST_F(TargetLoopTest, a_target_that_does_not_answer_is_down) {
  scrape("a 1\n");
  scrape(tl::unexpected<ScrapeError>(ScrapeError{ScrapeFailure::kTimeout, "context deadline exceeded"}));
  scrape(tl::unexpected<ScrapeError>(ScrapeError{ScrapeFailure::kStatus, "server returned HTTP status 500"}));
  EXPECT_EQ(series(R"(up{instance="h:1", job="j"})"), "1@0 0@15000 0@30000");
  EXPECT_EQ(series(R"(a{instance="h:1", job="j"})"), "1@0 stale@15000") << "one marker is enough";
  EXPECT_EQ(loop_->status().last_error, "server returned HTTP status 500");
  EXPECT_EQ(metrics_.failures(ScrapeFailure::kTimeout).Value(), 1);
  EXPECT_EQ(metrics_.targets(TargetHealth::kDown).Value(), 1);
  scrape("a 2\n");
  EXPECT_EQ(series(R"(a{instance="h:1", job="j"})"), "1@0 stale@15000 2@45000");
  EXPECT_EQ(report("scrape_series_added"), "0") << "it was only away";
}

TEST_F(TargetLoopTest, sample_limit_counts_after_relabelling) {
  config_.limits.samples = 2;
  config_.metric_relabel_configs = {rule(config::RelabelAction::kDrop, "__name__", "x.*")};
  scrape("a 1\nb 1\nx1 1\nx2 1\n");
  EXPECT_EQ(up(), "1");
  EXPECT_EQ(report("scrape_samples_scraped"), "4");
  EXPECT_EQ(report("scrape_samples_post_metric_relabeling"), "2");
  scrape("a 2\nb 2\nc 2\n");
  EXPECT_EQ(up(), "0");
  EXPECT_EQ(loop_->status().last_error, "sample limit exceeded");
  EXPECT_EQ(store_.last(R"(a{instance="h:1", job="j"})"), "stale");
  EXPECT_EQ(report("scrape_samples_post_metric_relabeling"), "3");
  EXPECT_THAT(store_.scraped_series(), ElementsAre(R"(a{instance="h:1", job="j"})", R"(b{instance="h:1", job="j"})"));
  scrape("a 3\nc 3\n");
  EXPECT_EQ(up(), "1");
  EXPECT_EQ(store_.last(R"(c{instance="h:1", job="j"})"), "3");
}

TEST_F(TargetLoopTest, label_limits_fail_the_scrape) {
  const auto error = [&](config::ScrapeLimits limits) {
    config_.limits = limits;
    loop_ = nullptr;
    scrape("a 1\nb{name=\"long_value\"} 1\n");
    return loop_->status().last_error;
  };
  EXPECT_EQ(error({.labels = 4}), "");
  EXPECT_THAT(error({.labels = 3}), HasSubstr("label_limit exceeded (metric: b, number of labels: 4, limit: 3)"));
  EXPECT_THAT(error({.label_name_bytes = 7}), HasSubstr("label_name_length_limit exceeded"));
  EXPECT_THAT(error({.label_value_bytes = 9}), HasSubstr("label_value_length_limit exceeded"));
  EXPECT_EQ(up(), "0");
}

TEST_F(TargetLoopTest, honors_labels_or_moves_them_away) {
  const auto stored = [&](bool honor, const std::string& line) {
    testing::FakeAppender store;
    LoopContext context{store, clock_, metrics_, logger_, metadata_, 100, 7, context_.make_fetcher};
    config_.honor_labels = honor;
    TargetLoop loop(context, target(), std::make_shared<const Job>(config_));
    page_ = line + " 1\n";
    loop.run(scratch_);
    const auto names = store.scraped_series();
    return names.size() == 1 ? names[0] : "?";
  };
  EXPECT_EQ(stored(false, "m{job=\"x\"}"), R"(m{exported_job="x", instance="h:1", job="j"})");
  EXPECT_EQ(stored(true, "m{job=\"x\"}"), R"(m{instance="h:1", job="x"})");
  EXPECT_EQ(stored(false, "m{instance=\"\"}"), R"(m{instance="h:1", job="j"})");
  EXPECT_EQ(stored(true, "m{instance=\"\"}"), R"(m{job="j"})") << "a page can refuse a label";
  EXPECT_EQ(stored(false, "m{job=\"x\",exported_job=\"y\"}"),
            R"(m{exported_exported_job="x", exported_job="y", instance="h:1", job="j"})");
  EXPECT_EQ(stored(false, "m{job=\"x\",instance=\"i\"}"),
            R"(m{exported_instance="i", exported_job="x", instance="h:1", job="j"})");
}

TEST_F(TargetLoopTest, timestamps_of_the_page_count_when_honored) {
  scrape("a 1 1699999999000\nb 1\n");
  scrape("b 2\n");
  EXPECT_EQ(series(R"(a{instance="h:1", job="j"})"), "1@-1000") << "no marker: its time is the target's business";
  loop_ = nullptr;
  config_.honor_timestamps = false;
  scrape("c 1 1699999999000\n");
  scrape("b 2\n");
  EXPECT_EQ(series(R"(c{instance="h:1", job="j"})"), "1@30000 stale@45000");
  loop_ = nullptr;
  config_.honor_timestamps = true;
  config_.track_timestamps_staleness = true;
  scrape("d 1 1699999999000\n");
  scrape("b 2\n");
  EXPECT_EQ(series(R"(d{instance="h:1", job="j"})"), "1@-1000 stale@75000");
}

TEST_F(TargetLoopTest, the_same_series_twice_counts_once) {
  scrape("a 1\na 2\nb{x=\"1\",y=\"2\"} 1\n");
  EXPECT_EQ(series(R"(a{instance="h:1", job="j"})"), "1@0");
  EXPECT_EQ(report("scrape_samples_post_metric_relabeling"), "3");
  EXPECT_EQ(metrics_.duplicates.Value(), 1);
  scrape("a 2\nb{y=\"2\",x=\"1\"} 2\n");
  EXPECT_EQ(series(R"(b{instance="h:1", job="j", x="1", y="2"})"), "1@0 2@15000")
      << "written another way it is still there: no marker";
  scrape("a 3 1700000020000\na 4 1700000021000\n");
  EXPECT_EQ(series(R"(a{instance="h:1", job="j"})"), "1@0 2@15000 3@20000 4@21000 stale@30000");
}

TEST_F(TargetLoopTest, sends_labels_again_for_refs_that_the_store_has_forgotten) {
  scrape("a 1\nb{x=\"1\"} 1\n");
  store_.forget_refs();
  scrape("a 2\nb{x=\"1\"} 2\n");
  EXPECT_EQ(series(R"(b{instance="h:1", job="j", x="1"})"), "1@0 2@15000");
  EXPECT_EQ(series(R"(up{instance="h:1", job="j"})"), "1@0 1@15000");
  EXPECT_EQ(store_.count(R"(a{instance="h:1", job="j"})"), 2U);
}

TEST_F(TargetLoopTest, a_store_that_takes_nothing_changes_nothing) {
  scrape("a 1\nb 1\n");
  store_.set_failing(true);
  scrape("a 2\n");
  EXPECT_TRUE(logger_.contains("the disk is full"));
  EXPECT_EQ(metrics_.commit_failures.Value(), 1);
  EXPECT_EQ(loop_->status().health, TargetHealth::kUp) << "the target is well";
  store_.set_failing(false);
  scrape("a 3\n");
  EXPECT_EQ(series(R"(a{instance="h:1", job="j"})"), "1@0 3@30000");
  EXPECT_EQ(series(R"(b{instance="h:1", job="j"})"), "1@0 stale@30000") << "its marker was still owed";
}

TEST_F(TargetLoopTest, new_rules_keep_the_series_that_they_do_not_change) {
  scrape("a 1\nb 1\n");
  config_.limits.samples = 100;
  reload();
  scrape("a 2\nb 2\n");
  EXPECT_EQ(store_.labels_seen(), 7U) << "rules for series are the same: the cache holds";
  config_.metric_relabel_configs = {rule(config::RelabelAction::kReplace, "__name__", "b", "__name__", "c")};
  reload();
  scrape("a 3\nb 3\n");
  EXPECT_EQ(series(R"(a{instance="h:1", job="j"})"), "1@0 2@15000 3@30000");
  EXPECT_EQ(series(R"(b{instance="h:1", job="j"})"), "1@0 2@15000 stale@30000");
  EXPECT_EQ(series(R"(c{instance="h:1", job="j"})"), "3@30000");
}

TEST_F(TargetLoopTest, ends_with_markers_for_everything) {
  scrape("a 1\n");
  loop_->end(clock_.monotonic_ns() + 31'500'000'000);
  EXPECT_FALSE(loop_->run(scratch_)) << "not yet: the target may come back";
  EXPECT_EQ(store_.commits(), 1U);
  clock_.advance_ms(31'500);
  EXPECT_TRUE(loop_->run(scratch_));
  EXPECT_EQ(series(R"(a{instance="h:1", job="j"})"), "1@0 stale@15000");
  for (const char* name : {"up", "scrape_duration_seconds", "scrape_samples_scraped",
                           "scrape_samples_post_metric_relabeling", "scrape_series_added"}) {
    EXPECT_EQ(report(name), "stale") << name;
  }
  EXPECT_EQ(metrics_.targets(TargetHealth::kUp).Value(), 0);
}

TEST_F(TargetLoopTest, a_scrape_cut_off_by_our_stop_stores_nothing) {
  scrape("a 1\n");
  during_ = [&] { loop_->cancel(); };
  scrape(tl::unexpected<ScrapeError>(ScrapeError{ScrapeFailure::kCanceled, "context canceled"}));
  scrape("a 3\n");
  EXPECT_EQ(store_.commits(), 1U);
}

TEST_F(TargetLoopTest, times_are_put_on_the_grid) {
  const auto t = [&](int64_t step_ms) {
    clock_.advance_ms(step_ms - 15'000);  // scrape() has advanced by an interval.
    scrape("a 1\n");
    return loop_->status().last_scrape_ms - kStartMs;
  };
  EXPECT_EQ(t(15'000), 0);
  EXPECT_EQ(t(15'002), 15'000) << "2 ms late";
  EXPECT_EQ(t(14'997), 30'000) << "1 ms early";
  EXPECT_EQ(t(15'004), 45'003) << "3 ms late is not put right";
  EXPECT_EQ(t(14'997), 60'000);
  clock_.set_now_ms(clock_.now_ms() + 7'000);
  EXPECT_EQ(t(15'000), 82'000);
  EXPECT_EQ(t(15'000), 97'000);
  EXPECT_EQ(t(15'000), 112'000) << "the clock was set: this is the grid now";
  EXPECT_EQ(t(15'001), 127'000);
}

TEST_F(TargetLoopTest, keeps_metadata_and_shares_it) {
  const std::string page = "# HELP a What a is.\n# TYPE a counter\na 1\n# TYPE b gauge\nb 1\n# UNIT b seconds\n";
  scrape(page);
  const MetadataList list = loop_->metadata();
  ASSERT_EQ(list->size(), 2U);
  EXPECT_EQ((*list)[0], (MetricMetadata{"a", MetricType::kCounter, "What a is.", ""}));
  EXPECT_EQ((*list)[1], (MetricMetadata{"b", MetricType::kGauge, "", "seconds"}));
  scrape("a 2\n# broken {\n");
  TargetLoop other(context_, target(), std::make_shared<const Job>(config_));
  page_ = page;
  other.run(scratch_);
  EXPECT_EQ(other.metadata(), list);
  scrape(page);
  scrape("garbage here now\n");
  EXPECT_EQ(loop_->metadata(), list) << "a failed scrape says nothing new";
}

}  // namespace
}  // namespace tidemark::scrape
