// Calendar: seconds since the Unix epoch as dates in UTC, for hour(), day_of_month() and their like.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark::promql {

// The function of that name ("month", "day_of_week", ...), or null. Each takes seconds; any double is legal, what is
// out of range of an int64_t counts as the range's end.
using CalendarFunction = double (*)(double seconds);
CalendarFunction calendar_function(std::string_view name);

// "2024-02-29T12:00:00Z". REQUIRES: the year has four digits for the text to be RFC 3339.
std::string rfc3339_seconds(int64_t t_ms);

}  // namespace tidemark::promql
