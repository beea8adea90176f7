#include "exporter/cgroup/json_strings.h"

#include <charconv>
#include <vector>

namespace tidemark::exporter {
namespace {

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
  } else {
    if (code < 0x1'0000) {
      out += static_cast<char>(0xE0 | (code >> 12));
    } else {
      out += static_cast<char>(0xF0 | (code >> 18));
      out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    }
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
  }
  out += static_cast<char>(0x80 | (code & 0x3F));
}

class Scanner {
 public:
  Scanner(std::string_view text, const OnJsonString& on_string) : rest_(text), on_string_(on_string) {}

  bool document() { return value(0) && (skip_blanks(), rest_.empty()); }

 private:
  void skip_blanks() {
    const size_t at = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(at == rest_.npos ? rest_.size() : at);
  }
  bool take(char c) {
    skip_blanks();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool value(size_t depth) {
    if (depth > kJsonDepthMax) return false;
    if (take('{')) return object(depth);
    if (take('[')) return array(depth);
    if (take('"')) {
      std::string text;
      if (!string(text)) return false;
      if (arrays_ == 0) on_string_(path_, text);
      return true;
    }
    // A number, true, false or null; which of them does not matter here.
    const size_t end = rest_.find_first_not_of("+-.0123456789abcdefghijklmnopqrstuvwxyzE");
    const size_t size = end == rest_.npos ? rest_.size() : end;
    rest_.remove_prefix(size);
    return size > 0;
  }

  bool object(size_t depth) {
    if (take('}')) return true;
    do {
      path_.emplace_back();
      if (!take('"') || !string(path_.back()) || !take(':') || !value(depth + 1)) return false;
      path_.pop_back();
    } while (take(','));
    return take('}');
  }

  bool array(size_t depth) {
    if (take(']')) return true;
    ++arrays_;
    do {
      if (!value(depth + 1)) return false;
    } while (take(','));
    --arrays_;
    return take(']');
  }

  bool hex4(uint32_t& code) {
    if (rest_.size() < 4) return false;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + 4, code, 16);
    if (error != std::errc() || end != rest_.data() + 4) return false;
    rest_.remove_prefix(4);
    return true;
  }

  // What follows a quotation mark, up to the next.
  bool string(std::string& out) {
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return true;
      if (c != '\\') {
        out += c;
        continue;
      }
      if (rest_.empty()) return false;
      const char escaped = rest_.front();
      rest_.remove_prefix(1);
      constexpr std::string_view kLetters = "\"\\/bfnrt";
      constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
      if (const size_t at = kLetters.find(escaped); at != kLetters.npos) {
        out += kMeanings[at];
        continue;
      }
      uint32_t code = 0;
      if (escaped != 'u' || !hex4(code)) return false;
      if (code >= 0xD800 && code < 0xDC00 && rest_.starts_with("\\u")) {  // The first of two halves.
        rest_.remove_prefix(2);
        uint32_t low = 0;
        if (!hex4(low) || low < 0xDC00 || low > 0xDFFF) return false;
        code = 0x1'0000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      }
      if (code >= 0xD800 && code < 0xE000) return false;
      append_utf8(out, code);
    }
    return false;
  }

  std::string_view rest_;
  const OnJsonString& on_string_;
  std::vector<std::string> path_;
  size_t arrays_ = 0;  // That we are in.
};

}  // namespace

bool scan_json_strings(std::string_view text, const OnJsonString& on_string) {
  return Scanner(text, on_string).document();
}

}  // namespace tidemark::exporter
