#include "aggregator/tsdb/openmetrics_lines.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "aggregator/storage/keys.h"
#include "model/exposition_parser.h"
#include "model/number.h"

namespace tidemark::tsdb {
namespace {

// Behind the labels' closing brace, or the bare name. npos when a brace or quote stays open.
size_t series_end(std::string_view line) {
  size_t at = 0;
  while (at < line.size() && line[at] != '{' && line[at] != ' ' && line[at] != '\t') ++at;
  if (at == line.size() || line[at] != '{') return at;
  bool quoted = false;
  for (; at < line.size(); ++at) {
    if (quoted && line[at] == '\\') {
      ++at;
    } else if (line[at] == '"') {
      quoted = !quoted;
    } else if (!quoted && line[at] == '}') {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

std::string_view take_word(std::string_view& rest) {
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
  const size_t end = std::min(rest.find_first_of(" \t"), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end);
  return word;
}

void append_label_value(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace

void append_openmetrics_line(std::string& out, LabelsView labels, int64_t t_ms, double v) {
  const std::string_view name = labels.metric_name();
  const bool bare_name = is_classic_metric_name(name);
  if (bare_name) out += name;
  bool first = true;
  const auto separate = [&] {
    out += first ? '{' : ',';
    first = false;
  };
  if (!bare_name && !name.empty()) {
    separate();
    append_label_value(out, name);
  }
  for (const LabelView& label : labels) {
    if (label.name == kMetricName) continue;
    separate();
    if (is_classic_label_name(label.name)) {
      out += label.name;
    } else {
      append_label_value(out, label.name);
    }
    out += '=';
    append_label_value(out, label.value);
  }
  if (!first) out += '}';
  out += ' ';
  append_float(out, v);
  const uint64_t size_ms = t_ms < 0 ? -static_cast<uint64_t>(t_ms) : static_cast<uint64_t>(t_ms);
  fmt::format_to(std::back_inserter(out), " {}{}", t_ms < 0 ? "-" : "", size_ms / 1000);
  if (size_ms % 1000 != 0) fmt::format_to(std::back_inserter(out), ".{:03}", size_ms % 1000);
  out += '\n';
}

OpenMetricsParser::Entry OpenMetricsParser::refuse(std::string what) {
  status_ = Status::invalid(std::move(what));
  return Entry::kError;
}

OpenMetricsParser::Entry OpenMetricsParser::parse(std::string_view line) {
  if (ended_) return refuse("something follows \"# EOF\"");
  if (line == "# EOF") {
    ended_ = true;
    return Entry::kEnd;
  }
  if (line.empty() || line.front() == '#') return Entry::kNothing;
  const size_t end = series_end(line);
  if (end == std::string_view::npos) return refuse("a quote or brace of the labels stays open");
  std::string_view rest = line.substr(end);
  const std::string_view value = take_word(rest);
  const std::string_view timestamp = take_word(rest);
  if (timestamp.empty() || timestamp == "#") return refuse("expected a timestamp behind the value");
  const std::string_view behind = take_word(rest);
  if (!behind.empty() && behind != "#") return refuse(fmt::format("expected the end of the line, got \"{}\"", behind));

  const Result<double> v = parse_float(value);
  if (!v) return refuse(fmt::format("expected a value, got \"{}\"", value));
  value_ = *v;
  const Result<double> seconds = parse_float(timestamp);
  if (!seconds || !std::isfinite(*seconds) ||
      std::abs(*seconds) > static_cast<double>(storage::kNewestTimestampMs) / 1000) {
    return refuse(fmt::format("expected a timestamp in seconds, got \"{}\"", timestamp));
  }
  t_ms_ = std::llround(*seconds * 1000);

  if (series_ == line.substr(0, end) && !labels_.empty()) return Entry::kSample;
  // The labels are those of the older text format, whose parser knows all about quotes and escapes.
  const std::string sample = fmt::format("{} 0\n", line.substr(0, end));
  ExpositionParser parser(sample);
  if (parser.next() != ExpositionParser::Entry::kSample) {
    std::string_view why = parser.status().message();
    if (const size_t colon = why.find(": "); why.starts_with("line 1") && colon != std::string_view::npos) {
      why.remove_prefix(colon + 2);
    }
    return refuse(std::string(why));
  }
  labels_ = Labels::from_pairs(parser.labels());
  series_ = line.substr(0, end);
  return Entry::kSample;
}

}  // namespace tidemark::tsdb
