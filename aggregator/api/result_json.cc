#include "aggregator/api/result_json.h"

#include <limits>

#include "aggregator/api/json_writer.h"
#include "model/histogram_buckets.h"
#include "model/number.h"

namespace tidemark::api {
namespace {

std::string_view result_type_name(promql::ResultType type) {
  switch (type) {
    case promql::ResultType::kScalar:
      return "scalar";
    case promql::ResultType::kVector:
      return "vector";
    case promql::ResultType::kMatrix:
      return "matrix";
    case promql::ResultType::kString:
      return "string";
  }
  return "";
}

void write_sample(JsonWriter& json, const Sample& sample) { json.point(sample.t_ms, sample.v); }

// Unlike the samples of series, without an exponent.
void write_scalar(JsonWriter& json, const Sample& sample) {
  std::string value;
  append_fixed_float(value, sample.v);
  json.begin_array().timestamp(sample.t_ms).string(value).end_array();
}

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

void write_sample(JsonWriter& json, const HistogramSample& sample) {
  json.begin_array().timestamp(sample.t_ms);
  write_histogram(json, *sample.histogram);
  json.end_array();
}

void write_steps(JsonWriter& json, std::string_view key, const promql::QueryStats& stats,
                 size_t promql::QueryStats::Step::*samples) {
  if (stats.wanted != promql::WantedStats::kSteps) return;
  json.key(key).begin_array();
  for (const promql::QueryStats::Step& step : stats.steps) {
    json.begin_array().timestamp(step.t_ms).integer(static_cast<int64_t>(step.*samples)).end_array();
  }
  json.end_array();
}

void write_stats(const promql::QueryStats& stats, std::string& out) {
  using Step = promql::QueryStats::Step;
  const double total = stats.prepare_seconds + stats.evaluate_seconds + stats.sort_seconds;
  out += ',';
  JsonWriter json(out);
  json.key("stats").begin_object().key("timings").begin_object();
  json.key("evalTotalTime").number(total).key("resultSortTime").number(stats.sort_seconds);
  json.key("queryPreparationTime").number(stats.prepare_seconds).key("innerEvalTime").number(stats.evaluate_seconds);
  json.key("execQueueTime").number(stats.queue_seconds).key("execTotalTime").number(stats.queue_seconds + total);
  json.end_object().key("samples").begin_object();
  write_steps(json, "totalQueryableSamplesPerStep", stats, &Step::samples_looked_at);
  json.key("totalQueryableSamples").integer(static_cast<int64_t>(stats.samples_looked_at));
  write_steps(json, "samplesReadPerStep", stats, &Step::samples_read);
  json.key("samplesRead").integer(static_cast<int64_t>(stats.samples_read));
  json.key("peakSamples").integer(static_cast<int64_t>(stats.samples_peak));
  json.end_object().end_object();
}

void write_point(std::string& out, const promql::ResultSeries& series) {
  JsonWriter json(out);
  json.begin_object().key("metric").labels(series.labels);
  if (series.histograms.empty()) {
    json.key("value");
    write_sample(json, series.samples.front());
  } else {
    json.key("histogram");
    write_sample(json, series.histograms.front());
  }
  json.end_object();
}

// Histograms from `next` on. True when the last one is written.
bool write_histograms(std::string& out, const std::vector<HistogramSample>& samples, size_t& next, size_t bytes) {
  for (; next < samples.size(); ++next) {
    if (out.size() >= bytes) return false;
    if (next > 0) out += ',';
    JsonWriter json(out);
    write_sample(json, samples[next]);
  }
  return true;
}

}  // namespace

void ResultEncoder::write_begin(std::string& out) const {
  JsonWriter json(out);
  json.begin_object().key("resultType").string(result_type_name(result_.type)).key("result");
  switch (result_.type) {
    case promql::ResultType::kScalar:
      return write_scalar(json, result_.series.front().samples.front());
    case promql::ResultType::kString:
      json.begin_array().timestamp(result_.t_ms).string(result_.text).end_array();
      return;
    case promql::ResultType::kVector:
    case promql::ResultType::kMatrix:
      json.begin_array();
  }
}

bool ResultEncoder::write_series(const promql::ResultSeries& series, std::string& out, size_t bytes) {
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

bool ResultEncoder::write(std::string& out, size_t bytes) {
  if (!begun_) write_begin(out);
  begun_ = true;
  const bool is_vector = result_.type == promql::ResultType::kVector;
  const bool is_matrix = result_.type == promql::ResultType::kMatrix;
  if (is_vector || is_matrix) {
    for (; series_ < result_.series.size(); ++series_) {
      if (part_ == Part::kLabels) {
        if (out.size() >= bytes) return false;
        if (series_ > 0) out += ',';
      }
      const promql::ResultSeries& series = result_.series[series_];
      if (is_vector) {
        write_point(out, series);
      } else if (!write_series(series, out, bytes)) {
        return false;
      }
    }
    out += ']';
  }
  if (result_.stats.wanted != promql::WantedStats::kNone) write_stats(result_.stats, out);
  out += '}';
  return true;
}

void append_query_data(std::string& out, const promql::QueryResult& result) {
  ResultEncoder(result).write(out, std::numeric_limits<size_t>::max());
}

}  // namespace tidemark::api
