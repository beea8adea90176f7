#include "config/yaml_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <system_error>

#include "config/byte_size.h"
#include "config/yaml_tree.h"
#include "model/duration.h"
#include "model/number.h"

namespace tidemark::config {
namespace {

using Kind = YamlNode::Kind;

constexpr size_t kErrorsMax = 100;
constexpr size_t kQuotedBytesMax = 64;

std::string_view kind_name(const YamlNode& node) {
  switch (node.kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a mapping";
    case Kind::kScalar:
      break;
  }
  return "a single value";
}

// Edits (insert, delete, replace, swap neighbours) that turn one word into the other.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), previous(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, previous);
    std::swap(previous, row);
  }
  return previous[b.size()];
}

std::string closest(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.size() > 64) return {};
  std::string best;
  size_t best_distance = std::max<size_t>(1, word.size() / 4) + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace

// Where messages are gathered, and the name that stands in front of them.
class YamlReport {
 public:
  struct Message {
    int line;
    std::string text;
  };

  explicit YamlReport(std::string file) : file_(std::move(file)) {}

  const std::string& file() const { return file_; }
  bool full() const { return errors_.size() >= kErrorsMax; }
  const std::vector<std::string>& errors() const { return errors_; }
  const std::vector<std::string>& warnings() const { return warnings_; }

  void error(int line, std::string_view what) { insert(errors_, error_lines_, line, what); }
  void warn(int line, std::string_view what) { insert(warnings_, warning_lines_, line, what); }

 private:
  // Keeps both lists in order of line, so that a reader may look at keys in any order.
  void insert(std::vector<std::string>& texts, std::vector<int>& lines, int line, std::string_view what) {
    if (texts.size() >= kErrorsMax) return;
    const auto at = std::upper_bound(lines.begin(), lines.end(), line) - lines.begin();
    lines.insert(lines.begin() + at, line);
    texts.insert(texts.begin() + at,
                 line > 0 ? fmt::format("{}:{}: {}", file_, line, what) : fmt::format("{}: {}", file_, what));
  }

  const std::string file_;
  std::vector<std::string> errors_;
  std::vector<int> error_lines_;
  std::vector<std::string> warnings_;
  std::vector<int> warning_lines_;
};

std::string quote_value(std::string_view text) {
  const bool cut = text.size() > kQuotedBytesMax;
  if (cut) {
    text = text.substr(0, kQuotedBytesMax);
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80) text.remove_suffix(1);
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xc0) text.remove_suffix(1);
  }
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += ' ';
    } else {
      out += c;
    }
  }
  out += cut ? "...\"" : "\"";
  return out;
}

bool YamlValue::present() const { return node_ != nullptr && node_->kind != Kind::kNull; }
bool YamlValue::is_scalar() const { return node_ != nullptr && node_->kind == Kind::kScalar; }
bool YamlValue::is_list() const { return node_ != nullptr && node_->kind == Kind::kList; }
bool YamlValue::is_map() const { return node_ != nullptr && node_->kind == Kind::kMap; }
int YamlValue::line() const { return node_ != nullptr ? node_->line : parent_line_; }

std::string YamlValue::subject() const { return name_.empty() ? "the file" : "\"" + name_ + "\""; }

void YamlValue::error(std::string_view what) const { report_->error(line(), fmt::format("{} {}", subject(), what)); }
void YamlValue::warn(std::string_view what) const { report_->warn(line(), fmt::format("{} {}", subject(), what)); }

// True when there is a value to look at; says so when it is of the wrong kind.
bool YamlValue::expect(bool is_kind, std::string_view expected) const {
  if (!present()) return false;
  if (!is_kind) error(fmt::format("must be {}, got {}", expected, kind_name(*node_)));
  return is_kind;
}

bool YamlValue::scalar_text(std::string_view expected, std::string_view& text) const {
  if (!expect(is_scalar(), expected)) return false;
  text = node_->scalar;
  return true;
}

std::string YamlValue::string(std::string_view fallback) const {
  std::string_view text;
  return std::string(scalar_text("a string", text) ? text : fallback);
}

Secret YamlValue::secret() const { return Secret(string()); }

bool YamlValue::boolean(bool fallback) const {
  std::string_view text;
  if (!scalar_text("true or false", text)) return fallback;
  if (!node_->quoted) {
    for (const std::string_view yes : {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"}) {
      if (text == yes) return true;
    }
    for (const std::string_view no : {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"}) {
      if (text == no) return false;
    }
  }
  error(fmt::format("must be true or false without quotes, got {}", quote_value(text)));
  return fallback;
}

int64_t YamlValue::integer(int64_t fallback, int64_t min, int64_t max) const {
  std::string_view text;
  if (!scalar_text("a whole number", text)) return fallback;
  int64_t v = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), v);
  // A leading zero means octal to some readers of YAML and not to others: refused.
  const bool octal = text.size() > 1 && text[text[0] == '-' ? 1 : 0] == '0';
  if (node_->quoted || octal || end != text.data() + text.size() || failure == std::errc::invalid_argument) {
    error(fmt::format("must be a whole number, got {}", quote_value(text)));
    return fallback;
  }
  if (failure == std::errc::result_out_of_range || v < min || v > max) {
    error(max == std::numeric_limits<int64_t>::max()
              ? fmt::format("must be at least {}, got {}", min, quote_value(text))
              : fmt::format("must be between {} and {}, got {}", min, max, quote_value(text)));
    return fallback;
  }
  return v;
}

double YamlValue::number(double fallback) const {
  std::string_view text;
  if (!scalar_text("a number", text)) return fallback;
  std::string_view digits = text;
  if (text == ".inf" || text == "+.inf" || text == "-.inf" || text == ".nan") {
    digits = text == "-.inf" ? "-inf" : text == ".nan" ? "nan" : "inf";
  }
  const Result<double> v = parse_float(digits);
  if (v && !node_->quoted) return *v;
  error(fmt::format("must be a number, got {}", quote_value(text)));
  return fallback;
}

int64_t YamlValue::duration_ms(int64_t fallback) const {
  std::string_view text;
  if (!scalar_text("a duration", text)) return fallback;
  const Result<int64_t> ms = parse_duration_ms(text);
  if (ms) return *ms;
  error(fmt::format("must be a duration, got {}", quote_value(text)));
  return fallback;
}

uint64_t YamlValue::size_bytes(uint64_t fallback) const {
  std::string_view text;
  if (!scalar_text("a size", text)) return fallback;
  const Result<uint64_t> bytes = parse_byte_size(text);
  if (bytes) return *bytes;
  error(fmt::format("must be a size such as 10MB, got {}", quote_value(text)));
  return fallback;
}

std::vector<YamlValue> YamlValue::items() const {
  std::vector<YamlValue> items;
  if (!expect(is_list(), "a list")) return items;
  items.reserve(node_->children.size());
  for (size_t i = 0; i < node_->children.size(); ++i) {
    const YamlNode* const child = node_->children[i];
    if (child->kind == Kind::kNull) {  // Its own line would be that of whatever follows.
      error(fmt::format("has an empty entry, number {}", i + 1));
    } else {
      items.push_back(YamlValue(report_, child, name_, node_->line));
    }
  }
  return items;
}

std::vector<std::string> YamlValue::strings() const {
  std::vector<std::string> strings;
  if (!expect(is_list(), "a list of strings")) return strings;
  strings.reserve(node_->children.size());
  for (const YamlNode* child : node_->children) {
    if (child->kind == Kind::kScalar) {
      strings.push_back(child->scalar);
    } else {
      report_->error(child->kind == Kind::kNull ? node_->line : child->line,
                     fmt::format("{} must be a list of strings, got {} in it", subject(), kind_name(*child)));
    }
  }
  return strings;
}

YamlMap YamlValue::map() const {
  return YamlMap(report_, expect(is_map(), "a mapping") ? node_ : nullptr, name_, line());
}

std::vector<YamlEntry> YamlValue::entries() const {
  std::vector<YamlEntry> entries;
  if (!expect(is_map(), "a mapping")) return entries;
  entries.reserve(node_->children.size() / 2);
  for (size_t i = 0; i < node_->children.size(); i += 2) {
    const std::string& key = node_->children[i]->scalar;
    entries.push_back({key, YamlValue(report_, node_->children[i + 1], key, node_->children[i]->line)});
  }
  return entries;
}

Labels YamlValue::labels() const {
  const std::vector<YamlEntry> entries = this->entries();
  std::vector<std::string> values;
  values.reserve(entries.size());
  std::vector<LabelView> pairs;
  for (const YamlEntry& entry : entries) {
    if (entry.key.empty()) entry.value.error("a label name must not be empty");
    values.push_back(entry.value.string());
    pairs.push_back({entry.key, values.back()});
  }
  std::erase_if(pairs, [](const LabelView& pair) { return pair.name.empty(); });
  return Labels::from_pairs(std::move(pairs));
}

YamlValue YamlMap::get(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
  if (node_ != nullptr) {
    for (size_t i = 0; i < node_->children.size(); i += 2) {
      if (node_->children[i]->scalar == key) {
        return YamlValue(report_, node_->children[i + 1], std::string(key), node_->children[i]->line);
      }
    }
  }
  return YamlValue(report_, nullptr, std::string(key), line_);
}

YamlValue YamlMap::required(std::string_view key) {
  YamlValue value = get(key);
  if (!value.present() && node_ != nullptr) {
    report_->error(value.line(), fmt::format("\"{}\" is missing{}", key, place()));
  }
  return value;
}

void YamlMap::unsupported(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const YamlValue value = get(key);
    if (!value.present() || (!value.is_scalar() && value.node_->children.empty())) continue;
    report_->error(value.parent_line_, fmt::format("\"{}\"{} is not supported yet", key, place()));
  }
}

void YamlMap::unsupported_if_true(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (get(key).boolean(false)) unsupported({key});
  }
}

void YamlMap::ignored(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const YamlValue value = get(key);
    if (value.present()) report_->warn(value.parent_line_, fmt::format("\"{}\"{} has no effect here", key, place()));
  }
}

void YamlMap::error(std::string_view what) const { report_->error(line_, what); }

void YamlMap::finish() {
  if (node_ == nullptr) return;
  for (size_t i = 0; i < node_->children.size() && !report_->full(); i += 2) {
    const YamlNode& key = *node_->children[i];
    if (std::find(known_.begin(), known_.end(), key.scalar) != known_.end()) continue;
    std::string message = fmt::format("unknown key {}{}", quote_value(key.scalar), place());
    if (const std::string guess = closest(key.scalar, known_); !guess.empty()) {
      message += fmt::format(" (did you mean \"{}\"?)", guess);
    }
    report_->error(key.line, message);
  }
}

std::string YamlMap::place() const { return name_.empty() ? std::string() : " in " + name_; }

struct YamlFile::State {
  explicit State(std::string name) : report(std::move(name)) {}
  YamlReport report;
  YamlTree tree;
  Code code = Code::kInvalid;
};

YamlFile::YamlFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
YamlFile::YamlFile(YamlFile&&) noexcept = default;
YamlFile& YamlFile::operator=(YamlFile&&) noexcept = default;
YamlFile::~YamlFile() = default;

YamlFile YamlFile::load(const std::string& path) {
  const size_t bytes_max = YamlLimits{}.bytes_max;
  std::string text;
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (in) {
    text.resize(bytes_max + 1);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!in.bad()) {
      text.resize(static_cast<size_t>(in.gcount()));
      if (!text.empty() || errno == 0) return parse(text, path);
    }
  }
  const int failure = errno;
  auto state = std::make_unique<State>(path);
  state->code = failure == ENOENT ? Code::kNotFound : Code::kIo;
  state->report.error(0, failure != 0 ? std::system_category().message(failure) : "cannot be read");
  return YamlFile(std::move(state));
}

YamlFile YamlFile::parse(std::string_view text, std::string_view name) {
  auto state = std::make_unique<State>(std::string(name));
  YamlSyntaxError error;
  if (!state->tree.parse(text, YamlLimits{}, error)) state->report.error(error.line, error.message);
  return YamlFile(std::move(state));
}

YamlValue YamlFile::root() { return YamlValue(&state_->report, state_->tree.root(), "", 1); }
const std::string& YamlFile::name() const { return state_->report.file(); }
const std::vector<std::string>& YamlFile::errors() const { return state_->report.errors(); }
const std::vector<std::string>& YamlFile::warnings() const { return state_->report.warnings(); }
void YamlFile::error(int line, std::string_view what) { state_->report.error(line, what); }

Status YamlFile::status() const {
  if (ok()) return {};
  return {state_->code, fmt::format("{}", fmt::join(errors(), "\n"))};
}

}  // namespace tidemark::config
