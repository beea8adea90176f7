// JsonWriter: appends JSON to the caller's buffer, looking after the commas. What is opened must be closed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/labels.h"

namespace tidemark::api {

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& string(std::string_view value);
  JsonWriter& integer(int64_t value);
  JsonWriter& number(double value);  // REQUIRES: finite.
  JsonWriter& boolean(bool value);
  JsonWriter& null();

  // The value types of the Prometheus API.
  JsonWriter& labels(LabelsView labels);      // {"job":"node"}
  JsonWriter& timestamp(int64_t t_ms);        // 1435781430.781
  JsonWriter& float_string(double v);         // "0.5", "NaN", "+Inf"
  JsonWriter& point(int64_t t_ms, double v);  // [1435781430.781,"0.5"]
  JsonWriter& date(int64_t t_ms);             // "2015-07-01T20:10:51.781Z"
  JsonWriter& date_or_never(int64_t t_ms);    // The same; "0001-01-01T00:00:00Z", Go's zero time, for 0.

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string& out_;
  bool needs_comma_ = false;
};

}  // namespace tidemark::api
