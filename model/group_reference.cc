#include "model/group_reference.h"

#include <re2/re2.h>

#include "model/utf8.h"

namespace tidemark {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_ascii_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_'; }

// Bytes of the letter or digit of any script at the front of `text`; 0 when there is none.
size_t letter_bytes(std::string_view text) {
  const size_t bytes = utf8_sequence_length(text);
  if (bytes < 2) return 0;
  static const re2::RE2 kLetter("[\\p{L}\\p{Nd}]");
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), bytes), kLetter) ? bytes : 0;
}

size_t name_bytes(std::string_view text) {
  size_t end = 0;
  while (end < text.size()) {
    const size_t bytes = is_ascii_word(text[end]) ? 1 : letter_bytes(text.substr(end));
    if (bytes == 0) break;
    end += bytes;
  }
  return end;
}

int number_of(std::string_view name) {
  if (name.size() > 1 && name[0] == '0') return -1;
  int number = 0;
  for (const char c : name) {
    if (!is_digit(c) || number >= 100'000'000) return -1;
    number = number * 10 + (c - '0');
  }
  return number;
}

}  // namespace

std::optional<GroupReference> group_reference_at(std::string_view text) {
  const bool braces = text.starts_with('{');
  const std::string_view rest = text.substr(braces ? 1 : 0);
  const size_t bytes = name_bytes(rest);
  if (bytes == 0 || (braces && !rest.substr(bytes).starts_with('}'))) return {};
  const std::string_view name = rest.substr(0, bytes);
  return GroupReference{name, number_of(name), bytes + (braces ? 2 : 0)};
}

}  // namespace tidemark
