#include "aggregator/api/result_json.h"

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

void write_sample(JsonWriter& json, const Sample& sample) {
  json.begin_array().timestamp(sample.t_ms).float_string(sample.v).end_array();
}

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

void write_vector(JsonWriter& json, const promql::QueryResult& result) {
  json.begin_array();
  for (const promql::ResultSeries& series : result.series) {
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
  json.end_array();
}

void write_matrix(JsonWriter& json, const promql::QueryResult& result) {
  json.begin_array();
  for (const promql::ResultSeries& series : result.series) {
    json.begin_object().key("metric").labels(series.labels);
    if (!series.samples.empty() || series.histograms.empty()) {
      json.key("values").begin_array();
      for (const Sample& sample : series.samples) write_sample(json, sample);
      json.end_array();
    }
    if (!series.histograms.empty()) {
      json.key("histograms").begin_array();
      for (const HistogramSample& sample : series.histograms) write_sample(json, sample);
      json.end_array();
    }
    json.end_object();
  }
  json.end_array();
}

}  // namespace

void append_query_data(std::string& out, const promql::QueryResult& result) {
  JsonWriter json(out);
  json.begin_object().key("resultType").string(result_type_name(result.type)).key("result");
  switch (result.type) {
    case promql::ResultType::kScalar:
      write_scalar(json, result.series.front().samples.front());
      break;
    case promql::ResultType::kString:
      json.begin_array().timestamp(result.t_ms).string(result.text).end_array();
      break;
    case promql::ResultType::kVector:
      write_vector(json, result);
      break;
    case promql::ResultType::kMatrix:
      write_matrix(json, result);
      break;
  }
  json.end_object();
}

}  // namespace tidemark::api
