#include "aggregator/tsdb/json_lines.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "model/json.h"
#include "model/number.h"
#include "model/sample.h"

namespace tidemark::tsdb {
namespace {

namespace json = simdjson::ondemand;

constexpr std::string_view kInfinity = "Infinity";
constexpr std::string_view kMinusInfinity = "-Infinity";
constexpr std::string_view kStale = "StaleNaN";
constexpr std::string_view kNaNBits = "NaN:";

void append_value(std::string& out, double v) {
  if (std::isfinite(v)) {
    append_float(out, v);
  } else if (std::isinf(v)) {
    append_json_string(out, v > 0 ? kInfinity : kMinusInfinity);
  } else if (std::bit_cast<uint64_t>(v) == kNormalNaNBits) {
    out += "null";
  } else if (is_stale(v)) {
    append_json_string(out, kStale);
  } else {
    append_json_string(out, fmt::format("{}{:016x}", kNaNBits, std::bit_cast<uint64_t>(v)));
  }
}

bool value_of_text(std::string_view text, double& v) {
  if (text == kInfinity) {
    v = std::numeric_limits<double>::infinity();
  } else if (text == kMinusInfinity) {
    v = -std::numeric_limits<double>::infinity();
  } else if (text == kStale) {
    v = stale_nan();
  } else if (text == "NaN") {
    v = normal_nan();
  } else if (text.starts_with(kNaNBits) && text.size() == kNaNBits.size() + 16) {
    uint64_t bits = 0;
    const char* const end = text.data() + text.size();
    if (std::from_chars(text.data() + kNaNBits.size(), end, bits, 16).ptr != end) return false;
    v = std::bit_cast<double>(bits);
    return std::isnan(v);
  } else {
    return false;
  }
  return true;
}

Status wrong(std::string_view what) { return Status::invalid(std::string(what)); }

Status read_metric(json::value value, Labels& labels) {
  json::object metric;
  if (value.get_object().get(metric) != simdjson::SUCCESS) return wrong("\"metric\" must be an object of labels");
  LabelsBuilder builder;
  for (auto member : metric) {
    std::string_view name;
    std::string_view text;
    if (member.unescaped_key().get(name) != simdjson::SUCCESS) return wrong("a label's name does not read");
    // Copied: the parser has one buffer for all its strings, but it may move on.
    const std::string key(name);
    if (member.value().get_string().get(text) != simdjson::SUCCESS) {
      return wrong(fmt::format("label \"{}\" must be a string", key));
    }
    builder.set(key, text);
  }
  labels = builder.build();
  return labels.empty() ? wrong("\"metric\" has no labels") : Status();
}

Status read_value(json::value value, double& v) {
  json::json_type type;
  if (value.type().get(type) != simdjson::SUCCESS) return wrong("a value does not read");
  if (type == json::json_type::null) {
    v = normal_nan();
    return {};
  }
  if (type == json::json_type::number && value.get_double().get(v) == simdjson::SUCCESS) return {};
  std::string_view text;
  if (type == json::json_type::string && value.get_string().get(text) == simdjson::SUCCESS && value_of_text(text, v)) {
    return {};
  }
  return wrong("a value must be a number, null, \"Infinity\", \"-Infinity\", \"StaleNaN\" or \"NaN:\" and 16 digits");
}

Status read_numbers(json::value value, std::string_view what, std::vector<double>& out) {
  json::array values;
  if (value.get_array().get(values) != simdjson::SUCCESS) return wrong(fmt::format("\"{}\" must be an array", what));
  for (auto element : values) {
    json::value one;
    if (element.get(one) != simdjson::SUCCESS) return wrong(fmt::format("\"{}\" does not read", what));
    double v = 0;
    if (Status status = read_value(one, v); !status.ok()) return status;
    out.push_back(v);
  }
  return {};
}

template <class T>
bool read_whole(json::value value, T& out) {
  int64_t whole = 0;
  if (value.get_int64().get(whole) != simdjson::SUCCESS || !std::in_range<T>(whole)) return false;
  out = static_cast<T>(whole);
  return true;
}

Status read_spans(json::value value, std::vector<BucketSpan>& out) {
  json::array spans;
  if (value.get_array().get(spans) != simdjson::SUCCESS) return wrong("\"spans\" must be an array");
  for (auto element : spans) {
    json::array pair;
    if (element.get_array().get(pair) != simdjson::SUCCESS) return wrong("a span must be an array of two numbers");
    BucketSpan span;
    size_t count = 0;
    for (auto part : pair) {
      json::value one;
      const bool reads = part.get(one) == simdjson::SUCCESS && count < 2 &&
                         (count == 0 ? read_whole(one, span.offset) : read_whole(one, span.length));
      if (!reads) return wrong("a span must be an array of two whole numbers");
      ++count;
    }
    if (count != 2) return wrong("a span must be an array of two whole numbers");
    out.push_back(span);
  }
  return {};
}

Status read_buckets(json::value value, BucketList& out) {
  json::object buckets;
  if (value.get_object().get(buckets) != simdjson::SUCCESS) return wrong("buckets must be an object");
  for (auto member : buckets) {
    std::string_view name;
    json::value part;
    if (member.unescaped_key().get(name) != simdjson::SUCCESS || member.value().get(part) != simdjson::SUCCESS) {
      return wrong("buckets do not read");
    }
    Status status;
    if (name == "spans") {
      status = read_spans(part, out.spans);
    } else if (name == "counts") {
      status = read_numbers(part, "counts", out.counts);
    }
    if (!status.ok()) return status;
  }
  return {};
}

Status read_histogram_member(std::string_view name, json::value value, NativeHistogram& out) {
  if (name == "schema") return read_whole(value, out.schema) ? Status() : wrong("\"schema\" must be a whole number");
  if (name == "count") return read_value(value, out.count);
  if (name == "sum") return read_value(value, out.sum);
  if (name == "zero_threshold") return read_value(value, out.zero_threshold);
  if (name == "zero_count") return read_value(value, out.zero_count);
  if (name == "positive") return read_buckets(value, out.positive);
  if (name == "negative") return read_buckets(value, out.negative);
  if (name == "bounds") return read_numbers(value, name, out.bounds);
  if (name == "gauge" || name == "float") {
    bool set = false;
    if (value.get_bool().get(set) != simdjson::SUCCESS) {
      return wrong(fmt::format("\"{}\" must be true or false", name));
    }
    if (name == "float") out.integer_counts = !set;
    if (name == "gauge" && set) out.reset = CounterReset::kGauge;
  }
  return {};
}

Status read_histograms(json::value value, std::vector<HistogramRef>& out) {
  json::array histograms;
  if (value.get_array().get(histograms) != simdjson::SUCCESS) return wrong("\"histograms\" must be an array");
  for (auto element : histograms) {
    json::object object;
    if (element.get_object().get(object) != simdjson::SUCCESS) return wrong("a histogram must be an object");
    auto histogram = std::make_shared<NativeHistogram>();
    histogram->integer_counts = true;
    for (auto member : object) {
      std::string_view key;
      json::value part;
      if (member.unescaped_key().get(key) != simdjson::SUCCESS || member.value().get(part) != simdjson::SUCCESS) {
        return wrong("a histogram does not read");
      }
      // Copied: see read_metric().
      const std::string name(key);
      if (Status status = read_histogram_member(name, part, *histogram); !status.ok()) return status;
    }
    // Before the store may sum up its buckets.
    if (Status status = validate(*histogram); !status.ok()) return status;
    out.push_back(std::move(histogram));
  }
  return {};
}

Status read_timestamps(json::value value, std::string_view name, std::vector<int64_t>& out) {
  json::array values;
  if (value.get_array().get(values) != simdjson::SUCCESS) {
    return wrong(fmt::format("\"{}\" must be an array", name));
  }
  for (auto element : values) {
    int64_t t_ms = 0;
    if (element.get_int64().get(t_ms) != simdjson::SUCCESS) {
      return wrong("a timestamp must be a whole number of milliseconds");
    }
    out.push_back(t_ms);
  }
  return {};
}

}  // namespace

namespace {

void append_metric(std::string& out, LabelsView labels) {
  out += "{\"metric\":{";
  bool first = true;
  for (const LabelView& label : labels) {
    if (!first) out += ',';
    first = false;
    append_json_string(out, label.name);
    out += ':';
    append_json_string(out, label.value);
  }
  out += '}';
}

void append_times(std::string& out, std::string_view name, std::span<const int64_t> t_ms) {
  fmt::format_to(std::back_inserter(out), ",\"{}\":[{}]", name, fmt::join(t_ms, ","));
}

void end_line(std::string& out, std::span<const int64_t> t_ms, std::span<const int64_t> start_ms) {
  append_times(out, "timestamps", t_ms);
  if (std::any_of(start_ms.begin(), start_ms.end(), [](int64_t start) { return start != kNoStart; })) {
    append_times(out, "starts", start_ms);
  }
  out += "}\n";
}

void append_values(std::string& out, std::span<const double> values) {
  out += '[';
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    append_value(out, values[i]);
  }
  out += ']';
}

void append_buckets(std::string& out, std::string_view name, const BucketList& buckets) {
  if (buckets.spans.empty()) return;
  fmt::format_to(std::back_inserter(out), ",\"{}\":{{\"spans\":[", name);
  for (size_t i = 0; i < buckets.spans.size(); ++i) {
    const BucketSpan& span = buckets.spans[i];
    fmt::format_to(std::back_inserter(out), "{}[{},{}]", i > 0 ? "," : "", span.offset, span.length);
  }
  out += "],\"counts\":";
  append_values(out, buckets.counts);
  out += '}';
}

// -0 is not left out.
void append_unless_zero(std::string& out, std::string_view name, double v) {
  if (std::bit_cast<uint64_t>(v) == 0) return;
  fmt::format_to(std::back_inserter(out), ",\"{}\":", name);
  append_value(out, v);
}

void append_histogram(std::string& out, const NativeHistogram& histogram) {
  fmt::format_to(std::back_inserter(out), "{{\"schema\":{}", histogram.schema);
  append_unless_zero(out, "count", histogram.count);
  append_unless_zero(out, "sum", histogram.sum);
  append_unless_zero(out, "zero_threshold", histogram.zero_threshold);
  append_unless_zero(out, "zero_count", histogram.zero_count);
  if (histogram.reset == CounterReset::kGauge) out += ",\"gauge\":true";
  if (!histogram.integer_counts) out += ",\"float\":true";
  append_buckets(out, "positive", histogram.positive);
  append_buckets(out, "negative", histogram.negative);
  if (!histogram.bounds.empty()) {
    out += ",\"bounds\":";
    append_values(out, histogram.bounds);
  }
  out += '}';
}

}  // namespace

void append_json_line(std::string& out, LabelsView labels, std::span<const int64_t> t_ms, std::span<const double> v,
                      std::span<const int64_t> start_ms) {
  append_metric(out, labels);
  out += ",\"values\":";
  append_values(out, v);
  end_line(out, t_ms, start_ms);
}

void append_json_line(std::string& out, LabelsView labels, std::span<const int64_t> t_ms,
                      std::span<const HistogramRef> histograms, std::span<const int64_t> start_ms) {
  append_metric(out, labels);
  out += ",\"histograms\":[";
  for (size_t i = 0; i < histograms.size(); ++i) {
    if (i > 0) out += ',';
    append_histogram(out, *histograms[i]);
  }
  out += ']';
  end_line(out, t_ms, start_ms);
}

struct JsonLineParser::State {
  json::parser parser;
  simdjson::padded_string text;
};

JsonLineParser::JsonLineParser() : state_(std::make_unique<State>()) {}
JsonLineParser::~JsonLineParser() = default;

Status JsonLineParser::parse(std::string_view text, JsonLine& line) {
  line.labels = Labels();
  line.t_ms.clear();
  line.v.clear();
  line.histograms.clear();
  line.start_ms.clear();
  state_->text = simdjson::padded_string(text);
  json::document document;
  json::object object;
  if (state_->parser.iterate(state_->text).get(document) != simdjson::SUCCESS ||
      document.get_object().get(object) != simdjson::SUCCESS) {
    return wrong("not a JSON object");
  }
  for (auto member : object) {
    json::value value;
    std::string_view name;
    if (member.unescaped_key().get(name) != simdjson::SUCCESS || member.value().get(value) != simdjson::SUCCESS) {
      return wrong("not a JSON object");
    }
    Status status;
    if (name == "metric") {
      status = read_metric(value, line.labels);
    } else if (name == "values") {
      status = read_numbers(value, "values", line.v);
    } else if (name == "histograms") {
      status = read_histograms(value, line.histograms);
    } else if (name == "timestamps") {
      status = read_timestamps(value, name, line.t_ms);
    } else if (name == "starts") {
      status = read_timestamps(value, name, line.start_ms);
    }
    if (!status.ok()) return status;
  }
  const char* behind = nullptr;
  if (document.current_location().get(behind) == simdjson::SUCCESS) return wrong("something follows the JSON object");
  if (line.labels.empty()) return wrong("there is no \"metric\"");
  if (!line.start_ms.empty() && line.start_ms.size() != line.t_ms.size()) {
    return wrong(fmt::format("there are {} starts and {} timestamps", line.start_ms.size(), line.t_ms.size()));
  }
  if (!line.histograms.empty()) {
    if (line.v.empty() && line.histograms.size() == line.t_ms.size()) return {};
    return wrong(fmt::format("there are {} histograms, {} values and {} timestamps", line.histograms.size(),
                             line.v.size(), line.t_ms.size()));
  }
  if (line.v.size() != line.t_ms.size()) {
    return wrong(fmt::format("there are {} values and {} timestamps", line.v.size(), line.t_ms.size()));
  }
  return {};
}

}  // namespace tidemark::tsdb
