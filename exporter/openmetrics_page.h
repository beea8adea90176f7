// OpenMetrics 1.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/) of what a scrape collected, and the choice
// between it and the text format.
//
// Every sample keeps the name it has in the text format, so that a query does not care which was scraped:
//   - a counter whose name ends in _total is a counter family without it,
//   - one whose name does not (or whose family would have the name of another) is a family of unknown type, as a
//     counter's sample would have to be renamed,
//   - buckets and quantiles are written as floats ("1.0").
#pragma once

#include <string>
#include <string_view>

#include "exporter/family.h"

namespace tidemark::exporter {

inline constexpr std::string_view kOpenMetricsContentType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores";

// Appends `families`, which is sealed, and the end mark to `out`.
void write_openmetrics(std::string& out, const Families& families);

// Whether an Accept header prefers OpenMetrics (of a version we write) to the text format. "" does not.
bool prefers_openmetrics(std::string_view accept);

}  // namespace tidemark::exporter
