#include "alerting/template_lexer.h"

#include <algorithm>

#include "alerting/template_value.h"

namespace tidemark::alerting::template_detail {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

bool is_space(char c) { return kSpaces.find(c) != std::string_view::npos; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
// Bytes above ASCII may be letters of a name in Go; no name we know has one.
bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c); }

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Result<std::vector<Token>> run() {
    while (status_.ok() && at_ < source_.size()) text();
    if (!status_.ok()) return fail(status_);
    push(TokenKind::kEnd, {}, at_);
    return std::move(tokens_);
  }

 private:
  void text() {
    const size_t open = std::min(source_.find("{{", at_), source_.size());
    std::string_view text = source_.substr(at_, open - at_);
    const bool trims =
        source_.substr(open).starts_with("{{-") && open + 3 < source_.size() && is_space(source_[open + 3]);
    const size_t begin = at_;
    if (trim_next_) {
      const size_t first = text.find_first_not_of(kSpaces);
      text.remove_prefix(first == std::string_view::npos ? text.size() : first);
      trim_next_ = false;
    }
    if (trims) text = text.substr(0, text.find_last_not_of(kSpaces) + 1);
    if (!text.empty()) push(TokenKind::kText, std::string(text), begin);
    at_ = open;
    if (at_ < source_.size()) action(trims);
  }

  void action(bool trims) {
    const size_t begin = at_;
    at_ += trims ? 3 : 2;
    size_t inner = at_;
    while (trims && inner < source_.size() && is_space(source_[inner])) ++inner;
    if (source_.substr(inner).starts_with("/*")) {
      comment(inner);
      return;
    }
    push(TokenKind::kOpen, "{{", begin);
    while (status_.ok() && !close()) {
      if (at_ == source_.size()) {
        error("unclosed action", begin);
      } else {
        token();
      }
    }
  }

  void comment(size_t inner) {
    const size_t end = source_.find("*/", inner + 2);
    if (end == std::string_view::npos) return error("unclosed comment", inner);
    at_ = end + 2;
    const std::string_view rest = source_.substr(at_);
    if (rest.starts_with("}}")) {
      at_ += 2;
    } else if (rest.size() >= 4 && is_space(rest[0]) && rest.substr(1).starts_with("-}}")) {
      at_ += 4;
      trim_next_ = true;
    } else {
      error("comment ends before closing delimiter", inner);
    }
  }

  // Skips spaces; true when the action ended.
  bool close() {
    const size_t begin = at_;
    while (at_ < source_.size() && is_space(source_[at_])) ++at_;
    spaced_ = at_ > begin;
    const std::string_view rest = source_.substr(at_);
    const bool trims = spaced_ && rest.starts_with("-}}");
    if (!trims && !rest.starts_with("}}")) return false;
    push(TokenKind::kClose, "}}", at_);
    at_ += trims ? 3 : 2;
    trim_next_ = trims;
    return true;
  }

  void token() {
    const size_t begin = at_;
    const char c = source_[at_];
    switch (c) {
      case '|':
        return single(TokenKind::kPipe);
      case '(':
        return single(TokenKind::kOpenParen);
      case ')':
        return single(TokenKind::kCloseParen);
      case ',':
        return single(TokenKind::kComma);
      case '=':
        return single(TokenKind::kAssign);
      case '"':
      case '\'':
        return quoted(c);
      case '`':
        return raw();
      case ':':
        if (!source_.substr(at_).starts_with(":=")) return error("expected :=", begin);
        at_ += 2;
        return push(TokenKind::kDeclare, ":=", begin);
      case '$':
        ++at_;
        word();
        return push(TokenKind::kVariable, std::string(source_.substr(begin, at_ - begin)), begin);
      default:
        break;
    }
    const char after = at_ + 1 < source_.size() ? source_[at_ + 1] : ' ';
    if (is_digit(c) || ((c == '+' || c == '-' || c == '.') && is_digit(after)) ||
        ((c == '+' || c == '-') && after == '.')) {
      ++at_;
      while (at_ < source_.size() && (is_word(source_[at_]) || source_[at_] == '.' || exponent_sign())) ++at_;
      return push(TokenKind::kNumber, std::string(source_.substr(begin, at_ - begin)), begin);
    }
    if (c == '.') {
      ++at_;
      word();
      if (at_ == begin + 1) return push(TokenKind::kDot, ".", begin);
      return push(TokenKind::kField, std::string(source_.substr(begin + 1, at_ - begin - 1)), begin);
    }
    if (is_word(c)) {
      word();
      return push(TokenKind::kWord, std::string(source_.substr(begin, at_ - begin)), begin);
    }
    error("unexpected character " + quote(std::string_view(&c, 1)) + " in action", begin);
  }

  bool exponent_sign() const {
    const char c = source_[at_];
    const char before = source_[at_ - 1];
    return (c == '+' || c == '-') && (before == 'e' || before == 'E' || before == 'p' || before == 'P');
  }

  void word() {
    while (at_ < source_.size() && is_word(source_[at_])) ++at_;
  }

  void single(TokenKind kind) {
    push(kind, std::string(1, source_[at_]), at_);
    ++at_;
  }

  void raw() {
    const size_t end = source_.find('`', at_ + 1);
    if (end == std::string_view::npos) return error("unterminated raw quoted string", at_);
    push(TokenKind::kString, std::string(source_.substr(at_ + 1, end - at_ - 1)), at_);
    at_ = end + 1;
  }

  void quoted(char mark) {
    const size_t begin = at_++;
    std::string out;
    while (at_ < source_.size() && source_[at_] != mark && source_[at_] != '\n') {
      if (source_[at_] != '\\') {
        out += source_[at_++];
      } else if (!escape(out)) {
        return error("invalid escape in quoted string", at_);
      }
    }
    if (at_ == source_.size() || source_[at_] != mark) return error("unterminated quoted string", begin);
    ++at_;
    if (mark == '"') return push(TokenKind::kString, std::move(out), begin);
    if (out.size() != 1) return error("a character constant is one ASCII character", begin);
    push(TokenKind::kChar, std::to_string(static_cast<unsigned char>(out[0])), begin);
  }

  bool escape(std::string& out) {
    static constexpr std::string_view kLetters = "abfnrtv\\\"'";
    static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\\"'";
    if (++at_ == source_.size()) return false;
    const size_t letter = kLetters.find(source_[at_]);
    if (letter != std::string_view::npos) {
      out += kMeanings[letter];
      ++at_;
      return true;
    }
    const size_t digits = source_[at_] == 'x' ? 2 : source_[at_] == 'u' ? 4 : 0;
    if (digits == 0 || at_ + digits >= source_.size()) return false;
    uint32_t code = 0;
    for (size_t i = 1; i <= digits; ++i) {
      const char c = source_[at_ + i];
      const char lower = static_cast<char>(c | 0x20);
      if (!is_digit(c) && (lower < 'a' || lower > 'f')) return false;
      code = code * 16 + static_cast<uint32_t>(is_digit(c) ? c - '0' : lower - 'a' + 10);
    }
    at_ += digits + 1;
    if (digits == 2 || code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xc0 | (code >> 6));
      out += static_cast<char>(0x80 | (code & 0x3f));
    } else {
      if (code >= 0xd800 && code < 0xe000) return false;
      out += static_cast<char>(0xe0 | (code >> 12));
      out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
      out += static_cast<char>(0x80 | (code & 0x3f));
    }
    return true;
  }

  void push(TokenKind kind, std::string text, size_t begin) {
    locate(begin);
    tokens_.push_back({kind, std::move(text), line_, static_cast<int>(begin - line_begin_), spaced_});
    spaced_ = false;
  }

  void error(std::string_view what, size_t begin) {
    locate(begin);
    status_ = Status::invalid(std::to_string(line_) + ": " + std::string(what));
  }

  // Positions only grow, but for an error about the beginning of something; then the line is already known or behind.
  void locate(size_t position) {
    for (; located_ < position; ++located_) {
      if (source_[located_] == '\n') {
        ++line_;
        line_begin_ = located_ + 1;
      }
    }
  }

  const std::string_view source_;
  size_t at_ = 0;
  bool trim_next_ = false;
  bool spaced_ = false;
  size_t located_ = 0;
  int line_ = 1;
  size_t line_begin_ = 0;
  std::vector<Token> tokens_;
  Status status_;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace tidemark::alerting::template_detail
