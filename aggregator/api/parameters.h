// Parameters: reads what a request asks for, with Prometheus' rules and messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "aggregator/api/outcome.h"
#include "model/matcher.h"
#include "net/http_message.h"

namespace tidemark::api {

// Times are clamped to these: far beyond any sample, and arithmetic with windows and steps cannot overflow.
inline constexpr int64_t kTimeMaxMs = int64_t{1} << 60;
inline constexpr int64_t kTimeMinMs = -kTimeMaxMs;

struct TimeRange {
  int64_t min_ms = kTimeMinMs;
  int64_t max_ms = kTimeMaxMs;
};

// Of the query string and, before it, of a form in the body.
class Parameters {
 public:
  explicit Parameters(const net::Request& request) : params_(request.form()) {}

  std::string_view value(std::string_view name) const { return net::find_param(params_, name); }  // "" when absent.
  std::vector<std::string_view> values(std::string_view name) const;

  // Each answers the default when the parameter is absent or empty.
  tl::expected<int64_t, Error> time(std::string_view name, int64_t default_ms) const;
  tl::expected<int64_t, Error> duration(std::string_view name, int64_t default_ms) const;
  tl::expected<size_t, Error> limit() const;  // 0: none.
  tl::expected<TimeRange, Error> start_and_end() const;

  // One set of matchers for each match[]; each selects something.
  Result<std::vector<std::vector<Matcher>>> matcher_sets() const;

 private:
  const net::Params params_;
};

// Unix seconds with a fraction, or RFC 3339.
Result<int64_t> parse_time_ms(std::string_view text);
// Seconds with a fraction, or 1h30m. Cut down to whole milliseconds; may be negative.
Result<int64_t> parse_step_ms(std::string_view text);
// A whole number, with Go's error: `strconv.Atoi: parsing "x": invalid syntax`. `function` is the one it names.
template <class T>
Result<T> parse_integer(std::string_view function, std::string_view text);

// The label name in a path: "U__" begins an escaped one (U__http_2e_status is http.status). A text that is no valid
// escape is the name itself.
std::string unescape_label_name(std::string_view text);

}  // namespace tidemark::api
