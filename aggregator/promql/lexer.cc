#include "aggregator/promql/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "aggregator/promql/quote.h"
#include "model/utf8.h"

namespace tidemark::promql {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_alpha(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_alphanumeric(char c) { return is_alpha(c) || is_digit(c); }
bool is_exponent(char c) { return c == 'e' || c == 'E'; }
bool is_sign(char c) { return c == '+' || c == '-'; }
bool is_dot(char c) { return c == '.'; }
bool is_underscore(char c) { return c == '_'; }
bool is_x(char c) { return c == 'x' || c == 'X'; }
bool is_zero(char c) { return c == '0'; }
bool is_s(char c) { return c == 's'; }
bool is_first_unit(char c) { return std::string_view("smhdwy").find(c) != std::string_view::npos && c != '\0'; }
bool is_later_unit(char c) { return is_first_unit(c) && c != 'y'; }
// What must not follow a dot, and an exponent or an underscore.
bool is_bad_after_dot(char c) { return is_underscore(c) || is_dot(c); }
bool is_bad_after_mark(char c) { return is_dot(c) || is_underscore(c) || is_exponent(c); }

bool starts_duration_word(char c) {
  const char lower = static_cast<char>(c | 0x20);
  return lower == 's' || lower == 'r' || lower == 'm';  // step range max_of min_of
}

// U+0063 'c', as messages show a character.
std::string code_point_text(std::string_view text) {
  const size_t bytes = utf8_sequence_length(text);
  return fmt::format("U+{:04X} {}", bytes == 0 ? 0xfffd : decode_utf8(text, bytes), quoted_char(text));
}

}  // namespace

Token Lexer::next() {
  if (finished_) return last_;
  last_ = scan();
  finished_ = last_.kind == TokenKind::kEof || last_.kind == TokenKind::kError;
  return last_;
}

Token Lexer::emit(TokenKind kind) {
  const Token token{kind, static_cast<uint32_t>(start_), text_.substr(start_, pos_ - start_)};
  start_ = pos_;
  return token;
}

Token Lexer::fail(std::string message) {
  message_ = std::move(message);
  return {TokenKind::kError, static_cast<uint32_t>(start_), message_};
}

std::string_view Lexer::char_at(size_t i) const {
  if (i >= text_.size()) return {};
  return text_.substr(i, std::max<size_t>(utf8_sequence_length(text_.substr(i)), 1));
}

bool Lexer::accept(bool (*is)(char)) {
  if (at_end() || !is(text_[pos_])) return false;
  ++pos_;
  return true;
}

void Lexer::skip_space() {
  while (accept(is_space)) {
  }
  start_ = pos_;
}

bool Lexer::skip_comment() {
  if (peek() != '#' || at_bracket_start_) return false;
  while (!at_end() && peek() != '\n' && peek() != '\r') ++pos_;
  return true;
}

Token Lexer::scan() {
  do {
    skip_space();
  } while (skip_comment());
  if (in_braces_) return scan_braces();
  if (at_bracket_start_) return scan_bracket_start();
  return scan_statement();
}

Token Lexer::scan_statement() {
  if (at_end()) {
    if (open_parens_ != 0) return fail("unclosed left parenthesis");
    if (in_brackets_) return fail("unclosed left bracket");
    return emit(TokenKind::kEof);
  }
  const std::string_view shown = char_at(pos_);
  const char c = peek();
  if (is_digit(c) || (c == '.' && is_digit(at(pos_ + 1)))) return scan_number_or_duration();
  if (is_alpha(c) || c == ':') {
    if (!in_brackets_) return scan_word();
    if (c == ':') {
      if (std::exchange(got_colon_, true)) return fail(fmt::format("unexpected colon {}", quoted_char(shown)));
      ++pos_;
      return emit(TokenKind::kColon);
    }
    if (Token token; starts_duration_word(c) && scan_duration_word(token)) return token;
    return fail(fmt::format("unexpected character: {}, expected ':'", quoted_char(shown)));
  }
  switch (c) {
    case '"':
    case '\'':
      return scan_string(c);
    case '`':
      return scan_raw_string();
    case '(':
      return open_paren();
    case ')':
      return close_paren();
    case '{':
      ++pos_;
      in_braces_ = true;
      return emit(TokenKind::kLeftBrace);
    case '[':
      if (in_brackets_) return fail(fmt::format("unexpected left bracket {}", quoted_char(shown)));
      ++pos_;
      in_brackets_ = true;
      at_bracket_start_ = true;
      got_colon_ = false;
      return emit(TokenKind::kLeftBracket);
    case ']':
      if (!in_brackets_) return fail(fmt::format("unexpected right bracket {}", quoted_char(shown)));
      ++pos_;
      in_brackets_ = false;
      return emit(TokenKind::kRightBracket);
    default:
      return scan_operator(c);
  }
}

Token Lexer::scan_operator(char c) {
  const char following = at(pos_ + 1);
  const auto take = [this](size_t bytes, TokenKind kind) {
    pos_ += bytes;
    return emit(kind);
  };
  switch (c) {
    case ',':
      return take(1, TokenKind::kComma);
    case '+':
      return take(1, TokenKind::kAdd);
    case '-':
      return take(1, TokenKind::kSub);
    case '*':
      return take(1, TokenKind::kMul);
    case '/':
      return take(1, TokenKind::kDiv);
    case '%':
      return take(1, TokenKind::kMod);
    case '^':
      return take(1, TokenKind::kPow);
    case '@':
      return take(1, TokenKind::kAt);
    case '=':
      if (following == '=') return take(2, TokenKind::kEqual);
      if (following == '~') return fail("unexpected character after '=': '~'");
      return take(1, TokenKind::kAssign);
    case '!':
      if (following == '=') return take(2, TokenKind::kNotEqual);
      return fail(fmt::format("unexpected character after '!': {}", quoted_char(char_at(pos_ + 1))));
    case '<':
      if (following == '=') return take(2, TokenKind::kLessOrEqual);
      if (following == '/') return take(2, TokenKind::kTrimUpper);
      return take(1, TokenKind::kLess);
    case '>':
      if (following == '=') return take(2, TokenKind::kGreaterOrEqual);
      if (following == '/') return take(2, TokenKind::kTrimLower);
      return take(1, TokenKind::kGreater);
    default:
      return fail(fmt::format("unexpected character: {}", quoted_char(char_at(pos_))));
  }
}

Token Lexer::open_paren() {
  ++pos_;
  ++open_parens_;
  return emit(TokenKind::kLeftParen);
}

Token Lexer::close_paren() {
  ++pos_;
  if (open_parens_ == 0) {
    start_ = pos_;
    return fail("unexpected right parenthesis ')'");
  }
  --open_parens_;
  return emit(TokenKind::kRightParen);
}

Token Lexer::scan_bracket_start() {
  if (at_end()) return fail("unexpected end of input in duration expression");
  const char c = peek();
  if (is_digit(c) || (c == '.' && is_digit(at(pos_ + 1)))) {
    at_bracket_start_ = false;
    return scan_number_or_duration();
  }
  switch (c) {
    case ']':
      ++pos_;
      in_brackets_ = false;
      at_bracket_start_ = false;
      return emit(TokenKind::kRightBracket);
    case ':':
      ++pos_;
      start_ = pos_;
      return fail("unexpected colon before duration in duration expression");
    case '(':
      return open_paren();
    case ')':
      return close_paren();
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
    case '^':
    case ',':
      return scan_operator(c);
    default:
      break;
  }
  if (starts_duration_word(c)) {
    if (Token token; scan_duration_word(token)) {
      // step() and range() are durations too; a colon may follow them.
      if (token.kind == TokenKind::kStep || token.kind == TokenKind::kRange) at_bracket_start_ = false;
      return token;
    }
  }
  return fail(fmt::format("unexpected character in duration expression: {}", quoted_char(char_at(pos_))));
}

Token Lexer::scan_braces() {
  if (at_end()) return fail("unexpected end of input inside braces");
  const char c = peek();
  const char following = at(pos_ + 1);
  const auto take = [this](size_t bytes, TokenKind kind) {
    pos_ += bytes;
    return emit(kind);
  };
  if (is_alpha(c)) {
    while (accept(is_alphanumeric)) {
    }
    return emit(TokenKind::kIdentifier);
  }
  switch (c) {
    case ',':
      return take(1, TokenKind::kComma);
    case '"':
    case '\'':
      return scan_string(c);
    case '`':
      return scan_raw_string();
    case '=':
      return following == '~' ? take(2, TokenKind::kRegexMatch) : take(1, TokenKind::kAssign);
    case '!':
      if (following == '~') return take(2, TokenKind::kRegexNotMatch);
      if (following == '=') return take(2, TokenKind::kNotEqual);
      return fail(fmt::format("unexpected character after '!' inside braces: {}", quoted_char(char_at(pos_ + 1))));
    case '{':
      return fail("unexpected left brace '{'");
    case '}':
      in_braces_ = false;
      return take(1, TokenKind::kRightBrace);
    default:
      return fail(fmt::format("unexpected character inside braces: {}", quoted_char(char_at(pos_))));
  }
}

Token Lexer::scan_word() {
  while (!at_end() && (is_alphanumeric(peek()) || peek() == ':')) ++pos_;
  const std::string_view word = text_.substr(start_, pos_ - start_);
  TokenKind kind = word_kind(word);
  // So that metrics of these names stay usable: "fill + fill".
  const bool is_fill = kind == TokenKind::kFill || kind == TokenKind::kFillLeft || kind == TokenKind::kFillRight;
  if (is_fill && !followed_by_left_paren()) kind = TokenKind::kIdentifier;
  if (kind == TokenKind::kIdentifier && word.find(':') != std::string_view::npos) kind = TokenKind::kMetricIdentifier;
  return emit(kind);
}

bool Lexer::followed_by_left_paren() const {
  size_t i = pos_;
  while (is_space(at(i))) ++i;
  return at(i) == '(';
}

bool Lexer::scan_duration_word(Token& token) {
  const size_t begin = pos_;
  while (accept(is_alpha)) {
  }
  const TokenKind kind = word_kind(text_.substr(begin, pos_ - begin));
  if (kind == TokenKind::kStep || kind == TokenKind::kRange || kind == TokenKind::kMaxOf || kind == TokenKind::kMinOf) {
    token = emit(kind);
    return true;
  }
  pos_ = begin;
  return false;
}

Token Lexer::scan_number_or_duration() {
  if (scan_number()) return emit(TokenKind::kNumber);
  if (scan_duration()) return emit(TokenKind::kDuration);
  return fail(fmt::format("bad number or duration syntax: {}", quoted(text_.substr(start_, pos_ - start_))));
}

// The whole token must look like a number; whether it is one, its reading will tell. On failure stands
// where a duration's unit may follow, or behind what did not fit.
bool Lexer::scan_number() {
  bool (*is_number_digit)(char) = is_digit;
  if (accept(is_zero) && accept(is_x)) {
    accept(is_underscore);
    is_number_digit = is_hex_digit;
  }
  const bool is_hex = is_number_digit == is_hex_digit;
  accept(is_dot);
  accept(is_number_digit);
  bool dot_seen = false;
  bool exponent_seen = false;
  while (!at_end()) {
    const char c = peek();
    if (is_dot(c)) {
      ++pos_;
      if (dot_seen || accept(is_bad_after_dot) || is_hex) return false;
      dot_seen = true;
    } else if (is_number_digit(c)) {
      ++pos_;
    } else if (is_exponent(c)) {
      ++pos_;
      if (exponent_seen) return false;
      exponent_seen = true;
      accept(is_sign);
      if (accept(is_bad_after_mark) || at_end()) return false;
    } else if (is_underscore(c)) {
      ++pos_;
      if (accept(is_bad_after_mark) || at_end()) return false;
    } else {
      break;
    }
  }
  return at_end() || !is_alphanumeric(peek());
}

// Digits stand behind us. A later "y" is refused: years come first.
bool Lexer::scan_duration() {
  if (!accept(is_first_unit)) return false;
  accept(is_s);  // "ms". That "hs" is none is found when the duration is read.
  while (accept(is_digit)) {
    while (accept(is_digit)) {
    }
    if (!accept(is_later_unit)) return false;
    accept(is_s);
  }
  return !accept(is_alphanumeric);
}

Token Lexer::scan_string(char quote) {
  ++pos_;
  while (!at_end() && peek() != '\n') {
    const std::string_view character = char_at(pos_);
    if (utf8_sequence_length(character) == 0 || character == "\ufffd") return fail("invalid UTF-8 rune");
    pos_ += character.size();
    if (character[0] == quote) return emit(TokenKind::kString);
    if (Token error; character[0] == '\\' && !scan_escape(quote, error)) return error;
  }
  return fail("unterminated quoted string");
}

Token Lexer::scan_raw_string() {
  ++pos_;
  while (!at_end()) {
    const std::string_view character = char_at(pos_);
    if (utf8_sequence_length(character) == 0 || character == "\ufffd") return fail("invalid UTF-8 rune");
    pos_ += character.size();
    if (character[0] == '`') return emit(TokenKind::kString);
  }
  return fail("unterminated raw string");
}

bool Lexer::scan_escape(char quote, Token& error) {
  const auto refuse = [&](std::string message) {
    error = fail(std::move(message));
    return false;
  };
  if (at_end()) return refuse("escape sequence not terminated");
  const char kind = peek();
  if (kind == quote || std::string_view("abfnrtv\\").find(kind) != std::string_view::npos) {
    ++pos_;
    return true;
  }
  size_t digits = 0;
  uint32_t base = 16;
  uint32_t value_max = 0x10ffff;
  switch (kind) {
    case 'x':
      digits = 2;
      value_max = 255;
      break;
    case 'u':
      digits = 4;
      break;
    case 'U':
      digits = 8;
      break;
    default:
      if (kind < '0' || kind > '7') return refuse("unknown escape sequence " + code_point_text(char_at(pos_)));
      digits = 3;
      base = 8;
      value_max = 255;
  }
  if (base == 16) ++pos_;
  uint64_t value = 0;
  for (; digits > 0; --digits, ++pos_) {
    if (at_end()) return refuse("escape sequence not terminated");
    const char c = peek();
    if (base == 8 ? c < '0' || c > '7' : !is_hex_digit(c))
      return refuse(fmt::format("illegal character {} in escape sequence", code_point_text(char_at(pos_))));
    value = value * base + static_cast<uint64_t>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  if (value > value_max || (value >= 0xd800 && value < 0xe000))
    return refuse("escape sequence is an invalid Unicode code point");
  return true;
}

}  // namespace tidemark::promql
