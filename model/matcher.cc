#include "model/matcher.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>

namespace tidemark {
namespace {

constexpr std::string_view kSpecial = R"(\.+*?()|[]{}^$)";
constexpr int64_t kRegexBytesMax = 8 << 20;
constexpr size_t kLiteralsMax = 1000;  // Beyond it the automaton is the smaller answer.

bool is_literal(std::string_view text) { return text.find_first_of(kSpecial) == std::string_view::npos; }

// The alternatives of "a|b|c" or "(a|b|c)"; empty when any of them is more than literal text.
std::vector<std::string> literal_alternatives(std::string_view pattern) {
  if (pattern.size() >= 2 && pattern.front() == '(' && pattern.back() == ')') {
    const std::string_view inner = pattern.substr(1, pattern.size() - 2);
    if (inner.find_first_of("()?") == std::string_view::npos) pattern = inner;
  }
  std::vector<std::string> literals;
  for (size_t begin = 0;;) {
    const size_t end = pattern.find('|', begin);
    const std::string_view part = pattern.substr(begin, end == std::string_view::npos ? end : end - begin);
    if (!is_literal(part) || literals.size() == kLiteralsMax) return {};
    literals.emplace_back(part);
    if (end == std::string_view::npos) break;
    begin = end + 1;
  }
  std::sort(literals.begin(), literals.end());
  literals.erase(std::unique(literals.begin(), literals.end()), literals.end());
  return literals;
}

// Literal text before the first special character. The last character may belong to a following ? * or {0}.
std::string literal_prefix(std::string_view pattern) {
  if (pattern.find('|') != std::string_view::npos) return {};
  size_t end = pattern.find_first_of(kSpecial);
  if (end == std::string_view::npos) end = pattern.size();
  if (end < pattern.size() && (pattern[end] == '?' || pattern[end] == '*' || pattern[end] == '{')) {
    // Step back over a whole UTF-8 sequence.
    while (end > 0 && (static_cast<unsigned char>(pattern[end - 1]) & 0xc0) == 0x80) --end;
    if (end > 0) --end;
  }
  return std::string(pattern.substr(0, end));
}

}  // namespace

std::string_view match_op_text(MatchOp op) {
  switch (op) {
    case MatchOp::kEqual:
      return "=";
    case MatchOp::kNotEqual:
      return "!=";
    case MatchOp::kRegex:
      return "=~";
    case MatchOp::kNotRegex:
      return "!~";
  }
  return "=";
}

Result<Matcher> Matcher::make(MatchOp op, std::string_view name, std::string_view value) {
  Matcher matcher(op, name, value);
  if (op == MatchOp::kRegex || op == MatchOp::kNotRegex) {
    matcher.literals_ = literal_alternatives(value);
    if (matcher.literals_.empty()) {
      re2::RE2::Options options;
      options.set_log_errors(false);
      options.set_dot_nl(true);
      options.set_max_mem(kRegexBytesMax);
      auto regex = std::make_shared<const re2::RE2>(re2::StringPiece(value.data(), value.size()), options);
      if (!regex->ok()) {
        return fail(
            Status::invalid(fmt::format("regular expression \"{}\": {}", value.substr(0, 256), regex->error())));
      }
      matcher.prefix_ = literal_prefix(value);
      matcher.regex_ = std::move(regex);
    }
  }
  matcher.matches_empty_ = matcher.matches("");
  return matcher;
}

Matcher Matcher::equal(std::string_view name, std::string_view value) {
  Matcher matcher(MatchOp::kEqual, name, value);
  matcher.matches_empty_ = value.empty();
  return matcher;
}

bool Matcher::matches(std::string_view value) const {
  switch (op_) {
    case MatchOp::kEqual:
      return value == value_;
    case MatchOp::kNotEqual:
      return value != value_;
    case MatchOp::kRegex:
    case MatchOp::kNotRegex: {
      const bool found = regex_ ? re2::RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *regex_)
                                : std::binary_search(literals_.begin(), literals_.end(), value);
      return found == (op_ == MatchOp::kRegex);
    }
  }
  return false;
}

std::string Matcher::to_string() const {
  std::string out = is_classic_label_name(name_) ? name_ : fmt::format("\"{}\"", name_);
  out += match_op_text(op_);
  out += '"';
  for (const char c : value_) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  out += '"';
  return out;
}

bool matches_all(const std::vector<Matcher>& matchers, LabelsView labels) {
  return std::all_of(matchers.begin(), matchers.end(), [&](const Matcher& m) { return m.matches_labels(labels); });
}

}  // namespace tidemark
