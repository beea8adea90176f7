#include "aggregator/promql/text.h"

#include <charconv>
#include <cmath>

#include "aggregator/promql/quote.h"

namespace tidemark::promql {

std::string general(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "+Inf" : "-Inf";
  const double magnitude = std::fabs(v);
  const bool exponent = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e6);
  char buffer[64];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, v,
                                    exponent ? std::chars_format::scientific : std::chars_format::fixed);
  return {buffer, result.ptr};
}

std::string braces(LabelsView labels) {
  std::string out = "{";
  for (const LabelView label : labels) {
    if (out.size() > 1) out += ", ";
    append_label_name(out, label.name);
    out += '=';
    append_quoted(out, label.value);
  }
  return out + "}";
}

}  // namespace tidemark::promql
