#include "aggregator/api/tree_json.h"

#include <cmath>
#include <optional>

#include "aggregator/api/json_writer.h"
#include "aggregator/promql/functions.h"
#include "aggregator/promql/printer.h"

namespace tidemark::api {
namespace {

using promql::as;
using promql::DurationExpr;
using promql::DurationValue;
using promql::Expr;
using promql::ExprKind;
using promql::MatchCardinality;
using promql::TimeModifiers;
using promql::VectorSelector;

std::string_view cardinality_name(MatchCardinality cardinality) {
  switch (cardinality) {
    case MatchCardinality::kOneToOne:
      return "one-to-one";
    case MatchCardinality::kManyToOne:
      return "many-to-one";
    case MatchCardinality::kOneToMany:
      return "one-to-many";
    case MatchCardinality::kManyToMany:
      return "many-to-many";
  }
  return "";
}

std::string_view duration_op_name(DurationExpr::Op op) {
  switch (op) {
    case DurationExpr::Op::kLiteral:  // In parentheses: there the operand of a plus.
    case DurationExpr::Op::kAdd:
      return "+";
    case DurationExpr::Op::kNegate:
    case DurationExpr::Op::kSub:
      return "-";
    case DurationExpr::Op::kMul:
      return "*";
    case DurationExpr::Op::kDiv:
      return "/";
    case DurationExpr::Op::kMod:
      return "%";
    case DurationExpr::Op::kPow:
      return "^";
    case DurationExpr::Op::kStep:
      return "step";
    case DurationExpr::Op::kRange:
      return "range";
    case DurationExpr::Op::kMinOf:
      return "min_of";
    case DurationExpr::Op::kMaxOf:
      return "max_of";
  }
  return "";
}

// Recursion is as deep as the tree, which the parser bounds.
class TreeWriter {
 public:
  explicit TreeWriter(std::string& out) : json_(out) {}

  void write(const Expr& expr) {
    json_.begin_object();
    switch (expr.kind) {
      case ExprKind::kNumber:
        type("numberLiteral").key("val").string(promql::number_text(as<promql::NumberLiteral>(expr).value));
        break;
      case ExprKind::kString:
        type("stringLiteral").key("val").string(as<promql::StringLiteral>(expr).value);
        break;
      case ExprKind::kVectorSelector:
        write_vector(as<VectorSelector>(expr));
        break;
      case ExprKind::kMatrixSelector:
        write_matrix(as<promql::MatrixSelector>(expr));
        break;
      case ExprKind::kSubquery:
        write_subquery(as<promql::SubqueryExpr>(expr));
        break;
      case ExprKind::kParen:
        child("expr", as<promql::ParenExpr>(expr).expr.get());
        type("parenExpr");
        break;
      case ExprKind::kUnary:
        child("expr", as<promql::UnaryExpr>(expr).expr.get());
        json_.key("op").string(as<promql::UnaryExpr>(expr).negate ? "-" : "+");
        type("unaryExpr");
        break;
      case ExprKind::kBinary:
        write_binary(as<promql::BinaryExpr>(expr));
        break;
      case ExprKind::kAggregate:
        write_aggregate(as<promql::AggregateExpr>(expr));
        break;
      case ExprKind::kCall:
        write_call(as<promql::CallExpr>(expr));
        break;
    }
    json_.end_object();
  }

 private:
  JsonWriter& type(std::string_view name) { return json_.key("type").string(name); }

  void child(std::string_view key, const Expr* expr) {
    json_.key(key);
    if (expr == nullptr) {
      json_.null();
    } else {
      write(*expr);
    }
  }

  void names(std::string_view key, const std::vector<std::string>& all) {
    json_.key(key).begin_array();
    for (const std::string& name : all) json_.string(name);
    json_.end_array();
  }

  void matchers(const VectorSelector& selector) {
    json_.key("matchers").begin_array();
    for (const Matcher& matcher : selector.matchers) {
      json_.begin_object().key("name").string(matcher.name());
      json_.key("type").string(match_op_text(matcher.op()));
      json_.key("value").string(matcher.value()).end_object();
    }
    json_.end_array();
  }

  // "range": 300000, "rangeExpr": null; of an expression the milliseconds are not known yet.
  void duration(std::string_view key, const DurationValue& value) {
    json_.key(key).integer(value.ms);
    json_.key(std::string(key) + "Expr");
    if (value.expr == nullptr) {
      json_.null();
    } else {
      write_duration(*value.expr);
    }
  }

  void write_duration_literal(const DurationExpr& literal) {
    json_.begin_object().key("duration").boolean(literal.is_duration_literal);
    type("numberLiteral").key("val").string(promql::number_text(literal.seconds));
    json_.end_object();
  }

  void duration_side(std::string_view key, const DurationExpr* side) {
    json_.key(key);
    if (side == nullptr) {
      json_.null();
    } else {
      write_duration(*side);
    }
  }

  void write_duration(const DurationExpr& expr) {
    const bool is_literal = expr.op == DurationExpr::Op::kLiteral;
    if (is_literal && !expr.in_parens) return write_duration_literal(expr);
    const bool is_negation = expr.op == DurationExpr::Op::kNegate;
    json_.begin_object();
    duration_side("lhs", is_negation ? nullptr : expr.lhs.get());
    json_.key("op").string(duration_op_name(expr.op));
    if (is_literal) {
      json_.key("rhs");
      write_duration_literal(expr);
    } else {
      duration_side("rhs", is_negation ? expr.lhs.get() : expr.rhs.get());
    }
    type("durationExpr").key("wrapped").boolean(expr.in_parens);
    json_.end_object();
  }

  void edge(const TimeModifiers& time) {
    json_.key("startOrEnd");
    if (time.at_edge == TimeModifiers::AtEdge::kNone) {
      json_.null();
    } else {
      json_.string(time.at_edge == TimeModifiers::AtEdge::kStart ? "start" : "end");
    }
  }

  void timestamp(const TimeModifiers& time) {
    json_.key("timestamp");
    if (time.at_ms) {
      json_.integer(*time.at_ms);
    } else {
      json_.null();
    }
  }

  void begin_selector(const VectorSelector& selector) {
    json_.key("anchored").boolean(selector.extension == VectorSelector::Extension::kAnchored);
    matchers(selector);
    json_.key("name").string(selector.name);
    duration("offset", selector.time.offset);
  }

  void end_selector(const VectorSelector& selector) {
    json_.key("smoothed").boolean(selector.extension == VectorSelector::Extension::kSmoothed);
    edge(selector.time);
    timestamp(selector.time);
  }

  void write_vector(const VectorSelector& selector) {
    begin_selector(selector);
    end_selector(selector);
    type("vectorSelector");
  }

  void write_matrix(const promql::MatrixSelector& matrix) {
    begin_selector(*matrix.vector);
    duration("range", matrix.range);
    end_selector(*matrix.vector);
    type("matrixSelector");
  }

  void write_subquery(const promql::SubqueryExpr& subquery) {
    child("expr", subquery.expr.get());
    duration("offset", subquery.time.offset);
    duration("range", subquery.range);
    edge(subquery.time);
    duration("step", subquery.step);
    timestamp(subquery.time);
    type("subquery");
  }

  void fill_value(std::string_view key, const std::optional<double>& value) {
    json_.key(key);
    if (value && std::isfinite(*value)) {
      json_.number(*value);
    } else {
      json_.null();
    }
  }

  void write_matching(const promql::VectorMatching& matching) {
    json_.begin_object().key("card").string(cardinality_name(matching.cardinality));
    json_.key("fillValues").begin_object();
    fill_value("lhs", matching.fill_left);
    fill_value("rhs", matching.fill_right);
    json_.end_object();
    names("include", matching.include);
    names("labels", matching.labels);
    json_.key("on").boolean(matching.on).end_object();
  }

  void write_binary(const promql::BinaryExpr& binary) {
    json_.key("bool").boolean(binary.return_bool);
    child("lhs", binary.lhs.get());
    json_.key("matching");
    if (binary.matching) {
      write_matching(*binary.matching);
    } else {
      json_.null();
    }
    json_.key("op").string(binary_op_text(binary.op));
    child("rhs", binary.rhs.get());
    type("binaryExpr");
  }

  void write_aggregate(const promql::AggregateExpr& aggregate) {
    child("expr", aggregate.expr.get());
    names("grouping", aggregate.grouping);
    json_.key("op").string(aggregate_op_name(aggregate.op));
    child("param", aggregate.parameter.get());
    type("aggregation").key("without").boolean(aggregate.without);
  }

  void write_call(const promql::CallExpr& call) {
    json_.key("args").begin_array();
    for (const promql::ExprPtr& arg : call.args) write(*arg);
    json_.end_array();
    const promql::Function& function = *call.function;
    json_.key("func").begin_object().key("argTypes").begin_array();
    for (const promql::ValueType one : function.args) json_.string(value_type_name(one));
    json_.end_array().key("name").string(function.name);
    json_.key("returnType").string(value_type_name(function.result));
    json_.key("variadic").integer(function.variadic).end_object();
    type("call");
  }

  JsonWriter json_;
};

}  // namespace

void append_tree(std::string& out, const Expr& expr) { TreeWriter(out).write(expr); }

}  // namespace tidemark::api
