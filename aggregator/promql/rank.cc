// topk, bottomk, limitk and limit_ratio.
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "aggregator/promql/aggregate.h"
#include "aggregator/promql/polled_sort.h"
#include "model/number.h"

namespace tidemark::promql {
namespace {

struct Candidate {
  double v;
  size_t series;
};

// The k best seen so far with the worst of them on top: a binary heap that moves its elements exactly as Go's
// container/heap does, because that decides which of several equal values stay.
class BestK {
 public:
  BestK(bool largest, size_t k) : largest_(largest), k_(k) {}

  void offer(Candidate c) {
    if (heap_.size() < k_) {
      heap_.push_back(c);
      rise(heap_.size() - 1);
    } else if (beats(c.v, heap_[0].v)) {
      heap_[0] = c;
      sink();
    }
  }

  // Puts them into an order: best first, NaN last.
  Status sort(const QueryContext& context) {
    return polled_stable_sort(context, heap_, [&](const Candidate& a, const Candidate& b) {
      if (std::isnan(a.v) || std::isnan(b.v)) return !std::isnan(a.v);
      return largest_ ? a.v > b.v : a.v < b.v;
    });
  }
  const std::vector<Candidate>& candidates() const { return heap_; }

 private:
  bool beats(double v, double worst) const {
    return (largest_ ? worst < v : worst > v) || (std::isnan(worst) && !std::isnan(v));
  }
  // Whether a belongs above b. Of two NaN the answer is yes.
  bool worse(size_t a, size_t b) const {
    if (std::isnan(heap_[a].v)) return true;
    return largest_ ? heap_[a].v < heap_[b].v : heap_[a].v > heap_[b].v;
  }
  void rise(size_t child) {
    while (child > 0) {
      const size_t parent = (child - 1) / 2;
      if (!worse(child, parent)) return;
      std::swap(heap_[child], heap_[parent]);
      child = parent;
    }
  }
  void sink() {
    size_t parent = 0;
    for (;;) {
      size_t child = 2 * parent + 1;
      if (child >= heap_.size()) return;
      if (child + 1 < heap_.size() && worse(child + 1, child)) ++child;
      if (!worse(child, parent)) return;
      std::swap(heap_[child], heap_[parent]);
      parent = child;
    }
  }

  const bool largest_;
  const size_t k_;
  std::vector<Candidate> heap_;
};

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

// Fails on what cannot be a count.
Status check_counts(const Column& k) {
  for (const double v : k.v) {
    if (std::isnan(v)) return Status::execution("Parameter value is NaN");
    if (v <= -9223372036854775808.0) {
      return Status::execution(fmt::format("Scalar value {} underflows int64", format_float(v)));
    }
    if (v >= 9223372036854775808.0) {
      return Status::execution(fmt::format("Scalar value {} overflows int64", format_float(v)));
    }
  }
  return {};
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

  // They have no order.
  void leave_out_histograms(TextOffset at) {
    for (Series& series : input_) {
      if (series.column.histograms.empty()) continue;
      context_.annotations().info(fmt::format("ignored histogram in {} aggregation", aggregate_op_name(op_)), at);
      series.column.drop_histograms();
    }
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
    if (Status status = check_counts(parameter); !status.ok()) return status;
  }
  return Ranking(context, op, parameter, input).run(grouping, sink);
}

}  // namespace tidemark::promql
