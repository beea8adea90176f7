// topk, bottomk, limitk and limit_ratio.
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "aggregator/promql/aggregate.h"
#include "aggregator/promql/best_k.h"

namespace tidemark::promql {
namespace {

// A place in [0, 1) that a label set always has, the same as in Prometheus: its hash is XXH64 over names and values,
// each behind its length in one byte, or from 255 on in 255 and three bytes.
double sampling_offset(LabelsView labels) {
  std::string bytes;
  const auto append = [&](std::string_view text) {
    if (text.size() < 255) {
      bytes += static_cast<char>(text.size());
    } else {
      bytes += '\xff';
      for (int shift = 0; shift < 24; shift += 8) bytes += static_cast<char>(text.size() >> shift);
    }
    bytes += text;
  };
  for (const LabelView label : labels) {
    append(label.name);
    append(label.value);
  }
  return static_cast<double>(XXH64(bytes.data(), bytes.size(), 0)) / static_cast<double>(UINT64_MAX);
}

bool is_sampled(double ratio, double offset) {
  return (ratio >= 0 && offset < ratio) || (ratio < 0 && offset >= 1.0 + ratio);
}

class Ranking {
 public:
  Ranking(QueryContext& context, RankOp op, const Column& parameter, Matrix& input)
      : context_(context), charge_(context), pace_(context), op_(op.op), parameter_(parameter), input_(input.series()) {
    if (op_ == AggregateOp::kTopK || op_ == AggregateOp::kBottomK) leave_out_histograms(op.at);
  }

  Status run(const Grouping& grouping, SeriesSink& sink) {
    if (Status status = find_groups(grouping); !status.ok()) return status;
    return parameter_.steps() == 1 ? emit_in_order(sink) : emit_steps(sink);
  }

 private:
  Status find_groups(const Grouping& grouping) {
    // Of each series: its place in a group, among the chosen and as a candidate, and its offset.
    constexpr size_t kPlaceBytes = 2 * sizeof(size_t) + sizeof(Candidate) + sizeof(double);
    if (Status status = charge_.add(0, input_.size() * kPlaceBytes); !status.ok()) return status;
    SmallCharges charges(context_);
    std::unordered_map<std::string, size_t> places;
    std::string encoded;
    for (size_t m = 0; m < input_.size(); ++m) {
      if (Status status = pace_.turn(kSeriesWork); !status.ok()) return status;
      if (op_ == AggregateOp::kLimitRatio) offsets_.push_back(sampling_offset(input_[m].labels));
      grouping.apply(input_[m].labels, encoded);
      const auto [place, is_new] = places.try_emplace(encoded, groups_.size());
      if (is_new) {
        constexpr size_t kNodeBytes = 128;  // Of the map, and the vector of members.
        if (Status status = charges.add(kNodeBytes + encoded.size()); !status.ok()) return status;
        groups_.emplace_back();
      }
      groups_[place->second].push_back(m);
    }
    return {};
  }

  // The order of an instant query is part of the answer.
  Status emit_in_order(SeriesSink& sink) {
    for (const auto& members : groups_) {
      if (Status status = choose(members, 0); !status.ok()) return status;
      for (const size_t m : chosen_) {
        if (Status status = pace_.turn(kSeriesWork); !status.ok()) return status;
        if (Status status = sink.consume(input_[m]); !status.ok()) return status;
      }
    }
    return {};
  }

  Status emit_steps(SeriesSink& sink) {
    const size_t steps = parameter_.steps();
    constexpr size_t kBitmapBytes = sizeof(Presence) + 16;
    if (Status status = charge_.add(0, input_.size() * (kBitmapBytes + steps / 8)); !status.ok()) return status;
    std::vector<Presence> chosen(input_.size(), Presence(steps));
    for (const auto& members : groups_) {
      for (size_t step = 0; step < steps; ++step) {
        if (Status status = choose(members, step); !status.ok()) return status;
        for (const size_t m : chosen_) chosen[m].set(step);
      }
    }
    for (size_t m = 0; m < input_.size(); ++m) {
      if (Status status = pace_.turn(kSeriesWork); !status.ok()) return status;
      if (!chosen[m].any()) continue;
      keep(input_[m].column, chosen[m]);
      if (Status status = sink.consume(input_[m]); !status.ok()) return status;
    }
    return {};
  }

  // Puts the chosen of one group at one step into chosen_, best first.
  Status choose(const std::vector<size_t>& members, size_t step) {
    chosen_.clear();
    if (Status status = pace_.turn(2 * members.size()); !status.ok()) return status;
    const double parameter = parameter_.v[step];
    if (op_ == AggregateOp::kLimitRatio) {
      const double ratio = std::clamp(parameter, -1.0, 1.0);
      for (const size_t m : members) {
        if (parameter != 0 && has(m, step) && is_sampled(ratio, offsets_[m])) chosen_.push_back(m);
      }
      return {};
    }
    if (parameter < 1) return {};
    const size_t k = std::min(static_cast<size_t>(parameter), input_.size());
    if (op_ == AggregateOp::kLimitK) {
      for (size_t i = 0; i < members.size() && chosen_.size() < k; ++i) {
        if (has(members[i], step)) chosen_.push_back(members[i]);
      }
      return {};
    }
    return choose_best(members, step, k);
  }

  Status choose_best(const std::vector<size_t>& members, size_t step, size_t k) {
    BestK best(op_ == AggregateOp::kTopK, k);
    for (const size_t m : members) {
      if (!has(m, step)) continue;
      if (Status status = pace_.turn(1); !status.ok()) return status;
      best.offer({input_[m].column.v[step], m});
    }
    if (Status status = best.sort(context_); !status.ok()) return status;
    for (const Candidate& c : best.candidates()) chosen_.push_back(c.series);
    return {};
  }

  bool has(size_t series, size_t step) const { return input_[series].column.has(step); }

  // They have no order. This is told where they could have been chosen.
  void leave_out_histograms(TextOffset at) {
    bool ignored = false;
    for (Series& series : input_) {
      if (series.column.histograms.empty()) continue;
      series.column.histograms.present.for_each([&](size_t step) { ignored |= parameter_.v[step] >= 1; });
      series.column.drop_histograms();
    }
    if (!ignored) return;
    context_.annotations().info(fmt::format("ignored histogram in {} aggregation", aggregate_op_name(op_)), at);
  }

  static void keep(Column& column, const Presence& chosen) {
    for (size_t w = 0; w < chosen.word_count(); ++w) column.present.word(w) &= chosen.word(w);
    for (size_t i = 0; i < column.histograms.at.size(); ++i) {
      if (!chosen.get(i)) column.histograms.erase(i);
    }
  }

  QueryContext& context_;
  Charge charge_;
  Pace pace_;
  const AggregateOp op_;
  const Column& parameter_;
  std::vector<Series>& input_;
  std::vector<double> offsets_;  // Of each series, for limit_ratio.
  std::vector<std::vector<size_t>> groups_;
  std::vector<size_t> chosen_;
};

}  // namespace

Status rank_series(QueryContext& context, RankOp op, const Grouping& grouping, const Column& parameter, Matrix& input,
                   SeriesSink& sink) {
  if (op.op == AggregateOp::kLimitRatio) {
    for (const double v : parameter.v) {
      if (std::isnan(v)) return Status::execution("Ratio value is NaN");
    }
  } else if (std::any_of(parameter.v.begin(), parameter.v.end(), [](double v) { return !(v < 1); })) {
    for (const double k : parameter.v) {
      if (Status status = check_count(k); !status.ok()) return status;
    }
  }
  return Ranking(context, op, parameter, input).run(grouping, sink);
}

}  // namespace tidemark::promql
