#include "model/rfc3339.h"

#include <fmt/format.h>

#include <chrono>

namespace tidemark {

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

}  // namespace tidemark
