// kill -9 under remote write, again and again: no acknowledged sample is lost, and none moves to another series.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "model/clock.h"
#include "tests/e2e/remote_write.h"
#include "tests/e2e/tidemark_process.h"

namespace tidemark::testing {
namespace {

constexpr int kRounds = 8;
constexpr int kSeries = 300;
constexpr int kStepsPerRequest = 4;

// A log so small that checkpoints run all the time, also when a kill comes.
const std::vector<std::string> kFlags{"--web.enable-remote-write-receiver", "--storage.log-bytes-max=1MB"};

Labels series_labels(int i) {
  return Labels{{"__name__", "crash_test"}, {"series", fmt::format("{:04}", i)}, {"job", "ledger"}};
}

// Value and series belong together, so a sample under another series' labels shows.
double value_of(int series, int64_t step) { return static_cast<double>(series * 1'000'000 + step); }

// Writes until refused; returns how many steps are acknowledged, those before `step` included.
int64_t write_steps(uint16_t port, int64_t start_ms, int64_t step, const std::atomic<bool>& stop) {
  while (!stop) {
    std::vector<WriteSeries> request;
    for (int i = 0; i < kSeries; ++i) {
      WriteSeries one{series_labels(i), {}};
      for (int64_t s = step; s < step + kStepsPerRequest; ++s) {
        one.samples.push_back({start_ms + s * 1000, value_of(i, s)});
      }
      request.push_back(std::move(one));
    }
    if (remote_write(port, request).status != 204) break;
    step += kStepsPerRequest;
  }
  return step;
}

// How many steps the store holds. Every series must hold the same: a request is there whole or not at all.
int64_t stored_steps(uint16_t port, double at_s) {
  const std::string most = query_value_at(port, "max(count_over_time(crash_test[21h]))", at_s);
  if (most.empty()) return 0;
  EXPECT_EQ(query_value_at(port, "min(count_over_time(crash_test[21h]))", at_s), most) << "a request is there in part";
  EXPECT_EQ(query_value_at(port, "count(count_over_time(crash_test[21h]))", at_s), std::to_string(kSeries));
  return std::stoll(most);
}

TEST(Crash, AcknowledgedSamplesSurviveKillNine) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  TidemarkProcess tidemark("scrape_configs: []\n", kFlags);
  const int64_t start_ms = (system_clock().now_ms() / 1000 - 20 * 3600) * 1000;
  const double end_s = static_cast<double>(start_ms) / 1000 + 20 * 3600;
  int64_t acknowledged = 0;
  for (int round = 0; round < kRounds; ++round) {
    ASSERT_TRUE(tidemark.start()) << "round " << round << "\n" << tidemark.output();
    const int64_t stored = stored_steps(tidemark.port(), end_s);
    ASSERT_GE(stored, acknowledged) << "round " << round;
    ASSERT_LE(stored, acknowledged + kStepsPerRequest) << "round " << round;
    std::atomic<bool> stop{false};
    std::thread writer([&] { acknowledged = write_steps(tidemark.port(), start_ms, stored, stop); });
    std::this_thread::sleep_for(std::chrono::milliseconds(100 + random() % 900));  // The random point of the kill.
    tidemark.kill();
    stop = true;
    writer.join();
    ASSERT_GT(acknowledged, stored) << "round " << round << ": nothing was written\n" << tidemark.output();
  }

  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  const int64_t stored = stored_steps(tidemark.port(), end_s);
  ASSERT_GE(stored, acknowledged);
  for (int i = 0; i < kSeries; i += 7) {
    const std::string selector = fmt::format("crash_test{{series=\"{:04}\"}}[21h]", i);
    const Answer answer =
        get(tidemark.port(), fmt::format("/api/v1/query?query={}&time={:.0f}", net::url_encode(selector), end_s));
    ASSERT_EQ(answer.status, 200) << answer.body.substr(0, 300);
    const YAML::Node result = answer.json()["data"]["result"];
    ASSERT_EQ(result.size(), 1u) << selector;
    const YAML::Node values = result[0]["values"];
    ASSERT_EQ(static_cast<int64_t>(values.size()), stored) << selector;
    int64_t step = 0;
    for (const auto& point : values) {
      ASSERT_EQ(point[0].as<double>(), static_cast<double>(start_ms + step * 1000) / 1000) << selector;
      ASSERT_EQ(point[1].as<double>(), value_of(i, step)) << selector;
      ++step;
    }
  }
}

TEST(Crash, TheLogStaysUnderItsBoundWhileChunksStayOpen) {
  TidemarkProcess tidemark("scrape_configs: []\n", kFlags);
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  // One sample a minute: no chunk fills here, so only checkpoints can keep the log short.
  constexpr int kSlowSeries = 5000;
  constexpr int kSteps = 60;
  const int64_t start_ms = system_clock().now_ms() - kSteps * 60'000;
  double most_bytes = 0;
  for (int step = 0; step < kSteps; ++step) {
    std::vector<WriteSeries> request;
    for (int i = 0; i < kSlowSeries; ++i) {
      request.push_back(
          {Labels{{"__name__", "slow"}, {"i", std::to_string(i)}}, {{start_ms + step * 60'000, step * 0.1}}});
    }
    ASSERT_EQ(remote_write(tidemark.port(), request).status, 204);
    const std::string metrics = get(tidemark.port(), "/metrics").body;
    constexpr std::string_view kMetric = "\ntidemark_storage_log_bytes ";
    const size_t at = metrics.find(kMetric);
    ASSERT_NE(at, std::string::npos);
    most_bytes = std::max(most_bytes, std::stod(metrics.substr(at + kMetric.size())));
  }
  // The bound starts a checkpoint; what comes in while it runs is on top.
  EXPECT_LT(most_bytes, 2 << 20);
  EXPECT_GT(most_bytes, 0);
  EXPECT_EQ(query_value_at(tidemark.port(), "count(count_over_time(slow[2h]) == 60)",
                           static_cast<double>(start_ms) / 1000 + kSteps * 60),
            std::to_string(kSlowSeries));
}

}  // namespace
}  // namespace tidemark::testing
