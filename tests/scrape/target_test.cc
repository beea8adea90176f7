#include "aggregator/scrape/target.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <memory>
#include <set>

#include "aggregator/scrape/sample_labels.h"

namespace tidemark::scrape {
namespace {

config::ScrapeConfig job() {
  config::ScrapeConfig config;
  config.job_name = "j";
  config.interval_ms = 15'000;
  config.timeout_ms = 10'000;
  return config;
}

BuiltTargets build(const config::ScrapeConfig& config, const Labels& own, const Labels& shared = {}) {
  return build_targets(config, {{"source", shared, {own}}}, 10);
}

// The target's labels and URL, or why it is none.
std::string built(const config::ScrapeConfig& config, const Labels& own) {
  const BuiltTargets targets = build(config, own);
  if (targets.active.empty()) return targets.dropped.at(0).reason;
  return targets.active[0].labels.to_string() + " " + targets.active[0].url_text;
}

config::RelabelConfig set_label(const std::string& target, const std::string& replacement) {
  config::RelabelConfig rule;
  rule.regex = std::make_shared<const RE2>("(.*)");
  rule.target_label = target;
  rule.replacement = replacement;
  return rule;
}

TEST(Target, labels_and_url_come_from_job_group_and_target) {
  config::ScrapeConfig config = job();
  EXPECT_EQ(built(config, {{"__address__", "h:9100"}}), R"({instance="h:9100", job="j"} http://h:9100/metrics)");
  EXPECT_EQ(built(config, {{"__address__", "h"}}), R"({instance="h", job="j"} http://h/metrics)") << "no port is added";
  EXPECT_EQ(built(config, {{"__address__", "[::1]:9100"}, {"instance", "i"}, {"job", "own"}}),
            R"({instance="i", job="own"} http://[::1]:9100/metrics)");
  EXPECT_EQ(built(config, {{"__address__", "h"}, {"__scheme__", "https"}, {"__metrics_path__", "/m x"}}),
            R"({instance="h", job="j"} https://h/m%20x)");
  config.params = {{"b", {"1", "2"}}, {"a", {"x&y"}}};
  EXPECT_EQ(built(config, {{"__address__", "h"}, {"__param_b", "9"}, {"__param_c", "3"}}),
            R"({instance="h", job="j"} http://h/metrics?a=x%26y&b=9&b=2&c=3)");
}

TEST(Target, own_labels_win_over_the_groups) {
  const BuiltTargets targets =
      build(job(), {{"__address__", "h"}, {"env", "own"}}, {{"env", "group"}, {"dc", "x"}, {"__meta_a", "m"}});
  EXPECT_EQ(targets.active.at(0).labels.to_string(), R"({dc="x", env="own", instance="h", job="j"})");
  EXPECT_EQ(targets.active[0].discovered_labels.to_string(),
            R"({__address__="h", __meta_a="m", __metrics_path__="/metrics", __scheme__="http", )"
            R"(__scrape_interval__="15s", __scrape_timeout__="10s", dc="x", env="own", job="j"})");
}

TEST(Target, relabelling_may_change_all_of_it) {
  config::ScrapeConfig config = job();
  config.relabel_configs = {set_label("__address__", "other:1"), set_label("__scrape_interval__", "1m"),
                            set_label("__tmp", "gone"), set_label("kept", "yes")};
  const BuiltTargets targets = build(config, {{"__address__", "h"}});
  EXPECT_EQ(targets.active.at(0).labels.to_string(), R"({instance="other:1", job="j", kept="yes"})");
  EXPECT_EQ(targets.active[0].interval_ms, 60'000);
  EXPECT_EQ(targets.active[0].url.host, "other");
}

TEST(Target, what_is_no_target_is_dropped_with_its_reason) {
  const auto f = [](const Labels& own) { return built(job(), own); };
  EXPECT_EQ(f({{"a", "b"}}), "no address");
  EXPECT_EQ(f({{"__address__", "http://h:1"}}), R"("http://h:1" is not a valid hostname)");
  EXPECT_EQ(f({{"__address__", "h:port"}}), R"(invalid port "port")");
  EXPECT_EQ(f({{"__address__", "h"}, {"__scheme__", "ftp"}}), R"(unsupported scheme "ftp")");
  EXPECT_EQ(f({{"__address__", "h"}, {"__scrape_interval__", "0s"}}), "scrape interval cannot be 0");
  EXPECT_EQ(f({{"__address__", "h"}, {"__scrape_timeout__", "20s"}}),
            R"(scrape timeout cannot be greater than scrape interval ("20s" > "15s"))");
  EXPECT_EQ(f({{"__address__", "h"}, {"__scrape_timeout__", "soon"}}).substr(0, 29), "error parsing scrape timeout:");
  EXPECT_EQ(f({{"__address__", "h"}, {"x", "\xff"}}), R"(invalid label value for "x")");
  config::ScrapeConfig config = job();
  config.relabel_configs = {set_label("x", "y")};
  config.relabel_configs[0].action = config::RelabelAction::kDrop;
  EXPECT_EQ(built(config, {{"__address__", "h"}}), "dropped by relabel_configs");
}

TEST(Target, a_password_in_an_address_is_never_shown) {
  const BuiltTargets targets = build(job(), {{"__address__", "user:hunter2@h:1"}});
  ASSERT_EQ(targets.dropped.size(), 1U);
  EXPECT_EQ(targets.dropped[0].discovered_labels.get("__address__"), "<secret>@h:1");
  EXPECT_EQ(targets.dropped[0].reason.find("hunter2"), std::string::npos);
}

TEST(Target, the_same_target_twice_is_one) {
  const Labels a{{"__address__", "a"}};
  const Labels b{{"__address__", "b"}};
  EXPECT_EQ(build_targets(job(), {{"1", {}, {a, b}}, {"2", {}, {a}}}, 10).active.size(), 2U);
  const BuiltTargets dropped = build_targets(job(), {{"1", {}, {Labels(), Labels(), Labels()}}}, 2);
  EXPECT_EQ(dropped.dropped.size(), 2U);
  EXPECT_EQ(dropped.dropped_count, 3U);
}

TEST(Target, offsets_are_spread_and_stand_still_in_absolute_time) {
  constexpr int64_t kNow = 1'700'000'003'141'592'653;
  constexpr int64_t kInterval = 15'000'000'000;
  std::set<int64_t> buckets;
  for (int i = 0; i < 200; ++i) {
    const Target target = build(job(), {{"__address__", "host-" + std::to_string(i) + ":9100"}}).active.at(0);
    const int64_t offset = target.offset_ns(kNow, 42);
    ASSERT_GE(offset, 0);
    ASSERT_LT(offset, kInterval);
    for (const int64_t later : {1LL, 7'000'000'000LL, 3'600'000'000'001LL}) {
      EXPECT_EQ((kNow + later + target.offset_ns(kNow + later, 42)) % kInterval, (kNow + offset) % kInterval);
    }
    EXPECT_NE(target.offset_ns(kNow, 43), offset) << "another server, another moment";
    buckets.insert(offset / (kInterval / 10));
  }
  EXPECT_EQ(buckets.size(), 10U) << "200 targets hit every tenth of the interval";
}

}  // namespace
}  // namespace tidemark::scrape
