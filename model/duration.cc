#include "model/duration.h"

#include <fmt/format.h>

#include <array>
#include <limits>

namespace tidemark {
namespace {

struct Unit {
  std::string_view name;
  int64_t ms;
  bool exact_only;  // Printed only when nothing is left over: "1w" but "8d".
};

constexpr int64_t kDayMs = 86'400'000;
constexpr std::array<Unit, 7> kUnits{{{"y", 365 * kDayMs, true},
                                      {"w", 7 * kDayMs, true},
                                      {"d", kDayMs, false},
                                      {"h", 3'600'000, false},
                                      {"m", 60'000, false},
                                      {"s", 1'000, false},
                                      {"ms", 1, false}}};
// What Go's time.Duration holds: 2^63 nanoseconds.
constexpr int64_t kMaxMs = std::numeric_limits<int64_t>::max() / 1'000'000;

}  // namespace

Result<int64_t> parse_duration_ms(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return fail(Status::invalid(fmt::format("\"{}\" is not a duration: {}", text.substr(0, 64), why)));
  };
  if (text == "0") return 0;
  if (text.empty()) return bad("it is empty");
  int64_t total = 0;
  size_t next_unit = 0;
  for (size_t i = 0; i < text.size();) {
    int64_t number = 0;
    const size_t digits = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') {
      number = number * 10 + (text[i++] - '0');
      if (number > kMaxMs) return bad("it is out of range");
    }
    if (i == digits) return bad("expected digits, then one of y w d h m s ms");
    const size_t unit_begin = i;
    while (i < text.size() && text[i] >= 'a' && text[i] <= 'z') ++i;
    const std::string_view name = text.substr(unit_begin, i - unit_begin);
    size_t unit = next_unit;
    while (unit < kUnits.size() && kUnits[unit].name != name) ++unit;
    if (unit == kUnits.size()) return bad("units are y w d h m s ms, largest first, each once");
    next_unit = unit + 1;
    if (number > (kMaxMs - total) / kUnits[unit].ms) return bad("it is out of range");
    total += number * kUnits[unit].ms;
  }
  return total;
}

std::string format_duration_ms(int64_t ms) {
  if (ms == 0) return "0s";
  std::string out;
  for (const Unit& unit : kUnits) {
    if (unit.exact_only && ms % unit.ms != 0) continue;
    if (const int64_t count = ms / unit.ms; count > 0) {
      out += fmt::format("{}{}", count, unit.name);
      ms -= count * unit.ms;
    }
  }
  return out;
}

}  // namespace tidemark
