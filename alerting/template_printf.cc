// Go's Sprintf, as far as templates use it. The C library formats the numbers: its %e %f %g agree with Go's once a
// precision is given.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "alerting/template_value.h"
#include "model/number.h"

namespace tidemark::alerting::template_detail {
namespace {

constexpr int kWidthMax = 1000;  // A wider field is a mistake, and a way to blow up the output.

struct Verb {
  bool minus = false, plus = false, sharp = false, space = false, zero = false;
  int width = -1;
  int precision = -1;
  char letter = 0;
};

std::string c_format(const Verb& verb, double v) {
  std::string format = "%";
  if (verb.plus) format += '+';
  if (verb.space) format += ' ';
  if (verb.sharp) format += '#';
  format += ".*";
  format += verb.letter == 'F' ? 'f' : verb.letter;
  char text[1400];  // 309 digits before the point and at most kWidthMax behind it.
  const int precision = verb.precision < 0 ? 6 : std::min(verb.precision, kWidthMax);
  const int n = std::snprintf(text, sizeof text, format.c_str(), precision, v);
  return {text, static_cast<size_t>(std::clamp(n, 0, static_cast<int>(sizeof text) - 1))};
}

std::string float_text(const Verb& verb, double v) {
  std::string text;
  if (!std::isfinite(v)) {
    text = std::isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf";
    if (!verb.plus && text[0] == '+') return text;
    return verb.plus && text == "NaN" ? "+NaN" : text;
  }
  if ((verb.letter == 'g' || verb.letter == 'G' || verb.letter == 'v') && verb.precision < 0) {
    text = format_general_float(v);
    if (verb.letter == 'G') std::replace(text.begin(), text.end(), 'e', 'E');
    if (verb.plus && v >= 0) text.insert(0, "+");
    return text;
  }
  Verb as_g = verb;
  if (verb.letter == 'v') as_g.letter = 'g';
  return c_format(as_g, v);
}

std::string integer_text(const Verb& verb, int64_t v) {
  const char* format = verb.letter == 'x' ? "%llx" : verb.letter == 'X' ? "%llX" : verb.letter == 'o' ? "%llo" : "%lld";
  const unsigned long long magnitude =
      v < 0 ? 0 - static_cast<unsigned long long>(v) : static_cast<unsigned long long>(v);
  char digits[32];
  if (verb.letter == 'd' || verb.letter == 'v') format = "%llu";
  const int n = std::snprintf(digits, sizeof digits, format, magnitude);
  std::string text(digits, static_cast<size_t>(n));
  if (v < 0) return "-" + text;
  return verb.plus ? "+" + text : verb.space ? " " + text : text;
}

std::string hex_text(std::string_view bytes, bool upper) {
  const char* digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string out;
  for (const unsigned char c : bytes) {
    out += digits[c >> 4];
    out += digits[c & 15];
  }
  return out;
}

std::string bad_verb(const Verb& verb, const Value& value) {
  std::string out = "%!";
  out += verb.letter;
  return out.append("(").append(value.type()).append("=").append(value.text()).append(")");
}

// Cuts at a number of characters, not bytes.
std::string cut(std::string text, int characters) {
  size_t i = 0;
  for (int n = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80 && n++ == characters) break;
  }
  text.resize(i);
  return text;
}

bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

std::string verb_text(const Verb& verb, const Value& value) {
  const char letter = verb.letter;
  if (const auto* v = value.as<double>()) {
    return is_one_of(letter, "vfFeEgG") ? float_text(verb, *v) : bad_verb(verb, value);
  }
  if (const auto* v = value.as<int64_t>()) {
    if (letter == 'c' && *v >= 0x20 && *v < 0x7f) return std::string(1, static_cast<char>(*v));
    return is_one_of(letter, "vdxXo") ? integer_text(verb, *v) : bad_verb(verb, value);
  }
  if (value.as<bool>() != nullptr) return is_one_of(letter, "vt") ? value.text() : bad_verb(verb, value);
  if (!is_one_of(letter, "vsqxX")) return bad_verb(verb, value);
  std::string text = value.text();
  if (verb.precision >= 0) text = cut(std::move(text), verb.precision);
  if (letter == 'q') return quote(text);
  if (letter == 'x' || letter == 'X') return hex_text(text, letter == 'X');
  return text;
}

std::string padded(const Verb& verb, std::string text) {
  const auto characters = std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; });
  if (verb.width <= characters) return text;
  const size_t missing = static_cast<size_t>(verb.width - characters);
  if (verb.minus) return text.append(missing, ' ');
  const bool sign = !text.empty() && (text[0] == '-' || text[0] == '+');
  const bool number = !text.empty() && text[sign ? 1 : 0] >= '0' && text[sign ? 1 : 0] <= '9';
  if (verb.zero && number) return text.insert(sign ? 1 : 0, missing, '0');
  return text.insert(0, missing, ' ');
}

// Reads digits at `i`; -1 when there are none or they exceed the limit (`bad`).
int read_number(std::string_view format, size_t& i, bool& bad) {
  int n = -1;
  for (; i < format.size() && format[i] >= '0' && format[i] <= '9'; ++i) {
    n = std::max(n, 0) * 10 + (format[i] - '0');
    if (n > kWidthMax) {
      bad = true;
      n = kWidthMax;
    }
  }
  return n;
}

}  // namespace

std::string go_sprintf(std::string_view format, std::span<const Value> args) {
  std::string out;
  size_t next = 0;
  for (size_t i = 0; i < format.size();) {
    if (format[i] != '%') {
      out += format[i++];
      continue;
    }
    ++i;
    Verb verb;
    bool bad = false;
    for (; i < format.size() && is_one_of(format[i], "-+# 0"); ++i) {
      if (format[i] == '-') verb.minus = true;
      if (format[i] == '+') verb.plus = true;
      if (format[i] == '#') verb.sharp = true;
      if (format[i] == ' ') verb.space = true;
      if (format[i] == '0') verb.zero = true;
    }
    verb.width = read_number(format, i, bad);
    if (bad) out += "%!(BADWIDTH)";
    if (i < format.size() && format[i] == '.') {
      ++i;
      bad = false;
      verb.precision = std::max(0, read_number(format, i, bad));
      if (bad) out += "%!(BADPREC)";
    }
    if (i == format.size()) {
      out += "%!(NOVERB)";
      break;
    }
    verb.letter = format[i++];
    if (verb.letter == '%') {
      out += '%';
    } else if (next == args.size()) {
      out.append("%!").append(1, verb.letter).append("(MISSING)");
    } else {
      out += padded(verb, verb_text(verb, args[next++]));
    }
  }
  if (next < args.size()) {
    out += "%!(EXTRA ";
    for (size_t i = next; i < args.size(); ++i) {
      if (i > next) out += ", ";
      out.append(args[i].type()).append("=").append(args[i].text());
    }
    out += ')';
  }
  return out;
}

}  // namespace tidemark::alerting::template_detail
