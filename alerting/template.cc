// Execution: a walk over the program with a dot and a stack of variables. Steps are counted, so that ranges within
// ranges end, and the output is bounded as it grows.
#include "alerting/template.h"

#include <utility>
#include <vector>

#include "alerting/template_program.h"

namespace tidemark::alerting {
namespace {

using namespace template_detail;  // NOLINT(google-build-using-namespace): this is its only other half.

class Execution {
 public:
  Execution(const Program& program, const TemplateData& data) : program_(program), context_{data} {
    variables_ = {{"$", Value(Root{})},
                  {"$labels", Value(std::make_shared<const Labels>(data.labels))},
                  {"$externalLabels", Value(std::make_shared<const Labels>(data.external_labels))},
                  {"$externalURL", Value(std::string(data.external_url))},
                  {"$value", Value(data.value)}};
  }

  Result<std::string> run() {
    list(program_.statements, Value(Root{}));
    if (!status_.ok()) return fail(status_);
    return std::move(out_);
  }

 private:
  void error(Place place, const std::string& what) {
    if (!status_.ok()) return;
    status_ = Status::execution("template: " + program_.name + ":" + std::to_string(place.line) + ":" +
                                std::to_string(place.column) + ": " + what);
  }

  bool step(Place place) {
    if (++steps_ > kTemplateStepsMax) error(place, "the template takes too many steps");
    return status_.ok();
  }

  void emit(std::string_view text, Place place) {
    if (text.size() > kTemplateOutputMax - out_.size()) {
      return error(place, "the output is longer than " + std::to_string(kTemplateOutputMax) + " bytes");
    }
    out_ += text;
  }

  void list(const std::vector<Statement>& statements, const Value& dot) {
    for (const Statement& statement : statements) {
      if (!step(statement.place)) return;
      run_one(statement, dot);
    }
  }

  void run_one(const Statement& statement, const Value& dot) {
    if (statement.kind == Statement::Kind::kText) return emit(statement.text, statement.place);
    const size_t scope = variables_.size();
    const Value value = evaluate(statement.pipeline, dot, statement.kind != Statement::Kind::kRange);
    if (!status_.ok()) return;
    switch (statement.kind) {
      case Statement::Kind::kText:
        break;
      case Statement::Kind::kAction:
        if (statement.pipeline.variables.empty()) emit(value.text(), statement.place);
        return;  // A variable declared here lives on.
      case Statement::Kind::kIf:
        list(value.truth() ? statement.body : statement.otherwise, dot);
        break;
      case Statement::Kind::kWith:
        list(value.truth() ? statement.body : statement.otherwise, value.truth() ? value : dot);
        break;
      case Statement::Kind::kRange:
        range(statement, value, dot);
        break;
    }
    variables_.resize(scope);
  }

  void range(const Statement& statement, const Value& value, const Value& dot) {
    std::vector<std::pair<Value, Value>> items;
    if (const auto* all = value.as<Value::List>()) {
      for (size_t i = 0; i < (*all)->size(); ++i) items.emplace_back(Value(static_cast<int64_t>(i)), (**all)[i]);
    } else if (const auto* map = value.as<Value::LabelMap>()) {
      for (const LabelView& label : **map) {
        items.emplace_back(Value(std::string(label.name)), Value(std::string(label.value)));
      }
    } else if (value.as<Nil>() == nullptr) {
      return error(statement.place, "range can't iterate over " + value.text());
    }
    if (items.empty()) return list(statement.otherwise, dot);
    const auto& names = statement.pipeline.variables;
    for (const auto& [key, item] : items) {
      if (!step(statement.place)) return;
      const size_t scope = variables_.size();
      if (names.size() == 2) bind(names[0], key, statement.pipeline.assigns);
      if (!names.empty()) bind(names.back(), item, statement.pipeline.assigns);
      list(statement.body, item);
      variables_.resize(scope);
    }
  }

  void bind(const std::string& name, const Value& value, bool assigns) {
    if (assigns) {
      *variable(name) = value;
    } else {
      variables_.emplace_back(name, value);
    }
  }

  // The parser saw to it that it exists; an assignment in a branch not taken leaves the declared value.
  Value* variable(const std::string& name) {
    for (size_t i = variables_.size(); i-- > 0;) {
      if (variables_[i].first == name) return &variables_[i].second;
    }
    return &variables_[0].second;
  }

  Value evaluate(const Pipeline& pipeline, const Value& dot, bool binds) {
    Value value;
    for (size_t i = 0; status_.ok() && i < pipeline.commands.size(); ++i) {
      value = call(pipeline.commands[i], dot, i > 0 ? &value : nullptr);
    }
    if (binds && status_.ok() && !pipeline.variables.empty()) bind(pipeline.variables[0], value, pipeline.assigns);
    return value;
  }

  Value call(const Command& command, const Value& dot, const Value* last) {
    const Operand& head = command.operands[0];
    if (!step(head.place)) return {};
    if (head.kind != Operand::Kind::kFunction) return operand(head, dot);
    std::vector<Value> args;
    for (size_t i = 1; i < command.operands.size(); ++i) args.push_back(operand(command.operands[i], dot));
    if (last != nullptr) args.push_back(*last);
    return fields(apply(head, args), head);
  }

  Value apply(const Operand& head, const std::vector<Value>& args) {
    if (!status_.ok()) return {};
    const Function& function = *head.function;
    if (args.size() < function.args_min || args.size() > function.args_max) {
      const std::string want = function.args_min == function.args_max ? std::to_string(function.args_min)
                                                                      : "at least " + std::to_string(function.args_min);
      error(head.place,
            "wrong number of args for " + head.name + ": want " + want + " got " + std::to_string(args.size()));
      return {};
    }
    auto result = function.call(context_, args);
    if (!result) {
      error(head.place, "error calling " + head.name + ": " + result.error().message());
      return {};
    }
    // Text kept in variables counts too: it could double with every turn of a range.
    if (const auto* text = result->as<std::string>(); text != nullptr && text->size() > kTemplateOutputMax) {
      error(head.place, "the result of " + head.name + " is too long");
      return {};
    }
    return std::move(*result);
  }

  Value operand(const Operand& op, const Value& dot) {
    if (!status_.ok()) return {};
    switch (op.kind) {
      case Operand::Kind::kLiteral:
        return op.literal;
      case Operand::Kind::kDot:
        return fields(dot, op);
      case Operand::Kind::kVariable:
        return fields(*variable(op.name), op);
      case Operand::Kind::kFunction:
        return step(op.place) ? fields(apply(op, {}), op) : Value();
      case Operand::Kind::kPipeline:
        return fields(evaluate(*op.pipeline, dot, true), op);
    }
    return {};
  }

  Value fields(Value value, const Operand& op) {
    for (const std::string& name : op.fields) {
      if (!status_.ok()) return {};
      value = field(value, name, op.place);
    }
    return value;
  }

  Value field(const Value& value, const std::string& name, Place place) {
    const TemplateData& data = context_.data;
    if (value.as<Root>() != nullptr) {
      if (name == "Labels") return Value(std::make_shared<const Labels>(data.labels));
      if (name == "ExternalLabels") return Value(std::make_shared<const Labels>(data.external_labels));
      if (name == "ExternalURL") return Value(std::string(data.external_url));
      if (name == "Value") return Value(data.value);
    } else if (const auto* map = value.as<Value::LabelMap>()) {
      return Value(std::string((*map)->get(name)));  // A label that is not there is empty, as with missingkey=zero.
    } else if (const auto* sample = value.as<Value::Sample>()) {
      if (name == "Labels") return Value(std::make_shared<const Labels>((*sample)->labels));
      if (name == "Value") return Value((*sample)->value);
    }
    error(place, "can't evaluate field " + name + " in type " + std::string(value.type()));
    return {};
  }

  const Program& program_;
  CallContext context_;
  std::vector<std::pair<std::string, Value>> variables_;  // Innermost last.
  std::string out_;
  int steps_ = 0;
  Status status_;
};

}  // namespace

Result<Template> Template::parse(std::string_view name, std::string_view text) {
  auto program = parse_program(name, text);
  if (!program) return fail(program.error());
  Template result;
  result.program_ = std::make_shared<const Program>(std::move(*program));
  return result;
}

Result<std::string> Template::execute(const TemplateData& data) const {
  if (program_ == nullptr) return std::string();
  return Execution(*program_, data).run();
}

std::string Template::expand(const TemplateData& data) const {
  auto text = execute(data);
  if (text) return std::move(*text);
  return "<error expanding template: error executing template " + program_->name + ": " + text.error().message() + ">";
}

}  // namespace tidemark::alerting
