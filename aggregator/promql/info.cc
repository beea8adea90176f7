// info(): adds the labels of info metrics (target_info{instance, job, version...} 1) to series with the same instance
// and job.
//
//   info(up, {version=~".+"})    up{instance="a", job="n", version="2"} where target_info of a and n has that version
//
// What the info series were is asked at the time the first argument's samples are from: its @ and offset count for
// them. Of several info series of one name that fit, the one with the newest sample is right: it replaced the others.
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "aggregator/promql/evaluator.h"
#include "aggregator/promql/label_sets.h"
#include "aggregator/promql/select.h"
#include "aggregator/promql/text.h"

namespace tidemark::promql {
namespace {

// By these an info series is known to belong to another series. Fixed in Prometheus, too.
constexpr std::array<std::string_view, 2> kIdentifying = {"instance", "job"};
constexpr size_t kValuesBytesMax = 64 << 10;  // Of values that go to storage as one regular expression.

// Which time the first vector selector in an expression asks for: its offset and those of the subqueries around it, up
// to the first @.
class ReferenceTime {
 public:
  explicit ReferenceTime(const Plan& plan) : plan_(plan) {}

  // True when there is a selector.
  bool find(const Expr& expr) {
    if (expr.kind == ExprKind::kVectorSelector) {
      shift_ = plan_.times(expr).shift;
      return true;
    }
    if (!any_operand(expr, [this](const Expr& below) { return find(below); })) return false;
    if (expr.kind == ExprKind::kSubquery && !shift_.at_ms) {
      const TimeShift& outer = plan_.times(expr).shift;
      shift_.offset_ms = -TimeShift::earlier(TimeShift::earlier(0, shift_.offset_ms), outer.offset_ms);
      shift_.at_ms = outer.at_ms;
    }
    return true;
  }

  const TimeShift& shift() const { return shift_; }

 private:
  const Plan& plan_;
  TimeShift shift_;
};

Matcher name_matcher(MatchOp op, std::string_view value) { return *Matcher::make(op, kMetricName, value); }

// What info() is told to look for.
struct Wanted {
  std::vector<Matcher> names;         // Conditions on the metric's name, never only negative ones.
  std::vector<Matcher> data;          // Those on other labels.
  std::set<std::string> data_labels;  // That may be added; empty: all.

  static Wanted make(const VectorSelector* selector) {
    Wanted wanted;
    if (selector != nullptr) {
      for (const Matcher& matcher : selector->matchers) {
        (matcher.name() == kMetricName ? wanted.names : wanted.data).push_back(matcher);
      }
    }
    for (const Matcher& matcher : wanted.data) wanted.data_labels.insert(matcher.name());
    const bool all_negative = std::all_of(wanted.names.begin(), wanted.names.end(),
                                          [](const Matcher& matcher) { return matcher.is_negative(); });
    if (wanted.names.empty()) {
      wanted.names.push_back(name_matcher(MatchOp::kEqual, "target_info"));
    } else if (all_negative) {
      wanted.names.push_back(name_matcher(MatchOp::kRegex, ".+_info"));
    }
    return wanted;
  }

  bool is_info_metric(std::string_view name) const {
    return std::all_of(names.begin(), names.end(), [&](const Matcher& matcher) { return matcher.matches(name); });
  }
  // Whether a series stays as it is where no info series fits.
  bool is_optional() const {
    return std::all_of(data.begin(), data.end(), [](const Matcher& matcher) { return matcher.matches_empty(); });
  }
};

// The identifying labels' values that series have, by which their info series are selected.
class Identities {
 public:
  void add(LabelsView labels) {
    for (size_t i = 0; i < kIdentifying.size(); ++i) {
      const std::string_view value = labels.get(kIdentifying[i]);
      if (!value.empty()) values_[i].emplace(value);
    }
  }
  bool any() const { return !values_[0].empty() || !values_[1].empty(); }
  bool has(LabelsView labels) const {
    for (size_t i = 0; i < kIdentifying.size(); ++i) {
      if (!values_[i].empty() && values_[i].count(std::string(labels.get(kIdentifying[i]))) == 0) return false;
    }
    return true;
  }
  // So that storage need not read what has() refuses. Not of very many values: then has() is enough.
  void append_matchers(std::vector<Matcher>& matchers) const {
    for (size_t i = 0; i < kIdentifying.size(); ++i) {
      std::string alternatives;
      for (const std::string& value : values_[i]) {
        if (!alternatives.empty()) alternatives += '|';
        alternatives += re2::RE2::QuoteMeta(value);
      }
      if (alternatives.empty() || alternatives.size() > kValuesBytesMax) continue;
      if (auto matcher = Matcher::make(MatchOp::kRegex, kIdentifying[i], alternatives)) matchers.push_back(*matcher);
    }
  }

 private:
  std::array<std::set<std::string>, kIdentifying.size()> values_;
};

// The info series of one name with the same identifying labels, and which of them holds at each step.
struct Candidates {
  static constexpr uint32_t kNone = ~uint32_t{0};
  std::vector<uint32_t> chosen;  // Indexes into the info series; kNone where there is none.
};

// All info series, by name and identity.
class InfoSeries {
 public:
  explicit InfoSeries(QueryContext& context) : series_(context), charge_(context), pace_(context) {}

  Matrix& series() { return series_; }

  // Settles which series holds at each step. Two whose newest samples have the same time are an error, but not at steps
  // where there is nothing to add labels to.
  Status choose(const Presence& wanted) {
    for (uint32_t i = 0; i < series_.size(); ++i) {
      if (Status status = pace_.turn(kSeriesWork + wanted.size()); !status.ok()) return status;
      const Series& info = series_.series()[i];
      keep_labels(info.labels, identifying_, key_);
      auto& of_name = names_[std::string(info.labels.metric_name())];
      const auto [place, is_new] = of_name.try_emplace(key_);
      std::vector<uint32_t>& chosen = place->second.chosen;
      if (is_new) {
        if (Status status = charge_.add(0, wanted.size() * sizeof(uint32_t) + 2 * key_.size()); !status.ok()) {
          return status;
        }
        chosen.assign(wanted.size(), Candidates::kNone);
      }
      Status status;
      info.column.present.for_each([&](size_t step) {
        if (!status.ok() || !wanted.get(step)) return;
        const uint32_t other = chosen[step];
        if (other == Candidates::kNone || time_ms(other, step) < time_ms(i, step)) {
          chosen[step] = i;
        } else if (time_ms(other, step) == time_ms(i, step)) {
          status = Status::execution(fmt::format(
              "found duplicate series for info metric: existing {} @ {}, new {} @ {}",
              braces(series_.series()[other].labels), time_ms(other, step), braces(info.labels), time_ms(i, step)));
        }
      });
      if (!status.ok()) return status;
    }
    return {};
  }

  // Of each info metric's name, in their order: the candidates for a series, null where it has none.
  void find(LabelsView base, std::vector<const Candidates*>& out) {
    keep_labels(base, identifying_, key_);
    out.clear();
    for (const auto& [name, of_name] : names_) {
      const auto found = of_name.find(key_);
      out.push_back(found == of_name.end() ? nullptr : &found->second);
    }
  }

  LabelsView labels(uint32_t i) const { return series_.series()[i].labels; }

 private:
  // Columns hold the samples' times in seconds.
  int64_t time_ms(uint32_t i, size_t step) const { return std::llround(series_.series()[i].column.v[step] * 1000); }

  const std::vector<std::string> identifying_{kIdentifying.begin(), kIdentifying.end()};
  Matrix series_;
  std::map<std::string, std::unordered_map<std::string, Candidates>> names_;
  std::string key_;
  Charge charge_;
  Pace pace_;
};

// A column's samples at some of its steps.
Column part_of(const Column& column, const Presence& steps) {
  Column part = column;
  for (size_t w = 0; w < steps.word_count(); ++w) part.present.word(w) &= steps.word(w);
  for (size_t i = 0; i < part.histograms.at.size(); ++i) {
    if (!steps.get(i)) part.histograms.erase(i);
  }
  return part;
}

// Adds info series' labels to one series after the other.
class Enrichment {
 public:
  Enrichment(QueryContext& context, const Wanted& wanted, InfoSeries& info, SeriesSink& sink)
      : context_(context), wanted_(wanted), info_(info), sink_(sink), collisions_(context) {}

  Status pass_on(Series& base) {
    if (Status status = collisions_.add(base.labels, base.column.all_present()); !status.ok()) return status;
    return sink_.consume(base);
  }

  // A series becomes as many as there are different answers over its steps.
  Status enrich(Series& base) {
    info_.find(base.labels, candidates_);
    Charge charge(context_);
    Status status;
    std::map<std::vector<uint32_t>, Presence> answers;
    std::vector<uint32_t> key(candidates_.size());
    Presence* current = nullptr;
    std::vector<uint32_t> current_key;
    base.column.all_present().for_each([&](size_t step) {
      if (!status.ok()) return;
      for (size_t i = 0; i < candidates_.size(); ++i) {
        key[i] = candidates_[i] == nullptr ? Candidates::kNone : candidates_[i]->chosen[step];
      }
      if (current == nullptr || key != current_key) {
        const auto [answer, is_new] = answers.try_emplace(key);
        if (is_new) {
          status = charge.add(0, Column::bytes(base.column.steps()));
          if (!status.ok()) return;
          answer->second.reset(base.column.steps());
        }
        current = &answer->second;
        current_key = key;
      }
      current->set(step);
    });
    if (!status.ok()) return status;
    for (auto& [chosen, present] : answers) {
      Series out;
      bool fits = false;
      status = enriched_labels(base.labels, chosen, fits, out.labels);
      if (!status.ok()) return status;
      if (!fits && !wanted_.is_optional()) continue;
      out.drop_name = base.drop_name;
      out.column = answers.size() == 1 ? std::move(base.column) : part_of(base.column, present);
      status = pass_on(out);
      if (!status.ok()) return status;
    }
    return {};
  }

 private:
  // `fits`: there is an info series at all.
  Status enriched_labels(const Labels& base, const std::vector<uint32_t>& chosen, bool& fits, Labels& out) {
    added_.reset();
    for (const uint32_t i : chosen) {
      if (i == Candidates::kNone) continue;
      fits = true;
      for (const LabelView label : info_.labels(i)) {
        if (label.name == kMetricName) continue;
        const bool listed = wanted_.data_labels.count(std::string(label.name)) > 0;
        if (!wanted_.data_labels.empty() && !listed) continue;
        const std::string_view other = added_.get(label.name);
        if (!other.empty() && other != label.value) {
          return Status::execution(fmt::format("conflicting label: {}", label.name));
        }
        if (base.get(label.name).empty()) added_.set(label.name, label.value);
      }
    }
    LabelsBuilder builder(base);
    for (const auto& [name, value] : added_.pairs()) builder.set(name, value);
    out = builder.build();
    return {};
  }

  QueryContext& context_;
  const Wanted& wanted_;
  InfoSeries& info_;
  SeriesSink& sink_;
  CollisionCheck collisions_;
  std::vector<const Candidates*> candidates_;
  LabelsBuilder added_;
};

}  // namespace

Status Evaluator::info_call(const CallExpr& call, const Grid& grid, SeriesSink& sink) {
  Matrix base(context_);
  if (Status status = vector(*call.args[0], grid, base); !status.ok()) return status;
  const Wanted wanted =
      Wanted::make(call.args.size() > 1 ? &as<VectorSelector>(unwrap_parens(*call.args[1])) : nullptr);
  Identities identities;
  Presence any_base(grid.steps);
  Pace pace(context_);
  for (const Series& series : base.series()) {
    if (Status status = pace.turn(kSeriesWork); !status.ok()) return status;
    any_base.add(series.column.all_present());
    if (!wanted.is_info_metric(series.labels.metric_name())) identities.add(series.labels);
  }

  InfoSeries info(context_);
  if (identities.any()) {
    std::vector<Matcher> matchers = wanted.names;
    matchers.insert(matchers.end(), wanted.data.begin(), wanted.data.end());
    identities.append_matchers(matchers);
    FunctionSink identified(
        [&](Series& series) { return identities.has(series.labels) ? info.series().consume(series) : Status(); });
    ReferenceTime reference(plan_);
    reference.find(*call.args[0]);
    if (Status status =
            select_instant(context_, {matchers, reference.shift(), "info"}, grid, What::kInfoTimestamps, identified);
        !status.ok()) {
      return status;
    }
    if (Status status = info.choose(any_base); !status.ok()) return status;
  }

  Enrichment enrichment(context_, wanted, info, sink);
  for (Series& series : base.series()) {
    if (Status status = context_.poll(); !status.ok()) return status;
    const bool as_is = wanted.is_info_metric(series.labels.metric_name());
    if (Status status = as_is ? enrichment.pass_on(series) : enrichment.enrich(series); !status.ok()) return status;
  }
  return {};
}

}  // namespace tidemark::promql
