// The main job on real input: this machine's metrics, from /proc to an answer.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <thread>

#include "tests/e2e/tidemark_process.h"
#include "tests/support/eventually.h"

namespace tidemark::testing {
namespace {

std::string scrape_config(const std::string& address) {
  return "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
         "scrape_configs:\n"
         "  - job_name: node\n"
         "    static_configs:\n"
         "      - targets: [\"" +
         address + "\"]\n";
}

TEST(DataPath, CpuCountersOfThisHostGrow) {
  ExporterProcess exporter;
  ASSERT_NE(exporter.port(), 0) << exporter.program().output();
  TidemarkProcess tidemark(scrape_config(exporter.address()));
  ASSERT_TRUE(tidemark.start()) << tidemark.output();

  // Three scrapes, so that a range query at one second has points to compare.
  ASSERT_TRUE(eventually([&] { return query_value(tidemark.port(), "count_over_time(up[1m])") >= "3"; },
                         std::chrono::seconds(20)));
  EXPECT_EQ(query_value(tidemark.port(), "up{job=\"node\"}"), "1");
  EXPECT_EQ(query_value(tidemark.port(), "count(node_uname_info)"), "1");

  const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  const std::string sum = net::url_encode("sum(node_cpu_seconds_total)");
  const Answer answer = get(tidemark.port(), "/api/v1/query_range?query=" + sum + "&start=" + std::to_string(now - 10) +
                                                 "&end=" + std::to_string(now) + "&step=1");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const YAML::Node values = answer.json()["data"]["result"][0]["values"];
  ASSERT_GE(values.size(), 3u) << answer.body;
  for (size_t i = 1; i < values.size(); ++i) {
    EXPECT_GE(values[i][1].as<double>(), values[i - 1][1].as<double>());
  }
  EXPECT_GT(values[values.size() - 1][1].as<double>(), values[0][1].as<double>()) << answer.body;

  const Answer targets = get(tidemark.port(), "/api/v1/targets");
  EXPECT_EQ(targets.json()["data"]["activeTargets"][0]["health"].as<std::string>(), "up") << targets.body;
  EXPECT_EQ(targets.json()["data"]["activeTargets"][0]["lastError"].as<std::string>(), "");
}

TEST(DataPath, ATargetThatGoesAwayIsDownAndItsSeriesEnd) {
  auto exporter = std::make_unique<ExporterProcess>();
  TidemarkProcess tidemark(scrape_config(exporter->address()));
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  ASSERT_TRUE(eventually([&] { return query_value(tidemark.port(), "node_load1") != ""; }));
  exporter.reset();
  EXPECT_TRUE(eventually([&] { return query_value(tidemark.port(), "up") == "0"; }));
  EXPECT_TRUE(eventually([&] { return query_value(tidemark.port(), "node_load1") == ""; }));
  const Answer targets = get(tidemark.port(), "/api/v1/targets");
  EXPECT_EQ(targets.json()["data"]["activeTargets"][0]["health"].as<std::string>(), "down") << targets.body;
  EXPECT_NE(targets.json()["data"]["activeTargets"][0]["lastError"].as<std::string>(), "");
}

TEST(DataPath, BothProgramsStopWithinTwoSecondsOfSigterm) {
  ExporterProcess exporter;
  TidemarkProcess tidemark(scrape_config(exporter.address()));
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  ASSERT_TRUE(eventually([&] { return query_value(tidemark.port(), "up") == "1"; }));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(tidemark.stop(std::chrono::seconds(2)), 0) << tidemark.output();
  exporter.program().signal(SIGTERM);
  EXPECT_EQ(exporter.program().wait(std::chrono::seconds(2)), 0) << exporter.program().output();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4));
}

TEST(DataPath, ALongQueryDoesNotHoldUpTheStop) {
  TidemarkProcess tidemark("scrape_configs: []\n");
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  // A subquery of a subquery over nothing but numbers: hours of work, were it left alone.
  const std::string query = net::url_encode("sum_over_time(sum_over_time(vector(1)[30d:1s])[30d:1s])");
  std::thread asking([&] { (void)get(tidemark.port(), "/api/v1/query?query=" + query); });
  ASSERT_TRUE(eventually(
      [&] { return get(tidemark.port(), "/metrics").body.find("\ntidemark_query_running 1\n") != std::string::npos; }));
  EXPECT_EQ(tidemark.stop(std::chrono::seconds(2)), 0) << tidemark.output();
  asking.join();
}

TEST(DataPath, SamplesSurviveACleanRestart) {
  ExporterProcess exporter;
  TidemarkProcess tidemark(scrape_config(exporter.address()));
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  ASSERT_TRUE(eventually([&] { return query_value(tidemark.port(), "count_over_time(up[1m])") >= "2"; }));
  const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  const std::string before = query_value_at(tidemark.port(), "node_boot_time_seconds", now);
  ASSERT_NE(before, "");
  ASSERT_EQ(tidemark.stop(), 0);
  tidemark.write_config("scrape_configs: []\n");
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  EXPECT_EQ(query_value_at(tidemark.port(), "node_boot_time_seconds", now), before);
}

TEST(DataPath, HandsOutItsOwnMetrics) {
  TidemarkProcess tidemark("scrape_configs: []\n");
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  const Answer metrics = get(tidemark.port(), "/metrics");
  EXPECT_EQ(metrics.status, 200);
  for (const char* name : {"tidemark_build_info", "tidemark_storage_", "process_resident_memory_bytes"}) {
    EXPECT_NE(metrics.body.find(name), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace tidemark::testing
