#include "aggregator/api/status_handlers.h"

#include <unistd.h>

#include <filesystem>
#include <map>
#include <system_error>
#include <thread>

#include "aggregator/api/json_writer.h"

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

}  // namespace tidemark::api
