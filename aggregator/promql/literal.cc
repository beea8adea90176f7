#include "aggregator/promql/literal.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include "model/duration.h"
#include "model/number.h"

namespace tidemark::promql {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// False when there is no integer of 64 bits in that base.
bool parse_integer(std::string_view digits, int base, double& value) {
  int64_t integer = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), integer, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return false;
  value = static_cast<double>(integer);
  return true;
}

}  // namespace

Result<double> parse_number_literal(std::string_view token) {
  const auto bad = [&](std::string_view why) {
    return fail(Status::invalid(
        fmt::format("error parsing number: strconv.ParseFloat: parsing \"{}\": {}", token.substr(0, 400), why)));
  };
  std::string digits;
  for (const char c : token)
    if (c != '_') digits += c;
  if (token.back() == '_') return bad("invalid syntax");
  double value = 0;
  if (digits.size() > 2 && (digits[1] == 'x' || digits[1] == 'X')) {
    if (parse_integer(std::string_view(digits).substr(2), 16, value)) return value;
    return bad("invalid syntax");
  }
  if (digits.size() > 1 && digits[0] == '0' && parse_integer(digits, 8, value)) return value;
  const auto parsed = parse_float(digits);
  if (!parsed) return bad("invalid syntax");
  if (std::isinf(*parsed) && is_digit(digits.back())) return bad("value out of range");
  return *parsed;
}

Result<int64_t> parse_duration_literal(std::string_view token) {
  auto parsed = parse_duration_ms(token);
  if (parsed) return parsed;
  // Which message, in Prometheus' words.
  static constexpr std::string_view kUnits[] = {"y", "w", "d", "h", "m", "s", "ms"};
  const auto* next_unit = std::begin(kUnits);
  for (size_t i = 0; i < token.size();) {
    while (i < token.size() && is_digit(token[i])) ++i;
    const size_t begin = i;
    while (i < token.size() && !is_digit(token[i])) ++i;
    const std::string_view unit = token.substr(begin, i - begin);
    const auto* found = std::find(std::begin(kUnits), std::end(kUnits), unit);
    if (found == std::end(kUnits))
      return fail(Status::invalid(fmt::format("unknown unit \"{}\" in duration \"{}\"", unit, token)));
    if (found < next_unit) return fail(Status::invalid(fmt::format("not a valid duration string: \"{}\"", token)));
    next_unit = found + 1;
  }
  return fail(Status::invalid("duration out of range"));
}

}  // namespace tidemark::promql
