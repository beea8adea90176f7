#include "model/rfc3339.h"

#include <fmt/format.h>

#include <chrono>

namespace tidemark {
namespace {

constexpr int64_t kDayMs = 86'400'000;

// Takes exactly `digits` digits off the front of `in`.
bool take_number(std::string_view& in, size_t digits, int& value) {
  if (in.size() < digits) return false;
  value = 0;
  for (const char c : in.substr(0, digits)) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  in.remove_prefix(digits);
  return true;
}

bool take_char(std::string_view& in, char c) {
  if (in.empty() || in.front() != c) return false;
  in.remove_prefix(1);
  return true;
}

// ".781" and any number of digits more; nothing is 0 ms.
bool take_fraction_ms(std::string_view& in, int& ms) {
  ms = 0;
  if (!take_char(in, '.')) return true;
  int scale = 100;
  size_t digits = 0;
  for (; !in.empty() && in.front() >= '0' && in.front() <= '9'; in.remove_prefix(1), ++digits) {
    ms += (in.front() - '0') * scale;
    scale /= 10;
  }
  return digits > 0;
}

bool take_zone(std::string_view& in, int& offset_minutes) {
  offset_minutes = 0;
  if (take_char(in, 'Z')) return true;
  if (in.empty() || (in.front() != '+' && in.front() != '-')) return false;
  const int sign = in.front() == '-' ? -1 : 1;
  in.remove_prefix(1);
  int hours = 0;
  int minutes = 0;
  if (!take_number(in, 2, hours) || !take_char(in, ':') || !take_number(in, 2, minutes)) return false;
  if (hours > 23 || minutes > 59) return false;
  offset_minutes = sign * (hours * 60 + minutes);
  return true;
}

}  // namespace

std::string format_rfc3339(int64_t t_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> at{milliseconds(t_ms)};
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss time{at - day};
  std::string out = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                time.hours().count(), time.minutes().count(), time.seconds().count());
  if (const auto ms = time.subseconds().count(); ms != 0) {
    out += fmt::format(".{:03}", ms);
    while (out.back() == '0') out.pop_back();
  }
  out += 'Z';
  return out;
}

std::optional<int64_t> parse_rfc3339(std::string_view text) {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int ms = 0;
  int offset_minutes = 0;
  const bool fits = take_number(text, 4, year) && take_char(text, '-') && take_number(text, 2, month) &&
                    take_char(text, '-') && take_number(text, 2, day) && take_char(text, 'T') &&
                    take_number(text, 2, hour) && take_char(text, ':') && take_number(text, 2, minute) &&
                    take_char(text, ':') && take_number(text, 2, second) && take_fraction_ms(text, ms) &&
                    take_zone(text, offset_minutes) && text.empty();
  if (!fits || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * kDayMs + ((int64_t{hour} * 60 + minute - offset_minutes) * 60 + second) * 1000 + ms;
}

}  // namespace tidemark
