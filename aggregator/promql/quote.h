// Quoted text as PromQL writes it and as messages show it: Go's rules, which are Prometheus'.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark::promql {

// "text" with escapes for what cannot be printed: \n, \x7f, \xff for a byte that is not UTF-8, \u200b. Reads back to
// the same bytes.
void append_quoted(std::string& out, std::string_view text);
std::string quoted(std::string_view text);
// A label's name as PromQL writes it: in quotes where it needs them.
void append_label_name(std::string& out, std::string_view name);

// 'c' for one character: quoted_char("a") is "'a'". What is no character is shown as U+FFFD.
std::string quoted_char(std::string_view text);

// The text inside a string token, its quotes ("..." '...' `...`) included in `token`.
// REQUIRES: the lexer accepted it.
std::string unquote(std::string_view token);

// The code point at the start of `text`. REQUIRES: utf8_sequence_length(text) == bytes > 0.
uint32_t decode_utf8(std::string_view text, size_t bytes);
void append_utf8(std::string& out, uint32_t code_point);

}  // namespace tidemark::promql
