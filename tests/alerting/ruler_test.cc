// Groups and their threads over fakes: what is stored, persisted and told, across evaluations, restarts and reloads.
#include "alerting/ruler.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "alerting/rule_check.h"
#include "model/mutex.h"
#include "model/sample.h"
#include "tests/alerting/memory_state_store.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_logger.h"

namespace tidemark::alerting {
namespace {

using testing::eventually;
using testing::FakeClock;

constexpr int64_t kMinuteMs = 60'000;

// Keeps what was committed, in order.
class RecordingAppender final : public storage::Appender {
 public:
  struct Stored {
    std::string series;
    int64_t t_ms;
    double value;
    double observations;  // Of a histogram; else 0.
  };

  Result<storage::CommitReport> commit(storage::Batch& batch) override {
    const MutexLock lock(mu_);
    storage::CommitReport report;
    if (fails_) return fail(Status::read_only("disk full"));
    for (size_t i = 0; i < batch.size(); ++i) {
      const auto outcome = refuses_ ? storage::Outcome::kTooOld : storage::Outcome::kAccepted;
      batch.set_outcome(i, outcome);
      ++report.count[static_cast<size_t>(outcome)];
      if (refuses_) continue;
      const storage::Value& value = batch.value(i);
      stored_.push_back({batch.labels(i).to_string(), batch.t_ms(i), value.number,
                         value.histogram == nullptr ? 0 : value.histogram->count});
    }
    return report;
  }

  std::vector<Stored> take() {
    const MutexLock lock(mu_);
    return std::exchange(stored_, {});
  }
  std::atomic<bool> fails_{false};
  std::atomic<bool> refuses_{false};

 private:
  Mutex mu_;
  std::vector<Stored> stored_ TM_GUARDED_BY(mu_);
};

config::RuleFile file_of(const std::string& text, const std::string& name = "rules.yaml") {
  auto file = config::parse_rule_file(text, name);
  EXPECT_TRUE(file) << file.error().message();
  if (!file) return {};
  EXPECT_TRUE(check_rules(*file).ok()) << check_rules(*file).message();
  return std::move(*file);
}

class RulerTest : public ::testing::Test {
 protected:
  // What a process has of its own; the stores outlive it.
  struct Process {
    std::shared_ptr<prometheus::Registry> metrics = std::make_shared<prometheus::Registry>();
    std::unique_ptr<Ruler> ruler;
  };

  Process process() {
    Process p;
    const RulerCollaborators with{[this](std::string_view expression, int64_t t_ms, const std::atomic<bool>* canceled) {
                                    return query(expression, t_ms, canceled);
                                  },
                                  appender_,
                                  state_,
                                  [this](const std::vector<Alert>& alerts) {
                                    const MutexLock lock(mu_);
                                    told_.insert(told_.end(), alerts.begin(), alerts.end());
                                  },
                                  clock_,
                                  logger_,
                                  *p.metrics};
    RulerOptions options;
    options.external_url = "http://tide";
    p.ruler = std::make_unique<Ruler>(options, with);
    return p;
  }

  Result<promql::QueryResult> query(std::string_view expression, int64_t t_ms, const std::atomic<bool>* canceled) {
    ++queries_;
    if (expression == "slow") {
      // Stands for a long query: ends when it is told to.
      while (!canceled->load() && !release_.load()) std::this_thread::yield();
      if (canceled->load()) return fail(Status::canceled("query was canceled"));
    }
    const MutexLock lock(mu_);
    asked_at_ms_ = t_ms;
    if (fails_) return fail(Status::execution("no"));
    promql::QueryResult result;
    if (expression == "histogram") {
      auto histogram = std::make_shared<NativeHistogram>();
      histogram->count = 7;
      result.series.push_back({Labels{{"instance", "h"}}, {}, {{t_ms, std::move(histogram)}}});
    }
    for (const auto& [instance, value] : answers_) {
      result.series.push_back({Labels{{"__name__", "up"}, {"instance", instance}}, {{t_ms, value}}});
    }
    return result;
  }

  void answer(std::map<std::string, double> values) {
    const MutexLock lock(mu_);
    answers_ = std::move(values);
  }

  // Moves on by one interval and evaluates.
  void tick(Ruler& ruler, int64_t ms = kMinuteMs) {
    clock_.advance_ms(ms);
    ruler.evaluate_due();
  }

  static std::string states(const Ruler& ruler) {
    std::string out;
    for (const auto& group : ruler.groups()) {
      for (const RuleView& rule : group->rules) {
        for (const AlertView& alert : rule.alerts) {
          if (!out.empty()) out += ' ';
          out.append(rule.name).append("/").append(alert.labels.get("instance")).append(":");
          out += alert_state_name(alert.state);
        }
      }
    }
    return out;
  }

  static std::string page(const Process& p) { return prometheus::TextSerializer().Serialize(p.metrics->Collect()); }

  std::vector<Alert> take_told() {
    const MutexLock lock(mu_);
    return std::exchange(told_, {});
  }

  FakeClock clock_;
  testing::MemoryLogger logger_;
  RecordingAppender appender_;
  testing::MemoryStateStore state_;
  std::atomic<int> queries_{0};
  std::atomic<bool> release_{false};
  Mutex mu_;
  std::map<std::string, double> answers_ TM_GUARDED_BY(mu_);
  std::vector<Alert> told_ TM_GUARDED_BY(mu_);
  bool fails_ TM_GUARDED_BY(mu_) = false;
  int64_t asked_at_ms_ TM_GUARDED_BY(mu_) = 0;

  const config::RuleFile alert_ = file_of("groups: [{name: g, rules: [{alert: A, expr: up, for: 3m}]}]");
};

TEST_F(RulerTest, EvaluatesAtTheSlotOfTheInterval) {
  Process p = process();
  ASSERT_TRUE(p.ruler->apply({alert_}, {}).ok());
  p.ruler->evaluate_due();
  EXPECT_EQ(queries_, 0) << "not before the first slot";
  tick(*p.ruler);
  ASSERT_EQ(queries_, 1);
  const int64_t first_ms = p.ruler->groups()[0]->last_evaluation_ms;
  EXPECT_LE(first_ms, clock_.now_ms());
  EXPECT_GT(first_ms, clock_.now_ms() - kMinuteMs);
  p.ruler->evaluate_due();
  EXPECT_EQ(queries_, 1);
  tick(*p.ruler);
  EXPECT_EQ(p.ruler->groups()[0]->last_evaluation_ms, first_ms + kMinuteMs);
  // Slots that passed are missed, not made up for.
  tick(*p.ruler, 5 * kMinuteMs);
  EXPECT_EQ(queries_, 3);
  EXPECT_EQ(p.ruler->groups()[0]->last_evaluation_ms, first_ms + 6 * kMinuteMs);
  EXPECT_NE(page(p).find("tidemark_rule_group_iterations_missed_total{rule_group=\"rules.yaml;g\"} 4"),
            std::string::npos)
      << page(p);
  // A clock set back does not stop the group until time catches up.
  clock_.set_now_ms(clock_.now_ms() - 3'600'000);
  p.ruler->evaluate_due();
  tick(*p.ruler);
  EXPECT_EQ(queries_, 4);
}

TEST_F(RulerTest, StoresAndEndsSeries) {
  Process p = process();
  const auto file = file_of("groups: [{name: g, query_offset: 10s, rules: [{record: r, expr: up}]}]");
  ASSERT_TRUE(p.ruler->apply({file}, {}).ok());
  answer({{"a", 1}, {"b", 2}});
  tick(*p.ruler);
  const int64_t first_ms = p.ruler->groups()[0]->last_evaluation_ms;
  auto stored = appender_.take();
  ASSERT_EQ(stored.size(), 2u);
  EXPECT_EQ(stored[0].series, "r{instance=\"a\"}");
  EXPECT_EQ(stored[0].t_ms, first_ms - 10'000);
  EXPECT_EQ(stored[1].value, 2);
  answer({{"b", 3}});
  tick(*p.ruler);
  stored = appender_.take();
  ASSERT_EQ(stored.size(), 2u);
  EXPECT_EQ(stored[1].series, "r{instance=\"a\"}");
  EXPECT_TRUE(is_stale(stored[1].value));
  // A failed evaluation ends nothing; afterwards all goes on.
  {
    const MutexLock lock(mu_);
    fails_ = true;
  }
  tick(*p.ruler);
  EXPECT_TRUE(appender_.take().empty());
  const auto view = p.ruler->groups()[0];
  EXPECT_EQ(view->rules[0].health, RuleHealth::kErr);
  EXPECT_EQ(view->rules[0].last_error, "no");
  {
    const MutexLock lock(mu_);
    fails_ = false;
  }
  answer({});
  tick(*p.ruler);
  stored = appender_.take();
  ASSERT_EQ(stored.size(), 1u);
  EXPECT_TRUE(is_stale(stored[0].value));
  EXPECT_EQ(p.ruler->groups()[0]->rules[0].health, RuleHealth::kOk);
  EXPECT_EQ(p.ruler->groups()[0]->rules[0].last_error, "");
  EXPECT_NE(page(p).find("tidemark_rule_evaluation_failures_total{rule_group=\"rules.yaml;g\"} 1"), std::string::npos);
}

TEST_F(RulerTest, StoresNativeHistograms) {
  Process p = process();
  ASSERT_TRUE(p.ruler->apply({file_of("groups: [{name: g, rules: [{record: r, expr: histogram}]}]")}, {}).ok());
  tick(*p.ruler);
  const auto stored = appender_.take();
  ASSERT_EQ(stored.size(), 1u);
  EXPECT_EQ(stored[0].series, "r{instance=\"h\"}");
  EXPECT_EQ(stored[0].observations, 7);
}

TEST_F(RulerTest, SaysWhatTheStoreRefused) {
  Process p = process();
  ASSERT_TRUE(p.ruler->apply({file_of("groups: [{name: g, rules: [{record: r, expr: up}]}]")}, {}).ok());
  answer({{"a", 1}, {"b", 1}});
  appender_.refuses_ = true;
  tick(*p.ruler);
  EXPECT_EQ(p.ruler->groups()[0]->rules[0].last_error, "the store refused samples: 2 too_old");
  appender_.refuses_ = false;
  appender_.fails_ = true;
  tick(*p.ruler);
  EXPECT_EQ(p.ruler->groups()[0]->rules[0].last_error, "storing the result: disk full");
}

TEST_F(RulerTest, ARuleSeesWhatTheOneBeforeStored) {
  Process p = process();
  const auto file = file_of("groups: [{name: g, rules: [{record: first, expr: up}, {alert: Second, expr: first}]}]");
  ASSERT_TRUE(p.ruler->apply({file}, {}).ok());
  answer({{"a", 1}});
  tick(*p.ruler);
  const auto stored = appender_.take();
  ASSERT_EQ(stored.size(), 3u);
  EXPECT_EQ(stored[0].series, "first{instance=\"a\"}") << "committed before the second rule asks";
}

TEST_F(RulerTest, AlertsGoToTheSinkAndEndTheirSeries) {
  Process p = process();
  ASSERT_TRUE(p.ruler->apply({alert_}, {}).ok());
  answer({{"a", 1}});
  for (int i = 0; i < 3; ++i) tick(*p.ruler);
  EXPECT_EQ(states(*p.ruler), "A/a:pending");
  EXPECT_TRUE(take_told().empty());
  appender_.take();
  tick(*p.ruler);
  EXPECT_EQ(states(*p.ruler), "A/a:firing");
  EXPECT_EQ(take_told().size(), 1u);
  bool pending_ended = false;
  for (const auto& s : appender_.take()) {
    pending_ended |= is_stale(s.value) && s.series.find("alertstate=\"pending\"") != std::string::npos;
  }
  EXPECT_TRUE(pending_ended) << "ALERTS{alertstate=pending} ends when the alert fires";
  answer({});
  tick(*p.ruler);
  EXPECT_EQ(states(*p.ruler), "");
  const auto told = take_told();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(told[0].resolved(clock_.now_ms()));
  size_t stale = 0;
  for (const auto& s : appender_.take()) stale += is_stale(s.value) ? 1 : 0;
  EXPECT_EQ(stale, 2u) << "ALERTS and ALERTS_FOR_STATE";
}

TEST_F(RulerTest, ARestartKeepsClocksAndFiringAlerts) {
  answer({{"a", 1}});
  int64_t active_at_ms = 0;
  {
    Process p = process();
    ASSERT_TRUE(p.ruler->apply({alert_}, {}).ok());
    for (int i = 0; i < 3; ++i) tick(*p.ruler);  // Active for two minutes of three.
    ASSERT_EQ(states(*p.ruler), "A/a:pending");
    active_at_ms = p.ruler->groups()[0]->rules[0].alerts[0].active_at_ms;
  }  // Nothing is written on the way out: as after kill -9.
  {
    Process p = process();
    ASSERT_TRUE(p.ruler->apply({alert_}, {}).ok());
    EXPECT_EQ(states(*p.ruler), "A/a:pending") << "shown before the first evaluation";
    tick(*p.ruler);
    EXPECT_EQ(states(*p.ruler), "A/a:pending") << "the time between the last look and the start does not count";
    tick(*p.ruler);
    EXPECT_EQ(states(*p.ruler), "A/a:firing") << "two minutes of the first process and one of this one";
    EXPECT_GE(p.ruler->groups()[0]->rules[0].alerts[0].active_at_ms, active_at_ms);
    take_told();
  }
  {
    Process p = process();
    clock_.advance_ms(30 * kMinuteMs);
    ASSERT_TRUE(p.ruler->apply({alert_}, {}).ok());
    EXPECT_EQ(states(*p.ruler), "A/a:firing");
    {
      const MutexLock lock(mu_);
      fails_ = true;
    }
    tick(*p.ruler);
    EXPECT_EQ(states(*p.ruler), "A/a:firing") << "an error is no reason to resolve";
    EXPECT_EQ(take_told().size(), 1u) << "told again, so that the notifier holds it too";
    {
      const MutexLock lock(mu_);
      fails_ = false;
    }
    appender_.take();
    answer({});
    tick(*p.ruler);
    EXPECT_EQ(states(*p.ruler), "");
    const auto told = take_told();
    ASSERT_EQ(told.size(), 1u);
    EXPECT_TRUE(told[0].resolved(clock_.now_ms()));
    size_t stale = 0;
    for (const auto& s : appender_.take()) stale += is_stale(s.value) ? 1 : 0;
    EXPECT_EQ(stale, 2u) << "series written by the process before are ended by this one";
  }
}

TEST_F(RulerTest, PendingTimeWithoutAProcessDoesNotCount) {
  answer({{"a", 1}});
  {
    Process p = process();
    ASSERT_TRUE(p.ruler->apply({alert_}, {}).ok());
    tick(*p.ruler);
  }
  clock_.advance_ms(60 * kMinuteMs);
  Process p = process();
  ASSERT_TRUE(p.ruler->apply({alert_}, {}).ok());
  tick(*p.ruler);
  EXPECT_EQ(states(*p.ruler), "A/a:pending") << "an hour down is no hour above the threshold";
  for (int i = 0; i < 3; ++i) tick(*p.ruler);
  EXPECT_EQ(states(*p.ruler), "A/a:firing");
}

TEST_F(RulerTest, StateOfRulesThatAreGoneIsForgotten) {
  answer({{"a", 1}});
  {
    Process p = process();
    ASSERT_TRUE(p.ruler->apply({alert_}, {}).ok());
    tick(*p.ruler);
  }
  ASSERT_FALSE(state_.scan_state("alerting/alert/")->empty());
  Process p = process();
  ASSERT_TRUE(p.ruler->apply({file_of("groups: []")}, {}).ok());
  EXPECT_TRUE(state_.scan_state("alerting/alert/")->empty());
}

TEST_F(RulerTest, UnreadableStateIsDroppedAndSaid) {
  const std::string key = "alerting/alert/g/A/alert-0";
  ASSERT_TRUE(state_.write_state({{key, "junk"}, {key + std::string(1, '\0') + "\x01", "\x01"}}).ok());
  Process p = process();
  ASSERT_TRUE(p.ruler->apply({alert_}, {}).ok());
  EXPECT_TRUE(state_.scan_state("alerting/alert/")->empty());
  EXPECT_TRUE(logger_.contains("Dropped unreadable alert state"));
}

TEST_F(RulerTest, AReloadKeepsWhatIsStillThere) {
  Process p = process();
  const auto before = file_of(
      "groups: [{name: g, rules: [{alert: A, expr: up, for: 3m}, {alert: Gone, expr: up}, {record: r, expr: up}]}]");
  ASSERT_TRUE(p.ruler->apply({before}, {}).ok());
  answer({{"a", 1}});
  for (int i = 0; i < 2; ++i) tick(*p.ruler);
  EXPECT_EQ(states(*p.ruler), "A/a:pending Gone/a:firing");
  const int64_t active_at_ms = p.ruler->groups()[0]->rules[0].alerts[0].active_at_ms;
  appender_.take();
  // Another expression, another file, other neighbours.
  const auto after =
      file_of("groups: [{name: g, rules: [{alert: New, expr: up}, {alert: A, expr: up > 0, for: 3m}]}]", "other.yaml");
  ASSERT_TRUE(p.ruler->apply({after}, {}).ok());
  EXPECT_EQ(states(*p.ruler), "A/a:pending");
  EXPECT_EQ(p.ruler->groups()[0]->rules[1].alerts[0].active_at_ms, active_at_ms);
  std::string ended;
  for (const auto& s : appender_.take()) {
    EXPECT_TRUE(is_stale(s.value)) << s.series;
    ended += s.series + "\n";
  }
  EXPECT_EQ(ended,
            "ALERTS{alertname=\"Gone\", alertstate=\"firing\", instance=\"a\"}\n"
            "ALERTS_FOR_STATE{alertname=\"Gone\", instance=\"a\"}\n"
            "r{instance=\"a\"}\n");
  const auto left = state_.scan_state("alerting/alert/");
  for (const auto& [key, value] : *left) {
    EXPECT_EQ(key.find("/Gone/"), std::string::npos);
  }
  EXPECT_EQ(page(p).find("rules.yaml;g"), std::string::npos) << "metrics of groups that are gone";
  for (int i = 0; i < 2; ++i) tick(*p.ruler);
  EXPECT_EQ(states(*p.ruler), "New/a:firing A/a:firing") << "the clock went on through the reload";
}

TEST_F(RulerTest, AStateThatCannotBeReadFailsTheStart) {
  class Broken final : public storage::StateStore {
   public:
    Result<std::optional<std::string>> get_state(std::string_view) override { return fail(Status::io("broken")); }
    Result<std::vector<std::pair<std::string, std::string>>> scan_state(std::string_view) override {
      return fail(Status::io("broken"));
    }
    Status write_state(const std::vector<storage::StateChange>&) override { return Status::io("broken"); }
  } broken;
  prometheus::Registry metrics;
  const RulerCollaborators with{
      [](auto, auto, auto) { return promql::QueryResult{}; }, appender_, broken, nullptr, clock_, logger_, metrics};
  Ruler ruler(RulerOptions{}, with);
  EXPECT_EQ(ruler.apply({alert_}, {}).message(), "reading alert state: broken");
  EXPECT_TRUE(ruler.groups().empty());
}

TEST_F(RulerTest, AStateWriteThatFailedIsMadeUpFor) {
  Process p = process();
  ASSERT_TRUE(p.ruler->apply({file_of("groups: [{name: g, rules: [{alert: A, expr: up}]}]")}, {}).ok());
  answer({{"a", 1}});
  state_.set_failing(true);
  tick(*p.ruler);
  EXPECT_EQ(states(*p.ruler), "A/a:firing") << "alerting goes on";
  EXPECT_EQ(take_told().size(), 1u);
  EXPECT_TRUE(logger_.contains("Writing alert state failed"));
  EXPECT_EQ(state_.count("alerting/alert/"), 0u);
  state_.set_failing(false);
  tick(*p.ruler);
  EXPECT_EQ(state_.count("alerting/alert/"), 1u) << "although the alert did not change";
}

TEST_F(RulerTest, EqualRulesDoNotShareAlerts) {
  const auto file = file_of("groups: [{name: g, rules: [{alert: A, expr: up}, {alert: A, expr: up > 5}]}]");
  answer({{"a", 1}});
  {
    Process p = process();
    ASSERT_TRUE(p.ruler->apply({file}, {}).ok());
    tick(*p.ruler);
    EXPECT_EQ(states(*p.ruler), "A/a:firing A/a:firing");
  }
  EXPECT_EQ(state_.scan_state("alerting/alert/")->size(), 2u);
}

TEST_F(RulerTest, ThreadsEvaluateAndASlowGroupDelaysNoOther) {
  Process p = process();
  const auto file = file_of(
      "groups: [{name: slow, interval: 1s, rules: [{alert: S, expr: slow}]}, "
      "{name: quick, interval: 1s, rules: [{alert: Q, expr: up}]}]");
  answer({{"a", 1}});
  ASSERT_TRUE(p.ruler->apply({file}, {}).ok());
  p.ruler->start();
  const auto quick_ms = [&] { return p.ruler->groups()[0]->last_evaluation_ms; };
  for (int i = 0; i < 3; ++i) {
    const int64_t before_ms = quick_ms();
    clock_.advance_ms(1'000);
    ASSERT_TRUE(eventually([&] { return quick_ms() > before_ms; })) << i;
  }
  EXPECT_EQ(p.ruler->groups()[1]->last_evaluation_ms, 0) << "still asking";
  p.ruler->stop();  // Cancels it.
  EXPECT_EQ(p.ruler->groups()[1]->rules[0].last_error, "query was canceled");
  p.ruler->start();
  const int64_t before_ms = quick_ms();
  clock_.advance_ms(2'000);
  EXPECT_TRUE(eventually([&] { return quick_ms() > before_ms; })) << "may be started again";
  release_ = true;
  ASSERT_TRUE(p.ruler->apply({alert_}, {}).ok()) << "waits for what runs";
  EXPECT_EQ(p.ruler->groups().size(), 1u);
}

}  // namespace
}  // namespace tidemark::alerting
