// Tokens of a template: text, and what stands between {{ and }}. Private to alerting/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/status.h"

namespace tidemark::alerting::template_detail {

enum class TokenKind {
  kText,
  kOpen,      // {{
  kClose,     // }}
  kWord,      // if, range, printf, true, nil
  kDot,       // . alone
  kField,     // .Name; text without the dot
  kVariable,  // $ or $name
  kString,    // Unquoted already.
  kChar,      // 'a': an integer
  kNumber,
  kPipe,
  kOpenParen,
  kCloseParen,
  kDeclare,  // :=
  kAssign,   // =
  kComma,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;
  int line = 1;
  int column = 0;             // In bytes, from 0, as Go counts it.
  bool space_before = false;  // $x .y are two operands, $x.y is one.
};

// The last token is kEnd. Comments are gone and trim markers applied. Errors: "LINE: what".
Result<std::vector<Token>> tokenize(std::string_view source);

}  // namespace tidemark::alerting::template_detail
