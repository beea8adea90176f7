#include "alerting/rule_group.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/sample.h"

namespace tidemark::alerting {
namespace {

double seconds_since(const Clock& clock, int64_t start_ns) {
  return static_cast<double>(clock.monotonic_ns() - start_ns) / 1e9;
}

// "3 duplicate, 1 too_old": what the store refused.
std::string refusals(const storage::CommitReport& report) {
  std::string text;
  for (size_t i = static_cast<size_t>(storage::Outcome::kOutOfOrder); i < storage::kOutcomeCount; ++i) {
    const auto outcome = static_cast<storage::Outcome>(i);
    if (report.of(outcome) == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", report.of(outcome), storage::outcome_name(outcome));
  }
  return text;
}

}  // namespace

RuleGroup::RuleGroup(const RuleCollaborators& with, const RuleEnvironment& environment, const GroupSettings& settings,
                     const std::string& file, const config::RuleGroup& config, const std::vector<std::string>& keys)
    : with_(with),
      settings_(settings),
      name_(config.name),
      file_(file),
      id_(file + ";" + config.name),
      limit_(config.limit),
      metrics_(with.metrics.of(id_)) {
  for (size_t i = 0; i < config.rules.size(); ++i) {
    std::unique_ptr<Rule> rule = make_rule(environment, keys[i], config.rules[i]);
    const bool is_alert = config.rules[i].kind == config::Rule::Kind::kAlert;
    auto* const alert_rule = is_alert ? static_cast<AlertRule*>(rule.get()) : nullptr;
    entries_.push_back({std::move(rule), alert_rule, RuleState(keys[i]), {}, RuleHealth::kUnknown, {}, 0, 0, false});
  }
  publish(0, 0);
}

void RuleGroup::adopt(RuleGroup& predecessor) {
  if (predecessor.id_ == id_) {
    last_evaluation_ms_ = predecessor.last_evaluation_ms_;
    evaluation_seconds_ = predecessor.evaluation_seconds_;
  }
  for (Entry& entry : entries_) {
    for (Entry& old : predecessor.entries_) {
      if (old.adopted || old.rule->key() != entry.rule->key()) continue;
      old.adopted = true;
      entry.series = std::move(old.series);
      entry.health = old.health;
      entry.last_error = std::move(old.last_error);
      entry.last_evaluation_ms = old.last_evaluation_ms;
      entry.evaluation_seconds = old.evaluation_seconds;
      if (entry.alert_rule != nullptr) {
        entry.alert_rule->restore(old.alert_rule->active());
        entry.state = std::move(old.state);
      }
    }
  }
  publish(last_evaluation_ms_, evaluation_seconds_);
}

void RuleGroup::restore(StoredAlerts& stored) {
  for (Entry& entry : entries_) {
    if (entry.alert_rule == nullptr) continue;
    auto found = stored.by_rule.extract(entry.rule->key());
    if (found.empty()) continue;
    entry.state.loaded(found.mapped());
    entry.alert_rule->restore(std::move(found.mapped()));
    // The series they had, so that they end properly when the alert is over.
    for (RuleSample& sample : entry.alert_rule->samples()) entry.series.insert(std::move(sample.labels));
  }
  publish(0, 0);
}

void RuleGroup::evaluate(int64_t now_ms) {
  const int64_t start_ns = with_.clock.monotonic_ns();
  const EvaluationTime when{now_ms, settings_.query_offset_ms, limit_};
  for (Entry& entry : entries_) {
    const int64_t rule_start_ns = with_.clock.monotonic_ns();
    const Status status = evaluate_rule(entry, when);
    entry.last_evaluation_ms = now_ms;
    entry.evaluation_seconds = seconds_since(with_.clock, rule_start_ns);
    entry.health = status.ok() ? RuleHealth::kOk : RuleHealth::kErr;
    metrics_.evaluations->Increment();
    if (!status.ok()) {
      metrics_.failures->Increment();
      // Once when it begins: a rule that fails does so every interval.
      if (entry.last_error.empty()) {
        with_.logger.warn("Evaluating rule failed",
                          {{"file", file_}, {"group", name_}, {"name", entry.rule->view().name}, {"err", status}});
      }
    }
    entry.last_error = status.message();
  }
  write_state(now_ms);
  std::vector<Alert> due;
  for (Entry& entry : entries_) {
    if (entry.alert_rule == nullptr) continue;
    entry.alert_rule->take_due(now_ms, settings_.resend_delay_ms, settings_.interval_ms, due);
  }
  if (!due.empty() && with_.sink) with_.sink(due);
  publish(now_ms, seconds_since(with_.clock, start_ns));
}

Status RuleGroup::evaluate_rule(Entry& entry, const EvaluationTime& when) {
  const auto samples = entry.rule->evaluate(when);
  if (!samples) return samples.error();
  return store(entry, *samples, when.sample_ms());
}

Status RuleGroup::store(Entry& entry, const std::vector<RuleSample>& samples, int64_t t_ms) {
  std::set<Labels> series;
  storage::Batch batch;
  for (const RuleSample& sample : samples) {
    batch.add(storage::kNoRef, sample.labels, t_ms, storage::Value{sample.value, sample.histogram.get(), kNoStart});
    series.insert(sample.labels);
  }
  for (const Labels& gone : entry.series) {
    if (!series.contains(gone)) batch.add(storage::kNoRef, gone, t_ms, stale_nan());
  }
  if (batch.empty()) return {};
  const auto report = with_.appender.commit(batch);
  if (!report) return report.error().at("storing the result");
  entry.series = std::move(series);
  if (report->refused() == 0) return {};
  metrics_.refused_samples->Increment(static_cast<double>(report->refused()));
  return Status::execution("the store refused samples: " + refusals(*report));
}

void RuleGroup::write_state(int64_t now_ms) {
  std::vector<storage::StateChange> changes;
  bool pending = false;
  for (const Entry& entry : entries_) {
    if (entry.alert_rule == nullptr) continue;
    entry.state.append_changes(entry.alert_rule->active(), changes);
    for (const auto& [labels, alert] : entry.alert_rule->active()) pending |= alert.state == AlertState::kPending;
  }
  if (pending) changes.push_back(evaluated_change(now_ms));
  if (changes.empty()) return;
  const Status status = with_.state.write_state(changes);
  if (status.ok()) {
    for (Entry& entry : entries_) {
      if (entry.alert_rule != nullptr) entry.state.written(entry.alert_rule->active());
    }
  } else {
    with_.metrics.state_write_failures.Increment();
    if (!state_write_failed_) {
      with_.logger.error("Writing alert state failed; a restart would forget it", {{"group", id_}, {"err", status}});
    }
  }
  state_write_failed_ = !status.ok();
}

void RuleGroup::retire(int64_t now_ms) {
  std::vector<storage::StateChange> changes;
  for (Entry& entry : entries_) {
    if (entry.adopted) continue;
    const Status status = store(entry, {}, now_ms - settings_.query_offset_ms);
    if (!status.ok()) {
      with_.logger.warn("Ending a removed rule's series failed", {{"rule", entry.rule->key()}, {"err", status}});
    }
    if (entry.alert_rule != nullptr) entry.state.append_changes({}, changes);
  }
  if (changes.empty()) return;
  const Status status = with_.state.write_state(changes);
  if (!status.ok()) with_.metrics.state_write_failures.Increment();
}

void RuleGroup::publish(int64_t now_ms, double seconds) {
  auto view = std::make_shared<GroupView>();
  last_evaluation_ms_ = now_ms;
  evaluation_seconds_ = seconds;
  view->name = name_;
  view->file = file_;
  view->interval_ms = settings_.interval_ms;
  view->query_offset_ms = settings_.query_offset_ms;
  view->limit = limit_;
  view->last_evaluation_ms = now_ms;
  view->evaluation_seconds = seconds;
  size_t pending = 0;
  size_t firing = 0;
  for (const Entry& entry : entries_) {
    RuleView& rule = view->rules.emplace_back(entry.rule->view());
    rule.health = entry.health;
    rule.last_error = entry.last_error;
    rule.last_evaluation_ms = entry.last_evaluation_ms;
    rule.evaluation_seconds = entry.evaluation_seconds;
    for (const AlertView& alert : rule.alerts) ++(alert.state == AlertState::kFiring ? firing : pending);
  }
  metrics_.duration_seconds->Set(seconds);
  metrics_.last_evaluation_seconds->Set(static_cast<double>(now_ms) / 1000);
  metrics_.rules->Set(static_cast<double>(entries_.size()));
  metrics_.pending->Set(static_cast<double>(pending));
  metrics_.firing->Set(static_cast<double>(firing));
  const MutexLock lock(view_mu_);
  view_ = std::move(view);
}

std::shared_ptr<const GroupView> RuleGroup::view() const {
  const MutexLock lock(view_mu_);
  return view_;
}

}  // namespace tidemark::alerting
