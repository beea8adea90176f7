#include "aggregator/promql/aggregate.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "aggregator/promql/histogram_aggregate.h"
#include "aggregator/promql/histogram_text.h"
#include "aggregator/promql/label_sets.h"
#include "aggregator/promql/quantile.h"

namespace tidemark::promql {
namespace {

// Label sets to places, in the order they were first met.
class GroupIndex {
 public:
  explicit GroupIndex(Grouping grouping) : grouping_(std::move(grouping)) {}

  struct Found {
    size_t place;
    bool is_new;
  };
  Found find(LabelsView labels) {
    // A target's series come one after the other, and often with no more labels than are of use.
    if (last_place_ != kNone && labels.encoded() == last_labels_) return {last_place_, false};
    grouping_.apply(labels, encoded_);
    const auto [place, is_new] = places_.try_emplace(encoded_, labels_.size());
    if (is_new) labels_.emplace_back(LabelsView(encoded_));
    last_labels_.assign(labels.encoded());
    last_place_ = place->second;
    return {place->second, is_new};
  }
  bool ignores_metadata() const {
    return !grouping_.without && std::none_of(grouping_.labels.begin(), grouping_.labels.end(), is_metadata_label);
  }
  const std::vector<std::string>* labels_of_use() const { return grouping_.without ? nullptr : &grouping_.labels; }
  const Labels& labels(size_t place) const { return labels_[place]; }
  size_t label_bytes(size_t place) const { return 2 * labels_[place].encoded().size() + 100; }
  size_t size() const { return labels_.size(); }

 private:
  static constexpr size_t kNone = SIZE_MAX;

  const Grouping grouping_;
  std::string encoded_;
  std::string last_labels_;
  size_t last_place_ = kNone;
  std::unordered_map<std::string, size_t> places_;
  std::vector<Labels> labels_;
};

void tell_ignored(QueryContext& context, AggregateOp op, TextOffset at) {
  context.annotations().info(fmt::format("ignored histogram in {} aggregation", aggregate_op_name(op)), at);
}

class FoldAggregation final : public Aggregation {
 public:
  FoldAggregation(QueryContext& context, AggregateOp op, Grouping grouping, size_t steps, TextOffset at)
      : context_(context), charge_(context), op_(op), steps_(steps), at_(at), groups_(std::move(grouping)) {
    if (groups_.labels_of_use() == nullptr) return;
    labels_of_use_ = *groups_.labels_of_use();
    // Messages about histograms name the metric.
    if (folds_histograms()) labels_of_use_->emplace_back(kMetricName);
    labels_of_use_ = sorted_names(std::move(*labels_of_use_));
  }

  Status consume(Series& series) override {
    const auto [place, is_new] = groups_.find(series.labels);
    if (is_new) {
      if (Status status = charge_.add(steps_, fold_bytes(steps_) + groups_.label_bytes(place)); !status.ok()) {
        return status;
      }
      folds_.push_back({make_fold(op_, steps_), nullptr, series.drop_name});
    }
    Group& group = folds_[place];
    if (!series.column.histograms.empty()) {
      if (Status status = add_histograms(group, series); !status.ok()) return status;
    }
    group.fold->add(series.column);
    group.drop_name |= series.drop_name;
    return {};
  }

  bool ignores_metadata() const override { return groups_.ignores_metadata(); }
  const std::vector<std::string>* labels_of_use() const override { return labels_of_use_ ? &*labels_of_use_ : nullptr; }

  Status finish(SeriesSink& sink) override {
    Series out;
    Pace pace(context_);
    for (size_t place = 0; place < folds_.size(); ++place) {
      if (Status status = pace.turn(kSeriesWork + steps_); !status.ok()) return status;
      out.labels = groups_.labels(place);
      out.drop_name = folds_[place].drop_name;
      out.column.histograms.clear();
      folds_[place].fold->finish(out.column);
      folds_[place].fold.reset();
      if (folds_[place].histograms != nullptr) folds_[place].histograms->finish(out.column);
      folds_[place].histograms.reset();
      if (!out.column.any()) continue;
      if (Status status = sink.consume(out); !status.ok()) return status;
    }
    return {};
  }

 private:
  struct Group {
    std::unique_ptr<Fold> fold;
    std::unique_ptr<HistogramFold> histograms;  // Null while there are none.
    bool drop_name;
  };

  bool folds_histograms() const { return op_ == AggregateOp::kSum || op_ == AggregateOp::kAvg; }

  // Of sum and avg they are folded; what counts samples counts them, anything else leaves them out.
  Status add_histograms(Group& group, Series& series) {
    if (folds_histograms()) {
      if (group.histograms == nullptr) {
        if (Status status = charge_.add(0, steps_ * kHistogramStepBytes); !status.ok()) return status;
        group.histograms = std::make_unique<HistogramFold>(context_, op_ == AggregateOp::kAvg, steps_, at_);
      }
      return group.histograms->add(series.labels, series.column.histograms, group.fold->seen());
    }
    if (op_ == AggregateOp::kCount || op_ == AggregateOp::kGroup) {
      series.column.present = series.column.all_present();
    } else {
      tell_ignored(context_, op_, at_);
    }
    return {};
  }

  static constexpr size_t kHistogramStepBytes = 32;  // Of HistogramFold, beside what it folds.

  QueryContext& context_;
  Charge charge_;
  const AggregateOp op_;
  const size_t steps_;
  const TextOffset at_;
  GroupIndex groups_;
  std::optional<std::vector<std::string>> labels_of_use_;
  std::vector<Group> folds_;
};

class QuantileAggregation final : public Aggregation {
 public:
  QuantileAggregation(QueryContext& context, const Column& q, Grouping grouping, TextOffset at)
      : context_(context), charge_(context), q_(q), at_(at), groups_(std::move(grouping)) {}

  Status consume(Series& series) override {
    if (!series.column.histograms.empty()) {
      tell_ignored(context_, AggregateOp::kQuantile, at_);
      if (!series.column.drop_histograms()) return {};
    }
    const auto [place, is_new] = groups_.find(series.labels);
    size_t bytes = Column::bytes(q_.steps());
    if (is_new) {
      bytes += Column::bytes(q_.steps()) + groups_.label_bytes(place);
      inputs_.push_back({{}, series.drop_name});
    }
    if (Status status = charge_.add(series.column.present.count(), bytes); !status.ok()) return status;
    inputs_[place].columns.push_back(std::move(series.column));
    inputs_[place].drop_name |= series.drop_name;
    return {};
  }

  bool ignores_metadata() const override { return groups_.ignores_metadata(); }
  const std::vector<std::string>* labels_of_use() const override { return groups_.labels_of_use(); }

  Status finish(SeriesSink& sink) override {
    Series out;
    std::vector<double> values;
    size_t most = 0;
    for (const Group& group : inputs_) most = std::max(most, group.columns.size());
    if (Status status = charge_.add(0, most * sizeof(double)); !status.ok()) return status;
    values.reserve(most);
    Pace pace(context_);
    for (size_t place = 0; place < inputs_.size(); ++place) {
      Group& group = inputs_[place];
      out.labels = groups_.labels(place);
      out.drop_name = group.drop_name;
      out.column.reset(q_.steps());
      for (size_t step = 0; step < q_.steps(); ++step) {
        if (Status status = pace.turn(group.columns.size() + 1); !status.ok()) return status;
        values.clear();
        for (const Column& column : group.columns) {
          if (column.present.get(step)) values.push_back(column.v[step]);
        }
        if (values.empty()) continue;
        double answer = 0;
        if (Status status = quantile(context_, q_.v[step], values, answer); !status.ok()) return status;
        out.column.set(step, answer);
      }
      group.columns = {};
      if (Status status = sink.consume(out); !status.ok()) return status;
    }
    return {};
  }

 private:
  struct Group {
    std::vector<Column> columns;
    bool drop_name;
  };

  QueryContext& context_;
  Charge charge_;
  const Column& q_;
  const TextOffset at_;
  GroupIndex groups_;
  std::vector<Group> inputs_;
};

// One output series for each value met in a group, with the value as a label.
class CountValues final : public Aggregation {
 public:
  CountValues(QueryContext& context, std::string label, Grouping grouping, size_t steps)
      : context_(context), charge_(context), label_(std::move(label)), steps_(steps), groups_(std::move(grouping)) {}

  Status consume(Series& series) override {
    places_.clear();
    Status status;
    series.column.present.for_each([&](size_t step) {
      if (!status.ok()) return;
      const double v = series.column.v[step];
      const auto [place, is_new] = places_.try_emplace(std::bit_cast<uint64_t>(v));
      if (is_new) status = find_output(series.labels, text_of(v), place->second);
      if (status.ok()) count(place->second, step);
    });
    series.column.histograms.present.for_each([&](size_t step) {
      size_t place = 0;
      if (status.ok()) status = find_output(series.labels, histogram_text(*series.column.histograms.at[step]), place);
      if (status.ok()) count(place, step);
    });
    return status;
  }

  Status finish(SeriesSink& sink) override {
    Series out;
    Pace pace(context_);
    for (size_t place = 0; place < outputs_.size(); ++place) {
      if (Status status = pace.turn(kSeriesWork); !status.ok()) return status;
      out.labels = groups_.labels(place);
      out.column = std::move(outputs_[place]);
      if (Status status = sink.consume(out); !status.ok()) return status;
    }
    return {};
  }

 private:
  void count(size_t place, size_t step) {
    Column& counts = outputs_[place];
    counts.set(step, counts.present.get(step) ? counts.v[step] + 1 : 1);
  }

  Status find_output(const Labels& labels, const std::string& value, size_t& place) {
    if (Status status = context_.poll(); !status.ok()) return status;
    LabelsBuilder builder(labels);
    builder.set(label_, value);
    const auto found = groups_.find(builder.build());
    place = found.place;
    if (!found.is_new) return {};
    if (Status status = charge_.add(steps_, Column::bytes(steps_) + groups_.label_bytes(place)); !status.ok()) {
      return status;
    }
    outputs_.emplace_back(steps_);
    return {};
  }

  // Without an exponent, however long that is.
  static std::string text_of(double v) {
    if (std::isnan(v)) return "NaN";
    if (std::isinf(v)) return v > 0 ? "+Inf" : "-Inf";
    char buffer[1100];  // 2^-1074 has 1074 digits behind the point, of which the shortest form needs fewer.
    const auto result = std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::fixed);
    // Of large whole numbers to_chars prints all digits of the double, Go only those that tell it apart.
    if (std::fabs(v) < 1e17) return {buffer, result.ptr};
    const auto scientific = std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::scientific);
    return whole_number({buffer, scientific.ptr});
  }

  // "1.25e+20" with its exponent written out as zeros.
  static std::string whole_number(std::string_view scientific) {
    const size_t e = scientific.find('e');
    std::string digits;
    for (const char c : scientific.substr(0, e)) {
      if (c != '.' && c != '-') digits += c;
    }
    int exponent = 0;
    std::from_chars(scientific.data() + e + 2, scientific.data() + scientific.size(), exponent);
    digits.resize(std::max(digits.size(), static_cast<size_t>(exponent) + 1), '0');
    return scientific[0] == '-' ? "-" + digits : digits;
  }

  QueryContext& context_;
  Charge charge_;
  const std::string label_;
  const size_t steps_;
  GroupIndex groups_;
  std::vector<Column> outputs_;
  std::unordered_map<uint64_t, size_t> places_;  // Bits of a value to its output, for the series at hand.
};

}  // namespace

Grouping Grouping::make(bool without, std::vector<std::string> labels) {
  if (without) labels.emplace_back(kMetricName);
  return {without, sorted_names(std::move(labels))};
}

void Grouping::apply(LabelsView view, std::string& encoded) const {
  if (without) {
    drop_labels(view, labels, encoded);
  } else {
    keep_labels(view, labels, encoded);
  }
}

std::unique_ptr<Aggregation> make_fold_aggregation(QueryContext& context, AggregateOp op, Grouping grouping,
                                                   size_t steps, TextOffset at) {
  return std::make_unique<FoldAggregation>(context, op, std::move(grouping), steps, at);
}

std::unique_ptr<Aggregation> make_quantile_aggregation(QueryContext& context, const Column& q, Grouping grouping,
                                                       TextOffset at) {
  return std::make_unique<QuantileAggregation>(context, q, std::move(grouping), at);
}

std::unique_ptr<Aggregation> make_count_values(QueryContext& context, std::string label, Grouping grouping,
                                               size_t steps) {
  return std::make_unique<CountValues>(context, std::move(label), std::move(grouping), steps);
}

}  // namespace tidemark::promql
