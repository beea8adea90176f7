#include "aggregator/api/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "aggregator/promql/parser.h"
#include "aggregator/promql/quote.h"
#include "model/duration.h"
#include "model/number.h"
#include "model/rfc3339.h"

namespace tidemark::api {
namespace {

int64_t clamp_ms(double ms) {
  return static_cast<int64_t>(std::clamp(ms, static_cast<double>(kTimeMinMs), static_cast<double>(kTimeMaxMs)));
}

// Go's boundary times, which some of its clients send for "from the beginning" and "to the end".
constexpr std::string_view kGoMinTime = "-292273086-05-16T16:47:06Z";
constexpr std::string_view kGoMaxTime = "292277025-08-18T07:12:54.999999999Z";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::vector<std::string_view> Parameters::values(std::string_view name) const {
  std::vector<std::string_view> out;
  for (const auto& [key, value] : params_)
    if (key == name) out.push_back(value);
  return out;
}

Result<int64_t> parse_time_ms(std::string_view text) {
  if (const auto seconds = parse_float(text); seconds && !std::isnan(*seconds)) {
    double whole = 0;
    const double fraction = std::modf(*seconds, &whole);
    return clamp_ms(whole * 1000 + std::round(fraction * 1000));
  }
  if (const auto ms = parse_rfc3339(text)) return *ms;
  if (text == kGoMinTime) return kTimeMinMs;
  if (text == kGoMaxTime) return kTimeMaxMs;
  return fail(Status::invalid(fmt::format("cannot parse {} to a valid timestamp", promql::quoted(text))));
}

Result<int64_t> parse_step_ms(std::string_view text) {
  if (const auto seconds = parse_float(text); seconds && !std::isnan(*seconds)) {
    if (std::fabs(*seconds) * 1e9 > static_cast<double>(std::numeric_limits<int64_t>::max())) {
      return fail(Status::invalid(
          fmt::format("cannot parse {} to a valid duration. It overflows int64", promql::quoted(text))));
    }
    // Whole nanoseconds first, as Prometheus: 0.001 is a millisecond, not the zero that lies just below it.
    return static_cast<int64_t>(*seconds * 1e9) / 1'000'000;
  }
  if (const auto ms = parse_duration_ms(text)) return *ms;
  return fail(Status::invalid(fmt::format("cannot parse {} to a valid duration", promql::quoted(text))));
}

template <class T>
Result<T> parse_integer(std::string_view function, std::string_view text) {
  const bool has_plus = text.starts_with('+') && !text.starts_with("+-");
  const std::string_view digits = text.substr(has_plus ? 1 : 0);
  T value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool is_number = error != std::errc::invalid_argument && end == digits.data() + digits.size();
  if (is_number && error == std::errc()) return value;
  return fail(Status::invalid(fmt::format("strconv.{}: parsing {}: {}", function, promql::quoted(text),
                                          is_number ? "value out of range" : "invalid syntax")));
}
template Result<int32_t> parse_integer<int32_t>(std::string_view, std::string_view);
template Result<int64_t> parse_integer<int64_t>(std::string_view, std::string_view);

tl::expected<int64_t, Error> Parameters::time(std::string_view name, int64_t default_ms) const {
  const std::string_view text = value(name);
  if (text.empty()) return default_ms;
  const auto ms = parse_time_ms(text);
  if (ms) return *ms;
  return refuse(bad_parameter(name, fmt::format("invalid time value for '{}': {}", name, ms.error().message())));
}

tl::expected<int64_t, Error> Parameters::duration(std::string_view name, int64_t default_ms) const {
  const std::string_view text = value(name);
  if (text.empty()) return default_ms;
  const auto ms = parse_step_ms(text);
  if (ms) return *ms;
  return refuse(bad_parameter(name, ms.error().message()));
}

tl::expected<size_t, Error> Parameters::limit() const {
  const std::string_view text = value("limit");
  if (text.empty()) return size_t{0};
  const auto limit = parse_integer<int64_t>("Atoi", text);
  if (!limit) return refuse(bad_parameter("limit", limit.error().message()));
  if (*limit < 0) return refuse(bad_parameter("limit", "limit must be non-negative"));
  return static_cast<size_t>(*limit);
}

tl::expected<TimeRange, Error> Parameters::start_and_end() const {
  const auto start = time("start", kTimeMinMs);
  if (!start) return refuse(start.error());
  const auto end = time("end", kTimeMaxMs);
  if (!end) return refuse(end.error());
  return TimeRange{*start, *end};
}

Result<std::vector<std::vector<Matcher>>> Parameters::matcher_sets() const {
  std::vector<std::vector<Matcher>> sets;
  for (const std::string_view text : values("match[]")) {
    auto matchers = promql::parse_selector(text);
    if (!matchers) return fail(matchers.error());
    const bool selects_something = std::any_of(matchers->begin(), matchers->end(),
                                               [](const Matcher& matcher) { return !matcher.matches_empty(); });
    if (!selects_something) return fail(Status::invalid("match[] must contain at least one non-empty matcher"));
    sets.push_back(std::move(*matchers));
  }
  return sets;
}

std::string unescape_label_name(std::string_view text) {
  static constexpr std::string_view kPrefix = "U__";
  static constexpr size_t kHexDigitsMax = 6;  // U+10FFFF
  if (text.substr(0, kPrefix.size()) != kPrefix) return std::string(text);
  std::string name;
  std::string_view rest = text.substr(kPrefix.size());
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c != '_') {
      name += c;
      continue;
    }
    const size_t end = rest.substr(0, kHexDigitsMax + 1).find('_');
    if (end == std::string_view::npos) return std::string(text);
    if (end == 0) {
      name += '_';
    } else {
      uint32_t code_point = 0;
      for (const char digit : rest.substr(0, end)) {
        if (hex_value(digit) < 0) return std::string(text);
        code_point = code_point * 16 + static_cast<uint32_t>(hex_value(digit));
      }
      if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point < 0xe000)) return std::string(text);
      promql::append_utf8(name, code_point);
    }
    rest.remove_prefix(end + 1);
  }
  return name;
}

}  // namespace tidemark::api
