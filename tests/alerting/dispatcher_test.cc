#include "alerting/dispatcher.h"

#include <gtest/gtest.h>

#include "alerting/route_match.h"

namespace tidemark::alerting {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;
constexpr int64_t kSecondNs = 1'000'000'000;

config::Route route(std::string receiver, std::vector<std::pair<std::string, std::string>> equal = {}) {
  config::Route out;
  out.receiver = std::move(receiver);
  for (const auto& [name, value] : equal) out.matchers.push_back(Matcher::equal(name, value));
  return out;
}

std::vector<std::string> receivers_of(const config::Route& root, const Labels& labels) {
  std::vector<std::string> out;
  for (const RouteMatch& match : match_routes(root, labels)) out.push_back(match.route->receiver);
  return out;
}

TEST(RouteMatch, TheDeepestMatchingRouteTakesTheAlert) {
  config::Route root = route("default");
  config::Route db = route("db", {{"team", "db"}});
  db.routes = {route("db-page", {{"severity", "page"}})};
  config::Route audit = route("audit", {{"team", "db"}});
  root.routes = {db, audit};
  using List = std::vector<std::string>;
  EXPECT_EQ(receivers_of(root, {{"team", "web"}}), List{"default"});
  EXPECT_EQ(receivers_of(root, {{"team", "db"}}), List{"db"});
  EXPECT_EQ(receivers_of(root, {{"team", "db"}, {"severity", "page"}}), List{"db-page"});
  root.routes[0].continue_matching = true;
  EXPECT_EQ(receivers_of(root, {{"team", "db"}}), (List{"db", "audit"}));
  EXPECT_EQ(match_routes(root, Labels{{"team", "db"}, {"severity", "page"}})[0].key,
            R"({}/{team="db"}/{severity="page"})");
}

TEST(RouteMatch, GroupsByTheLabelsAskedFor) {
  config::Route r = route("x");
  r.group_by = {"alertname", "site"};
  const Labels labels{{"alertname", "A"}, {"instance", "i"}, {"site", "s"}};
  EXPECT_EQ(group_labels(r, labels), (Labels{{"alertname", "A"}, {"site", "s"}}));
  r.group_by_all = true;
  EXPECT_EQ(group_labels(r, labels), labels);
  EXPECT_EQ(group_labels(route("x"), labels), Labels());
}

// A dispatcher with one receiver, waits of 10 s, 60 s and 1 h, and a clock.
class DispatcherTest : public ::testing::Test {
 protected:
  DispatcherTest() { set_delivery(true); }

  void set_delivery(bool send_resolved) {
    auto delivery = std::make_shared<config::DeliveryConfig>();
    config::Receiver receiver;
    receiver.name = "ops";
    receiver.webhooks.resize(1);
    receiver.webhooks[0].send_resolved = send_resolved;
    delivery->receivers = {receiver};
    delivery->route = route("ops");
    delivery->route.group_by = {"alertname"};
    delivery->route.group_wait_ms = 10'000;
    delivery->route.group_interval_ms = 60'000;
    delivery->route.repeat_interval_ms = 3'600'000;
    dispatcher_->set_delivery(delivery, now_ms_, now_ns_, changes_);
  }

  Alert alert(const std::string& name, const std::string& instance, bool resolved = false) {
    Alert out;
    out.labels = Labels{{"alertname", name}, {"instance", instance}};
    out.starts_at_ms = kNow - 1000;
    out.ends_at_ms = resolved ? now_ms_ : now_ms_ + 100 * 3'600'000;
    return out;
  }
  bool insert(const Alert& a) { return dispatcher_->insert(a, now_ms_, now_ns_); }
  // Time passes; the bodies that are due then.
  std::vector<std::string> after(int64_t seconds) {
    now_ms_ += seconds * 1000;
    now_ns_ += seconds * kSecondNs;
    std::vector<std::string> bodies;
    for (DueMessage& message : dispatcher_->flush_due(now_ms_, now_ns_).messages) {
      bodies.push_back(std::move(message.body));
    }
    return bodies;
  }
  static bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

  const Dispatcher::Options options_{"http://here", 1 << 20, 3};
  std::unique_ptr<Dispatcher> dispatcher_ = std::make_unique<Dispatcher>(options_);
  std::vector<storage::StateChange> changes_;
  int64_t now_ms_ = kNow;
  int64_t now_ns_ = 77 * kSecondNs;
};

TEST_F(DispatcherTest, WaitsForTheGroupThenTellsOnce) {
  insert(alert("A", "1"));
  EXPECT_TRUE(after(9).empty());
  insert(alert("A", "2"));
  const auto first = after(1);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_TRUE(contains(first[0], R"("instance":"1")") && contains(first[0], R"("instance":"2")")) << first[0];
  EXPECT_TRUE(after(60).empty());
  EXPECT_TRUE(after(60).empty());
}

TEST_F(DispatcherTest, ANewAlertWaitsForTheInterval) {
  insert(alert("A", "1"));
  EXPECT_EQ(after(10).size(), 1u);
  insert(alert("A", "2"));
  EXPECT_TRUE(after(59).empty());
  EXPECT_EQ(after(1).size(), 1u);
}

TEST_F(DispatcherTest, RepeatsAfterTheRepeatInterval) {
  insert(alert("A", "1"));
  EXPECT_EQ(after(10).size(), 1u);
  size_t messages = 0;
  for (int minute = 0; minute < 60; ++minute) messages += after(60).size();
  EXPECT_EQ(messages, 1u);
}

TEST_F(DispatcherTest, ResolvedIsToldOnceAndTheGroupGoes) {
  insert(alert("A", "1"));
  after(10);
  insert(alert("A", "1", true));
  const auto told = after(60);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(contains(told[0], R"("status":"resolved")") && !contains(told[0], R"("status":"firing")")) << told[0];
  EXPECT_EQ(dispatcher_->group_count(), 0u);
  insert(alert("A", "1", true));  // Told again by evaluation, which does so for a while.
  EXPECT_TRUE(after(60).empty());
}

TEST_F(DispatcherTest, ResolvedIsNotToldToThoseWhoDoNotWantIt) {
  set_delivery(false);
  insert(alert("A", "1"));
  EXPECT_EQ(after(10).size(), 1u);
  insert(alert("A", "1", true));
  EXPECT_TRUE(after(60).empty());
}

TEST_F(DispatcherTest, AnAlertThatEndsBeforeItsGroupWasToldSaysNothing) {
  insert(alert("A", "1"));
  insert(alert("A", "1", true));
  EXPECT_TRUE(after(10).empty());
}

TEST_F(DispatcherTest, AnAlertNobodyTellsAboutAnyMoreEnds) {
  Alert a = alert("A", "1");
  a.ends_at_ms = now_ms_ + 120'000;
  insert(a);
  EXPECT_EQ(after(10).size(), 1u);
  EXPECT_TRUE(after(60).empty());
  const auto ended = after(60);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_TRUE(contains(ended[0], R"("status":"resolved")"));
}

TEST_F(DispatcherTest, AReloadKeepsWhatWasTold) {
  insert(alert("A", "1"));
  EXPECT_EQ(after(10).size(), 1u);
  set_delivery(true);
  EXPECT_TRUE(after(60).empty());
  EXPECT_TRUE(changes_.empty());
}

TEST_F(DispatcherTest, ARestartKeepsWhatWasTold) {
  insert(alert("A", "1"));
  now_ms_ += 10'000;
  now_ns_ += 10 * kSecondNs;
  const FlushResult flushed = dispatcher_->flush_due(now_ms_, now_ns_);
  ASSERT_EQ(flushed.changes.size(), 1u);
  const auto group = decode_group(*flushed.changes[0].value);
  ASSERT_TRUE(group);

  dispatcher_ = std::make_unique<Dispatcher>(options_);
  dispatcher_->restore(*group);
  set_delivery(true);
  EXPECT_EQ(dispatcher_->group_count(), 1u);
  EXPECT_TRUE(after(60).empty());
  insert(alert("A", "1", true));
  EXPECT_EQ(after(60).size(), 1u);
}

TEST_F(DispatcherTest, GroupsAreBounded) {
  EXPECT_TRUE(insert(alert("A", "1")) && insert(alert("B", "1")) && insert(alert("C", "1")));
  EXPECT_FALSE(insert(alert("D", "1")));
  EXPECT_TRUE(insert(alert("C", "2")));
}

TEST(AlertGroup, DamagedBytesAreRefused) {
  AlertGroup group;
  group.key = "{}:{}";
  Alert alert;
  alert.labels = Labels{{"alertname", "A"}};
  alert.annotations = {{"summary", "x"}};
  group.alerts.emplace(alert.labels, alert);
  group.told[0] = {1, {2}, {3}};
  const std::string bytes = encode_group(group, 1 << 20);
  const auto back = decode_group(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->key, group.key);
  EXPECT_EQ(back->told.at(0).firing, (std::set<uint64_t>{2}));
  EXPECT_EQ(back->alerts.begin()->second.annotations, alert.annotations);
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    const auto part = decode_group(bytes.substr(0, cut));
    EXPECT_TRUE(!part || part->alerts.empty()) << cut;
  }
}

}  // namespace
}  // namespace tidemark::alerting
