#include "tests/promql/tree_dump.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>

#include "aggregator/promql/functions.h"
#include "aggregator/promql/printer.h"

namespace tidemark::promql {
namespace {

// Of numbers the bits, for -0 and NaN; of a sum of durations its text, which names all parts.
std::string of(double v) { return fmt::format("{:x}", std::bit_cast<uint64_t>(v)); }
std::string of(const std::optional<double>& v) { return v ? of(*v) : "-"; }
std::string of(const DurationValue& d) {
  return d.expr != nullptr ? "<" + to_string(*d.expr) + ">" : std::to_string(d.ms);
}

std::string of(const TimeModifiers& time) {
  return fmt::format("offset {} at {} edge {}", of(time.offset), time.at_ms.value_or(-1),
                     static_cast<int>(time.at_edge));
}

std::string of(const VectorSelector& selector) {
  std::vector<std::string> matchers;
  for (const Matcher& matcher : selector.matchers) matchers.push_back(matcher.to_string());
  std::sort(matchers.begin(), matchers.end());
  return fmt::format("select {} {{{}}} {} extension {}", selector.name, fmt::join(matchers, ","), of(selector.time),
                     static_cast<int>(selector.extension));
}

std::string of(const VectorMatching& m) {
  return fmt::format("match {} on {} ({}) include ({}) fill {} {}", static_cast<int>(m.cardinality), m.on,
                     fmt::join(m.labels, ","), fmt::join(m.include, ","), of(m.fill_left), of(m.fill_right));
}

std::string inside(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kNumber:
      return of(as<NumberLiteral>(expr).value);
    case ExprKind::kString:
      return "'" + as<StringLiteral>(expr).value + "'";
    case ExprKind::kVectorSelector:
      return of(as<VectorSelector>(expr));
    case ExprKind::kMatrixSelector:
      return of(*as<MatrixSelector>(expr).vector) + " range " + of(as<MatrixSelector>(expr).range);
    case ExprKind::kSubquery: {
      const auto& subquery = as<SubqueryExpr>(expr);
      return fmt::format("subquery {} {} {} {}", of(subquery.range), of(subquery.step), of(subquery.time),
                         dump(*subquery.expr));
    }
    case ExprKind::kParen:
      return dump(*as<ParenExpr>(expr).expr);
    case ExprKind::kUnary:
      return (as<UnaryExpr>(expr).negate ? "-" : "+") + dump(*as<UnaryExpr>(expr).expr);
    case ExprKind::kBinary: {
      const auto& binary = as<BinaryExpr>(expr);
      return fmt::format("{}{} {} {} {}", binary_op_text(binary.op), binary.return_bool ? " bool" : "",
                         binary.matching ? of(*binary.matching) : "", dump(*binary.lhs), dump(*binary.rhs));
    }
    case ExprKind::kAggregate: {
      const auto& aggregate = as<AggregateExpr>(expr);
      return fmt::format("{} without {} ({}) {} {}", aggregate_op_name(aggregate.op), aggregate.without,
                         fmt::join(aggregate.grouping, ","),
                         aggregate.parameter != nullptr ? dump(*aggregate.parameter) : "", dump(*aggregate.expr));
    }
    case ExprKind::kCall: {
      std::string out(as<CallExpr>(expr).function->name);
      for (const ExprPtr& arg : as<CallExpr>(expr).args) out += " " + dump(*arg);
      return out;
    }
  }
  return {};
}

}  // namespace

std::string dump(const Expr& expr) {
  return fmt::format("({} {} {})", static_cast<int>(expr.kind), value_type_name(expr.type), inside(expr));
}

}  // namespace tidemark::promql
