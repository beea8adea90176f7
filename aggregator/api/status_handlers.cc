#include "aggregator/api/status_handlers.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <system_error>
#include <thread>

#include "aggregator/api/json_writer.h"
#include "aggregator/api/parameters.h"

namespace tidemark::api {
namespace {

std::string own_hostname() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

std::string working_directory() {
  std::error_code error;
  return std::filesystem::current_path(error).string();
}

constexpr int64_t kTsdbLimitDefault = 10;
constexpr int64_t kTsdbLimitMax = 10'000;

void write_counts(JsonWriter& json, std::string_view key, const std::vector<storage::Cardinality::Count>& counts) {
  json.key(key).begin_array();
  for (const auto& [name, count] : counts) {
    json.begin_object();
    json.key("name").string(name);
    json.key("value").integer(static_cast<int64_t>(count));
    json.end_object();
  }
  json.end_array();
}

}  // namespace

Outcome buildinfo(const Options& options) {
  Answer answer;
  JsonWriter(answer.body)
      .begin_object()
      .key("version")
      .string(kPrometheusVersion)
      .key("revision")
      .string(options.revision)
      .key("branch")
      .string("")
      .key("buildUser")
      .string("")
      .key("buildDate")
      .string("")
      .key("goVersion")
      .string("")
      .key("tidemarkVersion")
      .string(options.version)
      .end_object();
  return answer;
}

Outcome runtimeinfo(const Program::State& state, int64_t started_at_ms, int64_t now_ms) {
  Answer answer;
  JsonWriter json(answer.body);
  json.begin_object();
  json.key("startTime").date(started_at_ms);
  json.key("CWD").string(working_directory());
  json.key("hostname").string(own_hostname());
  json.key("serverTime").date(now_ms);
  json.key("reloadConfigSuccess").boolean(state.reload_ok);
  json.key("lastConfigTime").date_or_never(state.reloaded_at_ms);
  json.key("GOMAXPROCS").integer(std::thread::hardware_concurrency());
  json.key("storageRetention").string(state.storage_retention);
  json.end_object();
  return answer;
}

Outcome flags(const Options& options) {
  Answer answer;
  JsonWriter json(answer.body);
  json.begin_object();
  for (const auto& [name, value] : std::map(options.flags.begin(), options.flags.end())) json.key(name).string(value);
  json.end_object();
  return answer;
}

Outcome tsdb_status(storage::Admin& store, const net::Request& request) {
  const Parameters parameters(request);
  int64_t limit = kTsdbLimitDefault;
  if (const std::string_view text = parameters.value("limit"); !text.empty()) {
    limit = parse_integer<int64_t>("Atoi", text).value_or(0);
    if (limit < 1) return refuse({ErrorType::kBadData, "limit must be a positive number"});
    if (limit > kTsdbLimitMax)
      return refuse({ErrorType::kBadData, fmt::format("limit must not exceed {}", kTsdbLimitMax)});
  }
  const storage::Cardinality counts = store.cardinality(static_cast<size_t>(limit));
  Answer answer;
  JsonWriter json(answer.body);
  json.begin_object();
  json.key("headStats").begin_object();
  json.key("numSeries").integer(static_cast<int64_t>(counts.series));
  json.key("numLabelPairs").integer(static_cast<int64_t>(counts.label_pairs));
  json.key("chunkCount").integer(static_cast<int64_t>(counts.series));  // Each has one open.
  json.key("minTime").integer(counts.min_ms);
  json.key("maxTime").integer(counts.max_ms);
  json.end_object();
  write_counts(json, "seriesCountByMetricName", counts.series_by_metric);
  write_counts(json, "labelValueCountByLabelName", counts.values_by_label);
  write_counts(json, "memoryInBytesByLabelName", counts.bytes_by_label);
  write_counts(json, "seriesCountByLabelValuePair", counts.series_by_pair);
  json.end_object();
  return answer;
}

}  // namespace tidemark::api
