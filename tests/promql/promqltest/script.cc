#include "tests/promql/promqltest/script.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <utility>

#include "model/duration.h"
#include "model/number.h"

namespace tidemark::promqltest {
namespace {

constexpr std::string_view kBlank = " \t\r";

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::string_view take_word(std::string_view& text) {
  text = trim(text);
  const std::string_view word = text.substr(0, text.find_first_of(kBlank));
  text = trim(text.substr(word.size()));
  return word;
}

bool take_keyword(std::string_view& text, std::string_view keyword) {
  std::string_view rest = text;
  if (take_word(rest) != keyword) return false;
  text = rest;
  return true;
}

bool take_duration(std::string_view& text, int64_t& ms) {
  std::string_view word = take_word(text);
  const bool negative = word.starts_with('-');
  if (negative) word.remove_prefix(1);
  const auto parsed = parse_duration_ms(word);
  if (!parsed) return false;
  ms = negative ? -*parsed : *parsed;
  return true;
}

// A quoted literal with the few escapes that scripts use.
std::optional<std::string> unquote(std::string_view text) {
  if (text.size() < 2 || text.front() != text.back() || (text[0] != '"' && text[0] != '`')) return {};
  const bool raw = text[0] == '`';
  text = text.substr(1, text.size() - 2);
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (raw || text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    out += c == 'n' ? '\n' : c == 't' ? '\t' : c;
  }
  return out;
}

Expectation anything() { return {{}, std::make_shared<const re2::RE2>("(?s).*")}; }

// Lines without comments and outer blanks.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    lines.push_back(line.starts_with('#') ? std::string_view() : line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

class ScriptParser {
 public:
  explicit ScriptParser(std::string_view text) : lines_(lines_of(text)) {}

  std::vector<Command> parse() {
    while (next_ < lines_.size()) {
      std::string_view line = lines_[next_++];
      if (line.empty()) continue;
      Command command;
      command.line = static_cast<int>(next_);
      const std::string_view word = take_word(line);
      Status status;
      if (word == "clear") {
        command.kind = Command::Kind::kClear;
      } else if (word == "load" || word == "load_with_nhcb") {
        command.kind = Command::Kind::kLoad;
        command.load.with_histograms = word != "load";
        status = parse_load(line, command.load);
      } else if (word.starts_with("eval")) {
        command.kind = Command::Kind::kEval;
        command.eval.line = command.line;
        status = parse_eval(word, line, command.eval);
      } else {
        status = Status::invalid(fmt::format("unknown command \"{}\"", word));
      }
      if (!status.ok()) {
        command.kind = Command::Kind::kBroken;
        command.problem = status.message();
      }
      commands_.push_back(std::move(command));
    }
    return std::move(commands_);
  }

 private:
  Status parse_load(std::string_view line, Load& load) {
    Status status;
    if (!take_duration(line, load.gap_ms)) status = Status::invalid("load needs a duration");
    std::optional<StartLine> starts;
    while (next_ < lines_.size() && !lines_[next_].empty()) {
      Status one = parse_loaded(lines_[next_++], load, starts);
      if (status.ok() && !one.ok()) status = one.at(fmt::format("line {}", next_));
    }
    if (starts && status.ok()) status = Status::invalid("@st line without a line of values behind it");
    return status;
  }

  // `starts`: what the line before said, when that was a line of start timestamps.
  static Status parse_loaded(std::string_view line, Load& load, std::optional<StartLine>& starts) {
    if (is_start_line(line)) {
      if (starts) return Status::invalid("@st line without a line of values behind it");
      auto parsed = parse_start_line(line);
      if (!parsed) return parsed.error();
      starts = std::move(*parsed);
      return {};
    }
    auto series = parse_series_line(line);
    if (!series) return series.error();
    if (const auto of_series = std::exchange(starts, std::nullopt)) {
      if (of_series->labels != series->labels || of_series->offsets_ms.size() != series->values.size()) {
        return Status::invalid("@st line with other labels or another number of values than the next line");
      }
      for (size_t i = 0; i < series->values.size(); ++i) {
        const auto offset_ms = of_series->offsets_ms[i];
        if (offset_ms) series->values[i].start_ms = static_cast<int64_t>(i) * load.gap_ms + *offset_ms;
      }
    }
    load.series.push_back(std::move(*series));
    return {};
  }

  Status parse_eval(std::string_view word, std::string_view line, Eval& eval) {
    Status status = parse_query(line, eval);
    if (word == "eval_ordered") eval.ordered = true;
    if (word == "eval_fail") eval.fail = anything();
    if (word == "eval_warn") eval.warn.push_back(anything());
    if (word == "eval_info") eval.info.push_back(anything());
    while (next_ < lines_.size() && !lines_[next_].empty()) {
      Status one = parse_expected(lines_[next_++], eval);
      if (status.ok() && !one.ok()) status = one.at(fmt::format("line {}", next_));
    }
    return status;
  }

  static Status parse_query(std::string_view line, Eval& eval) {
    const std::string_view mode = take_word(line);
    if (mode == "instant") {
      if (take_keyword(line, "at") && !take_duration(line, eval.start_ms)) return Status::invalid("bad time");
      eval.end_ms = eval.start_ms;
    } else if (mode == "range") {
      eval.is_range = true;
      if (!take_keyword(line, "from") || !take_duration(line, eval.start_ms) || !take_keyword(line, "to") ||
          !take_duration(line, eval.end_ms) || !take_keyword(line, "step") || !take_duration(line, eval.step_ms)) {
        return Status::invalid("eval range needs from, to and step");
      }
    } else {
      return Status::invalid("eval needs instant or range");
    }
    eval.expr = line;
    return {};
  }

  Status parse_expected(std::string_view line, Eval& eval) {
    std::string_view rest = line;
    if (take_keyword(rest, "expect")) return parse_expect(rest, eval);
    if (take_keyword(rest, "expected_fail_message")) {
      eval.fail = Expectation{std::string(rest), nullptr};
      return {};
    }
    if (take_keyword(rest, "expected_fail_regexp")) {
      eval.fail = Expectation{{}, std::make_shared<const re2::RE2>(std::string(rest))};
      return {};
    }
    if (const auto number = parse_float(line)) {
      eval.scalar = *number;
      return {};
    }
    auto series = parse_series_line(line);
    if (!series) return series.error();
    eval.series.push_back(std::move(*series));
    return {};
  }

  static Status parse_expect(std::string_view rest, Eval& eval) {
    const std::string_view kind = take_word(rest);
    if (kind == "ordered") {
      eval.ordered = true;
    } else if (kind == "no_warn") {
      eval.no_warn = true;
    } else if (kind == "no_info") {
      eval.no_info = true;
    } else if (kind == "string") {
      eval.text = unquote(rest);
      if (!eval.text) return Status::invalid("expect string needs a quoted text");
    } else if (kind == "range") {
      Eval::RangeVector times;
      int64_t end_ms = 0;
      if (!take_keyword(rest, "vector") || !take_keyword(rest, "from") || !take_duration(rest, times.start_ms) ||
          !take_keyword(rest, "to") || !take_duration(rest, end_ms) || !take_keyword(rest, "step") ||
          !take_duration(rest, times.step_ms)) {
        return Status::invalid("expect range vector needs from, to and step");
      }
      eval.range_vector = times;
    } else {
      Expectation expectation = anything();
      if (rest.starts_with("msg:")) {
        expectation = {std::string(trim(rest.substr(4))), nullptr};
      } else if (rest.starts_with("regex:")) {
        expectation = {{}, std::make_shared<const re2::RE2>(std::string(trim(rest.substr(6))))};
      } else if (!rest.empty()) {
        return Status::invalid(fmt::format("expect {}: neither msg: nor regex:", kind));
      }
      if (kind == "fail") {
        eval.fail = std::move(expectation);
      } else if (kind == "warn") {
        eval.warn.push_back(std::move(expectation));
      } else if (kind == "info") {
        eval.info.push_back(std::move(expectation));
      } else {
        return Status::invalid(fmt::format("unknown expectation \"{}\"", kind));
      }
    }
    return {};
  }

  const std::vector<std::string_view> lines_;
  size_t next_ = 0;
  std::vector<Command> commands_;
};

}  // namespace

bool Expectation::matches(const std::string& message) const {
  return pattern == nullptr ? text == message : re2::RE2::PartialMatch(message, *pattern);
}

std::string Expectation::to_string() const { return pattern == nullptr ? text : "/" + pattern->pattern() + "/"; }

std::vector<Command> parse_script(std::string_view text) { return ScriptParser(text).parse(); }

}  // namespace tidemark::promqltest
