// ExpositionParser: reads a page of metrics in the Prometheus text format 0.0.4, in one pass and without copying it.
//
//     ExpositionParser parser(body);
//     for (;;) {
//       switch (parser.next()) {
//         case ExpositionParser::Entry::kSample:
//           ref = cache.find(parser.series());            // The line's own bytes: no label is decoded for this.
//           if (!ref) ref = add(parser.labels());
//           batch.add(ref, parser.timestamp_ms().value_or(now_ms), parser.value());
//           break;
//         case ExpositionParser::Entry::kError:
//           return parser.status();                       // invalid: line 12: expected a number, got "abc"
//         ...
//
// A page is good as a whole or not at all: after the first bad line every next() is kError. It is up to the caller to
// take back what it did with the lines before. Where the format's description leaves room, this decides as Prometheus'
// own parser does: a missing last newline is fine, "}" needs no blank behind it, commas between labels may be missing
// or trail, an unknown escape stays as it is, names in quotes ({"a.b",c="d"}) may hold any UTF-8, CR is no blank.
// Stricter: a newline inside a label's value must be escaped, and a NUL byte does not end the page.
//
// Everything a page can hold is bounded: the length of a line and the number of labels in it. Time is linear in the
// page, but for a logarithm of the number of labels. Belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/labels.h"
#include "model/metric_type.h"
#include "model/status.h"

namespace tidemark {

struct ExpositionLimits {
  size_t line_bytes_max = 1 << 20;
  size_t labels_max = 1024;  // Of one sample, its name included.
};

class ExpositionParser {
 public:
  enum class Entry {
    kSample,   // series(), labels(), value(), timestamp_ms()
    kType,     // family(), type()
    kHelp,     // family(), text()
    kUnit,     // family(), text(): not part of 0.0.4, where it is a comment, but known to say what it says.
    kComment,  // text()
    kEnd,      // Nothing follows.
    kError,    // status()
  };

  // REQUIRES: `body` outlives the parser and what it returned.
  explicit ExpositionParser(std::string_view body, const ExpositionLimits& limits = {})
      : limits_(limits), body_(body), rest_(body) {}

  // Goes to the next line that says something; blank lines say nothing. What the functions below return is valid until
  // the next call.
  Entry next();

  // The bytes that identify the series, from the name to the closing brace: the same bytes are the same series, while
  // one series may be written in several ways. A view into the body.
  std::string_view series() const { return series_; }
  // The labels with escapes undone, __name__ first, then in the order of the page; names are unique, values may be
  // empty. Of a histogram's "le" and a summary's "quantile" the number is written as Prometheus 3 stores it: "1"
  // becomes "1.0". Views into the body or the parser.
  const std::vector<LabelView>& labels();
  double value() const { return value_; }  // NaN is always normal_nan().
  std::optional<int64_t> timestamp_ms() const { return timestamp_ms_; }

  std::string_view family() const { return family_; }
  MetricType type() const { return type_; }
  std::string_view text() const { return text_; }

  // Of the current line, from 1. Linear: for messages only.
  size_t line_number() const;
  const Status& status() const { return status_; }  // OK until kError.

 private:
  // A position in the current line. Every function below advances it and returns false after an error.
  struct Cursor {
    const char* at;
    const char* end;
    bool done() const { return at == end; }
    void skip_blanks() {
      while (at != end && (*at == ' ' || *at == '\t')) ++at;
    }
  };

  Entry comment(Cursor line);
  Entry metadata(Cursor line, Entry kind);
  Entry sample(Cursor line);
  bool braces(Cursor& line, bool named);
  bool quoted(Cursor& line, std::string_view what, std::string_view& text);
  bool unique_names();
  bool sample_value(Cursor& line);
  bool sample_timestamp(Cursor& line);
  std::string_view unescape(std::string_view raw, bool quotes);
  void reserve_scratch();
  bool expected(std::string_view what, const Cursor& at);
  bool refuse(std::string_view what);

  const ExpositionLimits limits_;
  const std::string_view body_;
  std::string_view rest_;  // From the next line on.
  std::string_view line_;  // The current one, without its newline.
  Status status_;

  std::string_view series_;
  std::vector<LabelView> labels_;
  bool canonical_ = false;  // labels() has rewritten "le" and "quantile".
  double value_ = 0;
  std::optional<int64_t> timestamp_ms_;

  std::string_view family_;
  MetricType type_ = MetricType::kUnknown;  // Of the latest TYPE line.
  std::string_view text_;

  std::string scratch_;                  // Of the current line: what had escapes. See reserve_scratch().
  std::vector<std::string_view> names_;  // For finding duplicates among many.
};

}  // namespace tidemark
