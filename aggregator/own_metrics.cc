#include "aggregator/own_metrics.h"

#include "exporter/family.h"
#include "exporter/process_metrics.h"
#include "exporter/prometheus_families.h"

namespace tidemark {
namespace {

using exporter::add_counter;
using exporter::add_gauge;
using exporter::add_sample;

void append_http(const net::ServerStats& stats, exporter::Families& out) {
  const auto counter = [&](std::string_view name, std::string_view help, uint64_t value) {
    add_sample(add_counter(out, name, help), static_cast<double>(value));
  };
  counter("tidemark_http_connections_accepted_total", "Connections taken.", stats.connections_accepted);
  counter("tidemark_http_connections_refused_total", "Connections over --web.max-connections, answered 503.",
          stats.connections_refused);
  counter("tidemark_http_heads_refused_total",
          "Requests refused before they had a route: malformed, too large, too slow.", stats.heads_refused);
  counter("tidemark_http_requests_refused_total", "Requests answered 503 because too many were waiting.",
          stats.requests_refused);
  add_sample(add_gauge(out, "tidemark_http_connections_open", "Connections that are open."),
             static_cast<double>(stats.connections_open));
}

void append_guard(const config::WebGuardStats& stats, exporter::Families& out) {
  auto& denied = add_counter(out, "tidemark_http_denied_total",
                             "Requests that --web.config.file let not in, by HTTP status code.");
  add_sample(denied, static_cast<double>(stats.unauthorized), {{"code", "401"}});
  add_sample(denied, static_cast<double>(stats.rate_limited), {{"code", "429"}});
  add_sample(denied, static_cast<double>(stats.busy), {{"code", "503"}});
  add_sample(add_gauge(out, "tidemark_web_config_last_reload_successful",
                       "Whether --web.config.file could be taken over when it was last read."),
             stats.last_reload_good ? 1 : 0);
}

}  // namespace

OwnMetrics::OwnMetrics(Logger& logger) : process_({}, exporter::make_process_metrics(), logger) {}

std::vector<prometheus::MetricFamily> OwnMetrics::collect(const api::Program::State& state) const {
  exporter::Families out;
  append_prometheus(out, process_.Collect());
  add_sample(add_gauge(out, "tidemark_build_info", "Version of the running program; the value is always 1."), 1,
             {{"version", TIDEMARK_VERSION}});
  add_sample(add_gauge(out, "tidemark_config_last_reload_successful", "Whether the last reload of the files worked."),
             state.reload_ok ? 1 : 0);
  add_sample(add_gauge(out, "tidemark_config_last_reload_success_timestamp_seconds",
                       "When the configuration in force was loaded."),
             static_cast<double>(state.reloaded_at_ms) / 1000);
  if (http_ != nullptr) append_http(http_->stats(), out);
  if (guard_ != nullptr) append_guard(guard_->stats(), out);
  out.seal();
  return to_prometheus(out);
}

}  // namespace tidemark
