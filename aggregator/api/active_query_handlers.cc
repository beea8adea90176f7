#include "aggregator/api/active_query_handlers.h"

#include <fmt/format.h>

#include <charconv>

#include "aggregator/api/json_writer.h"

namespace tidemark::api {
namespace {

std::string_view state_name(promql::ActiveQuery::State state) {
  switch (state) {
    case promql::ActiveQuery::State::kWaiting:
      return "waiting";
    case promql::ActiveQuery::State::kRunning:
      return "running";
    case promql::ActiveQuery::State::kSending:
      return "sending";
  }
  return "";
}

}  // namespace

Outcome active_queries(const promql::Engine& engine) {
  Answer answer;
  JsonWriter json(answer.body);
  json.begin_array();
  for (const promql::ActiveQuery& query : engine.active()) {
    json.begin_object();
    json.key("id").string(std::to_string(query.id));
    json.key("query").string(query.text);
    json.key("state").string(state_name(query.state));
    json.key("seconds").number(query.seconds);
    if (query.instant) {
      json.key("time").timestamp(query.start_ms);
    } else {
      json.key("start").timestamp(query.start_ms);
      json.key("end").timestamp(query.end_ms);
      json.key("step").timestamp(query.step_ms);
    }
    json.key("bytes").integer(static_cast<int64_t>(query.bytes));
    json.key("peakBytes").integer(static_cast<int64_t>(query.bytes_peak));
    json.key("samplesRead").integer(static_cast<int64_t>(query.samples_read));
    json.end_object();
  }
  json.end_array();
  return answer;
}

Outcome kill_query(promql::Engine& engine, const net::Request& request) {
  const std::string_view text = request.path_param("id");
  uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) {
    return refuse({ErrorType::kBadData, fmt::format("\"{}\" is not the id of a query", text)});
  }
  if (!engine.kill(id)) return refuse({ErrorType::kNotFound, fmt::format("query {} has ended, or never was", id)});
  Answer answer;
  JsonWriter(answer.body).begin_object().key("killed").string(std::to_string(id)).end_object();
  return answer;
}

}  // namespace tidemark::api
