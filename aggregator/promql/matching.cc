#include "aggregator/promql/matching.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "aggregator/promql/arithmetic.h"
#include "aggregator/promql/histogram_binary.h"
#include "aggregator/promql/label_sets.h"
#include "aggregator/promql/text.h"

namespace tidemark::promql {
namespace {

// All series with one signature.
struct MatchGroup {
  Labels signature;
  std::vector<Series*> left;
  std::vector<Series*> right;
};

// Appends to `groups`. What it takes of memory is `charges`'.
Status match_groups(QueryContext& context, const VectorMatching& spec, Matrix& left, Matrix& right,
                    SmallCharges& charges, std::vector<MatchGroup>& groups) {
  std::vector<std::string> names = spec.labels;
  if (!spec.on) names.emplace_back(kMetricName);
  names = sorted_names(std::move(names));

  std::unordered_map<std::string, size_t> places;
  std::string signature;
  Pace pace(context);
  const auto add = [&](Series& series, std::vector<Series*> MatchGroup::*side) {
    if (Status status = pace.turn(kSeriesWork); !status.ok()) return status;
    if (spec.on) {
      keep_labels(series.labels, names, signature);
    } else {
      drop_labels(series.labels, names, signature);
    }
    const auto [place, is_new] = places.try_emplace(signature, groups.size());
    if (is_new) groups.push_back({Labels(LabelsView(signature)), {}, {}});
    (groups[place->second].*side).push_back(&series);
    constexpr size_t kMemberBytes = 16;                      // Vectors double.
    constexpr size_t kGroupBytes = sizeof(MatchGroup) + 96;  // With the map's node.
    return charges.add(kMemberBytes + (is_new ? kGroupBytes + 2 * signature.size() : 0));
  };
  for (Series& series : left.series()) {
    if (Status status = add(series, &MatchGroup::left); !status.ok()) return status;
  }
  for (Series& series : right.series()) {
    if (Status status = add(series, &MatchGroup::right); !status.ok()) return status;
  }
  return {};
}

void add_present(const Column& column, Presence& any) {
  any.add(column.present);
  if (!column.histograms.empty()) any.add(column.histograms.present);
}

Presence any_of(const std::vector<Series*>& series, size_t steps) {
  Presence any(steps);
  for (const Series* one : series) add_present(one->column, any);
  return any;
}

Presence any_of(const Matrix& matrix, size_t steps) {
  Presence any(steps);
  for (const Series& one : matrix.series()) add_present(one.column, any);
  return any;
}

enum class Mask { kWhere, kWhereNot };

// Keeps the steps of a series where `mask` is set, or is not set, and passes on what is left of it.
Status emit_masked(Series& series, const Presence& mask, Mask how, SeriesSink& sink) {
  Presence& present = series.column.present;
  for (size_t w = 0; w < present.word_count(); ++w) {
    present.word(w) &= how == Mask::kWhere ? mask.word(w) : ~mask.word(w);
  }
  HistogramColumn& histograms = series.column.histograms;
  for (size_t i = 0; i < histograms.at.size(); ++i) {
    if (mask.get(i) != (how == Mask::kWhere)) histograms.erase(i);
  }
  return series.column.any() ? sink.consume(series) : Status();
}

// Arithmetic between one-to-one, or "many" and "one" side; `one` is the left operand for group_right.
class ArithmeticMatch {
 public:
  ArithmeticMatch(QueryContext& context, const ArithmeticOp& op, const VectorMatching& spec, SeriesSink& sink)
      : context_(context),
        charges_(context),
        pace_(context),
        op_(op.op),
        return_bool_(op.return_bool),
        on_histograms_(context, op.op, op.return_bool, op.at),
        spec_(spec),
        sink_(sink),
        swapped_(spec.cardinality == MatchCardinality::kOneToMany),
        one_to_one_(spec.cardinality == MatchCardinality::kOneToOne),
        names_(sorted_names(spec.labels)),
        fill_many_(spec.fill_left),
        fill_one_(spec.fill_right),
        collisions_(context) {}

  Status run(Matrix& left, Matrix& right) {
    if (left.size() == 0 && right.size() == 0) return {};
    steps_ = (left.size() > 0 ? left : right).series()[0].column.steps();
    // A side without any sample at a step settles that step before anything can be found wrong with the other.
    active_ = any_of(left, steps_);
    const Presence right_any = any_of(right, steps_);
    for (size_t w = 0; w < active_.word_count(); ++w) {
      if (spec_.fill_left || spec_.fill_right) {
        active_.word(w) |= right_any.word(w);
      } else {
        active_.word(w) &= right_any.word(w);
      }
    }
    Matrix& many_side = swapped_ ? right : left;
    many_first_ = many_side.series().data();
    one_first_ = (swapped_ ? left : right).series().data();
    many_count_ = many_side.size();
    std::vector<MatchGroup> groups;
    if (Status status = match_groups(context_, spec_, left, right, charges_, groups); !status.ok()) return status;
    for (MatchGroup& group : groups) {
      if (Status status = context_.poll(); !status.ok()) return status;
      std::vector<Series*>& many = swapped_ ? group.right : group.left;
      std::vector<Series*>& one = swapped_ ? group.left : group.right;
      if (Status status = run_group(group.signature, many, one); !status.ok()) return status;
    }
    on_histograms_.tell();
    return {};
  }

 private:
  Status run_group(const Labels& signature, const std::vector<Series*>& many, const std::vector<Series*>& one) {
    if ((many.empty() && !fill_many_) || (one.empty() && !fill_one_)) {
      return check_one_side(signature, one);
    }
    if (Status status = check_one_side(signature, one); !status.ok()) return status;
    matched_.reset(steps_);
    results_.clear();
    const Presence one_any = any_of(one, steps_);
    for (const Series* m : many) {
      for (const Series* o : one) {
        if (Status status = pace_.turn(matched_.word_count() + 1); !status.ok()) return status;
        out_.column.present = m->column.present;
        for (size_t w = 0; w < matched_.word_count(); ++w) {
          out_.column.present.word(w) = m->column.present_word(w) & o->column.present_word(w);
        }
        if (Status status = emit(*m, *o, place_of(m)); !status.ok()) return status;
      }
      if (!fill_one_) continue;
      out_.column.present = m->column.present;
      for (size_t w = 0; w < matched_.word_count(); ++w) {
        out_.column.present.word(w) = m->column.present_word(w) & ~one_any.word(w);
      }
      if (Status status = emit(*m, filler(signature, *fill_one_), place_of(m)); !status.ok()) return status;
    }
    if (!fill_many_) return {};
    const Presence matched = matched_;
    for (const Series* o : one) {
      if (Status status = pace_.turn(kSeriesWork + steps_); !status.ok()) return status;
      out_.column.present = o->column.present;
      for (size_t w = 0; w < matched.word_count(); ++w) {
        out_.column.present.word(w) = o->column.present_word(w) & ~matched.word(w);
      }
      const size_t behind = many_count_ + static_cast<size_t>(o - one_first_);
      if (Status status = emit(filler(signature, *fill_many_), *o, behind); !status.ok()) return status;
    }
    return {};
  }

  // In Prometheus' order: the "many" side's, and then what of the "one" side is filled up.
  size_t place_of(const Series* many) const { return static_cast<size_t>(many - many_first_); }

  Series filler(const Labels& signature, double value) const {
    return {signature, false, Column::constant(steps_, value)};
  }

  // Two series on the "one" side that share a step are an error.
  Status check_one_side(const Labels& signature, const std::vector<Series*>& one) const {
    if (one.size() < 2) return {};
    Presence seen(steps_);
    for (size_t i = 0; i < one.size(); ++i) {
      const Column& column = one[i]->column;
      for (size_t w = 0; w < seen.word_count(); ++w) {
        const uint64_t both = seen.word(w) & column.present_word(w) & active_.word(w);
        if (both == 0) continue;
        const size_t step = w * 64 + static_cast<size_t>(std::countr_zero(both));
        const auto other = std::find_if(one.begin(), one.end(), [&](const Series* s) { return s->column.has(step); });
        return duplicate(signature, braces(one[i]->labels), braces((*other)->labels));
      }
      add_present(column, seen);
    }
    return {};
  }

  Status duplicate(const Labels& signature, std::string a, std::string b) const {
    if (a > b) std::swap(a, b);
    return Status::execution(fmt::format(
        "found duplicate series for the match group {} on the {} hand-side of the operation: [{}, {}];many-to-many "
        "matching not allowed: matching labels must be unique on one side",
        braces(signature), swapped_ ? "left" : "right", a, b));
  }

  // Answers for the steps present in out_.
  Status emit(const Series& many, const Series& one, size_t order) {
    Presence& present = out_.column.present;
    if (!present.any()) return {};
    if (Status status = pace_.turn(kSeriesWork + steps_); !status.ok()) return status;
    out_.column.histograms.clear();
    const Column& left = swapped_ ? one.column : many.column;
    const Column& right = swapped_ ? many.column : one.column;
    const bool numbers_only = is_arithmetic(op_) && left.histograms.empty() && right.histograms.empty();
    if (!numbers_only) {
      if (Status status = answer_histograms(left, right, order); !status.ok()) return status;
      if (!met_.any()) return {};
    }
    const Presence& met = numbers_only ? present : met_;
    out_.labels = result_labels(many.labels, one.labels);
    out_.drop_name = return_bool_;
    if (one_to_one_) {
      if (matched_.intersects(met)) {
        return Status::execution(
            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)");
      }
    } else {
      const auto [place, is_new] = results_.try_emplace(out_.labels.encoded(), met);
      if (!is_new) {
        if (place->second.intersects(met)) {
          return Status::execution("multiple matches for labels: grouping labels must ensure unique matches");
        }
        place->second.add(met);
      } else if (Status status = charges_.add(kResultBytes + out_.labels.encoded().size() + steps_ / 8); !status.ok()) {
        return status;
      }
    }
    matched_.add(met);

    out_.column.v.resize(steps_);
    if (present.any()) combine(op_, return_bool_, left, right, left, out_.column);
    if (!numbers_only) {
      answers_.present.for_each([&](size_t i) { out_.column.set(i, answers_.v[i]); });
      std::swap(out_.column.histograms, answers_.histograms);
    }
    if (!out_.column.any()) return {};
    if (Status status = collisions_.add(out_.labels, out_.column.all_present()); !status.ok()) return status;
    return sink_.consume(out_);
  }

  // Of the steps present in out_, answers those where an operand is a histogram, and leaves the others there. What has
  // no answer has not met either.
  Status answer_histograms(const Column& left, const Column& right, size_t order) {
    if (Status status = on_histograms_.begin(steps_); !status.ok()) return status;
    answers_.reset(steps_);
    met_ = out_.column.present;
    out_.column.present.for_each([&](size_t i) {
      if (is_arithmetic(op_) && left.present.get(i) && right.present.get(i)) return;
      out_.column.present.clear(i);
      HistogramBinary::Operand answer;
      const auto verdict = on_histograms_.apply({i, order}, operand(left, i), operand(right, i), answer);
      if (verdict == HistogramBinary::Verdict::kNone) met_.clear(i);
      if (verdict != HistogramBinary::Verdict::kValue) return;
      if (answer.histogram != nullptr) {
        answers_.set(i, std::move(answer.histogram));
      } else {
        answers_.set(i, answer.number);
      }
    });
    return {};
  }

  static HistogramBinary::Operand operand(const Column& column, size_t i) {
    return {column.v[i], column.histograms.empty() ? nullptr : column.histograms.at[i]};
  }

  Labels result_labels(const Labels& many, const Labels& one) {
    LabelsBuilder builder(many);
    if (changes_metric(op_) || (return_bool_ && !context_.delayed_name_removal())) {
      for (const LabelView label : many) {
        if (is_metadata_label(label.name)) builder.erase(label.name);
      }
    }
    if (one_to_one_) {
      for (const LabelView label : many) {
        const bool listed = std::binary_search(names_.begin(), names_.end(), label.name);
        if (listed != spec_.on) builder.erase(label.name);
      }
    }
    for (const std::string& name : spec_.include) builder.set(name, one.get(name));
    return builder.build();
  }

  static constexpr size_t kResultBytes = 112;  // Of a node of results_.

  QueryContext& context_;
  SmallCharges charges_;
  Pace pace_;
  const BinaryOp op_;
  const bool return_bool_;
  HistogramBinary on_histograms_;
  const VectorMatching& spec_;
  SeriesSink& sink_;
  const bool swapped_;
  const bool one_to_one_;
  const std::vector<std::string> names_;  // Of on() or ignoring().
  // Of the "many" and the "one" side, whichever operand that is: so Prometheus reads fill_left and fill_right.
  const std::optional<double> fill_many_;
  const std::optional<double> fill_one_;
  size_t steps_ = 0;
  const Series* many_first_ = nullptr;
  const Series* one_first_ = nullptr;
  size_t many_count_ = 0;
  Presence active_;                                    // Steps at which anything is matched at all.
  Presence matched_;                                   // Of the current group.
  std::unordered_map<std::string, Presence> results_;  // Of the current group.
  CollisionCheck collisions_;
  Series out_;
  Presence met_;    // Where the two series at hand have met, when there are histograms among them.
  Column answers_;  // Likewise: of the steps with histograms.
};

}  // namespace

Status match_sets(QueryContext& context, BinaryOp op, const VectorMatching& spec, Matrix& left, Matrix& right,
                  SeriesSink& sink) {
  if (left.size() == 0 && right.size() == 0) return {};
  const size_t steps = (left.size() > 0 ? left : right).series()[0].column.steps();
  SmallCharges charges(context);
  std::vector<MatchGroup> groups;
  if (Status status = match_groups(context, spec, left, right, charges, groups); !status.ok()) return status;
  Pace pace(context);
  for (MatchGroup& group : groups) {
    if (Status status = pace.turn((group.left.size() + group.right.size()) * kSeriesWork); !status.ok()) return status;
    if (op == BinaryOp::kOr) {
      const Presence left_any = any_of(group.left, steps);
      for (Series* series : group.left) {
        if (Status status = sink.consume(*series); !status.ok()) return status;
      }
      for (Series* series : group.right) {
        if (Status status = emit_masked(*series, left_any, Mask::kWhereNot, sink); !status.ok()) return status;
      }
      continue;
    }
    const Presence right_any = any_of(group.right, steps);
    const Mask how = op == BinaryOp::kAnd ? Mask::kWhere : Mask::kWhereNot;
    for (Series* series : group.left) {
      if (Status status = emit_masked(*series, right_any, how, sink); !status.ok()) return status;
    }
  }
  return {};
}

Status match_arithmetic(QueryContext& context, const ArithmeticOp& op, const VectorMatching& spec, Matrix& left,
                        Matrix& right, SeriesSink& sink) {
  return ArithmeticMatch(context, op, spec, sink).run(left, right);
}

}  // namespace tidemark::promql
