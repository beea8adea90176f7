#include "alerting/rule_check.h"

#include <fmt/format.h>

#include "alerting/template.h"

namespace tidemark::alerting {
namespace {

constexpr size_t kErrorsMax = 100;

class RuleChecker {
 public:
  RuleChecker(const config::RuleFile& file, const promql::ParserOptions& options) : file_(file), options_(options) {}

  Status run() {
    for (const config::RuleGroup& group : file_.groups) {
      for (const config::Rule& rule : group.rules) {
        place_ = group.name + "/" + rule.name;
        expression(rule);
        if (rule.kind == config::Rule::Kind::kRecord) continue;  // Their labels are no templates.
        for (const config::RuleText& text : rule.labels) check_template(rule, text);
        for (const config::RuleText& text : rule.annotations) check_template(rule, text);
      }
    }
    return errors_.empty() ? Status() : Status::invalid(errors_);
  }

 private:
  void error(int line, std::string_view what) {
    if (++count_ > kErrorsMax) return;
    errors_ += fmt::format("{}{}:{}: {}: {}", errors_.empty() ? "" : "\n", file_.file, line, place_, what);
  }

  void expression(const config::Rule& rule) {
    const std::string& text = rule.threshold ? rule.threshold->metric : rule.expr;
    const auto parsed = promql::parse_expression(text, options_);
    if (!parsed) return error(rule.expr_line, parsed.error().message());
    if (rule.threshold && (*parsed)->kind != promql::ExprKind::kVectorSelector) {
      return error(rule.expr_line,
                   "\"metric\" must be a selector like node_load1{job=\"node\"}; use \"expr\" for more");
    }
    if ((*parsed)->type != promql::ValueType::kVector && (*parsed)->type != promql::ValueType::kScalar) {
      error(rule.expr_line, fmt::format("the expression must be an instant vector or a scalar, not a {}",
                                        promql::documented_type_name((*parsed)->type)));
    }
  }

  void check_template(const config::Rule& rule, const config::RuleText& text) {
    const auto parsed = Template::parse("__alert_" + rule.name, text.value);
    if (!parsed) error(text.line, fmt::format("\"{}\": {}", text.name, parsed.error().message()));
  }

  const config::RuleFile& file_;
  const promql::ParserOptions options_;
  std::string place_;
  std::string errors_;
  size_t count_ = 0;
};

}  // namespace

Status check_rules(const config::RuleFile& file, const promql::ParserOptions& options) {
  return RuleChecker(file, options).run();
}

}  // namespace tidemark::alerting
