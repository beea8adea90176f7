// A rule fires to a real HTTP receiver, and resolves.
#include <gtest/gtest.h>

#include <mutex>

#include "model/clock.h"
#include "net/server.h"
#include "tests/e2e/remote_write.h"
#include "tests/e2e/tidemark_process.h"
#include "tests/support/eventually.h"

namespace tidemark::testing {
namespace {

// Keeps what it is sent.
class Receiver {
 public:
  Receiver() : server_({.listen_addresses = {"127.0.0.1:0"}, .workers = 2}) {
    server_.route("POST", "/hook", [this](const net::Request& request, net::Response& response) {
      const std::lock_guard lock(mu_);
      bodies_.push_back(request.body);
      response.status = answer_;
    });
    const std::string error = server_.start();
    if (!error.empty()) throw std::runtime_error(error);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.ports()[0]) + "/hook"; }
  void answer_with(int status) {
    const std::lock_guard lock(mu_);
    answer_ = status;
  }
  std::vector<std::string> bodies() {
    const std::lock_guard lock(mu_);
    return bodies_;
  }
  // The first payload with that status; an undefined node when none came yet.
  YAML::Node first(const std::string& status) {
    for (const std::string& body : bodies()) {
      YAML::Node payload = YAML::Load(body);
      if (payload["status"].as<std::string>("") == status) return payload;
    }
    return YAML::Node(YAML::NodeType::Undefined);
  }

 private:
  std::mutex mu_;
  int answer_ = 200;
  std::vector<std::string> bodies_;
  net::Server server_;  // Last, so that it stops before what its handler uses goes.
};

constexpr std::string_view kConfig = R"(
global: {evaluation_interval: 1s, external_labels: {site: lab}}
rule_files: [alerts.yaml]
scrape_configs: []
)";

std::string rules(const std::string& url) {
  return R"(
groups:
  - name: demo
    interval: 1s
    rules:
      - alert: TooHot
        metric: demo_temperature_celsius
        above: 40
        labels: {severity: page}
        annotations: {summary: "{{ $labels.room }} is at {{ $value }} degrees"}
receivers:
  - name: hook
    webhook_configs:
      - url: )" +
         url + R"(
route: {receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
)";
}

int64_t now_ms() { return system_clock().now_ms(); }

void set_temperature(uint16_t port, double v) {
  const Answer answer =
      remote_write(port, {{{{"__name__", "demo_temperature_celsius"}, {"room", "cellar"}}, {{now_ms(), v}}}});
  ASSERT_EQ(answer.status, 204) << answer.body;
}

TEST(Alert, FiresToAReceiverAndResolves) {
  Receiver receiver;
  TidemarkProcess tidemark(kConfig, {"--web.enable-remote-write-receiver"});
  tidemark.dir().write("alerts.yaml", rules(receiver.url()));
  ASSERT_TRUE(tidemark.start()) << tidemark.output();

  set_temperature(tidemark.port(), 41.5);
  ASSERT_TRUE(eventually([&] { return receiver.first("firing").IsDefined(); }, std::chrono::seconds(20)))
      << tidemark.output();
  const YAML::Node firing = receiver.first("firing");
  EXPECT_EQ(firing["version"].as<std::string>(), "4");
  EXPECT_EQ(firing["receiver"].as<std::string>(), "hook");
  EXPECT_EQ(firing["groupLabels"]["alertname"].as<std::string>(), "TooHot");
  const YAML::Node alert = firing["alerts"][0];
  EXPECT_EQ(alert["labels"]["room"].as<std::string>(), "cellar");
  EXPECT_EQ(alert["labels"]["severity"].as<std::string>(), "page");
  EXPECT_EQ(alert["labels"]["site"].as<std::string>(""), "lab");
  EXPECT_EQ(alert["annotations"]["summary"].as<std::string>(), "cellar is at 41.5 degrees");
  EXPECT_EQ(query_value(tidemark.port(), "ALERTS{alertname=\"TooHot\",alertstate=\"firing\"}"), "1");
  const Answer alerts = get(tidemark.port(), "/api/v1/alerts");
  EXPECT_EQ(alerts.json()["data"]["alerts"][0]["state"].as<std::string>(""), "firing") << alerts.body;

  set_temperature(tidemark.port(), 20);
  ASSERT_TRUE(eventually([&] { return receiver.first("resolved").IsDefined(); }, std::chrono::seconds(20)))
      << tidemark.output();
  EXPECT_EQ(receiver.first("resolved")["alerts"][0]["status"].as<std::string>(), "resolved");
  EXPECT_TRUE(eventually([&] { return query_value(tidemark.port(), "ALERTS{alertname=\"TooHot\"}") == ""; }));
}

TEST(Alert, AReceiverThatIsDownIsTriedAgainAndHoldsNothingUp) {
  Receiver receiver;
  receiver.answer_with(503);
  TidemarkProcess tidemark(kConfig, {"--web.enable-remote-write-receiver"});
  tidemark.dir().write("alerts.yaml", rules(receiver.url()));
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  set_temperature(tidemark.port(), 50);
  ASSERT_TRUE(eventually([&] { return receiver.bodies().size() >= 2; }, std::chrono::seconds(30))) << tidemark.output();
  // Rules go on being evaluated meanwhile.
  EXPECT_EQ(query_value(tidemark.port(), "ALERTS{alertname=\"TooHot\",alertstate=\"firing\"}"), "1");
  receiver.answer_with(200);
  const size_t refused = receiver.bodies().size();
  EXPECT_TRUE(eventually([&] { return receiver.bodies().size() > refused; }, std::chrono::seconds(30)));
}

TEST(Alert, AnUndeliveredAlertSurvivesKillNine) {
  Receiver receiver;
  receiver.answer_with(503);
  TidemarkProcess tidemark(kConfig, {"--web.enable-remote-write-receiver"});
  tidemark.dir().write("alerts.yaml", rules(receiver.url()));
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  set_temperature(tidemark.port(), 50);
  ASSERT_TRUE(eventually([&] { return !receiver.bodies().empty(); }, std::chrono::seconds(20))) << tidemark.output();
  tidemark.kill();
  receiver.answer_with(200);
  const size_t refused = receiver.bodies().size();
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  EXPECT_TRUE(eventually([&] { return receiver.bodies().size() > refused; }, std::chrono::seconds(30)))
      << tidemark.output();
  EXPECT_EQ(receiver.first("firing")["alerts"][0]["labels"]["alertname"].as<std::string>(), "TooHot");
}

}  // namespace
}  // namespace tidemark::testing
