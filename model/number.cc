#include "model/number.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "model/sample.h"

namespace tidemark {
namespace {

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() && std::equal(text.begin(), text.end(), lower.begin(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b;
         });
}

// from_chars leaves the value alone when it is out of range, without saying in which direction. A number below one
// has a negative exponent or nothing but zeros before its digits.
double out_of_range(const char* first, const char* last) {
  const char* exponent = std::find_if(first, last, [](char c) { return c == 'e' || c == 'E' || c == 'p' || c == 'P'; });
  if (exponent != last)
    return exponent + 1 != last && exponent[1] == '-' ? 0.0 : std::numeric_limits<double>::infinity();
  return *first == '0' || *first == '.' ? 0.0 : std::numeric_limits<double>::infinity();
}

}  // namespace

Result<double> parse_float(std::string_view text) {
  const auto bad = [&] { return fail(Status::invalid(fmt::format("\"{}\" is not a number", text.substr(0, 64)))); };
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) {
    negative = rest[0] == '-';
    rest.remove_prefix(1);
  }
  if (rest.empty()) return bad();
  double v = 0;
  if (equals_ignoring_case(rest, "inf") || equals_ignoring_case(rest, "infinity")) {
    v = std::numeric_limits<double>::infinity();
  } else if (equals_ignoring_case(rest, "nan")) {
    if (rest.size() != text.size()) return bad();  // A sign on NaN is refused, as by strconv.ParseFloat.
    return normal_nan();
  } else {
    const bool hex = rest.size() > 2 && rest[0] == '0' && (rest[1] == 'x' || rest[1] == 'X');
    const char* first = rest.data() + (hex ? 2 : 0);
    const char* last = rest.data() + rest.size();
    if (!((*first >= '0' && *first <= '9') || *first == '.' || hex)) return bad();  // from_chars knows "inf(...)" too.
    const auto [end, error] =
        std::from_chars(first, last, v, hex ? std::chars_format::hex : std::chars_format::general);
    if (end != last || error == std::errc::invalid_argument) return bad();
    if (error == std::errc::result_out_of_range) v = out_of_range(first, last);
  }
  return negative ? -v : v;
}

void append_float(std::string& out, double v) {
  const double magnitude = std::fabs(v);
  const bool exponent = std::isfinite(v) && magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21);
  if (!exponent) return append_fixed_float(out, v);
  char buffer[32];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::scientific).ptr);
}

void append_fixed_float(std::string& out, double v) {
  if (std::isnan(v)) {
    out += "NaN";
    return;
  }
  if (std::isinf(v)) {
    out += v > 0 ? "+Inf" : "-Inf";
    return;
  }
  char buffer[400];  // The least numbers have some 340 places behind the point.
  // std::to_chars writes a large whole number with all the digits of its binary value (2^70 as ...424); Go writes the
  // shortest digits and then zeros (...400).
  const bool large = std::fabs(v) >= 9007199254740992.0;  // 2^53: below it the two are the same.
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, v,
                                    large ? std::chars_format::scientific : std::chars_format::fixed);
  if (!large) {
    out.append(buffer, result.ptr);
    return;
  }
  const char* const e = std::find(static_cast<const char*>(buffer), static_cast<const char*>(result.ptr), 'e');
  int zeros = 0;
  std::from_chars(e + 2, result.ptr, zeros);  // Behind "e+".
  const char* const point = std::find(static_cast<const char*>(buffer), e, '.');
  out.append(static_cast<const char*>(buffer), point);
  if (point != e) {
    out.append(point + 1, e);
    zeros -= static_cast<int>(e - point - 1);
  }
  out.append(static_cast<size_t>(zeros), '0');
}

std::string format_float(double v) {
  std::string out;
  append_float(out, v);
  return out;
}

std::string format_general_float(double v) {
  // strconv decides by a precision of 6 when it prints the shortest text.
  const double magnitude = std::fabs(v);
  const bool exponent = std::isfinite(v) && magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e6);
  std::string out;
  if (!exponent) {
    append_fixed_float(out, v);
    return out;
  }
  char buffer[32];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::scientific).ptr);
  return out;
}

}  // namespace tidemark
