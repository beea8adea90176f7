#include "aggregator/api/json_writer.h"

#include <fmt/format.h>

#include <iterator>

#include "aggregator/api/point_text.h"
#include "model/json.h"
#include "model/number.h"
#include "model/rfc3339.h"

namespace tidemark::api {

void JsonWriter::separate() {
  if (needs_comma_) out_ += ',';
  needs_comma_ = true;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_ += bracket;
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_json_string(out_, name);
  out_ += ':';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view value) {
  separate();
  append_json_string(out_, value);
  return *this;
}

JsonWriter& JsonWriter::integer(int64_t value) {
  separate();
  fmt::format_to(std::back_inserter(out_), "{}", value);
  return *this;
}

JsonWriter& JsonWriter::number(double value) {
  separate();
  append_float(out_, value);
  return *this;
}

JsonWriter& JsonWriter::boolean(bool value) {
  separate();
  out_ += value ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::null() {
  separate();
  out_ += "null";
  return *this;
}

JsonWriter& JsonWriter::labels(LabelsView labels) {
  begin_object();
  for (const LabelView& label : labels) key(label.name).string(label.value);
  return end_object();
}

JsonWriter& JsonWriter::timestamp(int64_t t_ms) {
  separate();
  char buffer[kTimestampBytesMax];
  out_.append(buffer, write_timestamp(buffer, t_ms));
  return *this;
}

JsonWriter& JsonWriter::float_string(double v) {
  separate();
  out_ += '"';
  append_float(out_, v);
  out_ += '"';
  return *this;
}

JsonWriter& JsonWriter::point(int64_t t_ms, double v) {
  separate();
  char buffer[kPointBytesMax];
  out_.append(buffer, write_point(buffer, t_ms, v));
  return *this;
}

JsonWriter& JsonWriter::date(int64_t t_ms) {
  separate();
  out_ += '"';
  out_ += format_rfc3339(t_ms);
  out_ += '"';
  return *this;
}

JsonWriter& JsonWriter::date_or_never(int64_t t_ms) { return t_ms == 0 ? string(kNoTimeRfc3339) : date(t_ms); }

}  // namespace tidemark::api
