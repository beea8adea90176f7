#include "aggregator/api/result_json.h"

#include "aggregator/api/json_writer.h"
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

void write_vector(JsonWriter& json, const promql::QueryResult& result) {
  json.begin_array();
  for (const promql::ResultSeries& series : result.series) {
    json.begin_object().key("metric").labels(series.labels).key("value");
    write_sample(json, series.samples.front());
    json.end_object();
  }
  json.end_array();
}

void write_matrix(JsonWriter& json, const promql::QueryResult& result) {
  json.begin_array();
  for (const promql::ResultSeries& series : result.series) {
    json.begin_object().key("metric").labels(series.labels).key("values").begin_array();
    for (const Sample& sample : series.samples) write_sample(json, sample);
    json.end_array().end_object();
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
