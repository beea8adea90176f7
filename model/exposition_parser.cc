#include "model/exposition_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <iterator>

#include "model/number.h"
#include "model/sample.h"
#include "model/utf8.h"

namespace tidemark {
namespace {

using Entry = ExpositionParser::Entry;

constexpr size_t kPairwiseMax = 16;  // Up to here comparing all pairs of names beats sorting them.
constexpr size_t kNumberBytesMax = 32;

enum : uint8_t {
  kNameStart = 1,  // [a-zA-Z_]
  kDigit = 2,
  kColon = 4,      // Allowed in metric names, not in label names.
  kQuoteStop = 8,  // What ends the plain part of a quoted text.
};

constexpr std::array<uint8_t, 256> make_classes() {
  std::array<uint8_t, 256> classes{};
  for (int c = 'a'; c <= 'z'; ++c) classes[static_cast<size_t>(c)] |= kNameStart;
  for (int c = 'A'; c <= 'Z'; ++c) classes[static_cast<size_t>(c)] |= kNameStart;
  for (int c = '0'; c <= '9'; ++c) classes[static_cast<size_t>(c)] |= kDigit;
  classes['_'] |= kNameStart;
  classes[':'] |= kColon;
  classes['"'] |= kQuoteStop;
  classes['\\'] |= kQuoteStop;
  return classes;
}
constexpr std::array<uint8_t, 256> kClasses = make_classes();

bool is(char c, uint8_t classes) { return (kClasses[static_cast<unsigned char>(c)] & classes) != 0; }

std::string_view between(const char* begin, const char* end) { return {begin, static_cast<size_t>(end - begin)}; }

// Quotes a piece of the page for a message: short, and safe to show whatever bytes it holds.
std::string excerpt(std::string_view text) {
  constexpr size_t kMax = 40;
  std::string out = "\"";
  for (const char c : text.substr(0, kMax)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  out += text.size() > kMax ? "...\"" : "\"";
  return out;
}

// A decimal number, "Inf" or "NaN". Hexadecimal and "_" are refused, as by Prometheus; so is what overflows.
bool read_value(std::string_view text, double& v) {
  const char* const end = text.data() + text.size();
  if (text.size() <= 15) {  // Whole numbers of 15 digits are exact: most samples take this way.
    uint64_t whole = 0;
    const char* at = text.data();
    while (at != end && is(*at, kDigit)) whole = whole * 10 + static_cast<uint64_t>(*at++ - '0');
    if (at == end) {
      v = static_cast<double>(whole);
      return !text.empty();
    }
  }
  if (is(text[0], kDigit)) {
    const auto [stop, error] = std::from_chars(text.data(), end, v);
    if (error == std::errc() && stop == end) return true;
  }
  if (text.find_first_of("xXpP_") != std::string_view::npos) return false;
  const Result<double> parsed = parse_float(text);
  if (!parsed) return false;
  v = *parsed;
  return !std::isinf(v) || text.find_first_of("iI") != std::string_view::npos;
}

// OpenMetrics' canonical form, in which Prometheus 3 stores bucket bounds and quantiles: Go's 'g' format, made to look
// like a float. At most kNumberBytesMax bytes.
void append_canonical(std::string& out, double v) {
  if (!std::isfinite(v)) return append_float(out, v);
  const double magnitude = std::fabs(v);
  const bool exponent = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e6);
  char buffer[kNumberBytesMax];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, magnitude == 0 ? 0.0 : v,
                                    exponent ? std::chars_format::scientific : std::chars_format::fixed);
  const std::string_view text = between(buffer, result.ptr);
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

}  // namespace

size_t ExpositionParser::line_number() const {
  const char* const end = line_.data() == nullptr ? body_.data() : line_.data();
  return 1 + static_cast<size_t>(std::count(body_.data(), end, '\n'));
}

bool ExpositionParser::refuse(std::string_view what) {
  status_ = Status::invalid(fmt::format("line {}: {}", line_number(), what));
  return false;
}

bool ExpositionParser::expected(std::string_view what, const Cursor& at) {
  if (at.done()) return refuse(fmt::format("expected {}, got the end of the line", what));
  return refuse(fmt::format("expected {}, got {}", what, excerpt(between(at.at, at.end))));
}

Entry ExpositionParser::next() {
  if (!status_.ok()) return Entry::kError;
  while (!rest_.empty()) {
    const void* newline = std::memchr(rest_.data(), '\n', rest_.size());
    const size_t length =
        newline == nullptr ? rest_.size() : static_cast<size_t>(static_cast<const char*>(newline) - rest_.data());
    line_ = rest_.substr(0, length);
    rest_.remove_prefix(std::min(rest_.size(), length + 1));
    if (length > limits_.line_bytes_max) {
      refuse(fmt::format("longer than {} bytes", limits_.line_bytes_max));
      return Entry::kError;
    }
    Cursor line{line_.data(), line_.data() + length};
    line.skip_blanks();
    if (line.done()) continue;
    return *line.at == '#' ? comment(line) : sample(line);
  }
  return Entry::kEnd;
}

Entry ExpositionParser::comment(Cursor line) {
  text_ = between(line.at, line.end);
  Cursor word = line;
  ++word.at;
  const char* const sign = word.at;
  word.skip_blanks();
  if (word.at == sign || word.end - word.at < 5 || (word.at[4] != ' ' && word.at[4] != '\t')) return Entry::kComment;
  const std::string_view keyword(word.at, 4);
  word.at += 5;
  if (keyword == "HELP") return metadata(word, Entry::kHelp);
  if (keyword == "TYPE") return metadata(word, Entry::kType);
  if (keyword == "UNIT") return metadata(word, Entry::kUnit);
  return Entry::kComment;
}

Entry ExpositionParser::metadata(Cursor line, Entry kind) {
  scratch_.clear();
  line.skip_blanks();
  const Cursor name = line;
  if (!line.done() && *line.at == '"') {
    if (!quoted(line, "metric name", family_)) return Entry::kError;
  } else if (!line.done() && is(*line.at, kNameStart | kColon)) {
    while (!line.done() && is(*line.at, kNameStart | kColon | kDigit)) ++line.at;
    family_ = between(name.at, line.at);
  } else {
    family_ = {};
  }
  const bool separated = line.done() || *line.at == ' ' || *line.at == '\t';
  if (family_.empty() || !separated) {
    if (kind == Entry::kUnit) return Entry::kComment;  // In 0.0.4 it may say anything.
    expected(kind == Entry::kHelp ? "a metric name after HELP" : "a metric name after TYPE", name);
    return Entry::kError;
  }
  if (!line.done()) ++line.at;  // The blank.
  std::string_view text = between(line.at, line.end);
  if (kind == Entry::kHelp) {
    if (!is_valid_utf8(text)) {
      refuse("the help text is not valid UTF-8");
      return Entry::kError;
    }
    text_ = unescape(text, false);
    return kind;
  }
  text = text.substr(std::min(text.size(), text.find_first_not_of(" \t")));
  text = text.substr(0, text.find_last_not_of(" \t") + 1);
  text_ = text;
  if (kind == Entry::kUnit) return kind;
  for (const MetricType type :
       {MetricType::kCounter, MetricType::kGauge, MetricType::kHistogram, MetricType::kSummary, MetricType::kUnknown}) {
    if (text == (type == MetricType::kUnknown ? "untyped" : metric_type_name(type))) {
      type_ = type;
      return kind;
    }
  }
  refuse(fmt::format("expected counter, gauge, histogram, summary or untyped, got {}", excerpt(text)));
  return Entry::kError;
}

Entry ExpositionParser::sample(Cursor line) {
  const char* const begin = line.at;
  canonical_ = false;
  scratch_.clear();
  labels_.clear();
  labels_.push_back({kMetricName, {}});
  if (is(*line.at, kNameStart | kColon)) {
    while (!line.done() && is(*line.at, kNameStart | kColon | kDigit)) ++line.at;
    labels_[0].value = between(begin, line.at);
  } else if (*line.at != '{') {
    expected("a metric name", line);
    return Entry::kError;
  }
  series_ = between(begin, line.at);
  line.skip_blanks();
  if (!line.done() && *line.at == '{') {
    ++line.at;
    if (!braces(line, !series_.empty())) return Entry::kError;
    series_ = between(begin, line.at);
    line.skip_blanks();
  }
  if (!sample_value(line) || !sample_timestamp(line)) return Entry::kError;
  return Entry::kSample;
}

// What stands between "{" and "}": labels, and the metric's name in quotes when there was none before.
bool ExpositionParser::braces(Cursor& line, bool named) {
  line.skip_blanks();
  while (line.done() || *line.at != '}') {
    const Cursor start = line;
    std::string_view name;
    const bool in_quotes = !line.done() && *line.at == '"';
    if (in_quotes) {
      if (!quoted(line, "name", name)) return false;
    } else if (!line.done() && is(*line.at, kNameStart)) {
      while (!line.done() && is(*line.at, kNameStart | kDigit)) ++line.at;
      name = between(start.at, line.at);
    } else {
      return expected("a label name or \"}\"", start);
    }
    line.skip_blanks();
    if (in_quotes && !line.done() && (*line.at == ',' || *line.at == '}')) {
      if (named) return refuse("the metric has two names");
      if (name.empty()) return refuse("the metric's name is empty");
      named = true;
      labels_[0].value = name;
    } else {
      if (name.empty()) return refuse("a label's name is empty");
      if (line.done() || *line.at != '=')
        return expected(fmt::format("\"=\" after label name {}", excerpt(name)), line);
      ++line.at;
      line.skip_blanks();
      if (line.done() || *line.at != '"') {
        return expected(fmt::format("a value in double quotes for label {}", excerpt(name)), line);
      }
      std::string_view value;
      if (!quoted(line, "label value", value)) return false;
      if (labels_.size() == limits_.labels_max) return refuse(fmt::format("more than {} labels", limits_.labels_max));
      labels_.push_back({name, value});
      line.skip_blanks();
    }
    if (!line.done() && *line.at == ',') {
      ++line.at;
      line.skip_blanks();
    }
  }
  ++line.at;
  if (!named) return refuse("the metric has no name");
  return unique_names();
}

// Text in double quotes, escapes undone. REQUIRES: the cursor is on the opening quote.
bool ExpositionParser::quoted(Cursor& line, std::string_view what, std::string_view& text) {
  const char* const begin = ++line.at;
  bool escapes = false;
  unsigned char all = 0;
  for (;; ++line.at) {
    while (!line.done() && !is(*line.at, kQuoteStop)) all |= static_cast<unsigned char>(*line.at++);
    if (!line.done() && *line.at == '"') break;
    if (line.end - line.at < 2) return refuse(fmt::format("the {} has no closing quote", what));
    escapes = true;
    ++line.at;  // The backslash; what it escapes is passed over by the loop.
    all |= static_cast<unsigned char>(*line.at);
  }
  const std::string_view raw = between(begin, line.at++);
  if (all >= 0x80 && !is_valid_utf8(raw)) return refuse(fmt::format("the {} is not valid UTF-8", what));
  text = escapes ? unescape(raw, true) : raw;
  return true;
}

// Views into scratch_ must survive what is added to it: a line's texts are together shorter than the line, and at most
// one number is rewritten.
void ExpositionParser::reserve_scratch() {
  if (scratch_.empty()) scratch_.reserve(line_.size() + kNumberBytesMax);
}

// Undoes \\ and \n, and \" where there are quotes. Anything else after a backslash stays as it is.
std::string_view ExpositionParser::unescape(std::string_view raw, bool quotes) {
  if (raw.find('\\') == std::string_view::npos) return raw;
  reserve_scratch();
  const size_t begin = scratch_.size();
  for (size_t i = 0; i < raw.size(); ++i) {
    const char next = raw[i] == '\\' && i + 1 < raw.size() ? raw[i + 1] : '\0';
    if (next == '\\' || next == 'n' || (quotes && next == '"')) {
      scratch_ += next == 'n' ? '\n' : next;
      ++i;
    } else {
      scratch_ += raw[i];
    }
  }
  return std::string_view(scratch_).substr(begin);
}

bool ExpositionParser::unique_names() {
  const auto twice = [&](std::string_view name) {
    return refuse(fmt::format("label {} is given twice", excerpt(name)));
  };
  if (labels_.size() <= kPairwiseMax) {
    for (size_t i = 1; i < labels_.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (labels_[i].name == labels_[j].name) return twice(labels_[i].name);
      }
    }
    return true;
  }
  names_.clear();
  for (const LabelView& label : labels_) names_.push_back(label.name);
  std::sort(names_.begin(), names_.end());
  const auto found = std::adjacent_find(names_.begin(), names_.end());
  return found == names_.end() || twice(*found);
}

bool ExpositionParser::sample_value(Cursor& line) {
  const Cursor start = line;
  while (!line.done() && *line.at != ' ' && *line.at != '\t') ++line.at;
  const std::string_view text = between(start.at, line.at);
  if (text.empty()) return expected("a value after the series", start);
  if (!read_value(text, value_)) return refuse(fmt::format("expected a number as value, got {}", excerpt(text)));
  if (std::isnan(value_)) value_ = normal_nan();
  return true;
}

bool ExpositionParser::sample_timestamp(Cursor& line) {
  timestamp_ms_.reset();
  line.skip_blanks();
  if (line.done()) return true;
  const Cursor start = line;
  int64_t ms = 0;
  // Prometheus takes digits only, no sign.
  const auto [stop, error] = std::from_chars(line.at, line.end, ms);
  line.at = stop;
  line.skip_blanks();
  if (!is(*start.at, kDigit) || error != std::errc() || !line.done()) {
    return expected("a timestamp in milliseconds or the end of the line", start);
  }
  timestamp_ms_ = ms;
  return true;
}

const std::vector<LabelView>& ExpositionParser::labels() {
  const std::string_view number = type_ == MetricType::kHistogram ? kBucketLabel
                                  : type_ == MetricType::kSummary ? std::string_view("quantile")
                                                                  : std::string_view();
  if (canonical_ || number.empty()) return labels_;
  canonical_ = true;
  for (LabelView& label : labels_) {
    double v = 0;
    if (label.name != number || label.value.size() > kNumberBytesMax || label.value.empty() ||
        !read_value(label.value, v)) {
      continue;
    }
    reserve_scratch();
    const size_t begin = scratch_.size();
    append_canonical(scratch_, v);
    label.value = std::string_view(scratch_).substr(begin);
  }
  return labels_;
}

}  // namespace tidemark
