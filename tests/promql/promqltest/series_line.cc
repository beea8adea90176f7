#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "aggregator/promql/parser.h"
#include "model/histogram_math.h"
#include "model/number.h"
#include "model/sample.h"
#include "tests/promql/promqltest/histogram_literal.h"
#include "tests/promql/promqltest/script.h"

namespace tidemark::promqltest {
namespace {

constexpr size_t kRepeatMax = 1'000'000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Where the series' name and labels end: at the first space outside of braces and quotes.
size_t metric_end(std::string_view line) {
  char quote = 0;
  int depth = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == '\\' && quote != '`') {
        ++i;
      } else if (c == quote) {
        quote = 0;
      }
    } else if (c == '"' || c == '\'' || c == '`') {
      quote = c;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}') {
      if (--depth == 0) return i + 1;
    } else if (depth == 0 && (c == ' ' || c == '\t')) {
      const size_t next = line.find_first_not_of(" \t", i);
      if (next == std::string_view::npos || line[next] != '{' || line.substr(next).starts_with("{{")) return i;
    }
  }
  return line.size();
}

Result<Labels> parse_labels(std::string_view text) {
  if (text == "{}") return Labels();
  const auto matchers = promql::parse_selector(text);
  if (!matchers) return fail(matchers.error());
  LabelsBuilder builder;
  for (const Matcher& matcher : *matchers) {
    if (matcher.op() != MatchOp::kEqual) return fail(Status::invalid("a series' labels need \"=\""));
    builder.set(matcher.name(), matcher.value());
  }
  return builder.build();
}

// Takes a number off the front: sign, then digits with fraction and exponent, or Inf, or NaN.
bool take_number(std::string_view& text, double& value) {
  size_t end = !text.empty() && (text[0] == '+' || text[0] == '-') ? 1 : 0;
  const std::string_view body = text.substr(end);
  bool negative_nan = false;
  if (body.starts_with("Inf") || body.starts_with("NaN") || body.starts_with("inf") || body.starts_with("nan")) {
    negative_nan = end == 1 && (body[0] == 'N' || body[0] == 'n');
    end += 3;
  } else {
    while (end < text.size() && (is_digit(text[end]) || text[end] == '.')) ++end;
    if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
      size_t exponent = end + 1;
      if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) ++exponent;
      if (exponent < text.size() && is_digit(text[exponent])) {
        while (exponent < text.size() && is_digit(text[exponent])) ++exponent;
        end = exponent;
      }
    }
  }
  const auto parsed = parse_float(text.substr(negative_nan ? 1 : 0, end - (negative_nan ? 1 : 0)));
  if (!parsed) return false;
  value = *parsed;
  text.remove_prefix(end);
  return true;
}

// "xN" at the front, or nothing, which is 0.
bool take_repeat(std::string_view& text, size_t& count) {
  count = 0;
  if (!text.starts_with('x')) return true;
  const auto digits = static_cast<size_t>(std::find_if_not(text.begin() + 1, text.end(), is_digit) - text.begin());
  const auto parsed = parse_float(text.substr(1, digits - 1));
  if (!parsed || *parsed > kRepeatMax) return false;
  count = static_cast<size_t>(*parsed);
  text.remove_prefix(digits);
  return true;
}

bool parse_item(std::string_view item, std::vector<Value>& values) {
  size_t repeat = 0;
  if (item.starts_with('_')) {
    item.remove_prefix(1);
    if (!take_repeat(item, repeat) || !item.empty()) return false;
    values.resize(values.size() + std::max<size_t>(1, repeat));
    return true;
  }
  double value = 0;
  double step = 0;
  if (item.starts_with("stale")) {
    value = stale_nan();
    item.remove_prefix(5);
  } else {
    if (!take_number(item, value)) return false;
    if ((item.starts_with('+') || item.starts_with('-')) && !take_number(item, step)) return false;
  }
  if (!take_repeat(item, repeat) || !item.empty()) return false;
  for (size_t i = 0; i <= repeat; ++i) {
    values.push_back({Value::Kind::kFloat, value, nullptr, false});
    value += step;
  }
  return true;
}

// {{a}}, {{a}}xN, {{a}}+{{b}}xN and {{a}}-{{b}}xN.
Status take_histograms(std::string_view& text, std::vector<Value>& values) {
  const auto first = take_histogram(text);
  if (!first) return first.error();
  bool hint_given = first->hint_given;
  std::optional<NativeHistogram> step;
  const bool subtracts = text.starts_with('-');
  if (text.starts_with('+') || subtracts) {
    text.remove_prefix(1);
    auto literal = take_histogram(text);
    if (!literal) return literal.error();
    hint_given = literal->hint_given;
    step = std::move(literal->histogram);
  }
  size_t repeat = 0;
  if (!take_repeat(text, repeat)) return Status::invalid("bad number of repetitions");
  auto current = std::make_shared<const NativeHistogram>(first->histogram);
  for (size_t i = 0; i <= repeat; ++i) {
    values.push_back({Value::Kind::kHistogram, 0, current, hint_given});
    if (!step) continue;
    auto next = std::make_shared<NativeHistogram>(*current);
    if (next->schema > step->schema) return Status::invalid("a histogram's step is coarser than the histogram");
    if ((subtracts ? subtract(*next, *step) : add(*next, *step)).incompatible) {
      return Status::invalid("a histogram and its step have different kinds of buckets");
    }
    current = std::move(next);
  }
  return {};
}

}  // namespace

Result<SeriesLine> parse_series_line(std::string_view line) {
  SeriesLine series;
  const size_t end = metric_end(line);
  auto labels = parse_labels(line.substr(0, end));
  if (!labels) return fail(labels.error());
  series.labels = std::move(*labels);
  std::string_view rest = line.substr(end);
  while (true) {
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    if (rest.empty()) return series;
    if (rest.starts_with("{{")) {
      if (Status status = take_histograms(rest, series.values); !status.ok()) return fail(std::move(status));
      continue;
    }
    const std::string_view item = rest.substr(0, rest.find_first_of(" \t"));
    if (!parse_item(item, series.values)) return fail(Status::invalid(fmt::format("bad value \"{}\"", item)));
    rest.remove_prefix(item.size());
  }
}

}  // namespace tidemark::promqltest
