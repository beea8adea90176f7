#include "aggregator/api/api.h"

#include <fmt/format.h>
#include <prometheus/registry.h>

#include "aggregator/api/active_query_handlers.h"
#include "aggregator/api/admin_handlers.h"
#include "aggregator/api/parse_handlers.h"
#include "aggregator/api/query_handlers.h"
#include "aggregator/api/request_metrics.h"
#include "aggregator/api/rule_handlers.h"
#include "aggregator/api/series_handlers.h"
#include "aggregator/api/status_handlers.h"
#include "aggregator/api/target_handlers.h"
#include "model/exposition_writer.h"
#include "net/server.h"

namespace tidemark::api {
namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";

void answer_text(net::Response& response, int status, std::string text) {
  response.status = status;
  response.content_type = kText;
  response.body = std::move(text);
}

// As Prometheus with its default --web.cors.origin=".*".
void allow_other_origins(const net::Request& request, net::Response& response) {
  response.headers.emplace_back("Vary", "Origin");
  if (request.header("origin").empty()) return;
  response.headers.emplace_back("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Origin");
  response.headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
  response.headers.emplace_back("Access-Control-Expose-Headers", "Date");
  response.headers.emplace_back("Access-Control-Allow-Origin", "*");
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string landing_page(std::string_view version) {
  static constexpr std::string_view kLinks[] = {"/api/v1/query?query=up",
                                                "/api/v1/targets",
                                                "/api/v1/rules",
                                                "/api/v1/alerts",
                                                "/api/v1/metadata",
                                                "/api/v1/status/buildinfo",
                                                "/api/v1/status/runtimeinfo",
                                                "/metrics",
                                                "/-/healthy",
                                                "/-/ready"};
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta "
      "charset=\"utf-8\"><title>Tidemark</title></head>\n<body><h1>Tidemark "
      "{}</h1>\n<p>Speaks the HTTP API of Prometheus {}: point Grafana's Prometheus data source here.</p>\n<ul>\n",
      escape_html(version), kPrometheusVersion);
  for (const std::string_view link : kLinks)
    page += fmt::format("<li><a href=\"{0}\">{0}</a></li>\n", escape_html(link));
  page += "</ul></body></html>\n";
  return page;
}

}  // namespace

Api::Api(Options options, const Parts& parts)
    : options_(std::move(options)),
      parts_(parts),
      started_at_ms_(parts.clock.now_ms()),
      request_metrics_(std::make_unique<RequestMetrics>(parts.registry)) {}

Api::~Api() = default;

void Api::install(net::Server& server) {
  install_api(server);
  install_admin(server);
  install_lifecycle(server);
  install_pages(server);
  server.on_request([this](const net::Request&, std::string_view pattern, int status, int64_t duration_ns) {
    request_metrics_->observe(pattern, status, duration_ns);
  });
}

bool Api::refuse_unless_ready(net::Response& response) const {
  const Program::State state = parts_.program.state();
  if (state.ready && !state.stopping) return false;
  response.headers.emplace_back("X-Prometheus-Stopping", state.stopping ? "true" : "false");
  answer_text(response, 503, "Service Unavailable");
  return true;
}

void Api::route_api(net::Server& server, std::string_view methods, std::string_view path, ApiHandler handler) {
  server.route(methods, fmt::format("/api/v1/{}", path),
               [this, handler = std::move(handler)](const net::Request& request, net::Response& response) {
                 if (refuse_unless_ready(response)) return;
                 allow_other_origins(request, response);
                 respond(handler(request), response);
               });
  // What a browser asks before it lets a page of another origin send a form.
  server.route("OPTIONS", fmt::format("/api/v1/{}", path), [](const net::Request& request, net::Response& response) {
    allow_other_origins(request, response);
    response.status = 204;
  });
}

void Api::install_api(net::Server& server) {
  const Parts& parts = parts_;
  route_api(server, "GET,POST", "query",
            [&parts](const auto& request) { return query(parts.engine, parts.clock, request); });
  route_api(server, "GET,POST", "query_range",
            [&parts](const auto& request) { return query_range(parts.engine, request); });
  route_api(server, "GET,POST", "query_exemplars", [](const auto& request) { return query_exemplars(request); });
  route_api(server, "GET,POST", "format_query",
            [&parts](const auto& request) { return format_query(parts.engine.parser_options(), request); });
  route_api(server, "GET,POST", "parse_query",
            [&parts](const auto& request) { return parse_query(parts.engine.parser_options(), request); });
  route_api(server, "GET,POST", "series", [&parts](const auto& request) { return series(parts.store, request); });
  route_api(server, "GET,POST", "labels", [&parts](const auto& request) { return label_names(parts.store, request); });
  route_api(server, "GET", "label/{name}/values",
            [&parts](const auto& request) { return label_values(parts.store, request); });
  route_api(server, "GET", "targets", [&parts](const auto& request) { return targets(parts.targets, request); });
  route_api(server, "GET", "targets/metadata",
            [&parts](const auto& request) { return target_metadata(parts.targets, request); });
  route_api(server, "GET", "scrape_pools", [&parts](const auto&) { return scrape_pools(parts.targets); });
  route_api(server, "GET", "metadata", [&parts](const auto& request) { return metadata(parts.targets, request); });
  route_api(server, "GET", "rules", [&parts](const auto& request) { return rules(parts.rules, request); });
  route_api(server, "GET", "alerts", [&parts](const auto&) { return alerts(parts.rules); });
  route_api(server, "GET", "alertmanagers", [](const auto&) { return alertmanagers(); });
  route_api(server, "GET", "status/buildinfo", [this](const auto&) { return buildinfo(options_); });
  route_api(server, "GET", "status/flags", [this](const auto&) { return flags(options_); });
  route_api(server, "GET", "status/tsdb", [&parts](const auto& request) { return tsdb_status(parts.admin, request); });
  route_api(server, "GET", "status/active_queries", [&parts](const auto&) { return active_queries(parts.engine); });
  route_api(server, "DELETE", "status/active_queries/{id}",
            [&parts](const auto& request) { return kill_query(parts.engine, request); });
  route_api(server, "GET", "status/runtimeinfo",
            [this](const auto&) { return runtimeinfo(parts_.program.state(), started_at_ms_, parts_.clock.now_ms()); });
}

void Api::install_admin(net::Server& server) {
  using AdminHandler = Outcome (*)(const Options&, const Parts&, const net::Request&);
  const auto route = [&](std::string_view path, AdminHandler handler) {
    route_api(server, "POST,PUT", path, [this, handler](const net::Request& request) {
      return options_.enable_admin ? handler(options_, parts_, request)
                                   : refuse({ErrorType::kUnavailable, "admin APIs disabled"});
    });
  };
  route("admin/tsdb/snapshot", snapshot);
  route("admin/tsdb/backup", backup);
  route("admin/tsdb/delete_series", delete_series);
  route("admin/tsdb/clean_tombstones", clean_tombstones);
}

void Api::install_lifecycle(net::Server& server) {
  server.route("GET", "/-/healthy", [](const net::Request&, net::Response& response) {
    answer_text(response, 200, "Tidemark is Healthy.\n");
  });
  server.route("GET", "/-/ready", [this](const net::Request&, net::Response& response) {
    if (!refuse_unless_ready(response)) answer_text(response, 200, "Tidemark is Ready.\n");
  });
  server.route("POST,PUT", "/-/reload", [this](const net::Request&, net::Response& response) {
    if (!options_.enable_lifecycle) return answer_text(response, 403, "Lifecycle API is not enabled.");
    const Status status = parts_.program.reload();
    if (status.ok()) return answer_text(response, 200, "");
    answer_text(response, 500, fmt::format("failed to reload config: {}\n", status.message()));
  });
  server.route("POST,PUT", "/-/quit", [this](const net::Request&, net::Response& response) {
    if (!options_.enable_lifecycle) return answer_text(response, 403, "Lifecycle API is not enabled.");
    answer_text(response, 200, "Requesting termination... Goodbye!");
    parts_.program.quit();
  });
  for (const std::string_view path : {"/-/reload", "/-/quit"}) {
    server.route("GET", path, [](const net::Request&, net::Response& response) {
      answer_text(response, 405, "Only POST or PUT requests allowed");
    });
  }
}

void Api::install_pages(net::Server& server) {
  server.route("GET", "/metrics", [this](const net::Request&, net::Response& response) {
    response.content_type = kExpositionContentType;
    std::vector<prometheus::MetricFamily> families = parts_.registry.Collect();
    std::vector<prometheus::MetricFamily> own = parts_.program.families();
    families.insert(families.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
    write_exposition(response.body, families);
  });
  server.route("GET", "/", [this](const net::Request&, net::Response& response) {
    response.content_type = "text/html; charset=utf-8";
    response.body = landing_page(options_.version);
  });
}

}  // namespace tidemark::api
