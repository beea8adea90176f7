// Calls that look at labels or order and not at values one by one: label_replace, label_join, sort and its variants.
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <compare>
#include <utility>

#include "aggregator/promql/evaluator.h"
#include "aggregator/promql/functions.h"
#include "aggregator/promql/natural_order.h"
#include "aggregator/promql/polled_sort.h"
#include "model/group_reference.h"
#include "model/utf8.h"

namespace tidemark::promql {
namespace {

const std::string& string_argument(const CallExpr& call, size_t i) {
  return as<StringLiteral>(unwrap_parens(*call.args[i])).value;
}

bool is_label_name(std::string_view name) { return !name.empty() && is_valid_utf8(name); }

// A replacement text with $1, ${1}, $name, ${name} and $$: taken apart once, filled in for each series.
class Template {
 public:
  Template(std::string_view text, const re2::RE2& regex) {
    while (!text.empty()) {
      const size_t dollar = text.find('$');
      add_literal(text.substr(0, dollar));
      if (dollar == std::string_view::npos) return;
      text.remove_prefix(dollar + 1);
      if (text.starts_with('$')) {
        add_literal("$");
        text.remove_prefix(1);
      } else if (const auto reference = group_reference_at(text)) {
        pieces_.push_back({{}, group_of(*reference, regex)});
        text.remove_prefix(reference->bytes);
      } else {
        add_literal("$");
      }
    }
  }

  std::string fill(const std::vector<re2::StringPiece>& groups) const {
    std::string out;
    for (const Piece& piece : pieces_) {
      if (piece.group < 0) {
        out += piece.literal;
      } else if (static_cast<size_t>(piece.group) < groups.size()) {
        const re2::StringPiece& group = groups[static_cast<size_t>(piece.group)];
        out.append(group.data(), group.size());
      }
    }
    return out;
  }

 private:
  struct Piece {
    std::string literal;
    int group = -1;
  };
  static constexpr int kNoSuchGroup = 1 << 30;

  void add_literal(std::string_view text) {
    if (!text.empty()) pieces_.push_back({std::string(text), -1});
  }

  static int group_of(const GroupReference& reference, const re2::RE2& regex) {
    if (reference.number >= 0) return reference.number;
    const auto& named = regex.NamedCapturingGroups();
    const auto found = named.find(std::string(reference.name));
    return found == named.end() ? kNoSuchGroup : found->second;
  }

  std::vector<Piece> pieces_;
};

void set_label(Series& series, const std::string& name, std::string_view value) {
  LabelsBuilder builder(series.labels);
  builder.set(name, value);
  series.labels = builder.build();
  if (name == kMetricName) series.drop_name = false;
}

// What a series' destination label becomes, or nothing to leave it alone.
template <class NewValue>
Status relabel(QueryContext& context, Evaluator& evaluator, const Expr& input, const Grid& grid,
               const std::string& destination, NewValue new_value, SeriesSink& sink) {
  CollisionCheck collisions(context);
  FunctionSink relabelled([&](Series& series) {
    if (Status status = context.poll(); !status.ok()) return status;
    if (const std::optional<std::string> value = new_value(series.labels)) set_label(series, destination, *value);
    if (Status status = collisions.add(series.labels, series.column.all_present()); !status.ok()) return status;
    return sink.consume(series);
  });
  return evaluator.vector(input, grid, relabelled);
}

Status replace_labels(QueryContext& context, Evaluator& evaluator, const CallExpr& call, const Grid& grid,
                      SeriesSink& sink) {
  const std::string& destination = string_argument(call, 1);
  const std::string& source = string_argument(call, 3);
  const std::string& pattern = string_argument(call, 4);
  re2::RE2::Options options;
  options.set_log_errors(false);
  const re2::RE2 regex("(?s:" + pattern + ")", options);
  if (!regex.ok()) return Status::execution("invalid regular expression in label_replace(): " + pattern);
  if (!is_label_name(destination)) {
    return Status::execution("invalid destination label name in label_replace(): " + destination);
  }
  const Template replacement(string_argument(call, 2), regex);
  std::vector<re2::StringPiece> groups(static_cast<size_t>(regex.NumberOfCapturingGroups()) + 1);
  const auto new_value = [&](const Labels& labels) -> std::optional<std::string> {
    const std::string_view text = labels.get(source);
    const re2::StringPiece piece(text.data(), text.size());
    if (!regex.Match(piece, 0, piece.size(), re2::RE2::ANCHOR_BOTH, groups.data(), static_cast<int>(groups.size()))) {
      return {};
    }
    return replacement.fill(groups);
  };
  return relabel(context, evaluator, *call.args[0], grid, destination, new_value, sink);
}

Status join_labels(QueryContext& context, Evaluator& evaluator, const CallExpr& call, const Grid& grid,
                   SeriesSink& sink) {
  const std::string& destination = string_argument(call, 1);
  const std::string& separator = string_argument(call, 2);
  for (size_t i = 3; i < call.args.size(); ++i) {
    if (is_label_name(string_argument(call, i))) continue;
    return Status::execution("invalid source label name in label_join(): " + string_argument(call, i));
  }
  if (!is_label_name(destination)) {
    return Status::execution("invalid destination label name in label_join(): " + destination);
  }
  const auto new_value = [&](const Labels& labels) {
    std::string joined;
    for (size_t i = 3; i < call.args.size(); ++i) {
      if (i > 3) joined += separator;
      joined += labels.get(string_argument(call, i));
    }
    return std::optional<std::string>(std::move(joined));
  };
  return relabel(context, evaluator, *call.args[0], grid, destination, new_value, sink);
}

// NaN last, whichever way numbers go.
bool value_before(double a, double b, bool descending) {
  if (std::isnan(a) || std::isnan(b)) return !std::isnan(a);
  return descending ? a > b : a < b;
}

std::strong_ordering compare_by_labels(const CallExpr& call, const Labels& a, const Labels& b) {
  for (size_t i = 1; i < call.args.size(); ++i) {
    const std::string& name = string_argument(call, i);
    const std::string_view x = a.get(name);
    const std::string_view y = b.get(name);
    if (natural_less(x, y)) return std::strong_ordering::less;
    if (natural_less(y, x)) return std::strong_ordering::greater;
  }
  return a <=> b;
}

}  // namespace

Status Evaluator::label_call(const CallExpr& call, const Grid& grid, SeriesSink& sink) {
  if (call.function->name == "label_replace") return replace_labels(context_, *this, call, grid, sink);
  return join_labels(context_, *this, call, grid, sink);
}

Status Evaluator::sort_call(const CallExpr& call, const Grid& grid, SeriesSink& sink) {
  const std::string_view name = call.function->name;
  const bool by_label = name.starts_with("sort_by_label");
  if (grid.is_range) {
    context_.annotations().warn("sort is ineffective for range queries since results are always ordered by labels",
                                call.span.start);
    if (by_label) return vector(*call.args[0], grid, sink);
    FunctionSink numbers([&](Series& series) {
      return series.column.drop_histograms() ? sink.consume(series) : Status();  // They have no order.
    });
    return vector(*call.args[0], grid, numbers);
  }
  Matrix input(context_);
  if (Status status = vector(*call.args[0], grid, input); !status.ok()) return status;
  std::vector<Series>& series = input.series();
  const bool descending = name.ends_with("_desc");
  if (by_label) {
    const auto less = [&](const Series& a, const Series& b) {
      const auto order = compare_by_labels(call, a.labels, b.labels);
      return descending ? std::is_gt(order) : std::is_lt(order);
    };
    if (Status status = polled_stable_sort(context_, series, less); !status.ok()) return status;
  } else {
    std::erase_if(series, [](Series& one) { return !one.column.drop_histograms(); });
    const auto less = [&](const Series& a, const Series& b) {
      return value_before(a.column.v[0], b.column.v[0], descending);
    };
    if (Status status = polled_stable_sort(context_, series, less); !status.ok()) return status;
  }
  Pace pace(context_);
  for (Series& one : series) {
    if (Status status = pace.turn(kSeriesWork); !status.ok()) return status;
    if (Status status = sink.consume(one); !status.ok()) return status;
  }
  return {};
}

}  // namespace tidemark::promql
