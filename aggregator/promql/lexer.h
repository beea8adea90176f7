// Lexer: PromQL text to tokens, one at a time.
//
// What a character means depends on the brackets around it: inside {...} every word is a label name, inside [...] only
// durations and their arithmetic may stand. Comments (# to the end of the line) and blanks are skipped. After the first
// error, and after the end, the same token comes again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "aggregator/promql/token.h"

namespace tidemark::promql {

class Lexer {
 public:
  // `text` must outlive the lexer and its tokens. REQUIRES: at most kQueryBytesMax bytes.
  explicit Lexer(std::string_view text) : text_(text) {}
  Lexer(const Lexer&) = delete;
  Lexer& operator=(const Lexer&) = delete;

  Token next();

 private:
  Token scan();
  Token scan_statement();
  Token scan_braces();
  Token scan_bracket_start();
  Token scan_operator(char c);
  Token scan_number_or_duration();
  Token scan_string(char quote);
  Token scan_raw_string();
  Token scan_word();
  Token open_paren();
  Token close_paren();

  bool scan_number();
  bool scan_duration();
  bool scan_duration_word(Token& token);
  bool scan_escape(char quote, Token& error);

  void skip_space();
  bool skip_comment();
  bool followed_by_left_paren() const;

  char at(size_t i) const { return i < text_.size() ? text_[i] : '\0'; }
  char peek() const { return at(pos_); }
  bool at_end() const { return pos_ >= text_.size(); }
  bool accept(bool (*is)(char));
  std::string_view char_at(size_t i) const;

  Token emit(TokenKind kind);
  Token fail(std::string message);

  const std::string_view text_;
  size_t pos_ = 0;
  size_t start_ = 0;  // Of the token under way.

  uint32_t open_parens_ = 0;
  bool in_braces_ = false;
  bool in_brackets_ = false;
  bool at_bracket_start_ = false;  // Between "[" and the first duration after it.
  bool got_colon_ = false;

  bool finished_ = false;
  Token last_;
  std::string message_;  // Of the error, once there is one.
};

}  // namespace tidemark::promql
