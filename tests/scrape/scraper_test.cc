// The scraper as a whole, against real HTTP targets.
#include "aggregator/scrape/scraper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <atomic>

#include "tests/scrape/fake_appender.h"
#include "tests/scrape/test_target.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_logger.h"
#include "tests/support/temp_dir.h"

namespace tidemark::scrape {
namespace {

using testing::eventually;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TestTarget;

config::ScrapeConfig job(const std::string& name, const std::vector<std::string>& addresses) {
  config::ScrapeConfig config;
  config.job_name = name;
  config.interval_ms = 15'000;
  config.timeout_ms = 10'000;
  config.static_configs = {{addresses, Labels{}}};
  return config;
}

class ScraperTest : public ::testing::Test {
 protected:
  Scraper& scraper() {
    if (scraper_ == nullptr) scraper_ = std::make_unique<Scraper>(options_, store_, clock_, registry_, logger_);
    return *scraper_;
  }
  // An interval passes, in steps as fine as the offsets need.
  size_t pass_interval() {
    size_t runs = 0;
    for (int i = 0; i < 150; ++i) {
      clock_.advance_ms(100);
      runs += scraper().run_due();
    }
    return runs;
  }
  std::string name(const char* metric, const std::string& job = "j") {
    return std::string(metric) + "{instance=\"" + target_.address() + "\", job=\"" + job + "\"}";
  }
  ActiveTarget shown(size_t pool = 0) { return scraper().targets().pools.at(pool).active.at(0); }
  std::string metrics() { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

  std::atomic<int> counter_ = 0;
  TestTarget target_{[this](const net::Request&, net::Response& response) {
    response.body = "# HELP c_total Requests.\n# TYPE c_total counter\nc_total " + std::to_string(++counter_) + "\n";
  }};
  testing::FakeClock clock_;
  testing::MemoryLogger logger_;
  testing::FakeAppender store_;
  prometheus::Registry registry_;
  ScraperOptions options_;
  std::unique_ptr<Scraper> scraper_;
};

TEST_F(ScraperTest, a_counter_grows) {
  scraper().apply({job("j", {target_.address()})});
  EXPECT_EQ(shown().health, TargetHealth::kUnknown);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(pass_interval(), 1U);
  const std::string samples = store_.series(name("c_total"));
  EXPECT_THAT(samples, ::testing::MatchesRegex("1@[0-9]+ 2@[0-9]+ 3@[0-9]+"));
  EXPECT_EQ(store_.last(name("up")), "1");
  const ActiveTarget shown_now = shown();
  EXPECT_EQ(shown_now.health, TargetHealth::kUp);
  EXPECT_EQ(shown_now.scrape_pool, "j");
  EXPECT_EQ(shown_now.scrape_url, "http://" + target_.address() + "/metrics");
  EXPECT_EQ(shown_now.scrape_interval, "15s");
  EXPECT_EQ(shown_now.scrape_timeout, "10s");
  EXPECT_EQ(shown_now.discovered_labels.get("__address__"), target_.address());
  EXPECT_EQ(samples.substr(samples.rfind('@') + 1), std::to_string(shown_now.last_scrape_ms));
  std::vector<MetricMetadata> metadata;
  scraper().visit_metadata([&](LabelsView labels, const MetricMetadata& m) {
    EXPECT_EQ(labels.get("job"), "j");
    metadata.push_back(m);
  });
  EXPECT_EQ(metadata, (std::vector<MetricMetadata>{{"c_total", MetricType::kCounter, "Requests.", ""}}));
  EXPECT_THAT(metrics(), HasSubstr("tidemark_scrape_targets{health=\"up\"} 1"));
  EXPECT_THAT(metrics(), HasSubstr("tidemark_scrape_scrapes_total 3"));
}

TEST_F(ScraperTest, a_reload_keeps_what_is_unchanged) {
  const config::ScrapeConfig config = job("j", {target_.address()});
  scraper().apply({config});
  pass_interval();
  pass_interval();
  const size_t labels_before = store_.labels_seen();
  const int64_t last_ms = shown().last_scrape_ms;
  scraper().apply({config, job("new", {target_.address()})});
  pass_interval();
  EXPECT_EQ(shown().last_scrape_ms, last_ms + 15'000) << "same place in time";
  EXPECT_EQ(store_.count(name("c_total")), 3U);
  EXPECT_EQ(store_.count(name("c_total", "new")), 1U);
  EXPECT_EQ(store_.labels_seen(), labels_before + 6) << "only the new job sent labels";
  EXPECT_THAT(store_.series(name("c_total")), Not(HasSubstr("stale")));
}

TEST_F(ScraperTest, a_removed_target_ends_unless_it_comes_back) {
  scraper().apply({job("gone", {target_.address()}), job("back", {target_.address()})});
  pass_interval();
  scraper().apply({});
  EXPECT_TRUE(scraper().targets().pools.empty());
  pass_interval();
  EXPECT_EQ(store_.count(name("c_total", "gone")), 1U) << "it may still come back";
  scraper().apply({job("back", {target_.address()})});
  pass_interval();
  pass_interval();
  EXPECT_EQ(store_.last(name("c_total", "gone")), "stale");
  EXPECT_EQ(store_.last(name("up", "gone")), "stale");
  EXPECT_EQ(store_.count(name("up", "gone")), 2U);
  EXPECT_THAT(store_.series(name("c_total", "back")), Not(HasSubstr("stale")));
  EXPECT_GE(store_.count(name("c_total", "back")), 3U);
  EXPECT_THAT(metrics(), HasSubstr("tidemark_scrape_targets{health=\"up\"} 1"));
}

TEST_F(ScraperTest, a_stop_writes_no_markers) {
  scraper().apply({job("j", {target_.address()})});
  pass_interval();
  scraper().stop();
  EXPECT_EQ(store_.last(name("c_total")), "1");
  EXPECT_EQ(store_.last(name("up")), "1");
}

TEST_F(ScraperTest, targets_come_from_files_as_well) {
  testing::TempDir dir;
  dir.write("t.yml", "- targets: []\n");
  config::ScrapeConfig config = job("j", {});
  config.file_sd_configs = {{{dir.file("*.yml")}, 300'000}};
  scraper().apply({config});
  EXPECT_EQ(pass_interval(), 0U);
  dir.write("t.yml", "- targets: ['" + target_.address() + "']\n");
  pass_interval();
  pass_interval();
  EXPECT_EQ(store_.last(name("up")), "1");
  dir.write("t.yml", "- targets: ['" + target_.address() + "', 'http://not/an/address']\n");
  pass_interval();
  const PoolTargets pool = scraper().targets().pools.at(0);
  EXPECT_EQ(pool.active.size(), 1U);
  ASSERT_EQ(pool.dropped.size(), 1U);
  EXPECT_THAT(pool.dropped[0].reason, HasSubstr("not a valid hostname"));
  EXPECT_THAT(metrics(), HasSubstr("tidemark_scrape_dropped_targets 1"));
}

TEST_F(ScraperTest, target_limit_fails_every_target_of_the_job) {
  config::ScrapeConfig config = job("j", {target_.address(), "localhost:1"});
  config.limits.targets = 1;
  scraper().apply({config});
  pass_interval();
  EXPECT_EQ(shown().last_error, "target_limit exceeded (number of targets: 2, limit: 1)");
  EXPECT_EQ(store_.last(name("up")), "0");
  EXPECT_EQ(counter_, 0) << "it is not even asked";
  config.limits.targets = 2;
  scraper().apply({config});
  pass_interval();
  EXPECT_EQ(store_.last(name("up")), "1");
}

TEST_F(ScraperTest, global_urls_name_this_host) {
  options_.own_host = "me.example";
  scraper().apply({job("j", {target_.address(), "10.0.0.1:9100"})});
  const auto targets = scraper().targets().pools.at(0).active;
  EXPECT_EQ(targets.at(0).global_url, "http://10.0.0.1:9100/metrics");
  EXPECT_EQ(targets.at(1).global_url,
            "http://me.example" + target_.address().substr(target_.address().find(':')) + "/metrics");
}

TEST_F(ScraperTest, scrapes_on_its_own_threads_and_stops_at_once) {
  std::atomic<bool> over = false;
  TestTarget hanging(
      [&](const net::Request&, net::Response&) { eventually([&] { return over.load(); }, std::chrono::seconds(30)); });
  config::ScrapeConfig fast = job("j", {target_.address()});
  fast.interval_ms = 20;
  fast.timeout_ms = 20;
  config::ScrapeConfig slow = job("slow", {hanging.address()});
  slow.interval_ms = 100;
  slow.timeout_ms = 100;
  config::ScrapeConfig stuck = job("stuck", {hanging.address()});
  stuck.interval_ms = 20'000;
  stuck.timeout_ms = 20'000;
  options_.offset_seed = 1;
  Scraper scraper(options_, store_, system_clock(), registry_, logger_);
  scraper.apply({fast, slow});
  scraper.start();
  EXPECT_TRUE(eventually([&] { return store_.count(name("c_total")) >= 5; }));
  const std::string slow_up = "up{instance=\"" + hanging.address() + "\", job=\"slow\"}";
  EXPECT_TRUE(eventually([&] { return store_.last(slow_up) == "0"; }));
  EXPECT_THAT(scraper.targets().pools.at(1).active.at(0).last_error, HasSubstr("context deadline exceeded"));
  scraper.apply({fast, slow, stuck});
  EXPECT_TRUE(eventually([&] { return scraper.targets().pools.size() == 3; }));
  const auto begin = std::chrono::steady_clock::now();
  scraper.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
  const size_t commits = store_.commits();
  scraper.stop();
  EXPECT_EQ(store_.commits(), commits);
  over = true;
}

}  // namespace
}  // namespace tidemark::scrape
