#include "aggregator/api/json_writer.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <iterator>

#include "model/json.h"
#include "model/number.h"
#include "model/rfc3339.h"

namespace tidemark::api {
namespace {

constexpr size_t kTimestampBytesMax = 32;

// Seconds, and three places behind the point unless they are 0.
char* write_timestamp(char* out, int64_t t_ms) {
  const int64_t seconds = t_ms / 1000;
  const auto rest_ms = static_cast<unsigned>(std::llabs(t_ms % 1000));
  if (t_ms < 0 && seconds == 0) *out++ = '-';
  out = std::to_chars(out, out + kTimestampBytesMax, seconds).ptr;
  if (rest_ms == 0) return out;
  *out++ = '.';
  *out++ = static_cast<char>('0' + rest_ms / 100);
  *out++ = static_cast<char>('0' + rest_ms / 10 % 10);
  *out++ = static_cast<char>('0' + rest_ms % 10);
  return out;
}

}  // namespace

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
  char buffer[kTimestampBytesMax + kFloatBytesMax + 8];
  char* at = buffer;
  if (needs_comma_) *at++ = ',';
  *at++ = '[';
  at = write_timestamp(at, t_ms);
  *at++ = ',';
  *at++ = '"';
  at = write_float(at, v);
  *at++ = '"';
  *at++ = ']';
  out_.append(buffer, at);
  needs_comma_ = true;
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
