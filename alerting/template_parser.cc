#include <charconv>
#include <utility>

#include "alerting/template.h"
#include "alerting/template_lexer.h"
#include "alerting/template_program.h"
#include "model/number.h"

namespace tidemark::alerting::template_detail {
namespace {

class Parser {
 public:
  Parser(std::string_view name, std::vector<Token> tokens) : name_(name), tokens_(std::move(tokens)) {}

  Result<Program> run() {
    Program program;
    program.name = name_;
    variables_ = {"$", "$labels", "$externalLabels", "$externalURL", "$value"};
    const std::string_view ended_by = list(program.statements, 0);
    if (status_.ok() && !ended_by.empty()) error("unexpected {{" + std::string(ended_by) + "}}");
    if (!status_.ok()) return fail(status_);
    return program;
  }

 private:
  const Token& peek() const { return tokens_[at_]; }
  const Token& take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool is(TokenKind kind) const { return peek().kind == kind; }
  bool accept(TokenKind kind) {
    if (!is(kind)) return false;
    take();
    return true;
  }

  void error(const std::string& what) {
    if (status_.ok()) status_ = Status::invalid("template: " + name_ + ":" + std::to_string(peek().line) + ": " + what);
  }
  void unexpected(const std::string& where) {
    const Token& token = peek();
    error("unexpected " + (token.kind == TokenKind::kEnd ? std::string("end of template") : quote(token.text)) +
          " in " + where);
  }

  // Statements up to the end, or to an {{end}} or {{else, whose keyword it returns; that keyword has been taken.
  std::string_view list(std::vector<Statement>& out, int depth) {
    while (status_.ok() && !is(TokenKind::kEnd)) {
      Statement statement;
      statement.place = {peek().line, peek().column};
      if (is(TokenKind::kText)) {
        statement.text = take().text;
        out.push_back(std::move(statement));
        continue;
      }
      take();  // {{
      statement.place = {peek().line, peek().column};
      const std::string word = is(TokenKind::kWord) ? peek().text : std::string();
      if (word == "end" || word == "else") {
        take();
        return word == "end" ? "end" : "else";
      }
      if (word == "if" || word == "with" || word == "range") {
        take();
        statement.kind = word == "if"     ? Statement::Kind::kIf
                         : word == "with" ? Statement::Kind::kWith
                                          : Statement::Kind::kRange;
        control(statement, word, depth + 1);
      } else if (word == "define" || word == "block" || word == "template" || word == "break" || word == "continue") {
        error("{{" + word + "}} is not supported in rules");
      } else {
        statement.kind = Statement::Kind::kAction;
        pipeline(statement.pipeline, "command", false, depth + 1);
        close("command");
      }
      out.push_back(std::move(statement));
    }
    return {};
  }

  void close(const std::string& where) {
    if (!accept(TokenKind::kClose)) unexpected(where);
  }

  void control(Statement& statement, const std::string& word, int depth) {
    if (depth > kTemplateDepthMax) return error("blocks are nested too deeply");
    const size_t scope = variables_.size();
    pipeline(statement.pipeline, word, statement.kind == Statement::Kind::kRange, depth);
    close(word);
    const std::string_view ended_by = list(statement.body, depth);
    if (ended_by == "else") {
      // {{else if}} and {{else with}} are one statement in the else branch that shares our {{end}}.
      const std::string next = is(TokenKind::kWord) ? peek().text : std::string();
      if (next == word && (next == "if" || next == "with")) {
        Statement inner;
        inner.kind = statement.kind;
        inner.place = {peek().line, peek().column};
        take();
        control(inner, word, depth + 1);
        statement.otherwise.push_back(std::move(inner));
      } else {
        close("else");
        const std::string_view end = list(statement.otherwise, depth);
        if (end == "else") error("expected end; found {{else}}");
        if (end.empty()) error("unexpected EOF");
        close("end");
      }
    } else if (ended_by == "end") {
      close("end");
    } else {
      error("unexpected EOF");
    }
    variables_.resize(scope);
  }

  void pipeline(Pipeline& out, const std::string& where, bool in_range, int depth) {
    if (depth > kTemplateDepthMax) return error("parentheses are nested too deeply");
    declarations(out, in_range);
    do {
      Command command;
      operands(command, depth);
      if (status_.ok() && command.operands.empty()) {
        if (out.commands.empty()) return error("missing value for " + where);
        return error("empty command");
      }
      const bool callable = !command.operands.empty() && command.operands[0].kind == Operand::Kind::kFunction;
      if (!callable && (command.operands.size() > 1 || !out.commands.empty())) {
        return error("only a function takes arguments or stands behind \"|\"");
      }
      out.commands.push_back(std::move(command));
    } while (status_.ok() && accept(TokenKind::kPipe));
    for (const std::string& variable : out.variables) {
      if (!out.assigns) variables_.push_back(variable);
    }
  }

  void declarations(Pipeline& out, bool in_range) {
    if (!is(TokenKind::kVariable)) return;
    const TokenKind next = tokens_[at_ + 1].kind;
    if (next == TokenKind::kDeclare || next == TokenKind::kAssign) {
      out.variables = {take().text};
    } else if (in_range && next == TokenKind::kComma) {
      out.variables = {take().text};
      take();
      if (!is(TokenKind::kVariable)) return unexpected("range");
      out.variables.push_back(take().text);
      if (!is(TokenKind::kDeclare) && !is(TokenKind::kAssign)) return unexpected("range");
    } else {
      return;
    }
    out.assigns = take().kind == TokenKind::kAssign;
    for (const std::string& variable : out.variables) {
      if (out.assigns) check_variable(variable);
    }
  }

  void check_variable(const std::string& variable) {
    for (const std::string& known : variables_) {
      if (known == variable) return;
    }
    error("undefined variable " + quote(variable));
  }

  void operands(Command& command, int depth) {
    while (status_.ok()) {
      Operand operand;
      if (!read_operand(operand, depth)) return;
      while (is(TokenKind::kField) && !peek().space_before) operand.fields.push_back(take().text);
      if (!operand.fields.empty() && (operand.kind == Operand::Kind::kLiteral))
        return error("a constant has no fields");
      command.operands.push_back(std::move(operand));
      if (command.operands.size() > kTemplateArgsMax) return error("too many arguments");
    }
  }

  bool read_operand(Operand& operand, int depth) {
    const Token& token = peek();
    operand.place = {token.line, token.column};
    switch (token.kind) {
      case TokenKind::kDot:
        operand.kind = Operand::Kind::kDot;
        break;
      case TokenKind::kField:
        operand.kind = Operand::Kind::kDot;
        operand.fields.push_back(token.text);
        break;
      case TokenKind::kVariable:
        operand.kind = Operand::Kind::kVariable;
        operand.name = token.text;
        check_variable(token.text);
        break;
      case TokenKind::kString:
        operand.kind = Operand::Kind::kLiteral;
        operand.literal = Value(token.text);
        break;
      case TokenKind::kChar:
      case TokenKind::kNumber:
        operand.kind = Operand::Kind::kLiteral;
        operand.literal = number(token.text);
        break;
      case TokenKind::kWord:
        word(operand, token.text);
        break;
      case TokenKind::kOpenParen:
        take();
        operand.kind = Operand::Kind::kPipeline;
        operand.pipeline = std::make_unique<Pipeline>();
        pipeline(*operand.pipeline, "parenthesized pipeline", false, depth + 1);
        if (!is(TokenKind::kCloseParen)) {
          unexpected("parentheses");
          return false;
        }
        break;
      default:
        return false;
    }
    take();
    return true;
  }

  void word(Operand& operand, const std::string& text) {
    operand.kind = Operand::Kind::kLiteral;
    if (text == "true" || text == "false") {
      operand.literal = Value(text == "true");
    } else if (text == "nil") {
      operand.literal = Value(Nil{});
    } else {
      operand.kind = Operand::Kind::kFunction;
      operand.name = text;
      operand.function = find_function(text);
      if (operand.function == nullptr) error("function " + quote(text) + " not defined");
    }
  }

  // Whole in its text, whole in the template: Go tells 1 from 1.0.
  Value number(const std::string& text) {
    const char* begin = text.data() + (text[0] == '+' ? 1 : 0);
    const char* end = text.data() + text.size();
    int64_t whole = 0;
    if (const auto [stop, failure] = std::from_chars(begin, end, whole); stop == end && failure == std::errc()) {
      return Value(whole);
    }
    const auto v = parse_float(text);
    if (!v) error("bad number syntax: " + quote(text));
    return Value(v.value_or(0));
  }

  const std::string name_;
  const std::vector<Token> tokens_;
  size_t at_ = 0;
  std::vector<std::string> variables_;  // In scope, innermost last.
  Status status_;
};

}  // namespace

Result<Program> parse_program(std::string_view name, std::string_view source) {
  const std::string where = "template: " + std::string(name) + ":";
  if (source.size() > kTemplateSourceMax) {
    return fail(Status::invalid(where + "1: longer than " + std::to_string(kTemplateSourceMax) + " bytes"));
  }
  auto tokens = tokenize(source);
  if (!tokens) return fail(Status::invalid(where + tokens.error().message()));
  return Parser(name, std::move(*tokens)).run();
}

}  // namespace tidemark::alerting::template_detail
