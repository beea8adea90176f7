#include "exporter/script_api.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/json.h"

namespace tidemark::exporter {
namespace {

void answer_error(net::Response& response, int status, std::string_view type, std::string_view message) {
  response.status = status;
  response.content_type = "application/json";
  response.body = fmt::format("{{\"status\":\"error\",\"errorType\":\"{}\",\"error\":", type);
  append_json_string(response.body, message);
  response.body += "}\n";
}

// Fills the response when the request is not an administrator's.
bool is_admin(const net::Request& request, const std::vector<std::string>& admins, net::Response& response) {
  if (request.user.empty()) {
    answer_error(response, 401, "unauthorized", "this needs --web.config.file with basic_auth_users, and a password");
    return false;
  }
  if (std::find(admins.begin(), admins.end(), request.user) == admins.end()) {
    answer_error(response, 403, "forbidden", "this is for the users that --web.admin-user names");
    return false;
  }
  // A browser that knows the password sends it along with what another site makes it ask.
  const std::string_view site = request.header("sec-fetch-site");
  if (!site.empty() && site != "same-origin" && site != "none") {
    answer_error(response, 403, "forbidden", "another site asked for this");
    return false;
  }
  return true;
}

std::string list_json(const std::vector<ScriptState>& states) {
  std::string out = R"({"status":"success","data":[)";
  const char* before = "";
  for (const ScriptState& state : states) {
    out += before;
    before = ",";
    out += "{\"name\":";
    append_json_string(out, state.name);
    out += ",\"program\":";
    append_json_string(out, state.program);
    out += fmt::format(
        ",\"running\":{},\"runs\":{},\"missed\":{},\"success\":{},\"exitCode\":{},\"lastRun\":{:.3f},"
        "\"lastDurationSeconds\":{:.3f},\"nextRun\":{:.3f},\"lastError\":",
        state.running, state.runs, state.missed, state.success, state.exit_code,
        static_cast<double>(state.started_ms) / 1e3, static_cast<double>(state.duration_ms) / 1e3,
        static_cast<double>(state.next_ms) / 1e3);
    append_json_string(out, state.error);
    out += '}';
  }
  return out + "]}\n";
}

}  // namespace

void add_script_routes(net::Server& server, ScriptRunner& scripts, const std::vector<std::string>& admin_users,
                       Logger& logger) {
  server.route("GET", "/api/v1/scripts", [&scripts, admin_users](const net::Request& request, net::Response& response) {
    if (!is_admin(request, admin_users, response)) return;
    response.content_type = "application/json";
    response.body = list_json(scripts.states());
  });
  server.route("POST", "/api/v1/scripts/{name}/run",
               [&scripts, &logger, admin_users](const net::Request& request, net::Response& response) {
                 if (!is_admin(request, admin_users, response)) return;
                 const std::string name(request.path_param("name"));
                 const Status status = scripts.run_now(name);
                 if (status.code() == Code::kNotFound)
                   return answer_error(response, 404, "not_found", status.message());
                 if (!status.ok()) return answer_error(response, 409, "unavailable", status.message());
                 logger.info("script started over the API", {{"script", name}, {"user", request.user}});
                 response.status = 202;
                 response.content_type = "application/json";
                 response.body = "{\"status\":\"success\"}\n";
               });
}

}  // namespace tidemark::exporter
