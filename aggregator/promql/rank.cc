// topk, bottomk, limitk and limit_ratio.
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "aggregator/promql/aggregate.h"
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

  // Best first, NaN last.
  std::vector<Candidate> take() {
    std::stable_sort(heap_.begin(), heap_.end(), [&](const Candidate& a, const Candidate& b) {
      if (std::isnan(a.v) || std::isnan(b.v)) return !std::isnan(a.v);
      return largest_ ? a.v > b.v : a.v < b.v;
    });
    return std::move(heap_);
  }

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
      : context_(context), op_(op.op), parameter_(parameter), input_(input.series()) {
    if (op_ == AggregateOp::kTopK || op_ == AggregateOp::kBottomK) leave_out_histograms(op.at);
    if (op_ != AggregateOp::kLimitRatio) return;
    for (const Series& series : input_) offsets_.push_back(sampling_offset(series.labels));
  }

  // The chosen of one group at one step, best first.
  std::vector<size_t> choose(const std::vector<size_t>& members, size_t step) const {
    std::vector<size_t> chosen;
    const double parameter = parameter_.v[step];
    if (op_ == AggregateOp::kLimitRatio) {
      const double ratio = std::clamp(parameter, -1.0, 1.0);
      for (const size_t m : members) {
        if (parameter != 0 && has(m, step) && is_sampled(ratio, offsets_[m])) chosen.push_back(m);
      }
      return chosen;
    }
    if (parameter < 1) return chosen;
    const size_t k = std::min(static_cast<size_t>(parameter), input_.size());
    if (op_ == AggregateOp::kLimitK) {
      for (size_t i = 0; i < members.size() && chosen.size() < k; ++i) {
        if (has(members[i], step)) chosen.push_back(members[i]);
      }
      return chosen;
    }
    BestK best(op_ == AggregateOp::kTopK, k);
    for (const size_t m : members) {
      if (has(m, step)) best.offer({input_[m].column.v[step], m});
    }
    for (const Candidate& c : best.take()) chosen.push_back(c.series);
    return chosen;
  }

  Status emit(const std::vector<std::vector<size_t>>& groups, SeriesSink& sink) {
    if (parameter_.steps() == 1) {  // Order is part of the answer.
      for (const auto& members : groups) {
        if (Status status = context_.poll(); !status.ok()) return status;
        for (const size_t m : choose(members, 0)) {
          if (Status status = sink.consume(input_[m]); !status.ok()) return status;
        }
      }
      return {};
    }
    std::vector<Presence> chosen(input_.size(), Presence(parameter_.steps()));
    for (const auto& members : groups) {
      for (size_t step = 0; step < parameter_.steps(); ++step) {
        if (Status status = context_.poll(); !status.ok()) return status;
        for (const size_t m : choose(members, step)) chosen[m].set(step);
      }
    }
    for (size_t m = 0; m < input_.size(); ++m) {
      if (!chosen[m].any()) continue;
      keep(input_[m].column, chosen[m]);
      if (Status status = sink.consume(input_[m]); !status.ok()) return status;
    }
    return {};
  }

 private:
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
  const AggregateOp op_;
  const Column& parameter_;
  std::vector<Series>& input_;
  std::vector<double> offsets_;  // Of each series, for limit_ratio.
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
  std::vector<std::vector<size_t>> groups;
  std::unordered_map<std::string, size_t> places;
  std::string encoded;
  for (size_t m = 0; m < input.size(); ++m) {
    grouping.apply(input.series()[m].labels, encoded);
    const auto [place, is_new] = places.try_emplace(encoded, groups.size());
    if (is_new) groups.emplace_back();
    groups[place->second].push_back(m);
  }
  return Ranking(context, op, parameter, input).emit(groups, sink);
}

}  // namespace tidemark::promql
