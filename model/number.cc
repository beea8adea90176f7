#include "model/number.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

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

// Eight decimal digits at once: halves, pairs and single digits come apart in the lanes of one word.
void write_eight(char* out, uint64_t below_1e8) {
  const uint64_t fours = below_1e8 / 10'000 | below_1e8 % 10'000 << 32;
  const uint64_t hundreds = (fours * 10'486 >> 20) & 0x7f'0000'007f;  // Of each four, by 1/100.
  const uint64_t twos = hundreds | (fours - hundreds * 100) << 16;
  const uint64_t tens = (twos * 103 >> 10) & 0x000f'000f'000f'000f;  // Of each two, by 1/10.
  const uint64_t digits = (tens | (twos - tens * 10) << 8) | 0x3030'3030'3030'3030;
  std::memcpy(out, &digits, sizeof digits);
}
static_assert(std::endian::native == std::endian::little, "the first digit is the lowest byte");

constexpr auto kPowersOfTen = [] {
  std::array<uint64_t, 20> out = {};
  uint64_t power = 1;
  for (uint64_t& p : out) p = std::exchange(power, power * 10);
  return out;
}();

// REQUIRES: 0 < number < 10^17. Writes up to 24 bytes. Returns the end of the digits.
char* write_digits(char* out, uint64_t number) {
  auto count = static_cast<size_t>(std::bit_width(number) * 1233 >> 12);  // Of digits; one less where that is too few.
  if (number >= kPowersOfTen[count]) ++count;
  number *= kPowersOfTen[17 - count];  // The first digit is the 17th, so none is to be looked for.
  out[0] = static_cast<char>('0' + number / kPowersOfTen[16]);
  const uint64_t rest = number % kPowersOfTen[16];
  write_eight(out + 1, rest / 100'000'000);
  write_eight(out + 9, rest % 100'000'000);
  return out + count;
}

// The shortest digits with the point where it belongs. REQUIRES: 1e-4 <= |v| < 1e15. The digits are worked out by the
// part of fmt (Dragonbox) that fmt::format("{}") uses, which then takes twice as long to write them down.
char* write_shortest(char* out, double v) {
  if (v < 0) *out++ = '-';
  const auto decimal = fmt::detail::dragonbox::to_decimal(std::fabs(v));
  char* const digits = out + 1;  // One place to the right, where all stay that come behind the point.
  char* const end = write_digits(digits, decimal.significand);
  if (decimal.exponent >= 0) {
    std::memmove(out, digits, static_cast<size_t>(end - digits));
    return std::fill_n(end - 1, decimal.exponent, '0');
  }
  const ptrdiff_t whole = end - digits + decimal.exponent;  // Digits before the point.
  if (whole > 0) {
    std::memmove(out, digits, static_cast<size_t>(whole));
    out[whole] = '.';
    return end;
  }
  const auto zeros = static_cast<size_t>(2 - whole);  // "0." among them.
  std::memmove(out + zeros, digits, static_cast<size_t>(end - digits));
  std::fill_n(out, zeros, '0');
  out[1] = '.';
  return end - 1 + zeros;
}

char* write_fixed_float(char* out, double v) {
  if (std::isnan(v)) return write_text(out, "NaN");
  if (std::isinf(v)) return write_text(out, v > 0 ? "+Inf" : "-Inf");
  // std::to_chars writes a large whole number with all the digits of its binary value (2^70 as ...424); Go writes the
  // shortest digits and then zeros (...400).
  const double magnitude = std::fabs(v);
  if (magnitude >= 1e-4 && magnitude < 1e15) return write_shortest(out, v);
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
