#include "aggregator/promql/calendar.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace tidemark::promql {
namespace {

constexpr int64_t kDaySeconds = 86'400;

struct Date {
  int64_t year;
  int month;  // 1 to 12.
  int day;    // 1 to 31.
};

struct Instant {
  int64_t days;  // Since the epoch.
  int64_t second_of_day;
};

// Go counts from this day on, in unsigned seconds that wrap around; for times that no calendar means, such as that of
// NaN, its answers are what falls out of that, and Prometheus' answers with them. A year of 292277022400 before the
// common era, which begins a cycle of 400 years, and its first of March.
constexpr int64_t kAbsoluteEpochDays = 292'277'022'400 / 400 * 146'097 + 306 + 719'162;  // Before the Unix epoch.

Instant split(double seconds) {
  // What has no place in 64 bits becomes the smallest of them, as by the conversion of amd64.
  const bool fits = seconds >= -0x1p63 && seconds < 0x1p63;
  const int64_t s = fits ? static_cast<int64_t>(seconds) : std::numeric_limits<int64_t>::min();
  const uint64_t absolute = static_cast<uint64_t>(s) + static_cast<uint64_t>(kAbsoluteEpochDays) * kDaySeconds;
  return {static_cast<int64_t>(absolute / kDaySeconds) - kAbsoluteEpochDays,
          static_cast<int64_t>(absolute % kDaySeconds)};
}

// Days to a proleptic Gregorian date; the year is counted from March, so that leap days come last.
// https://howardhinnant.github.io/date_algorithms.html#civil_from_days
Date date_of(int64_t days) {
  days += 719'468;
  const int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const int64_t day_of_era = days - era * 146'097;
  const int64_t year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t march_month = (5 * day_of_year + 2) / 153;
  const int day = static_cast<int>(day_of_year - (153 * march_month + 2) / 5 + 1);
  const int month = static_cast<int>(march_month < 10 ? march_month + 3 : march_month - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

bool is_leap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int days_in(const Date& date) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return kDays[static_cast<size_t>(date.month - 1)] + (date.month == 2 && is_leap(date.year) ? 1 : 0);
}

double minute(double s) {
  const int64_t minute_of_hour = split(s).second_of_day / 60 % 60;
  return static_cast<double>(minute_of_hour);
}
double hour(double s) {
  const int64_t hour_of_day = split(s).second_of_day / 3600;
  return static_cast<double>(hour_of_day);
}
double day_of_month(double s) { return date_of(split(s).days).day; }
double month(double s) { return date_of(split(s).days).month; }
double year(double s) { return static_cast<double>(date_of(split(s).days).year); }
double days_in_month(double s) { return days_in(date_of(split(s).days)); }

double day_of_week(double s) {
  const int64_t day = (split(s).days % 7 + 4) % 7;  // The epoch was a Thursday, 4.
  return static_cast<double>(day < 0 ? day + 7 : day);
}

double day_of_year(double s) {
  const Date date = date_of(split(s).days);
  int day = date.day;
  for (Date earlier{date.year, 1, 1}; earlier.month < date.month; ++earlier.month) day += days_in(earlier);
  return day;
}

constexpr std::array<std::pair<std::string_view, CalendarFunction>, 8> kFunctions = {{
    {"day_of_month", day_of_month},
    {"day_of_week", day_of_week},
    {"day_of_year", day_of_year},
    {"days_in_month", days_in_month},
    {"hour", hour},
    {"minute", minute},
    {"month", month},
    {"year", year},
}};

}  // namespace

CalendarFunction calendar_function(std::string_view name) {
  for (const auto& [known, function] : kFunctions) {
    if (known == name) return function;
  }
  return nullptr;
}

std::string rfc3339_seconds(int64_t t_ms) {
  const Instant at = split(std::floor(static_cast<double>(t_ms) / 1000));
  const Date date = date_of(at.days);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", date.year, date.month, date.day, at.second_of_day / 3600,
                     at.second_of_day / 60 % 60, at.second_of_day % 60);
}

}  // namespace tidemark::promql
