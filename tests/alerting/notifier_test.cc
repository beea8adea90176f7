#include "alerting/notifier.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "alerting/webhook_payload.h"
#include "net/server.h"
#include "tests/alerting/memory_state_store.h"
#include "tests/support/eventually.h"
#include "tests/support/memory_logger.h"

namespace tidemark::alerting {
namespace {

using testing::eventually;

TEST(WebhookPayload, IsAlertmanagersVersionFour) {
  Alert firing;
  firing.labels = Labels{{"alertname", "A"}, {"instance", "1"}, {"job", "node"}};
  firing.annotations = {{"runbook", "r"}, {"summary", "\"one\"\n"}};
  firing.starts_at_ms = 1'700'000'000'250;
  firing.ends_at_ms = 1'700'000'999'000;
  firing.generator_url = "http://here/graph";
  Alert resolved = firing;
  resolved.labels = Labels{{"alertname", "A"}, {"instance", "2"}, {"job", "node"}};
  resolved.annotations = {{"runbook", "r"}, {"summary", "two"}};
  resolved.ends_at_ms = 1'700'000'060'000;
  const Labels group{{"alertname", "A"}};
  const PayloadContext context{"ops", "{}:{alertname=\"A\"}", group, "http://here", 0, 0};
  const std::string body = webhook_payload(context, {&firing, &resolved}, 1'700'000'100'000);
  const auto fingerprint = [](const Labels& labels) {
    char text[17];
    std::snprintf(text, sizeof text, "%016lx", static_cast<unsigned long>(labels.hash()));
    return std::string(text);
  };
  EXPECT_EQ(body, R"({"version":"4","groupKey":"{}:{alertname=\"A\"}","truncatedAlerts":0,"status":"firing",)"
                  R"("receiver":"ops","groupLabels":{"alertname":"A"},"commonLabels":{"alertname":"A","job":"node"},)"
                  R"("commonAnnotations":{"runbook":"r"},"externalURL":"http://here","alerts":[)"
                  R"({"status":"firing","labels":{"alertname":"A","instance":"1","job":"node"},)"
                  R"("annotations":{"runbook":"r","summary":"\"one\"\n"},"startsAt":"2023-11-14T22:13:20.25Z",)"
                  R"("endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://here/graph","fingerprint":")" +
                      fingerprint(firing.labels) +
                      R"("},{"status":"resolved","labels":{"alertname":"A","instance":"2","job":"node"},)"
                      R"("annotations":{"runbook":"r","summary":"two"},"startsAt":"2023-11-14T22:13:20.25Z",)"
                      R"("endsAt":"2023-11-14T22:14:20Z","generatorURL":"http://here/graph","fingerprint":")" +
                      fingerprint(resolved.labels) + R"("}]})");
  EXPECT_NE(webhook_payload({"ops", "k", group, "", 1, 0}, {&firing, &resolved}, 0).find(R"("truncatedAlerts":1)"),
            std::string::npos);
}

// A receiver that answers as told, and can be made to hang.
class FakeReceiver {
 public:
  FakeReceiver() : server_({.listen_addresses = {"127.0.0.1:0"}, .workers = 2}) {
    server_.route("POST", "/secret-token", [this](const net::Request& request, net::Response& response) {
      std::unique_lock lock(mu_);
      bodies_.push_back(request.body);
      keys_.emplace_back(request.header("idempotency-key"));
      response.status = statuses_.empty() ? 200 : statuses_.front();
      if (!statuses_.empty()) statuses_.erase(statuses_.begin());
      released_.wait(lock, [this] { return !hanging_; });
    });
    const std::string error = server_.start();
    if (!error.empty()) throw std::runtime_error(error);
  }
  ~FakeReceiver() { hang(false); }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.ports()[0]) + "/secret-token"; }
  void answer(std::vector<int> statuses) {
    const std::lock_guard lock(mu_);
    statuses_ = std::move(statuses);
  }
  void hang(bool hanging) {
    const std::lock_guard lock(mu_);
    hanging_ = hanging;
    released_.notify_all();
  }
  std::vector<std::string> bodies() {
    const std::lock_guard lock(mu_);
    return bodies_;
  }
  std::vector<std::string> keys() {
    const std::lock_guard lock(mu_);
    return keys_;
  }

 private:
  std::mutex mu_;
  std::condition_variable released_;
  std::vector<int> statuses_;
  std::vector<std::string> bodies_;
  std::vector<std::string> keys_;
  bool hanging_ = false;
  net::Server server_;  // Last, so that it stops before what its handler uses goes.
};

class NotifierTest : public ::testing::Test {
 protected:
  static config::DeliveryConfig delivery(const std::vector<std::string>& urls) {
    config::DeliveryConfig out;
    for (size_t i = 0; i < urls.size(); ++i) {
      config::Receiver receiver;
      receiver.name = "r" + std::to_string(i);
      receiver.webhooks.resize(1);
      receiver.webhooks[0].url = config::Secret(urls[i]);
      out.receivers.push_back(receiver);
      config::Route child;
      child.receiver = receiver.name;
      child.continue_matching = true;
      child.group_wait_ms = 0;
      child.group_interval_ms = 50;
      out.route.routes.push_back(child);
    }
    out.route.receiver = "r0";
    return out;
  }

  std::unique_ptr<Notifier> make(const std::vector<std::string>& urls) {
    NotifierOptions options;
    options.retry_first_ms = 10;
    options.retry_longest_ms = 20;
    auto notifier = std::make_unique<Notifier>(options, state_, system_clock(), registry_, logger_);
    EXPECT_TRUE(notifier->apply(delivery(urls)).ok());
    notifier->start();
    return notifier;
  }

  static Alert alert(const std::string& instance) {
    Alert out;
    out.labels = Labels{{"alertname", "A"}, {"instance", instance}};
    out.starts_at_ms = system_clock().now_ms();
    out.ends_at_ms = out.starts_at_ms + 3'600'000;
    return out;
  }

  testing::MemoryStateStore state_;
  testing::MemoryLogger logger_;
  prometheus::Registry registry_;
};

TEST_F(NotifierTest, DeliversAndForgets) {
  FakeReceiver receiver;
  auto notifier = make({receiver.url()});
  notifier->send({alert("1")});
  EXPECT_TRUE(eventually([&] { return receiver.bodies().size() == 1; }));
  EXPECT_TRUE(eventually([&] { return state_.count("alerting/outbox/") == 0; }));
  EXPECT_EQ(state_.count("alerting/groups/"), 1u);
}

TEST_F(NotifierTest, AddsExternalLabelsWhereTheAlertHasNone) {
  FakeReceiver receiver;
  auto notifier = make({receiver.url()});
  ASSERT_TRUE(notifier->apply(delivery({receiver.url()}), Labels{{"instance", "not this"}, {"site", "lab"}}).ok());
  notifier->send({alert("1")});
  ASSERT_TRUE(eventually([&] { return receiver.bodies().size() == 1; }));
  EXPECT_NE(receiver.bodies()[0].find(R"("labels":{"alertname":"A","instance":"1","site":"lab"})"), std::string::npos);
}

TEST_F(NotifierTest, TriesAgainInOrderUnderTheSameKey) {
  FakeReceiver receiver;
  receiver.answer({503, 429, 200});
  auto notifier = make({receiver.url()});
  notifier->send({alert("1")});
  ASSERT_TRUE(eventually([&] { return !receiver.bodies().empty(); }));
  notifier->send({alert("2")});
  ASSERT_TRUE(eventually([&] { return receiver.bodies().size() == 4; }));
  const auto bodies = receiver.bodies();
  EXPECT_EQ(bodies[0], bodies[1]);
  EXPECT_EQ(bodies[1], bodies[2]);
  EXPECT_EQ(bodies[2].find(R"("instance":"2")"), std::string::npos);
  EXPECT_NE(bodies[3].find(R"("instance":"2")"), std::string::npos);
  const auto keys = receiver.keys();
  EXPECT_EQ(keys[0], keys[2]);
  EXPECT_NE(keys[2], keys[3]);
  EXPECT_NE(keys[0], "");
}

TEST_F(NotifierTest, GivesUpWhatIsRefusedForGoodWithoutShowingTheUrl) {
  FakeReceiver receiver;
  receiver.answer({400});
  auto notifier = make({receiver.url()});
  notifier->send({alert("1")});
  EXPECT_TRUE(eventually([&] { return logger_.contains("notification given up"); }));
  EXPECT_TRUE(eventually([&] { return state_.count("alerting/outbox/") == 0; }));
  EXPECT_EQ(receiver.bodies().size(), 1u);
  EXPECT_FALSE(logger_.contains("secret-token"));
}

TEST_F(NotifierTest, ASlowReceiverDelaysOnlyItselfAndStopIsQuick) {
  FakeReceiver slow;
  FakeReceiver quick;
  slow.hang(true);
  auto notifier = make({slow.url(), quick.url()});
  notifier->send({alert("1")});
  EXPECT_TRUE(eventually([&] { return quick.bodies().size() == 1 && slow.bodies().size() == 1; }));
  notifier->send({alert("2")});
  EXPECT_TRUE(eventually([&] { return quick.bodies().size() == 2; }));
  const auto begin = std::chrono::steady_clock::now();
  notifier->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(3));
  EXPECT_GE(state_.count("alerting/outbox/"), 1u);
}

TEST_F(NotifierTest, WhatWasNotDeliveredIsSentAfterARestart) {
  FakeReceiver receiver;
  receiver.answer(std::vector<int>(1000, 503));
  auto notifier = make({receiver.url()});
  notifier->send({alert("1")});
  ASSERT_TRUE(eventually([&] { return !receiver.bodies().empty(); }));
  notifier.reset();
  ASSERT_EQ(state_.count("alerting/outbox/"), 1u);
  const std::string key = receiver.keys()[0];
  receiver.answer({});
  const size_t before = receiver.bodies().size();
  prometheus::Registry second_registry;
  Notifier restarted({}, state_, system_clock(), second_registry, logger_);
  ASSERT_TRUE(restarted.apply(delivery({receiver.url()})).ok());
  restarted.start();
  ASSERT_TRUE(eventually([&] { return receiver.bodies().size() == before + 1; }));
  EXPECT_EQ(receiver.keys().back(), key);
  EXPECT_TRUE(eventually([&] { return state_.count("alerting/outbox/") == 0; }));
  // Told already: the same alert makes no new message.
  restarted.send({alert("1")});
  restarted.flush_due();
  EXPECT_EQ(state_.count("alerting/outbox/"), 0u);
}

TEST_F(NotifierTest, AFullDiskDoesNotKeepAnAlertBack) {
  FakeReceiver receiver;
  auto notifier = make({receiver.url()});
  state_.set_failing(true);
  notifier->send({alert("1")});
  EXPECT_TRUE(eventually([&] { return receiver.bodies().size() == 1; }));
}

TEST_F(NotifierTest, AReloadDropsWhatWaitsForAWebhookThatIsGone) {
  FakeReceiver receiver;
  receiver.answer(std::vector<int>(1000, 503));
  auto notifier = make({receiver.url()});
  notifier->send({alert("1")});
  ASSERT_TRUE(eventually([&] { return state_.count("alerting/outbox/") == 1; }));
  ASSERT_TRUE(notifier->apply({}).ok());
  EXPECT_EQ(state_.count("alerting/"), 0u);
}

TEST_F(NotifierTest, ABadUrlChangesNothing) {
  FakeReceiver receiver;
  auto notifier = make({receiver.url()});
  const Status status = notifier->apply(delivery({"ftp://user:password@x/secret-token"}));
  EXPECT_EQ(status.code(), Code::kInvalid);
  EXPECT_EQ(status.message().find("password"), std::string::npos);
  notifier->send({alert("1")});
  EXPECT_TRUE(eventually([&] { return receiver.bodies().size() == 1; }));
}

}  // namespace
}  // namespace tidemark::alerting
