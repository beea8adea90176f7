// A parsed template. Private to alerting/. Nesting was limited by the parser, so walking it may recurse.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/template_functions.h"
#include "alerting/template_value.h"
#include "model/status.h"

namespace tidemark::alerting::template_detail {

struct Pipeline;

struct Place {
  int line = 1;
  int column = 0;
};

// A value and the fields taken from it: $labels.job, (query "up" | first).Value, .
struct Operand {
  enum class Kind { kLiteral, kDot, kVariable, kFunction, kPipeline };

  Kind kind = Kind::kDot;
  Value literal;
  std::string name;  // Of the variable or function.
  const Function* function = nullptr;
  std::unique_ptr<Pipeline> pipeline;
  std::vector<std::string> fields;
  Place place;
};

// A function and its arguments, or one value.
struct Command {
  std::vector<Operand> operands;
};

// Commands joined by "|": each one's result is the last argument of the next.
struct Pipeline {
  std::vector<std::string> variables;  // Declared or assigned; two only in range.
  bool assigns = false;                // "=" instead of ":=".
  std::vector<Command> commands;
};

struct Statement {
  enum class Kind { kText, kAction, kIf, kWith, kRange };

  Kind kind = Kind::kText;
  std::string text;
  Pipeline pipeline;
  std::vector<Statement> body;
  std::vector<Statement> otherwise;
  Place place;
};

struct Program {
  std::string name;
  std::vector<Statement> statements;
};

// Errors: "template: NAME:LINE: what".
Result<Program> parse_program(std::string_view name, std::string_view source);

}  // namespace tidemark::alerting::template_detail
