// Reading the kernel's text files in place: each call takes a piece off the front of `rest`, nothing is copied.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tidemark::exporter {

// The next line without its newline; the last one may lack it. REQUIRES: !rest.empty().
inline std::string_view next_line(std::string_view& rest) {
  const size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  return line;
}

// The next word between blanks; "" when there is none left.
inline std::string_view next_word(std::string_view& rest) {
  // Letter by letter: words are short, and searching for a set of letters calls a function at each.
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  size_t begin = 0;
  while (begin < rest.size() && blank(rest[begin])) ++begin;
  size_t end = begin;
  while (end < rest.size() && !blank(rest[end])) ++end;
  const std::string_view word = rest.substr(begin, end - begin);
  rest.remove_prefix(end);
  return word;
}

// `text` without blanks and newlines at either end.
inline std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
}

// The whole of `word` as a number.
inline std::optional<uint64_t> to_u64(std::string_view word, int base = 10) {
  uint64_t v = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), v, base);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return v;
}

inline std::optional<double> to_double(std::string_view word) {
  double v = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), v);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return v;
}

}  // namespace tidemark::exporter
