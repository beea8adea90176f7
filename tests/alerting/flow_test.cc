// From a sample to a webhook: the real engine, groups, notifier, client and a receiver behind a real server.
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "aggregator/promql/engine.h"
#include "alerting/notifier.h"
#include "alerting/rule_check.h"
#include "alerting/ruler.h"
#include "model/mutex.h"
#include "net/server.h"
#include "tests/alerting/memory_state_store.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_logger.h"
#include "tests/support/memory_store.h"

namespace tidemark::alerting {
namespace {

using testing::eventually;

// A receiver whose answer, or lack of one, the test chooses.
class Receiver {
 public:
  Receiver() : server_({.listen_addresses = {"127.0.0.1:0"}, .workers = 2}) {
    server_.route("POST", "/hook", [this](const net::Request& request, net::Response& response) {
      ++attempts_;
      while (hangs_) std::this_thread::yield();
      response.status = down_ ? 503 : 200;
      if (down_) return;
      const MutexLock lock(mu_);
      bodies_.push_back(request.body);
    });
    const std::string error = server_.start();
    EXPECT_EQ(error, "");
  }
  ~Receiver() { hangs_ = false; }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.ports()[0]) + "/hook"; }
  // "firing" or "resolved" of each message taken, in order.
  std::vector<std::string> statuses() {
    const MutexLock lock(mu_);
    std::vector<std::string> out;
    for (const std::string& body : bodies_) {
      const bool firing = body.find("\"truncatedAlerts\":0,\"status\":\"firing\"") != std::string::npos;
      out.emplace_back(firing ? "firing" : "resolved");
    }
    return out;
  }
  std::atomic<bool> down_{false};
  std::atomic<bool> hangs_{false};
  std::atomic<int> attempts_{0};

 private:
  Mutex mu_;
  std::vector<std::string> bodies_ TM_GUARDED_BY(mu_);
  net::Server server_;
};

class FlowTest : public ::testing::Test {
 protected:
  // The groups' clock lags behind the notifier's, so that an alert that has resolved is over for both.
  FlowTest() : clock_(system_clock().now_ms() - 60'000) {
    const auto file = config::parse_rule_file(
        "groups:\n- name: g\n  interval: 1s\n  rules:\n"
        "  - {alert: High, metric: load, above: 4, recover_below: 3, labels: {host: '{{ $labels.instance }}'}}\n"
        "receivers:\n- name: r\n  webhook_configs: [{url: '" +
            receiver_.url() +
            "', timeout: 30s}]\n"
            "route: {receiver: r, group_by: [alertname], group_wait: 0s, group_interval: 10ms}\n",
        "f");
    EXPECT_TRUE(file) << file.error().message();
    EXPECT_TRUE(check_rules(*file).ok());
    EXPECT_TRUE(notifier_.apply(*config::delivery_of({*file})).ok());
    EXPECT_TRUE(ruler_.apply({*file}, {}).ok());
    notifier_.start();
  }

  void load(double value) {
    clock_.advance_ms(1'000);
    store_.add(Labels{{"__name__", "load"}, {"instance", "a"}}, clock_.now_ms() - 1'000, value);
    ruler_.evaluate_due();
  }

  static NotifierOptions notifier_options() {
    NotifierOptions options;
    options.retry_first_ms = 5;
    options.retry_longest_ms = 10;
    return options;
  }

  testing::FakeClock clock_;
  testing::MemoryStore store_;
  testing::MemoryStateStore state_;
  testing::MemoryLogger logger_;
  prometheus::Registry metrics_;
  Receiver receiver_;
  promql::Engine engine_{store_, promql::EngineOptions{}, system_clock(), metrics_};
  Notifier notifier_{notifier_options(), state_, system_clock(), metrics_, logger_};
  Ruler ruler_{RulerOptions{},
               {[this](std::string_view expression, int64_t t_ms, const std::atomic<bool>* canceled) {
                  promql::QueryOptions options;
                  options.canceled = canceled;
                  return engine_.instant(expression, t_ms, options);
                },
                store_, state_, [this](const std::vector<Alert>& alerts) { notifier_.send(alerts); }, clock_, logger_,
                metrics_}};
};

TEST_F(FlowTest, FiresAndResolvesThroughTheRealParts) {
  load(3.5);
  EXPECT_TRUE(ruler_.groups()[0]->rules[0].alerts.empty()) << "above the recovery bound only";
  EXPECT_EQ(ruler_.groups()[0]->rules[0].last_error, "");
  load(5);
  ASSERT_EQ(ruler_.groups()[0]->rules[0].alerts.size(), 1u);
  EXPECT_EQ(ruler_.groups()[0]->rules[0].alerts[0].labels,
            (Labels{{"alertname", "High"}, {"host", "a"}, {"instance", "a"}}));
  ASSERT_TRUE(eventually([&] { return receiver_.statuses().size() == 1; }));
  load(3.5);
  EXPECT_EQ(ruler_.groups()[0]->rules[0].alerts.size(), 1u) << "held";
  load(2);
  EXPECT_TRUE(ruler_.groups()[0]->rules[0].alerts.empty());
  ASSERT_TRUE(eventually([&] { return receiver_.statuses().size() == 2; }));
  EXPECT_EQ(receiver_.statuses(), (std::vector<std::string>{"firing", "resolved"}));
  const auto alerts = engine_.instant("ALERTS", clock_.now_ms());
  ASSERT_TRUE(alerts);
  EXPECT_TRUE(alerts->series.empty()) << "the series ended with the alert";
}

TEST_F(FlowTest, AReceiverThatIsDownHearsOfItLater) {
  receiver_.down_ = true;
  load(5);
  ASSERT_TRUE(eventually([&] { return receiver_.attempts_ >= 3; }));
  EXPECT_TRUE(receiver_.statuses().empty());
  receiver_.down_ = false;
  EXPECT_TRUE(eventually([&] { return receiver_.statuses() == std::vector<std::string>{"firing"}; }));
}

TEST_F(FlowTest, AReceiverThatHangsDelaysNoEvaluation) {
  receiver_.hangs_ = true;
  load(5);
  ASSERT_TRUE(eventually([&] { return receiver_.attempts_ == 1; }));
  const int64_t before_ms = ruler_.groups()[0]->last_evaluation_ms;
  for (int i = 0; i < 100; ++i) load(5);
  EXPECT_EQ(ruler_.groups()[0]->last_evaluation_ms, before_ms + 100 * 1'000);
  EXPECT_EQ(receiver_.attempts_, 1) << "still hanging all the while";
  receiver_.hangs_ = false;
  EXPECT_TRUE(eventually([&] { return !receiver_.statuses().empty(); }));
}

}  // namespace
}  // namespace tidemark::alerting
