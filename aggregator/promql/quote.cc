#include "aggregator/promql/quote.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "model/labels.h"
#include "model/utf8.h"

namespace tidemark::promql {
namespace {

// Code points that a reader would not see: controls, separators other than the space, format characters, private use.
bool is_printable(uint32_t c) {
  struct Interval {
    uint32_t first;
    uint32_t last;
  };
  static constexpr Interval kHidden[] = {{0x00, 0x1f},     {0x7f, 0xa0},       {0xad, 0xad},       {0x0600, 0x0605},
                                         {0x061c, 0x061c}, {0x06dd, 0x06dd},   {0x070f, 0x070f},   {0x1680, 0x1680},
                                         {0x180e, 0x180e}, {0x2000, 0x200f},   {0x2028, 0x202f},   {0x205f, 0x206f},
                                         {0x3000, 0x3000}, {0xd800, 0xf8ff},   {0xfeff, 0xfeff},   {0xfff0, 0xfffb},
                                         {0xfffe, 0xffff}, {0x1d173, 0x1d17a}, {0xe0000, 0xe00ff}, {0xe01f0, 0x10ffff}};
  return std::none_of(std::begin(kHidden), std::end(kHidden),
                      [c](const Interval& hidden) { return c >= hidden.first && c <= hidden.last; });
}

void append_escaped(std::string& out, uint32_t c, char quote) {
  switch (c) {
    case '\a':
      out += "\\a";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\v':
      out += "\\v";
      return;
    case '\\':
      out += "\\\\";
      return;
    default:
      break;
  }
  if (c == static_cast<uint32_t>(quote)) {
    out += '\\';
    out += quote;
  } else if (is_printable(c)) {
    append_utf8(out, c);
  } else if (c < 0x80) {
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", c);
  } else if (c < 0x10000) {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
  } else {
    fmt::format_to(std::back_inserter(out), "\\U{:08x}", c);
  }
}

uint32_t hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint32_t>(c - '0');
  return static_cast<uint32_t>((c | 0x20) - 'a' + 10);
}

// Takes one escape sequence, past its backslash, off the front of `rest`.
void append_unescaped(std::string& out, std::string_view& rest) {
  const char kind = rest.front();
  rest.remove_prefix(1);
  const auto number = [&rest](size_t digits, uint32_t base) {
    uint32_t v = 0;
    for (const char c : rest.substr(0, digits)) v = v * base + hex_digit(c);
    rest.remove_prefix(std::min(digits, rest.size()));
    return v;
  };
  switch (kind) {
    case 'a':
      out += '\a';
      return;
    case 'b':
      out += '\b';
      return;
    case 'f':
      out += '\f';
      return;
    case 'n':
      out += '\n';
      return;
    case 'r':
      out += '\r';
      return;
    case 't':
      out += '\t';
      return;
    case 'v':
      out += '\v';
      return;
    case 'x':
      out += static_cast<char>(number(2, 16));
      return;
    case 'u':
      append_utf8(out, number(4, 16));
      return;
    case 'U':
      append_utf8(out, number(8, 16));
      return;
    default:
      break;
  }
  if (kind >= '0' && kind <= '7') {
    out += static_cast<char>(hex_digit(kind) * 64 + number(2, 8));
  } else {
    out += kind;  // A backslash or the quote.
  }
}

}  // namespace

uint32_t decode_utf8(std::string_view text, size_t bytes) {
  static constexpr uint32_t kLeadMask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  uint32_t c = static_cast<unsigned char>(text[0]) & kLeadMask[bytes];
  for (size_t i = 1; i < bytes; ++i) c = c << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
  return c;
}

void append_utf8(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const size_t bytes = utf8_sequence_length(text);
    if (bytes == 0) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(text[0]));
    } else {
      append_escaped(out, decode_utf8(text, bytes), '"');
    }
    text.remove_prefix(std::max<size_t>(bytes, 1));
  }
  out += '"';
}

void append_label_name(std::string& out, std::string_view name) {
  if (is_classic_label_name(name)) {
    out += name;
  } else {
    append_quoted(out, name);
  }
}

std::string quoted(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

std::string quoted_char(std::string_view text) {
  std::string out = "'";
  const size_t bytes = utf8_sequence_length(text);
  append_escaped(out, bytes == 0 ? 0xfffd : decode_utf8(text, bytes), '\'');
  out += '\'';
  return out;
}

std::string unquote(std::string_view token) {
  const char quote = token.front();
  std::string_view rest = token.substr(1, token.size() - 2);
  if (quote == '`') return std::string(rest);
  std::string out;
  out.reserve(rest.size());
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == '\\' && !rest.empty()) {
      append_unescaped(out, rest);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace tidemark::promql
