// The text exposition format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/) of what a scrape
// collected, and what other text encodings of the same walk are made from.
#pragma once

#include <string>
#include <string_view>

#include "exporter/family.h"

namespace tidemark::exporter {

inline constexpr std::string_view kTextContentType = "text/plain; version=0.0.4; charset=utf-8";

// TextWriter: bytes into a string whose memory is asked for once a line, not once a piece. One thread.
class TextWriter {
 public:
  explicit TextWriter(std::string& out);  // Appends to `out`, which outlives us.
  ~TextWriter();                          // Cuts `out` to what was written.
  TextWriter(const TextWriter&) = delete;
  TextWriter& operator=(const TextWriter&) = delete;

  // At least so many bytes may be written until the next room().
  void room(size_t bytes) {
    if (static_cast<size_t>(end_ - at_) < bytes) grow(bytes);
  }

  // REQUIRE room: as many bytes as the text has, twice that when escaped, kValueBytesMax for a value.
  static constexpr size_t kValueBytesMax = 400;
  void put(char c) { *at_++ = c; }
  void put(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void put_help(std::string_view text) { put_escaped(text, false); }        // Backslash and newline escaped.
  void put_label_value(std::string_view text) { put_escaped(text, true); }  // And the double quote.
  void put_value(double v);                                                 // As append_float.

  // "NAME_sum{a="b",le="0.5"} ": a sample's line up to its value, room for the value and 32 bytes more included.
  void put_series(std::string_view name, const Sample& sample);

 private:
  void grow(size_t bytes);
  void put_escaped(std::string_view text, bool in_quotes);

  std::string& out_;
  char* at_;
  char* end_;
};

// Appends `families`, which is sealed, to `out`. An empty HELP writes no line.
void write_text(std::string& out, const Families& families);

}  // namespace tidemark::exporter
