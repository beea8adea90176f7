#include "aggregator/api/series_json.h"

#include "model/histogram_buckets.h"

namespace tidemark::api {
namespace {

// {"count":"42","sum":"34.5","buckets":[[3,"-0.25","0.25","3"],[0,"0.25","0.5","12"]]}. A bucket's first number says
// which of its bounds belong to it: 0 the upper one, 1 the lower one, 2 none, 3 both. Empty ones are left out.
void write_histogram(JsonWriter& json, const NativeHistogram& histogram) {
  json.begin_object().key("count").float_string(histogram.count).key("sum").float_string(histogram.sum);
  std::vector<HistogramBucket> buckets;
  list_buckets(histogram, buckets);
  std::erase_if(buckets, [](const HistogramBucket& b) { return b.count == 0; });
  if (!buckets.empty()) {
    json.key("buckets").begin_array();
    for (const HistogramBucket& b : buckets) {
      const int bounds = b.lower_inclusive ? (b.upper_inclusive ? 3 : 1) : (b.upper_inclusive ? 0 : 2);
      json.begin_array().integer(bounds).float_string(b.lower).float_string(b.upper).float_string(b.count).end_array();
    }
    json.end_array();
  }
  json.end_object();
}

// Histograms from `next` on. True when the last one is written.
bool write_histograms(std::string& out, const std::vector<HistogramSample>& samples, size_t& next, size_t bytes) {
  for (; next < samples.size(); ++next) {
    if (out.size() >= bytes) return false;
    if (next > 0) out += ',';
    JsonWriter json(out);
    write_histogram_sample(json, samples[next]);
  }
  return true;
}

}  // namespace

void write_histogram_sample(JsonWriter& json, const HistogramSample& sample) {
  json.begin_array().timestamp(sample.t_ms);
  write_histogram(json, *sample.histogram);
  json.end_array();
}

bool SeriesWriter::write(const promql::ResultSeries& series, std::string& out, size_t bytes) {
  const bool has_values = !series.samples.empty() || series.histograms.empty();
  if (part_ == Part::kLabels) {
    out += R"({"metric":)";
    JsonWriter(out).labels(series.labels);
    if (has_values) out += R"(,"values":[)";
    part_ = Part::kValues;
    next_ = 0;
  }
  if (part_ == Part::kValues) {
    if (!points_.write(out, series.samples, next_, bytes)) return false;
    if (has_values) out += ']';
    if (!series.histograms.empty()) out += R"(,"histograms":[)";
    part_ = Part::kHistograms;
    next_ = 0;
  }
  if (!write_histograms(out, series.histograms, next_, bytes)) return false;
  out += series.histograms.empty() ? "}" : "]}";
  part_ = Part::kLabels;
  return true;
}

}  // namespace tidemark::api
