#include "model/number.h"

#include <fmt/compile.h>
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

char* write_text(char* out, std::string_view text) { return std::copy(text.begin(), text.end(), out); }

// Most values are whole or have a few places behind the point. Of up to 15 digits no two numbers are the same double,
// so when such a number is this one, it is its shortest text. Null when it is not.
char* write_short_decimal(char* out, double v) {
  if (!(std::fabs(v) < 1e12) || (v == 0 && std::signbit(v))) return nullptr;
  const double scaled = v * 1000;
  const auto thousandths = static_cast<int64_t>(scaled);
  if (static_cast<double>(thousandths) != scaled || static_cast<double>(thousandths) / 1000 != v) return nullptr;
  const auto magnitude = static_cast<uint64_t>(thousandths < 0 ? -thousandths : thousandths);
  if (thousandths < 0) *out++ = '-';
  out = std::to_chars(out, out + kFloatBytesMax, magnitude / 1000).ptr;
  const auto rest = static_cast<unsigned>(magnitude % 1000);
  if (rest == 0) return out;
  *out++ = '.';
  const char digits[] = {static_cast<char>('0' + rest / 100), static_cast<char>('0' + rest / 10 % 10),
                         static_cast<char>('0' + rest % 10)};
  return std::copy_n(digits, rest % 100 == 0 ? 1 : rest % 10 == 0 ? 2 : 3, out);
}

char* write_fixed_float(char* out, double v) {
  if (std::isnan(v)) return write_text(out, "NaN");
  if (std::isinf(v)) return write_text(out, v > 0 ? "+Inf" : "-Inf");
  // std::to_chars writes a large whole number with all the digits of its binary value (2^70 as ...424); Go writes the
  // shortest digits and then zeros (...400).
  const double magnitude = std::fabs(v);
  // fmt writes an exponent from 1e16 on and below 1e-4. Between them its text is the same, in half the time.
  if (magnitude >= 1e-4 && magnitude < 1e15) return fmt::format_to(out, FMT_COMPILE("{}"), v);
  const bool large = magnitude >= 9007199254740992.0;  // 2^53: below it the two are the same.
  if (!large) return std::to_chars(out, out + kFloatBytesMax, v, std::chars_format::fixed).ptr;
  char buffer[32];
  const char* const end = std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::scientific).ptr;
  const char* const e = std::find(static_cast<const char*>(buffer), end, 'e');
  int zeros = 0;
  std::from_chars(e + 2, end, zeros);  // Behind "e+".
  const char* const point = std::find(static_cast<const char*>(buffer), e, '.');
  out = std::copy(static_cast<const char*>(buffer), point, out);
  if (point != e) {
    out = std::copy(point + 1, e, out);
    zeros -= static_cast<int>(e - point - 1);
  }
  return std::fill_n(out, zeros, '0');
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

char* write_float(char* out, double v) {
  if (char* const end = write_short_decimal(out, v); end != nullptr) return end;
  const double magnitude = std::fabs(v);
  const bool exponent = std::isfinite(v) && magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21);
  if (exponent) return std::to_chars(out, out + kFloatBytesMax, v, std::chars_format::scientific).ptr;
  return write_fixed_float(out, v);
}

void append_float(std::string& out, double v) {
  char buffer[kFloatBytesMax];
  out.append(buffer, write_float(buffer, v));
}

void append_fixed_float(std::string& out, double v) {
  char buffer[kFloatBytesMax];
  out.append(buffer, write_fixed_float(buffer, v));
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
