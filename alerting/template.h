// Template: the part of Go's text/template that Prometheus rule files use in labels and annotations.
//
//   High load on {{ $labels.instance }}: {{ $value | printf "%.2f" }}{{ with $labels.dc }} in {{ . }}{{ end }}
//   {{ range query "topk(3, node_load1)" }}{{ .Labels.instance }}={{ .Value | humanize }} {{ end }}
//
// Supported: text, comments, trim markers, pipelines, variables ($x := ..., $x = ...), if, else if, else, with, range,
// fields of maps and samples, parentheses; the functions are listed in template_functions.cc. Not supported, and said
// so when the template is parsed: define, block, template, break, continue, methods of Go's types.
//
// A template is data from a file: nesting is limited, and so are the steps, the queries and the output of one
// execution.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "alerting/query.h"
#include "model/labels.h"
#include "model/status.h"

namespace tidemark::alerting {

inline constexpr size_t kTemplateSourceMax = 64 << 10;
inline constexpr size_t kTemplateOutputMax = 64 << 10;
inline constexpr int kTemplateDepthMax = 32;      // Blocks within blocks, parentheses within parentheses.
inline constexpr size_t kTemplateArgsMax = 32;    // Of one function call.
inline constexpr int kTemplateStepsMax = 50'000;  // Statements and calls of one execution.
inline constexpr int kTemplateQueriesMax = 10;    // query() calls of one execution.

// What one execution sees. References are used during the call only.
struct TemplateData {
  LabelsView labels;           // .Labels, $labels
  double value = 0;            // .Value, $value
  LabelsView external_labels;  // .ExternalLabels, $externalLabels
  std::string_view external_url;
  int64_t now_ms = 0;                    // Time of the evaluation: query() asks at it, now() answers it.
  const QueryFunction* query = nullptr;  // Null: query() fails.
};

namespace template_detail {
struct Program;
}

// Immutable and thread-safe; copies share the parsed form.
class Template {
 public:
  Template() = default;  // Expands to nothing.
  // `name` is what errors call it: "__alert_HighLoad" in Prometheus.
  static Result<Template> parse(std::string_view name, std::string_view text);

  Result<std::string> execute(const TemplateData& data) const;
  // As Prometheus puts it into an alert: the text, or "<error expanding template: ...>".
  std::string expand(const TemplateData& data) const;

 private:
  std::shared_ptr<const template_detail::Program> program_;
};

}  // namespace tidemark::alerting
