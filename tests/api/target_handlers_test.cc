#include "aggregator/api/target_handlers.h"

#include <gtest/gtest.h>

#include "tests/api/answers.h"

namespace tidemark::api {
namespace {

class FakeTargets final : public TargetsView {
 public:
  scrape::TargetsSnapshot targets() const override { return snapshot; }
  void visit_metadata(
      const std::function<void(LabelsView target, const scrape::MetricMetadata&)>& visit) const override {
    for (const auto& entry : metadata) visit(labels, entry);
    for (const auto& entry : metadata_of_other) visit(other, entry);
  }

  scrape::TargetsSnapshot snapshot;
  std::vector<scrape::MetricMetadata> metadata;
  std::vector<scrape::MetricMetadata> metadata_of_other;
  Labels labels{{"job", "node"}};
  Labels other{{"job", "other"}};
};

constexpr char kActive[] =
    R"({"discoveredLabels":{"__address__":"h:1"},"labels":{"instance":"h:1","job":"node"},"scrapePool":"node",)"
    R"("scrapeUrl":"http://h:1/metrics","globalUrl":"http://h:1/metrics","lastError":"line 3: bad","lastScrape":)"
    R"("1970-01-01T00:00:01.5Z","lastScrapeDuration":0.0625,"health":"down","scrapeInterval":"15s","scrapeTimeout":"10s"})";
constexpr char kDropped[] =
    R"({"discoveredLabels":{"__address__":"h:2"},"scrapePool":"web","reason":"dropped by relabel_configs"})";

class TargetHandlersTest : public ::testing::Test {
 protected:
  TargetHandlersTest() {
    scrape::ActiveTarget active;
    active.scrape_pool = "node";
    active.labels = Labels{{"job", "node"}, {"instance", "h:1"}};
    active.discovered_labels = Labels{{"__address__", "h:1"}};
    active.scrape_url = active.global_url = "http://h:1/metrics";
    active.last_error = "line 3: bad";
    active.last_scrape_ms = 1'500;
    active.last_scrape_duration_s = 0.0625;
    active.health = scrape::TargetHealth::kDown;
    active.scrape_interval = "15s";
    active.scrape_timeout = "10s";
    view_.snapshot.pools = {{"node", {active}, {}, 0},
                            {"web", {}, {{"web", Labels{{"__address__", "h:2"}}, "dropped by relabel_configs"}}, 7}};
    view_.metadata = {{"b", MetricType::kCounter, "Help.", "seconds"},
                      {"a", MetricType::kGauge, "One.", ""},
                      {"a", MetricType::kGauge, "One.", ""},
                      {"a", MetricType::kUnknown, "Two.", ""}};
  }

  std::string shown(std::string_view query) { return data_of(targets(view_, request_of(query))); }
  std::string described(std::string_view query) { return data_of(metadata(view_, request_of(query))); }

  FakeTargets view_;
};

std::string discovery(std::string active, std::string dropped, std::string counts) {
  return R"({"activeTargets":[)" + active + R"(],"droppedTargets":[)" + dropped + R"(],"droppedTargetCounts":)" +
         counts + "}";
}

TEST_F(TargetHandlersTest, ShowsTargets) {
  const std::string counts = R"({"node":0,"web":7})";
  EXPECT_EQ(shown(""), discovery(kActive, kDropped, counts));
  EXPECT_EQ(shown("state=any"), shown(""));
  EXPECT_EQ(shown("state=Active"), discovery(kActive, "", "null"));
  EXPECT_EQ(shown("state=dropped"), discovery("", kDropped, counts));
  EXPECT_EQ(shown("state=other"), discovery("", "", "null"));
  EXPECT_EQ(shown("scrapePool=web"), discovery("", kDropped, counts));
  EXPECT_EQ(data_of(scrape_pools(view_)), R"({"scrapePools":["node","web"]})");
}

TEST_F(TargetHandlersTest, ShowsGosZeroTimeBeforeTheFirstScrape) {
  view_.snapshot.pools[0].active[0].last_scrape_ms = 0;
  EXPECT_NE(shown("state=active").find(R"("lastScrape":"0001-01-01T00:00:00Z")"), std::string::npos);
}

TEST_F(TargetHandlersTest, ShowsMetadata) {
  const std::string a = R"("a":[{"type":"gauge","unit":"","help":"One."},{"type":"unknown","unit":"","help":"Two."}])";
  const std::string b = R"("b":[{"type":"counter","unit":"seconds","help":"Help."}])";
  EXPECT_EQ(described(""), "{" + a + "," + b + "}");
  EXPECT_EQ(described("metric=b"), "{" + b + "}");
  EXPECT_EQ(described("metric=c"), "{}");
  EXPECT_EQ(described("limit=1"), "{" + a + "}");
  EXPECT_EQ(described("limit=0"), "{}");
  EXPECT_EQ(described("limit=%2B1"), described("limit=1"));
  EXPECT_EQ(described("limit_per_metric=1&metric=a"), R"({"a":[{"type":"gauge","unit":"","help":"One."}]})");
  EXPECT_EQ(described("limit=x"), bad_data("limit must be a number"));
  EXPECT_EQ(described("limit_per_metric=x"), bad_data("limit_per_metric must be a number"));
}

TEST_F(TargetHandlersTest, ShowsMetadataByTarget) {
  const auto asked = [this](std::string_view query) { return data_of(target_metadata(view_, request_of(query))); };
  const std::string of_node = asked("");
  EXPECT_TRUE(of_node.starts_with(
      R"([{"target":{"job":"node"},"metric":"b","type":"counter","help":"Help.","unit":"seconds"},)"));
  view_.metadata_of_other = {{"b", MetricType::kGauge, "", ""}};
  EXPECT_NE(asked(""), of_node);
  EXPECT_EQ(asked("limit=1"), of_node) << "a target is shown whole";
  EXPECT_EQ(asked("limit=4"), of_node);
  EXPECT_EQ(asked("limit=5"), asked(""));
  EXPECT_EQ(asked("limit=1&match_target={job='other'}"),
            R"([{"target":{"job":"other"},"metric":"b","type":"gauge","help":"","unit":""}])");
  EXPECT_EQ(asked("metric=b&limit=1"),
            R"([{"target":{"job":"node"},"type":"counter","help":"Help.","unit":"seconds"}])");
  view_.metadata_of_other.clear();
  EXPECT_EQ(asked("metric=b"), R"([{"target":{"job":"node"},"type":"counter","help":"Help.","unit":"seconds"}])");
  EXPECT_EQ(asked("metric=b&match_target={job='node'}"), asked("metric=b"));
  EXPECT_EQ(asked("match_target={job='web'}"), "[]");
  EXPECT_EQ(asked("limit=0"), "[]");
  EXPECT_EQ(asked("limit=x"), bad_data("limit must be a number"));
  EXPECT_EQ(asked("match_target={"),
            bad_data(R"(invalid parameter \"match_target\": 1:2: parse error: unexpected end of input inside braces)"));
}

}  // namespace
}  // namespace tidemark::api
