#include "aggregator/tsdb/json_lines.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

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

Status read_values(json::value value, std::vector<double>& out) {
  json::array values;
  if (value.get_array().get(values) != simdjson::SUCCESS) return wrong("\"values\" must be an array");
  for (auto element : values) {
    json::value one;
    if (element.get(one) != simdjson::SUCCESS) return wrong("\"values\" does not read");
    double v = 0;
    if (Status status = read_value(one, v); !status.ok()) return status;
    out.push_back(v);
  }
  return {};
}

Status read_timestamps(json::value value, std::vector<int64_t>& out) {
  json::array values;
  if (value.get_array().get(values) != simdjson::SUCCESS) return wrong("\"timestamps\" must be an array");
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

void append_json_line(std::string& out, LabelsView labels, std::span<const int64_t> t_ms, std::span<const double> v) {
  out += "{\"metric\":{";
  bool first = true;
  for (const LabelView& label : labels) {
    if (!first) out += ',';
    first = false;
    append_json_string(out, label.name);
    out += ':';
    append_json_string(out, label.value);
  }
  out += "},\"values\":[";
  for (size_t i = 0; i < v.size(); ++i) {
    if (i > 0) out += ',';
    append_value(out, v[i]);
  }
  out += "],\"timestamps\":[";
  for (size_t i = 0; i < t_ms.size(); ++i) {
    if (i > 0) out += ',';
    fmt::format_to(std::back_inserter(out), "{}", t_ms[i]);
  }
  out += "]}\n";
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
      status = read_values(value, line.v);
    } else if (name == "timestamps") {
      status = read_timestamps(value, line.t_ms);
    }
    if (!status.ok()) return status;
  }
  const char* behind = nullptr;
  if (document.current_location().get(behind) == simdjson::SUCCESS) return wrong("something follows the JSON object");
  if (line.labels.empty()) return wrong("there is no \"metric\"");
  if (line.v.size() != line.t_ms.size()) {
    return wrong(fmt::format("there are {} values and {} timestamps", line.v.size(), line.t_ms.size()));
  }
  return {};
}

}  // namespace tidemark::tsdb
