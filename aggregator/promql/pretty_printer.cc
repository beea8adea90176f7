#include "aggregator/promql/pretty_printer.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "aggregator/promql/functions.h"
#include "aggregator/promql/printer.h"

namespace tidemark::promql {
namespace {

constexpr size_t kLineMax = 100;

class PrettyPrinter {
 public:
  explicit PrettyPrinter(std::string& out) : out_(out) {}

  // Writes no more once there is too much.
  void print(const Expr& expr, size_t level) {
    if (out_.size() > kPrettyBytesMax) return;
    if (expr.kind == ExprKind::kUnary) return print_unary(as<UnaryExpr>(expr), level);
    std::string line = to_string(expr);
    const bool fits = line.size() <= kLineMax;
    if (const auto* subquery = try_as<SubqueryExpr>(expr)) {
      if (fits) {
        out_ += line;  // Without the blanks, as there.
      } else {
        print(*subquery->expr, level);
        out_ += times_text(*subquery);
      }
    } else if (const auto* binary = try_as<BinaryExpr>(expr); binary != nullptr && !fits) {
      print_binary(*binary, level);
    } else {
      indent(level);
      if (fits || !print_in_parens(expr, level)) out_ += line;
    }
  }

 private:
  void indent(size_t level) { out_.append(2 * level, ' '); }

  void print_unary(const UnaryExpr& unary, size_t level) {
    indent(level);
    out_ += unary.negate ? '-' : '+';
    const size_t at = out_.size();
    print(*unary.expr, level);
    out_.erase(at, std::min(out_.find_first_not_of(' ', at), out_.size()) - at);
  }

  void print_binary(const BinaryExpr& binary, size_t level) {
    if (has_infinite_base(binary)) {
      indent(level + 1);
      out_ += "Inf";
    } else {
      print(*binary.lhs, level + 1);
    }
    out_ += '\n';
    indent(level);
    out_ += operator_text(binary);
    out_ += '\n';
    print(*binary.rhs, level + 1);
  }

  // False when it has no parts.
  bool print_in_parens(const Expr& expr, size_t level) {
    std::vector<const Expr*> parts;
    if (const auto* paren = try_as<ParenExpr>(expr)) {
      parts.push_back(paren->expr.get());
    } else if (const auto* aggregate = try_as<AggregateExpr>(expr)) {
      out_ += head_text(*aggregate);
      if (aggregate->parameter != nullptr) parts.push_back(aggregate->parameter.get());
      parts.push_back(aggregate->expr.get());
    } else if (const auto* call = try_as<CallExpr>(expr)) {
      out_ += call->function->name;
      for (const ExprPtr& arg : call->args) parts.push_back(arg.get());
    } else {
      return false;
    }
    out_ += "(\n";
    for (size_t i = 0; i < parts.size(); ++i) {
      if (i > 0) out_ += ",\n";
      print(*parts[i], level + 1);
    }
    if (!parts.empty()) out_ += '\n';
    indent(level);
    out_ += ')';
    return true;
  }

  std::string& out_;
};

}  // namespace

Result<std::string> to_pretty_string(const Expr& expr) {
  std::string out;
  PrettyPrinter(out).print(expr, 0);
  if (out.size() > kPrettyBytesMax) {
    return fail(Status::limit(fmt::format(
        "formatted, the expression would be longer than {} MiB: it is too deeply nested", kPrettyBytesMax >> 20)));
  }
  return out;
}

}  // namespace tidemark::promql
