#include "aggregator/promql/printer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "aggregator/promql/functions.h"
#include "aggregator/promql/quote.h"
#include "model/duration.h"
#include "model/number.h"

namespace tidemark::promql {
namespace {

void append_signed_duration(std::string& out, int64_t ms) {
  if (ms < 0) out += '-';
  out += format_duration_ms(std::abs(ms));
}

void append_literal(std::string& out, double value, bool is_duration) {
  if (is_duration) {
    append_signed_duration(out, static_cast<int64_t>(std::round(value * 1000)));
  } else {
    append_fixed_float(out, value);
  }
}

void append_names(std::string& out, const std::vector<std::string>& names) {
  out += '(';
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += ", ";
    append_label_name(out, names[i]);
  }
  out += ')';
}

std::string_view duration_op_text(DurationExpr::Op op) {
  switch (op) {
    case DurationExpr::Op::kAdd:
      return " + ";
    case DurationExpr::Op::kSub:
      return " - ";
    case DurationExpr::Op::kMul:
      return " * ";
    case DurationExpr::Op::kDiv:
      return " / ";
    case DurationExpr::Op::kMod:
      return " % ";
    case DurationExpr::Op::kPow:
      return " ^ ";
    default:
      return "";
  }
}

class Printer {
 public:
  explicit Printer(std::string& out) : out_(out) {}

  void print(const Expr& expr) {
    switch (expr.kind) {
      case ExprKind::kNumber: {
        const auto& number = as<NumberLiteral>(expr);
        return append_literal(out_, number.value, number.is_duration);
      }
      case ExprKind::kString:
        return append_quoted(out_, as<StringLiteral>(expr).value);
      case ExprKind::kVectorSelector:
        return print_vector(as<VectorSelector>(expr));
      case ExprKind::kMatrixSelector:
        return print_matrix(as<MatrixSelector>(expr));
      case ExprKind::kSubquery:
        return print_subquery(as<SubqueryExpr>(expr));
      case ExprKind::kParen:
        out_ += '(';
        print(*as<ParenExpr>(expr).expr);
        out_ += ')';
        return;
      case ExprKind::kUnary:
        out_ += as<UnaryExpr>(expr).negate ? '-' : '+';
        return print(*as<UnaryExpr>(expr).expr);
      case ExprKind::kBinary:
        return print_binary(as<BinaryExpr>(expr));
      case ExprKind::kAggregate:
        return print_aggregate(as<AggregateExpr>(expr));
      case ExprKind::kCall:
        return print_call(as<CallExpr>(expr));
    }
  }

  void print_duration(const DurationExpr& expr) {
    if (expr.in_parens) out_ += '(';
    switch (expr.op) {
      case DurationExpr::Op::kLiteral:
        append_literal(out_, expr.seconds, expr.is_duration_literal);
        break;
      case DurationExpr::Op::kStep:
        out_ += "step()";
        break;
      case DurationExpr::Op::kRange:
        out_ += "range()";
        break;
      case DurationExpr::Op::kNegate:
        out_ += '-';
        print_duration(*expr.lhs);
        break;
      case DurationExpr::Op::kMinOf:
      case DurationExpr::Op::kMaxOf:
        out_ += expr.op == DurationExpr::Op::kMinOf ? "min_of(" : "max_of(";
        print_duration(*expr.lhs);
        out_ += ", ";
        print_duration(*expr.rhs);
        out_ += ')';
        break;
      default:
        print_duration(*expr.lhs);
        out_ += duration_op_text(expr.op);
        print_duration(*expr.rhs);
    }
    if (expr.in_parens) out_ += ')';
  }

  void print_operator(const BinaryExpr& binary) {
    out_ += binary_op_text(binary.op);
    if (binary.return_bool) out_ += " bool";
    if (binary.matching) print_matching(*binary.matching);
  }

  void print_aggregate_op(const AggregateExpr& aggregate) {
    out_ += aggregate_op_name(aggregate.op);
    if (aggregate.without || !aggregate.grouping.empty()) {
      out_ += aggregate.without ? " without " : " by ";
      append_names(out_, aggregate.grouping);
      out_ += ' ';
    }
  }

  void print_subquery_times(const SubqueryExpr& subquery) {
    out_ += '[';
    print_value(subquery.range);
    out_ += ':';
    if (subquery.step.is_set()) print_value(subquery.step);
    out_ += ']';
    print_at(subquery.time);
    print_offset(subquery.time);
  }

 private:
  void print_value(const DurationValue& value) {
    if (value.expr != nullptr) {
      print_duration(*value.expr);
    } else {
      append_signed_duration(out_, value.ms);
    }
  }

  void print_at(const TimeModifiers& time) {
    if (time.at_ms) fmt::format_to(std::back_inserter(out_), " @ {:.3f}", static_cast<double>(*time.at_ms) / 1000);
    if (time.at_edge == TimeModifiers::AtEdge::kStart) out_ += " @ start()";
    if (time.at_edge == TimeModifiers::AtEdge::kEnd) out_ += " @ end()";
  }

  void print_offset(const TimeModifiers& time) {
    if (!time.offset.is_set()) return;
    out_ += " offset ";
    print_value(time.offset);
  }

  void print_extension(const VectorSelector& selector) {
    if (selector.extension == VectorSelector::Extension::kAnchored) out_ += " anchored";
    if (selector.extension == VectorSelector::Extension::kSmoothed) out_ += " smoothed";
  }

  // Name and braces, the matchers sorted by their text.
  void print_selection(const VectorSelector& selector) {
    std::vector<std::string> matchers;
    for (const Matcher& matcher : selector.matchers) {
      const bool is_name = matcher.name() == kMetricName && matcher.op() == MatchOp::kEqual &&
                           matcher.value() == selector.name && !matcher.value().empty();
      if (is_name) continue;
      std::string text;
      append_label_name(text, matcher.name());
      text += match_op_text(matcher.op());
      append_quoted(text, matcher.value());
      matchers.push_back(std::move(text));
    }
    std::sort(matchers.begin(), matchers.end());
    out_ += selector.name;
    if (matchers.empty()) {
      if (selector.name.empty()) out_ += "{}";
      return;
    }
    char separator = '{';
    for (const std::string& text : matchers) {
      out_ += separator;
      out_ += text;
      separator = ',';
    }
    out_ += '}';
  }

  void print_vector(const VectorSelector& selector) {
    print_selection(selector);
    print_at(selector.time);
    print_extension(selector);
    print_offset(selector.time);
  }

  void print_matrix(const MatrixSelector& matrix) {
    print_selection(*matrix.vector);
    out_ += '[';
    print_value(matrix.range);
    out_ += ']';
    print_extension(*matrix.vector);
    print_at(matrix.vector->time);
    print_offset(matrix.vector->time);
  }

  void print_subquery(const SubqueryExpr& subquery) {
    print(*subquery.expr);
    print_subquery_times(subquery);
  }

  void print_fill(std::string_view word, double value) {
    out_.append(" ").append(word).append(" (").append(format_general_float(value)).append(")");
  }

  void print_matching(const VectorMatching& matching) {
    const bool is_grouped =
        matching.cardinality == MatchCardinality::kManyToOne || matching.cardinality == MatchCardinality::kOneToMany;
    if (!matching.labels.empty() || matching.on || is_grouped) {
      out_ += matching.on ? " on " : " ignoring ";
      append_names(out_, matching.labels);
    }
    if (is_grouped) {
      out_ += matching.cardinality == MatchCardinality::kManyToOne ? " group_left " : " group_right ";
      append_names(out_, matching.include);
    }
    if (matching.fill_left && matching.fill_right && *matching.fill_left == *matching.fill_right)
      return print_fill("fill", *matching.fill_left);
    if (matching.fill_left) print_fill("fill_left", *matching.fill_left);
    if (matching.fill_right) print_fill("fill_right", *matching.fill_right);
  }

  void print_binary(const BinaryExpr& binary) {
    if (has_infinite_base(binary)) {
      out_ += "Inf";
    } else {
      print(*binary.lhs);
    }
    out_ += ' ';
    print_operator(binary);
    out_ += ' ';
    print(*binary.rhs);
  }

  void print_aggregate(const AggregateExpr& aggregate) {
    print_aggregate_op(aggregate);
    out_ += '(';
    if (aggregate.parameter != nullptr) {
      print(*aggregate.parameter);
      out_ += ", ";
    }
    print(*aggregate.expr);
    out_ += ')';
  }

  void print_call(const CallExpr& call) {
    out_.append(call.function->name).append("(");
    for (size_t i = 0; i < call.args.size(); ++i) {
      if (i > 0) out_ += ", ";
      print(*call.args[i]);
    }
    out_ += ')';
  }

  std::string& out_;
};

template <class Print>
std::string text_of(Print&& print) {
  std::string out;
  Printer printer(out);
  print(printer);
  return out;
}

}  // namespace

std::string to_string(const Expr& expr) {
  return text_of([&](Printer& p) { p.print(expr); });
}

std::string to_string(const DurationExpr& expr) {
  return text_of([&](Printer& p) { p.print_duration(expr); });
}

bool has_infinite_base(const BinaryExpr& binary) {
  const auto* number = try_as<NumberLiteral>(*binary.lhs);
  return binary.op == BinaryOp::kPow && number != nullptr && std::isinf(number->value);
}

std::string operator_text(const BinaryExpr& binary) {
  return text_of([&](Printer& p) { p.print_operator(binary); });
}

std::string head_text(const AggregateExpr& aggregate) {
  return text_of([&](Printer& p) { p.print_aggregate_op(aggregate); });
}

std::string times_text(const SubqueryExpr& subquery) {
  return text_of([&](Printer& p) { p.print_subquery_times(subquery); });
}

std::string number_text(double value) {
  std::string out;
  append_fixed_float(out, value);
  return out;
}

}  // namespace tidemark::promql
