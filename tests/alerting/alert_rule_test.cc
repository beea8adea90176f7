// The states of an alert, evaluation by evaluation, as tables: what the query answers, and what is active afterwards.
#include "alerting/alert_rule.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "alerting/recording_rule.h"
#include "alerting/rule_check.h"

namespace tidemark::alerting {
namespace {

constexpr int64_t kStartMs = 1'700'000'000'000;
constexpr int64_t kMinuteMs = 60'000;

config::Rule rule_of(const std::string& body) {
  const auto file = config::parse_rule_file("groups:\n- name: g\n  rules:\n  - " + body + "\n", "f");
  EXPECT_TRUE(file) << file.error().message();
  if (!file) return {};
  EXPECT_TRUE(check_rules(*file).ok()) << check_rules(*file).message();
  return file->groups[0].rules[0];
}

// One evaluation a minute of an alert rule over answers that the test gives.
class Bench {
 public:
  explicit Bench(const std::string& body) : rule_(environment_, "g/key", rule_of(body)) {
    environment_.external_url = "http://tide";
    environment_.query = [this](std::string_view expression, int64_t t_ms) -> Result<promql::QueryResult> {
      asked_ = expression;
      asked_at_ms_ = t_ms;
      if (failure_) return fail(*failure_);
      promql::QueryResult result;
      result.type = type_;
      for (const auto& [labels, value] : answer_) result.series.push_back({labels, {{t_ms, value}}});
      return result;
    };
  }

  // `values`: instance to value. The name is __name__=up.
  void answer(const std::map<std::string, double>& values) {
    answer_.clear();
    for (const auto& [instance, value] : values) {
      answer_.emplace_back(Labels{{"__name__", "up"}, {"instance", instance}}, value);
    }
  }

  Status evaluate() {
    const auto samples = rule_.evaluate({now_ms_, offset_ms_, limit_});
    if (samples) samples_ = *samples;
    last_ms_ = now_ms_;
    now_ms_ += kMinuteMs;
    return samples ? Status() : samples.error();
  }

  // "a:firing b:pending", resolved ones as "a:inactive".
  std::string states() const {
    std::string out;
    for (const auto& [labels, alert] : rule_.active()) {
      if (!out.empty()) out += ' ';
      out.append(labels.get("instance")).append(":").append(alert_state_name(alert.state));
    }
    return out;
  }

  std::vector<Alert> due(int64_t resend_delay_ms = kMinuteMs) {
    std::vector<Alert> out;
    rule_.take_due(last_ms_, resend_delay_ms, kMinuteMs, out);
    return out;
  }

  RuleEnvironment environment_;
  AlertRule rule_;
  std::vector<std::pair<Labels, double>> answer_;
  promql::ResultType type_ = promql::ResultType::kVector;
  std::optional<Status> failure_;
  int64_t now_ms_ = kStartMs;
  int64_t last_ms_ = 0;
  int64_t offset_ms_ = 0;
  size_t limit_ = 0;
  std::string asked_;
  int64_t asked_at_ms_ = 0;
  std::vector<RuleSample> samples_;
};

// A step: the value of instance "a" ("-": not in the answer, "E": the query fails), and the states after it.
struct Step {
  const char* value;
  const char* states;
};

void run(const std::string& body, const std::vector<Step>& steps) {
  Bench bench(body);
  for (size_t i = 0; i < steps.size(); ++i) {
    const std::string value = steps[i].value;
    bench.failure_.reset();
    if (value == "E") {
      bench.failure_ = Status::timeout("query timed out");
    } else if (value == "-") {
      bench.answer({});
    } else {
      bench.answer({{"a", std::stod(value)}});
    }
    EXPECT_EQ(bench.evaluate().ok(), value != "E") << "step " << i;
    EXPECT_EQ(bench.states(), steps[i].states) << body << ", step " << i;
  }
}

TEST(AlertRule, WithoutForFiresAtOnce) {
  run("{alert: A, expr: up}",
      {{"-", ""}, {"1", "a:firing"}, {"2", "a:firing"}, {"-", "a:inactive"}, {"1", "a:firing"}});
}

TEST(AlertRule, ForMustPassWithoutAGap) {
  run("{alert: A, expr: up, for: 2m}", {{"1", "a:pending"},
                                        {"1", "a:pending"},
                                        {"-", ""},
                                        {"1", "a:pending"},
                                        {"1", "a:pending"},
                                        {"1", "a:firing"},
                                        {"-", "a:inactive"},
                                        {"1", "a:pending"}});
}

TEST(AlertRule, AFailedQueryNeitherResolvesNorResets) {
  run("{alert: A, expr: up, for: 2m}", {{"1", "a:pending"},
                                        {"E", "a:pending"},
                                        {"1", "a:firing"},
                                        {"E", "a:firing"},
                                        {"E", "a:firing"},
                                        {"1", "a:firing"},
                                        {"-", "a:inactive"},
                                        {"E", "a:inactive"}});
}

TEST(AlertRule, KeepFiringFor) {
  run("{alert: A, expr: up, keep_firing_for: 2m}", {{"1", "a:firing"},
                                                    {"-", "a:firing"},
                                                    {"-", "a:firing"},
                                                    {"1", "a:firing"},  // Starts that clock anew.
                                                    {"-", "a:firing"},
                                                    {"-", "a:firing"},
                                                    {"-", "a:inactive"}});
  // It is for what fires: pending alerts go at once.
  run("{alert: A, expr: up, for: 5m, keep_firing_for: 5m}", {{"1", "a:pending"}, {"-", ""}});
}

TEST(AlertRule, ResolvedAlertsAreKeptForFifteenMinutes) {
  std::vector<Step> steps{{"1", "a:firing"}};
  for (int i = 0; i <= 15; ++i) steps.push_back({"-", "a:inactive"});
  steps.push_back({"-", ""});
  run("{alert: A, expr: up}", steps);
}

TEST(AlertRule, AThresholdHoldsUntilItsRecoveryBound) {
  run("{alert: A, metric: up, above: 4, recover_below: 3}", {{"3.5", ""},
                                                             {"4.5", "a:firing"},
                                                             {"3.5", "a:firing"},
                                                             {"3", "a:firing"},
                                                             {"-", "a:inactive"},
                                                             {"3.5", "a:inactive"},
                                                             {"5", "a:firing"}});
  // Pending goes by the first bound, or `for` would mean something else.
  run("{alert: A, metric: up, above: 4, recover_below: 3, for: 1m}",
      {{"5", "a:pending"}, {"3.5", ""}, {"5", "a:pending"}, {"5", "a:firing"}, {"3.5", "a:firing"}});
  run("{alert: A, metric: up, below: 10, recover_above: 20}",
      {{"15", ""}, {"9", "a:firing"}, {"15", "a:firing"}, {"-", "a:inactive"}});
}

TEST(AlertRule, AsksForTheWiderConditionOfAThreshold) {
  Bench above("{alert: A, metric: 'up{job=\"x\"}', above: 4, recover_below: 3}");
  ASSERT_TRUE(above.evaluate().ok());
  EXPECT_EQ(above.asked_, "up{job=\"x\"} >= 3");
  EXPECT_EQ(above.rule_.view().query, "up{job=\"x\"} > 4");
  EXPECT_EQ(shown_query("sum(up)\n  by(job)>on()up"), "sum by (job) (up) > on () up");
  Bench below("{alert: A, metric: up, below: 4, recover_above: 5}");
  ASSERT_TRUE(below.evaluate().ok());
  EXPECT_EQ(below.asked_, "up <= 5");
  Bench plain("{alert: A, metric: up, below: -4}");
  ASSERT_TRUE(plain.evaluate().ok());
  EXPECT_EQ(plain.asked_, "up < -4");
}

TEST(AlertRule, LabelsAndAnnotations) {
  Bench bench(
      R"({alert: A, expr: up, labels: {severity: page, where: 'at {{ $labels.instance }}', instance: '', gone: '{{ $labels.nope }}'},
    annotations: {summary: '{{ $labels.instance }} is {{ $value }}', bad: '{{ $value.x }}'}})");
  bench.answer({{"a", 3}});
  ASSERT_TRUE(bench.evaluate().ok());
  const RuleView view = bench.rule_.view();
  ASSERT_EQ(view.alerts.size(), 1u);
  EXPECT_EQ(view.alerts[0].labels, (Labels{{"alertname", "A"}, {"severity", "page"}, {"where", "at a"}}))
      << "no name, the rule's labels win, empty ones vanish";
  EXPECT_EQ(view.alerts[0].annotations[1].second, "a is 3");
  EXPECT_EQ(view.alerts[0].annotations[0].second,
            "<error expanding template: error executing template __alert_A: template: __alert_A:1:3: can't evaluate "
            "field x in type float64>");
  EXPECT_EQ(view.state, AlertState::kFiring);
  EXPECT_EQ(view.alerts[0].active_at_ms, kStartMs);
  EXPECT_EQ(view.alerts[0].value, 3);
}

TEST(AlertRule, TwoSeriesThatBecomeOneAreAnErrorAndChangeNothing) {
  Bench bench("{alert: A, expr: up, labels: {instance: same}}");
  bench.answer({{"a", 1}});
  ASSERT_TRUE(bench.evaluate().ok());
  bench.answer({{"a", 1}, {"b", 1}});
  const Status status = bench.evaluate();
  EXPECT_EQ(status.message(), "vector contains metrics with the same labelset after applying alert labels");
  EXPECT_EQ(bench.states(), "same:firing");
}

TEST(AlertRule, OverTheLimitIsAnErrorAndChangesNothing) {
  Bench bench("{alert: A, expr: up}");
  bench.limit_ = 1;
  bench.answer({{"a", 1}});
  ASSERT_TRUE(bench.evaluate().ok());
  bench.answer({{"b", 1}, {"c", 1}});
  const Status status = bench.evaluate();
  EXPECT_EQ(status.code(), Code::kLimit);
  EXPECT_EQ(status.message(), "exceeded limit of 1 with 2 alerts");
  EXPECT_EQ(bench.states(), "a:firing");
}

TEST(AlertRule, AMatrixIsNoAnswer) {
  Bench bench("{alert: A, expr: up}");
  bench.type_ = promql::ResultType::kMatrix;
  EXPECT_EQ(bench.evaluate().message(), "rule result is not a vector or scalar");
}

TEST(AlertRule, WritesAlertsSeries) {
  Bench bench("{alert: A, expr: up, for: 1m}");
  bench.answer({{"a", 7}});
  ASSERT_TRUE(bench.evaluate().ok());
  ASSERT_EQ(bench.samples_.size(), 2u);
  EXPECT_EQ(bench.samples_[0].labels,
            (Labels{{"__name__", "ALERTS_FOR_STATE"}, {"alertname", "A"}, {"instance", "a"}}));
  EXPECT_EQ(bench.samples_[0].value, static_cast<double>(kStartMs / 1000));
  EXPECT_EQ(bench.samples_[1].labels,
            (Labels{{"__name__", "ALERTS"}, {"alertname", "A"}, {"alertstate", "pending"}, {"instance", "a"}}));
  EXPECT_EQ(bench.samples_[1].value, 1);
  ASSERT_TRUE(bench.evaluate().ok());
  EXPECT_EQ(bench.samples_[1].labels.get("alertstate"), "firing");
  bench.answer({});
  ASSERT_TRUE(bench.evaluate().ok());
  EXPECT_TRUE(bench.samples_.empty());
}

TEST(AlertRule, QueriesAtTheOffset) {
  Bench bench("{alert: A, expr: up}");
  bench.offset_ms_ = 30'000;
  ASSERT_TRUE(bench.evaluate().ok());
  EXPECT_EQ(bench.asked_at_ms_, kStartMs - 30'000);
}

TEST(AlertRule, TellsTheNotifierWhatIsNewAndAgainAfterAWhile) {
  Bench bench("{alert: A, expr: up, for: 1m}");
  bench.answer({{"a", 1}});
  ASSERT_TRUE(bench.evaluate().ok());
  EXPECT_TRUE(bench.due().empty()) << "pending";
  ASSERT_TRUE(bench.evaluate().ok());
  std::vector<Alert> due = bench.due(3 * kMinuteMs);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].starts_at_ms, kStartMs + kMinuteMs);
  EXPECT_EQ(due[0].ends_at_ms, bench.last_ms_ + 12 * kMinuteMs);
  EXPECT_FALSE(due[0].resolved(bench.last_ms_));
  EXPECT_EQ(due[0].generator_url, "http://tide/graph?g0.expr=up&g0.tab=1");
  ASSERT_TRUE(bench.evaluate().ok());
  EXPECT_TRUE(bench.due(3 * kMinuteMs).empty()) << "told a minute ago";
  bench.answer({});
  ASSERT_TRUE(bench.evaluate().ok());
  due = bench.due(3 * kMinuteMs);
  ASSERT_EQ(due.size(), 1u) << "a change does not wait";
  EXPECT_EQ(due[0].ends_at_ms, bench.last_ms_);
  EXPECT_TRUE(due[0].resolved(bench.last_ms_));
  ASSERT_TRUE(bench.evaluate().ok());
  EXPECT_TRUE(bench.due(3 * kMinuteMs).empty());
  bench.now_ms_ += 2 * kMinuteMs;
  ASSERT_TRUE(bench.evaluate().ok());
  EXPECT_EQ(bench.due(3 * kMinuteMs).size(), 1u) << "the first message may have been lost";
}

TEST(AlertRule, KeepsTellingWhileTheQueryFails) {
  Bench bench("{alert: A, expr: up}");
  bench.answer({{"a", 1}});
  ASSERT_TRUE(bench.evaluate().ok());
  ASSERT_EQ(bench.due().size(), 1u);
  bench.failure_ = Status::timeout("x");
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(bench.evaluate().ok());
    const auto due = bench.due();
    ASSERT_EQ(due.size(), 1u) << "or the notifier would take it for resolved";
    EXPECT_FALSE(due[0].resolved(bench.last_ms_ + kMinuteMs));
  }
}

TEST(RecordingRule, NamesLabelsAndRefusesWhatBecameOne) {
  RuleEnvironment environment;
  std::vector<promql::ResultSeries> series{{Labels{{"__name__", "up"}, {"job", "a"}, {"x", "1"}}, {{5, 2}}}};
  environment.query = [&](std::string_view, int64_t t_ms) -> Result<promql::QueryResult> {
    promql::QueryResult result;
    result.t_ms = t_ms;
    result.series = series;
    return result;
  };
  RecordingRule rule(environment, "k", rule_of("{record: 'job:up', expr: up, labels: {x: '', y: '{{ 1 }}'}}"));
  auto samples = rule.evaluate({kStartMs, 0, 1});
  ASSERT_TRUE(samples) << samples.error().message();
  ASSERT_EQ(samples->size(), 1u);
  EXPECT_EQ((*samples)[0].labels, (Labels{{"__name__", "job:up"}, {"job", "a"}, {"y", "{{ 1 }}"}}));
  EXPECT_EQ((*samples)[0].value, 2);

  series.push_back({Labels{{"__name__", "up"}, {"job", "b"}}, {{5, 3}}});
  EXPECT_EQ(rule.evaluate({kStartMs, 0, 1}).error().message(), "exceeded limit of 1 with 2 series");
  series[1].labels = Labels{{"__name__", "down"}, {"job", "a"}};
  EXPECT_EQ(rule.evaluate({kStartMs, 0, 0}).error().message(),
            "vector contains metrics with the same labelset after applying rule labels");
}

TEST(RuleCheck, NamesThePlace) {
  const std::string rules = "groups:\n- name: g\n  rules:\n  - alert: A\n";
  const struct {
    std::string text;
    const char* message;
  } kCases[] = {
      {rules + "    expr: sum(\n", "f:5: g/A: 1:5: parse error: unclosed left parenthesis"},
      {rules + "    expr: up[5m]\n",
       "f:5: g/A: the expression must be an instant vector or a scalar, not a range vector"},
      {rules + "    metric: sum(up)\n    above: 1\n",
       "f:5: g/A: \"metric\" must be a selector like node_load1{job=\"node\"}; use \"expr\" for more"},
      {rules + "    expr: up\n    annotations:\n      a: ok\n      summary: '{{ nope }}'\n",
       "f:8: g/A: \"summary\": template: __alert_A:1: function \"nope\" not defined"},
      {rules + "    expr: up\n    labels: {a: '{{ $labels.x'}\n",
       "f:6: g/A: \"a\": template: __alert_A:1: unclosed action"},
  };
  for (const auto& c : kCases) {
    const auto file = config::parse_rule_file(c.text, "f");
    ASSERT_TRUE(file) << file.error().message();
    EXPECT_EQ(check_rules(*file).message(), c.message) << c.text;
    EXPECT_EQ(check_rules(*file).code(), Code::kInvalid);
  }
}

TEST(RuleCheck, TheSampleFileLoads) {
  const auto file = config::load_rule_file(TIDEMARK_SOURCE_DIR "/config/alerts.yaml");
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_TRUE(check_rules(*file).ok()) << check_rules(*file).message();
  EXPECT_TRUE(file->warnings.empty());
  EXPECT_FALSE(file->groups.empty());
  EXPECT_FALSE(file->delivery.enabled()) << "the receiver is a commented example";
}

}  // namespace
}  // namespace tidemark::alerting
