#include "aggregator/promql/type_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "aggregator/promql/functions.h"
#include "aggregator/promql/grammar.h"
#include "aggregator/promql/quote.h"

namespace tidemark::promql {
namespace {

bool is_operand(ValueType type) { return type == ValueType::kScalar || type == ValueType::kVector; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class TypeChecker {
 public:
  explicit TypeChecker(std::string_view text) : text_(text) {}

  // Each answers OK or the first mistake, in Prometheus' order. Recursion is bounded by kTreeDepthMax.
  Status check(Expr& expr) {
    switch (expr.kind) {
      case ExprKind::kNumber:
      case ExprKind::kString:
        return {};
      case ExprKind::kVectorSelector:
        return check_selector(static_cast<VectorSelector&>(expr));
      case ExprKind::kMatrixSelector:
        return check_selector(*static_cast<MatrixSelector&>(expr).vector);
      case ExprKind::kSubquery:
        return check_subquery(static_cast<SubqueryExpr&>(expr));
      case ExprKind::kParen:
        return check(*static_cast<ParenExpr&>(expr).expr);
      case ExprKind::kUnary:
        return check_unary(static_cast<UnaryExpr&>(expr));
      case ExprKind::kBinary:
        return check_binary(static_cast<BinaryExpr&>(expr));
      case ExprKind::kAggregate:
        return check_aggregate(static_cast<AggregateExpr&>(expr));
      case ExprKind::kCall:
        return check_call(static_cast<CallExpr&>(expr));
    }
    return {};
  }

 private:
  Status error(uint32_t position, std::string_view message) const { return parse_error(text_, position, message); }
  Status error(const Expr& expr, std::string_view message) const { return error(expr.span.start, message); }

  Status expect(Expr& expr, ValueType wanted, std::string_view context) {
    if (Status status = check(expr); !status.ok()) return status;
    if (expr.type == wanted) return {};
    return error(expr, fmt::format("expected type {} in {}, got {}", documented_type_name(wanted), context,
                                   documented_type_name(expr.type)));
  }

  Status check_selector(const VectorSelector& selector) {
    if (!selector.name.empty()) {
      for (size_t i = 0; i + 1 < selector.matchers.size(); ++i) {
        const Matcher& matcher = selector.matchers[i];
        if (matcher.name() != kMetricName) continue;
        return error(selector, fmt::format("metric name must not be set twice: {} or {}", quoted(selector.name),
                                           quoted(matcher.value())));
      }
      return {};
    }
    // Against selecting everything by a slip of the pen.
    const bool selects_something = std::any_of(selector.matchers.begin(), selector.matchers.end(),
                                               [](const Matcher& matcher) { return !matcher.matches_empty(); });
    if (selects_something || selector.is_info_data_selector) return {};
    return error(selector, "vector selector must contain at least one non-empty matcher");
  }

  Status check_subquery(SubqueryExpr& subquery) {
    if (Status status = check(*subquery.expr); !status.ok()) return status;
    if (subquery.expr->type == ValueType::kVector) return {};
    return error(subquery, fmt::format("subquery is only allowed on instant vector, got {} instead",
                                       value_type_name(subquery.expr->type)));
  }

  Status check_unary(UnaryExpr& unary) {
    if (Status status = check(*unary.expr); !status.ok()) return status;
    if (is_operand(unary.expr->type)) return {};
    return error(unary, fmt::format("unary expression only allowed on expressions of type scalar or instant vector, "
                                    "got \"{}\"",
                                    documented_type_name(unary.expr->type)));
  }

  Status check_aggregate(AggregateExpr& aggregate) {
    if (Status status = expect(*aggregate.expr, ValueType::kVector, "aggregation expression"); !status.ok())
      return status;
    if (aggregate.parameter == nullptr) return {};
    const ValueType wanted = aggregate.op == AggregateOp::kCountValues ? ValueType::kString : ValueType::kScalar;
    return expect(*aggregate.parameter, wanted, "aggregation parameter");
  }

  Status check_argument_count(const CallExpr& call) const {
    const Function& function = *call.function;
    const size_t given = call.args.size();
    const auto wrong = [&](std::string_view bound, size_t wanted) {
      return error(call, fmt::format("expected {}{} argument(s) in call to \"{}\", got {}", bound, wanted,
                                     function.name, given));
    };
    if (function.variadic == 0) return given == function.args.size() ? Status() : wrong("", function.args.size());
    const size_t least = function.args.size() - 1;
    if (given < least) return wrong("at least ", least);
    const size_t most = least + static_cast<size_t>(std::max(function.variadic, 0));
    if (function.variadic != Function::kUnbounded && given > most) return wrong("at most ", most);
    return {};
  }

  Status check_info_selector(const CallExpr& call) const {
    const Expr& arg = *call.args[1];
    if (arg.type != ValueType::kVector) {
      return error(call, fmt::format("expected type instant vector in call to function \"info\", got {}",
                                     documented_type_name(arg.type)));
    }
    const auto* selector = try_as<VectorSelector>(arg);
    if (selector == nullptr) return error(arg, "expected label selectors only");
    if (!selector->name.empty()) return error(arg, "expected label selectors only, got vector selector instead");
    return {};
  }

  Status check_call(CallExpr& call) {
    if (Status status = check_argument_count(call); !status.ok()) return status;
    const Function& function = *call.function;
    if (function.name == "info" && call.args.size() > 1) {
      if (Status status = check_info_selector(call); !status.ok()) return status;
    }
    const std::string context = fmt::format("call to function \"{}\"", function.name);
    for (size_t i = 0; i < call.args.size(); ++i) {
      const ValueType wanted = function.args[std::min(i, function.args.size() - 1)];
      if (Status status = expect(*call.args[i], wanted, context); !status.ok()) return status;
    }
    return {};
  }

  // Where the operator stands.
  uint32_t operator_start(const BinaryExpr& binary) const {
    uint32_t start = binary.lhs->span.end;
    while (start < text_.size() && is_space(text_[start])) ++start;
    return start;
  }

  Status check_binary(BinaryExpr& binary) {
    if (Status status = check(*binary.lhs); !status.ok()) return status;
    if (Status status = check(*binary.rhs); !status.ok()) return status;
    const ValueType lt = binary.lhs->type;
    const ValueType rt = binary.rhs->type;
    VectorMatching& matching = *binary.matching;
    if (binary.return_bool && !is_comparison(binary.op))
      return error(operator_start(binary), "bool modifier can only be used on comparison operators");
    if (is_comparison(binary.op) && !binary.return_bool && lt == ValueType::kScalar && rt == ValueType::kScalar)
      return error(operator_start(binary), "comparisons between scalars must use BOOL modifier");
    if (is_set_op(binary.op) && matching.cardinality == MatchCardinality::kOneToOne)
      matching.cardinality = MatchCardinality::kManyToMany;
    if (matching.on) {
      for (const std::string& label : matching.labels) {
        if (std::find(matching.include.begin(), matching.include.end(), label) == matching.include.end()) continue;
        return error(operator_start(binary),
                     fmt::format("label {} must not occur in ON and GROUP clause at once", quoted(label)));
      }
    }
    for (const Expr* side : {binary.lhs.get(), binary.rhs.get()}) {
      if (!is_operand(side->type))
        return error(*side, "binary expression must contain only scalar and instant vector types");
    }
    if (lt == ValueType::kVector && rt == ValueType::kVector) return check_vector_matching(binary, matching);
    if (!matching.labels.empty()) return error(binary, "vector matching only allowed between instant vectors");
    if (matching.fill_left || matching.fill_right)
      return error(binary, "filling in missing series only allowed between instant vectors");
    if (is_set_op(binary.op)) {
      return error(binary, fmt::format("set operator \"{}\" not allowed in binary scalar expression",
                                       binary_op_text(binary.op)));
    }
    binary.matching.reset();
    return {};
  }

  Status check_vector_matching(const BinaryExpr& binary, const VectorMatching& matching) const {
    if (!is_set_op(binary.op)) return {};
    if (matching.cardinality != MatchCardinality::kManyToMany)
      return error(binary, fmt::format("no grouping allowed for \"{}\" operation", binary_op_text(binary.op)));
    if (matching.fill_left || matching.fill_right)
      return error(binary, "filling in missing series not allowed for set operators");
    return {};
  }

  const std::string_view text_;
};

}  // namespace

Status check_types(std::string_view text, Expr& expr) { return TypeChecker(text).check(expr); }

}  // namespace tidemark::promql
