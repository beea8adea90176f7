#include "aggregator/api/result_json.h"

#include <limits>
#include <span>

#include "aggregator/api/json_writer.h"
#include "aggregator/promql/helpers.h"
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
    write_histogram_sample(json, series.histograms.front());
  }
  json.end_object();
}

}  // namespace

ResultEncoder::ResultEncoder(const promql::QueryResult& result) : result_(result) {
  if (result.helpers != nullptr && result.helpers->count() > 0) batch_.emplace(*result.helpers);
}

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

bool ResultEncoder::write_batch(std::string& out, size_t bytes) {
  if (!batch_ || !writer_.at_begin() || out.size() >= bytes) return false;
  const auto left = std::span(result_.series).subspan(series_);
  const auto some = left.first(batch_->count_of(left, bytes - out.size()));
  if (some.empty()) return false;
  if (series_ > 0) out += ',';
  batch_->append(some, out);
  series_ += some.size();
  return true;
}

bool ResultEncoder::write(std::string& out, size_t bytes) {
  if (!begun_) write_begin(out);
  begun_ = true;
  const bool is_vector = result_.type == promql::ResultType::kVector;
  const bool is_matrix = result_.type == promql::ResultType::kMatrix;
  if (is_vector || is_matrix) {
    while (series_ < result_.series.size()) {
      if (is_matrix && write_batch(out, bytes)) continue;
      if (writer_.at_begin()) {
        if (out.size() >= bytes) return false;
        if (series_ > 0) out += ',';
      }
      const promql::ResultSeries& series = result_.series[series_];
      if (is_vector) {
        write_point(out, series);
      } else if (!writer_.write(series, out, bytes)) {
        return false;
      }
      ++series_;
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
