// Rule files: what is read from good ones, and the message for each mistake in bad ones.
#include "config/rule_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/temp_dir.h"

namespace tidemark::config {
namespace {

std::string label(const Rule& rule, std::string_view name) {
  for (const RuleText& text : rule.labels) {
    if (text.name == name) return text.value;
  }
  return "(none)";
}

TEST(RuleFile, ReadsAPrometheusRuleFile) {
  const auto file = parse_rule_file(R"(groups:
  - name: node
    interval: 30s
    limit: 10
    query_offset: 1m
    labels: {team: infra, severity: page}
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
        labels: {kind: recorded}
      - alert: Down
        expr: |
          # a comment
          up == 0
        for: 5m
        keep_firing_for: 2m
        labels:
          severity: critical
        annotations:
          summary: '{{ $labels.instance }} is down'
          empty: ''
  - name: plain
    rules: []
)",
                                    "rules.yaml");
  ASSERT_TRUE(file) << file.error().message();
  ASSERT_EQ(file->groups.size(), 2u);
  const RuleGroup& group = file->groups[0];
  EXPECT_EQ(group.interval_ms, 30'000);
  EXPECT_EQ(group.limit, 10u);
  EXPECT_EQ(group.query_offset_ms, 60'000);
  ASSERT_EQ(group.rules.size(), 2u);
  EXPECT_EQ(group.rules[0].kind, Rule::Kind::kRecord);
  EXPECT_EQ(group.rules[0].name, "job:up:sum");
  EXPECT_EQ(label(group.rules[0], "kind"), "recorded");
  EXPECT_EQ(label(group.rules[0], "team"), "infra");
  const Rule& alert = group.rules[1];
  EXPECT_EQ(alert.for_ms, 300'000);
  EXPECT_EQ(alert.keep_firing_for_ms, 120'000);
  EXPECT_EQ(label(alert, "severity"), "critical") << "the rule's label wins over the group's";
  ASSERT_EQ(alert.annotations.size(), 2u);
  EXPECT_EQ(alert.annotations[0].name, "empty");
  EXPECT_EQ(alert.annotations[1].line, 20);
  EXPECT_EQ(alert.expr_line, 12);
  EXPECT_EQ(file->groups[1].interval_ms, 0);
  EXPECT_FALSE(file->groups[1].query_offset_ms.has_value());
  EXPECT_FALSE(file->delivery.enabled());
}

TEST(RuleFile, CompilesThresholds) {
  const auto file = parse_rule_file(R"(groups:
  - name: g
    rules:
      - {alert: A, metric: 'node_load1{job="node"}', above: 4, recover_below: 3.5, for: 1m}
      - {alert: B, metric: free_bytes, below: 1e9}
)",
                                    "alerts.yaml");
  ASSERT_TRUE(file) << file.error().message();
  const Rule& a = file->groups[0].rules[0];
  EXPECT_EQ(a.expr, "node_load1{job=\"node\"} > 4");
  EXPECT_EQ(a.threshold->recover, 3.5);
  EXPECT_EQ(a.for_ms, 60'000);
  const Rule& b = file->groups[0].rules[1];
  EXPECT_EQ(b.expr, "free_bytes < 1000000000");
  EXPECT_FALSE(b.threshold->above);
  EXPECT_FALSE(b.threshold->recover.has_value());
}

TEST(RuleFile, ReadsReceiversAndRoutes) {
  const auto file = parse_rule_file(R"(receivers:
  - name: ops
    webhook_configs:
      - url: https://example.com/T0KEN
        send_resolved: false
        max_alerts: 5
        timeout: 3s
        http_config:
          basic_auth: {username: u, password: p}
  - name: quiet
route:
  receiver: ops
  group_by: [job, alertname]
  group_wait: 1s
  routes:
    - matchers: ['severity="info"', '{team!~"a|b", job=node}']
      receiver: quiet
      continue: true
      group_interval: 2m
      routes:
        - match: {x: y}
          group_by: ['...']
)",
                                    "dir/alerts.yaml");
  ASSERT_TRUE(file) << file.error().message();
  const DeliveryConfig& delivery = file->delivery;
  ASSERT_EQ(delivery.receivers.size(), 2u);
  const WebhookConfig& webhook = delivery.receivers[0].webhooks.at(0);
  EXPECT_EQ(webhook.url.reveal(), "https://example.com/T0KEN");
  EXPECT_FALSE(webhook.send_resolved);
  EXPECT_EQ(webhook.max_alerts, 5u);
  EXPECT_EQ(webhook.timeout_ms, 3'000);
  EXPECT_EQ(webhook.http.basic_auth->password.reveal(), "p");
  EXPECT_EQ(delivery.route.group_by, (std::vector<std::string>{"alertname", "job"}));
  EXPECT_EQ(delivery.route.repeat_interval_ms, 4 * 3'600'000);
  const Route& child = delivery.route.routes.at(0);
  ASSERT_EQ(child.matchers.size(), 3u);
  EXPECT_EQ(child.matchers[1].to_string(), "team!~\"a|b\"");
  EXPECT_EQ(child.matchers[2].value(), "node");
  EXPECT_TRUE(child.continue_matching);
  EXPECT_EQ(child.group_wait_ms, 1'000) << "inherited";
  EXPECT_EQ(child.group_interval_ms, 120'000);
  const Route& grandchild = child.routes.at(0);
  EXPECT_EQ(grandchild.receiver, "quiet") << "inherited";
  EXPECT_TRUE(grandchild.group_by_all);
  EXPECT_FALSE(grandchild.continue_matching);
}

TEST(RuleFile, WithoutARouteTheFirstReceiverGetsEverything) {
  const auto file = parse_rule_file("receivers: [{name: a}, {name: b}]\n", "f");
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(file->delivery.route.receiver, "a");
  EXPECT_EQ(file->delivery.route.group_by, std::vector<std::string>{"alertname"});
  EXPECT_EQ(file->delivery.route.group_wait_ms, 30'000);
}

TEST(RuleFile, OnlyOneFileMaySayWhoIsTold) {
  std::vector<RuleFile> files;
  files.push_back(*parse_rule_file("receivers: [{name: a}]\n", "one.yaml"));
  files.push_back(*parse_rule_file("groups: []\n", "two.yaml"));
  ASSERT_TRUE(delivery_of(files));
  EXPECT_EQ(delivery_of(files)->route.receiver, "a");
  files.push_back(*parse_rule_file("\nreceivers: [{name: b}]\n", "three.yaml"));
  ASSERT_FALSE(delivery_of(files));
  EXPECT_EQ(delivery_of(files).error().message(),
            "three.yaml:2: receivers are configured in one.yaml:1 already; keep them in one file");
}

TEST(RuleFile, AnEmptyFileHasNoGroups) {
  for (const char* text : {"", "groups:\n", "groups: []\n"}) {
    const auto file = parse_rule_file(text, "f");
    ASSERT_TRUE(file) << text << file.error().message();
    EXPECT_TRUE(file->groups.empty());
  }
}

TEST(RuleFile, NamesTheMistake) {
  const std::string rules = "groups:\n- name: g\n  rules:\n  - ";  // The rule begins on line 4.
  const struct {
    std::string text;
    const char* message;
  } kCases[] = {
      {"group: []\n", "f:1: unknown key \"group\" (did you mean \"groups\"?)"},
      {"groups: 5\n", "f:1: \"groups\" must be a list, got a single value"},
      {"groups:\n- rules: []\n", "f:2: \"name\" is missing in groups"},
      {"groups:\n- name: ''\n", "f:2: \"name\" must not be empty"},
      {"groups:\n- name: a\n- name: a\n", "f:3: the group name \"a\" is repeated in the same file"},
      {"groups:\n- name: a\n  interval: 5 min\n", "f:3: \"interval\" must be a duration, got \"5 min\""},
      {"groups:\n- name: a\n  limit: -1\n", "f:3: \"limit\" must be at least 0, got \"-1\""},
      {rules + "expr: up\n", "f:4: a rule needs \"record\" or \"alert\""},
      {rules + "alert: A\n", "f:4: a rule needs \"expr\""},
      {rules + "alert: A\n    record: b\n    expr: up\n", "f:5: \"record\" and \"alert\" exclude each other"},
      {rules + "record: 'a{b=\"c\"}'\n    expr: up\n",
       "f:4: \"record\" must be a metric name, got \"a{b=\"c\"}\"; braces belong into \"expr\""},
      {rules + "record: a\n    expr: up\n    for: 5m\n", "f:6: \"for\" is for alerts, not for a recorded series"},
      {rules + "record: a\n    expr: up\n    annotations: {a: b}\n",
       "f:6: \"annotations\" is for alerts, not for a recorded series"},
      {rules + "alert: A\n    expr: up\n    labels: {__name__: x}\n",
       "f:6: \"__name__\" is not a label name that may be set"},
      {rules + "alert: A\n    expr: up\n    fro: 5m\n", "f:6: unknown key \"fro\" in rules (did you mean \"for\"?)"},
      {rules + "alert: A\n    expr: up\n    no_data: fire\n", "f:6: \"no_data\" in rules is not supported yet"},
      {rules + "alert: A\n    metric: m\n", "f:5: \"metric\" needs one of \"above\" and \"below\""},
      {rules + "alert: A\n    metric: m\n    above: 1\n    below: 2\n",
       "f:5: \"metric\" needs one of \"above\" and \"below\""},
      {rules + "alert: A\n    expr: m\n    above: 1\n", "f:6: \"above\" needs \"metric\" beside it"},
      {rules + "alert: A\n    expr: m\n    metric: m\n    above: 1\n",
       "f:6: \"metric\" and \"expr\" exclude each other"},
      {rules + "alert: A\n    metric: m\n    above: x\n", "f:6: \"above\" must be a number, got \"x\""},
      {rules + "alert: A\n    metric: m\n    above: 4\n    recover_below: 5\n",
       "f:7: \"recover_below\" must not be above the bound"},
      {rules + "alert: A\n    metric: m\n    below: 4\n    recover_below: 3\n",
       "f:7: \"recover_below\" goes with \"above\"; with \"below\" it is recover_above"},
      {"receivers: [{name: a}, {name: a}]\n", "f:1: \"receivers\" has the name \"a\" twice"},
      {"receivers:\n- name: a\n  slack_configs: [{channel: b}]\n",
       "f:3: \"slack_configs\" in receivers is not supported yet"},
      {"receivers:\n- name: a\n  webhook_configs:\n  - send_resolved: true\n",
       "f:4: \"url\" is missing in webhook_configs"},
      {"receivers:\n- name: a\n  webhook_configs:\n  - url: ftp://s3cret\n",
       "f:4: \"url\" must be an http:// or https:// address"},
      {"route: {receiver: a}\n", "f:1: \"route\" needs receivers"},
      {"receivers: [{name: a}]\nroute:\n  receiver: b\n",
       "f:3: \"receiver\" names the receiver \"b\", which is not in receivers"},
      {"receivers: [{name: a}]\nroute:\n  receiver: a\n  matchers: [a=b]\n",
       "f:3: the outermost route gets every alert and must not have matchers"},
      {"receivers: [{name: a}]\nroute:\n  receiver: a\n  routes:\n  - matchers: [a]\n",
       "f:5: \"matchers\" must be like severity=\"critical\", got \"a\""},
      {"receivers: [{name: a}]\nroute:\n  receiver: a\n  group_by: [x, x]\n", "f:4: \"group_by\" names a label twice"},
      {"receivers: [{name: a}]\nroute:\n  receiver: a\n  group_interval: 0\n",
       "f:4: \"group_interval\" must be greater than 0"},
      {"receivers: [{name: a}]\nroute:\n  receiver: a\n  active_time_intervals: [x]\n",
       "f:4: \"active_time_intervals\" in route is not supported yet"},
      {"inhibit_rules: [{equal: [a]}]\n", "f:1: \"inhibit_rules\" is not supported yet"},
  };
  for (const auto& c : kCases) {
    const auto file = parse_rule_file(c.text, "f");
    ASSERT_FALSE(file) << c.text;
    EXPECT_EQ(file.error().message(), c.message) << c.text;
    EXPECT_EQ(file.error().message().find("s3cret"), std::string::npos);
  }
}

TEST(RuleFile, ReportsEveryMistakeOfAFile) {
  const auto file = parse_rule_file("groups:\n- name: g\n  rules:\n  - alert: A\n  - record: b\n", "f");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().message(), "f:4: a rule needs \"expr\"\nf:5: a rule needs \"expr\"");
}

TEST(RuleFile, AMissingFileIsNotFound) {
  const testing::TempDir dir;
  const auto file = load_rule_file(dir.file("none.yaml"));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace tidemark::config
