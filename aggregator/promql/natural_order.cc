#include "aggregator/promql/natural_order.h"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace tidemark::promql {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes what stands before the first change between digits and other characters.
std::string_view take_chunk(std::string_view& text) {
  size_t end = 1;
  while (end < text.size() && is_digit(text[end]) == is_digit(text[0])) ++end;
  const std::string_view chunk = text.substr(0, end);
  text.remove_prefix(end);
  return chunk;
}

// Of a chunk of digits. Nothing when it is too large.
std::optional<int64_t> number(std::string_view digits) {
  int64_t value = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc()) return {};
  return value;
}

}  // namespace

bool natural_less(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    const std::string_view x = take_chunk(a);
    const std::string_view y = take_chunk(b);
    if (x == y) continue;
    if (!is_digit(x[0]) || !is_digit(y[0])) return x < y;
    const std::optional<int64_t> m = number(x);
    const std::optional<int64_t> n = number(y);
    if (m && n) {
      if (*m != *n) return *m < *n;
      continue;
    }
    // Prometheus compares a number with digits that are none as text, too, which makes 9 < 10 < 10^20 < 9: no order.
    if (m || n) return m.has_value();
    return x < y;
  }
  return a.empty() && !b.empty();
}

}  // namespace tidemark::promql
