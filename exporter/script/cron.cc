#include "exporter/script/cron.h"

#include <fmt/format.h>

#include <array>
#include <ctime>
#include <span>

#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr int kDaysMax = 8 * 366;  // From one 29 February to the next across 2100.

constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kNicknames = {{{"@hourly", "0 * * * *"},
                                                                                      {"@daily", "0 0 * * *"},
                                                                                      {"@midnight", "0 0 * * *"},
                                                                                      {"@weekly", "0 0 * * 0"},
                                                                                      {"@monthly", "0 0 1 * *"},
                                                                                      {"@yearly", "0 0 1 1 *"},
                                                                                      {"@annually", "0 0 1 1 *"}}};

struct Field {
  std::string_view name;
  int min;
  int max;
  std::span<const std::string_view> words = {};
  int first_word = 0;  // The number of words[0].
};

Status bad(const Field& field, std::string_view text) {
  return Status::invalid(fmt::format("the {} \"{}\" is not \"*\", a number, a range or a list from {} to {}",
                                     field.name, text, field.min, field.max));
}

std::optional<int> number(const Field& field, std::string_view text) {
  for (size_t i = 0; i < field.words.size(); ++i) {
    if (text == field.words[i]) return field.first_word + static_cast<int>(i);
  }
  const auto v = to_u64(text);
  if (!v || *v < static_cast<uint64_t>(field.min) || *v > static_cast<uint64_t>(field.max)) return std::nullopt;
  return static_cast<int>(*v);
}

// "*", "5", "1-5", each with "/step", separated by commas.
template <size_t N>
Status read_field(const Field& field, std::string_view text, std::bitset<N>& out) {
  for (std::string_view rest = text;;) {
    const size_t comma = rest.find(',');
    std::string_view item = rest.substr(0, comma);
    int step = 1;
    if (const size_t slash = item.find('/'); slash != item.npos) {
      const auto given = to_u64(item.substr(slash + 1));
      if (!given || *given < 1 || *given > 60) return bad(field, text);
      step = static_cast<int>(*given);
      item = item.substr(0, slash);
    }
    int from = field.min;
    int to = field.max;
    if (item != "*") {
      const size_t dash = item.find('-');
      const auto first = number(field, item.substr(0, dash));
      const auto last = dash == item.npos ? first : number(field, item.substr(dash + 1));
      if (!first || !last || *first > *last) return bad(field, text);
      from = *first;
      if (dash != item.npos || step == 1) to = *last;
    }
    for (int v = from; v <= to; v += step) out.set(static_cast<size_t>(v));
    if (comma == rest.npos) return {};
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace

Result<Cron> Cron::parse(std::string_view text) {
  for (const auto& [name, meaning] : kNicknames) {
    if (trimmed(text) == name) text = meaning;
  }
  std::array<std::string_view, 5> fields;
  std::string_view rest = text;
  for (std::string_view& field : fields) field = next_word(rest);
  if (fields[4].empty() || !next_word(rest).empty())
    return fail(Status::invalid(fmt::format("\"{}\" does not have the five fields of a crontab line", text)));
  Cron cron;
  for (const Status& status :
       {read_field({"minute", 0, 59}, fields[0], cron.minutes_), read_field({"hour", 0, 23}, fields[1], cron.hours_),
        read_field({"day of the month", 1, 31}, fields[2], cron.days_),
        read_field({"month", 1, 12, kMonths, 1}, fields[3], cron.months_),
        read_field({"day of the week", 0, 7, kWeekdays, 0}, fields[4], cron.weekdays_)}) {
    if (!status.ok()) return fail(status);
  }
  if (cron.weekdays_[7]) cron.weekdays_.set(0);
  cron.any_day_ = fields[2].starts_with('*');
  cron.any_weekday_ = fields[4].starts_with('*');
  return cron;
}

std::optional<int64_t> Cron::next(int64_t after_s) const {
  const auto start = static_cast<time_t>(after_s);
  std::tm first{};
  ::localtime_r(&start, &first);
  for (int day = 0; day < kDaysMax; ++day) {
    std::tm noon = first;
    noon.tm_mday += day;
    noon.tm_hour = 12;  // Of which there is one on each day.
    noon.tm_min = noon.tm_sec = 0;
    noon.tm_isdst = -1;
    if (::mktime(&noon) == -1) return std::nullopt;
    if (!months_[static_cast<size_t>(noon.tm_mon) + 1]) continue;
    const bool day_fits = days_[static_cast<size_t>(noon.tm_mday)];
    const bool weekday_fits = weekdays_[static_cast<size_t>(noon.tm_wday)];
    const bool fits = any_day_ || any_weekday_ ? day_fits && weekday_fits : day_fits || weekday_fits;
    if (!fits) continue;
    for (int hour = 0; hour < 24; ++hour) {
      if (!hours_[static_cast<size_t>(hour)]) continue;
      for (int minute = 0; minute < 60; ++minute) {
        if (!minutes_[static_cast<size_t>(minute)]) continue;
        std::tm moment = noon;
        moment.tm_hour = hour;
        moment.tm_min = minute;
        moment.tm_isdst = -1;
        const time_t at = ::mktime(&moment);
        if (at > start && moment.tm_hour == hour && moment.tm_min == minute) return at;
      }
    }
  }
  return std::nullopt;
}

}  // namespace tidemark::exporter
