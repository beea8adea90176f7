#include "aggregator/api/rule_handlers.h"

#include <gtest/gtest.h>

#include "tests/api/answers.h"

namespace tidemark::api {
namespace {

using namespace alerting;

class FakeRules final : public RuleSource {
 public:
  std::vector<std::shared_ptr<const GroupView>> groups() const override { return all; }
  std::vector<std::shared_ptr<const GroupView>> all;
};

constexpr char kRecording[] =
    R"j({"name":"job:up:sum","query":"sum by (job) (up)","labels":{"team":"x"},"health":"err","lastError":"boom",)j"
    R"("evaluationTime":0.5,"lastEvaluation":"1970-01-01T00:01:00Z","type":"recording"})";

std::string alerting_rule(std::string alerts) {
  return R"({"state":"firing","name":"Down","query":"up == 0","duration":300,"keepFiringFor":1.5,"labels":{"severity":)"
         R"("page"},"annotations":{"summary":"s"},"alerts":)" +
         alerts + R"(,"health":"ok","evaluationTime":0.25,"lastEvaluation":"1970-01-01T00:01:00Z","type":"alerting"})";
}

std::string group(std::string name, std::string rules) {
  return R"({"name":")" + name + R"(","file":"f.yml","rules":[)" + rules +
         R"(],"interval":15,"limit":0,"evaluationTime":0.75,"lastEvaluation":"1970-01-01T00:01:00Z"})";
}

std::string groups_of(std::string groups) { return R"({"groups":[)" + groups + "]}"; }

class RuleHandlersTest : public ::testing::Test {
 protected:
  RuleHandlersTest() {
    AlertView alert;
    alert.labels = Labels{{"alertname", "Down"}, {"job", "a"}};
    alert.annotations = {{"summary", "<"}};
    alert.state = AlertState::kFiring;
    alert.active_at_ms = 10'000;
    alert.value = 0.425;
    RuleView down;
    down.name = "Down";
    down.query = "up == 0";
    down.labels = Labels{{"severity", "page"}};
    down.health = RuleHealth::kOk;
    down.last_evaluation_ms = 60'000;
    down.evaluation_seconds = 0.25;
    down.state = AlertState::kFiring;
    down.for_ms = 300'000;
    down.keep_firing_for_ms = 1'500;
    down.annotations = {{"summary", "s"}};
    down.alerts = {alert};
    RuleView sum;
    sum.kind = RuleKind::kRecording;
    sum.name = "job:up:sum";
    sum.query = "sum by (job) (up)";
    sum.labels = Labels{{"team", "x"}};
    sum.health = RuleHealth::kErr;
    sum.last_error = "boom";
    sum.last_evaluation_ms = 60'000;
    sum.evaluation_seconds = 0.5;
    GroupView first;
    first.name = "one";
    first.file = "f.yml";
    first.interval_ms = 15'000;
    first.last_evaluation_ms = 60'000;
    first.evaluation_seconds = 0.75;
    first.rules = {down, sum};
    GroupView second = first;
    second.name = "two";
    second.rules = {sum};
    source_.all = {std::make_shared<GroupView>(first), std::make_shared<GroupView>(second)};
  }

  std::string shown(std::string_view query) { return data_of(rules(source_, request_of(query))); }

  FakeRules source_;
};

TEST_F(RuleHandlersTest, ShowsRules) {
  const std::string alert =
      R"({"labels":{"alertname":"Down","job":"a"},"annotations":{"summary":"<"},"state":"firing",)"
      R"("activeAt":"1970-01-01T00:00:10Z","value":"4.25e-01"})";
  const std::string down = alerting_rule("[" + alert + "]");
  const std::string two = group("two", kRecording);
  EXPECT_EQ(shown(""), groups_of(group("one", down + "," + kRecording) + "," + two));
  EXPECT_EQ(shown("type=alert"), groups_of(group("one", down)));
  EXPECT_EQ(shown("type=Record"), groups_of(group("one", kRecording) + "," + two));
  EXPECT_EQ(shown("rule_name[]=Down&rule_name[]=x"), groups_of(group("one", down)));
  EXPECT_EQ(shown("rule_group[]=two"), groups_of(two));
  EXPECT_EQ(shown("file[]=g.yml"), groups_of(""));
  EXPECT_EQ(shown("match[]={severity='page'}"), groups_of(group("one", down)));
  EXPECT_EQ(shown("type=alert&exclude_alerts=true"), groups_of(group("one", alerting_rule("null"))));
  EXPECT_EQ(data_of(alerts(source_)), R"({"alerts":[)" + alert + "]}");
}

TEST_F(RuleHandlersTest, ARecordingRuleWithoutLabelsShowsNone) {
  auto bare = std::make_shared<GroupView>(*source_.all[1]);
  bare->rules[0].labels = Labels();
  source_.all = {bare};
  EXPECT_EQ(shown("").find("labels"), std::string::npos);
  EXPECT_NE(shown("").find(R"j("query":"sum by (job) (up)","health":"err")j"), std::string::npos);
}

TEST_F(RuleHandlersTest, GoesPageByPage) {
  const std::string first = shown("group_limit=1&type=record");
  const std::string head = R"({"groups":[)" + group("one", kRecording) + R"(],"groupNextToken":")";
  ASSERT_EQ(first.substr(0, head.size()), head);
  const std::string token = first.substr(head.size(), first.size() - head.size() - 2);
  EXPECT_EQ(shown("group_limit=1&type=record&group_next_token=" + token), groups_of(group("two", kRecording)));
  EXPECT_EQ(
      shown("group_limit=1&group_next_token=00"),
      bad_data(R"(invalid parameter \"group_next_token\": invalid group_next_token '00'. were rule groups changed?)"));
}

TEST_F(RuleHandlersTest, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(shown("type=x"), bad_data(R"(invalid parameter \"type\": not supported value \"x\")"));
  EXPECT_EQ(shown("exclude_alerts=x"),
            bad_data(R"(invalid parameter \"exclude_alerts\": error converting exclude_alerts: )"
                     R"(strconv.ParseBool: parsing \"x\": invalid syntax)"));
  EXPECT_EQ(shown("group_limit=x"),
            bad_data(R"(invalid parameter \"group_limit\": group_limit needs to be a valid number: strconv.ParseInt: )"
                     R"(parsing \"x\": invalid syntax)"));
  EXPECT_EQ(shown("group_limit=2147483648"),
            bad_data(R"(invalid parameter \"group_limit\": group_limit needs to be a valid number: strconv.ParseInt: )"
                     R"(parsing \"2147483648\": value out of range)"));
  EXPECT_EQ(shown("group_limit=0"),
            bad_data(R"(invalid parameter \"group_limit\": group_limit needs to be greater than 0)"));
  EXPECT_EQ(shown("group_next_token=a"),
            bad_data(R"(invalid parameter \"group_next_token\": group_limit needs to be present in order to paginate )"
                     R"(over the groups)"));
  EXPECT_EQ(shown("match[]={}"), bad_data("match[] must contain at least one non-empty matcher"));
}

}  // namespace
}  // namespace tidemark::api
