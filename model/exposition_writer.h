// Writes prometheus-cpp's families in the Prometheus text exposition format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/): for the exporter's pages and for our own /metrics.
//
// prometheus-cpp's TextSerializer is not used: it leaves HELP unescaped (a newline in it breaks the page), prints
// "Nan", and takes six to eight times as long.
#pragma once

#include <prometheus/metric_family.h>

#include <span>
#include <string>
#include <string_view>

namespace tidemark {

inline constexpr std::string_view kExpositionContentType = "text/plain; version=0.0.4; charset=utf-8";

// Appends `families` to `out`, sorted by family name; within a family the samples keep their order. Families of one
// name and type are written as one group under the first one's HELP, as the format demands; a family whose type
// contradicts the first of its name is left out. Families without samples are left out. An empty HELP writes no line.
//
// Label values and HELP are escaped; names are written as they stand, so they must be valid. Values are as
// append_float prints them: shortest digits, "NaN", "+Inf", "-Inf". A timestamp is written when it is not zero.
void write_exposition(std::string& out, std::span<const prometheus::MetricFamily> families);

}  // namespace tidemark
