#include "exporter/web.h"

#include <fmt/format.h>

#include <algorithm>

#include "exporter/host_document.h"
#include "exporter/openmetrics_page.h"
#include "exporter/process_metrics.h"
#include "exporter/text_page.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr double kScrapeSecondsMax = 60;
constexpr double kScrapeSecondsDefault = 10;

// The scraper's own limit less a tenth for the way back, so that what was collected still reaches it.
int64_t scrape_deadline_ns(const net::Request& request) {
  const auto asked = to_double(request.header("x-prometheus-scrape-timeout-seconds"));
  const bool usable = asked && *asked > 0;
  const double seconds = std::min(usable ? *asked * 0.9 : kScrapeSecondsDefault, kScrapeSecondsMax);
  return system_clock().monotonic_ns() + static_cast<int64_t>(seconds * 1e9);
}

void refuse(net::Response& response, int status, std::string text) {
  response.status = status;
  response.body = std::move(text);
}

}  // namespace

Web::Web(const Collection& collection, WebOptions options) : collection_(collection), options_(std::move(options)) {}

void Web::add_routes(net::Server& server, const config::WebGuard* guard) {
  server_ = &server;
  guard_ = guard;
  server.route("GET,POST", options_.telemetry_path,
               [this](const auto& request, auto& response) { metrics(request, response); });
  if (options_.telemetry_path != "/")
    server.route("GET", "/", [this](const auto&, auto& response) { landing(response); });
  if (host_config_)
    server.route("GET", "/api/v1/host", [this](const auto& request, auto& response) { host(request, response); });
  for (const char* path : {"/-/healthy", "/healthz"})
    server.route("GET", path, [](const auto&, auto& response) { response.body = "tidemark-exporter is healthy.\n"; });
  for (const char* path : {"/-/ready", "/readyz"})
    server.route("GET", path, [](const auto&, auto& response) { response.body = "tidemark-exporter is ready.\n"; });
}

void Web::describe_host(const CollectorConfig& config, const HostView& view) {
  host_config_ = config;
  host_view_ = view;
}

void Web::host(const net::Request& request, net::Response& response) const {
  const auto found = collection_.scrape(host_choice(collection_), scrape_deadline_ns(request));
  response.content_type = "application/json";
  response.body = host_document(*found, *host_config_, host_view_);
}

void Web::metrics(const net::Request& request, net::Response& response) {
  struct InFlight {
    explicit InFlight(std::atomic<int64_t>& c) : count(c), now(c.fetch_add(1, std::memory_order_relaxed) + 1) {}
    ~InFlight() { count.fetch_sub(1, std::memory_order_relaxed); }
    std::atomic<int64_t>& count;
    const int64_t now;
  };
  const InFlight in_flight(in_flight_);
  if (options_.requests_max > 0 && in_flight.now > options_.requests_max) {
    answered_503_.fetch_add(1, std::memory_order_relaxed);
    return refuse(response, 503,
                  fmt::format("{} scrapes are under way, the limit of --web.max-requests; try again later.\n",
                              options_.requests_max));
  }
  CollectorChoice choice;
  for (const auto& [name, value] : request.query) {
    if (name == "collect[]") choice.only.push_back(value);
    if (name == "exclude[]") choice.without.push_back(value);
  }
  if (!choice.only.empty() && !choice.without.empty())
    return refuse(response, 400, "collect[] and exclude[] cannot be combined in one request.\n");
  for (const std::string& name : choice.only) {
    if (!collection_.has(name))
      return refuse(response, 400, fmt::format("collect[]={}: no such collector is enabled.\n", name));
  }
  const bool openmetrics = prefers_openmetrics(request.header("accept"));
  response.headers.emplace_back("Vary", "Accept");
  response.content_type = openmetrics ? kOpenMetricsContentType : kTextContentType;
  response.body = page(choice, scrape_deadline_ns(request), openmetrics ? PageFormat::kOpenMetrics : PageFormat::kText);
  answered_200_.fetch_add(1, std::memory_order_relaxed);
}

std::shared_ptr<const Families> Web::scrape(const CollectorChoice& choice, int64_t deadline_monotonic_ns) const {
  return collection_.scrape(choice, deadline_monotonic_ns, [this](Families& out) {
    append_build_info(out);
    if (options_.exporter_metrics) append_own_metrics(out);
  });
}

std::string Web::page(const CollectorChoice& choice, int64_t deadline_monotonic_ns, PageFormat format) const {
  const auto found = scrape(choice, deadline_monotonic_ns);
  std::string out;
  out.reserve(page_bytes_.load(std::memory_order_relaxed));
  if (format == PageFormat::kOpenMetrics) {
    write_openmetrics(out, *found);
  } else {
    write_text(out, *found);
  }
  page_bytes_.store(out.size() + out.size() / 8, std::memory_order_relaxed);
  return out;
}

void Web::append_own_metrics(Families& out) const {
  const auto load = [](const auto& counter) { return static_cast<double>(counter.load(std::memory_order_relaxed)); };
  auto& requests = add_counter(out, "promhttp_metric_handler_requests_total", "Scrapes answered, by HTTP status code.");
  add_sample(requests, load(answered_200_), {{"code", "200"}});
  add_sample(requests, 0, {{"code", "500"}});  // A page cannot fail: a collector that does is left out of it.
  add_sample(requests, load(answered_503_), {{"code", "503"}});
  add_sample(add_gauge(out, "promhttp_metric_handler_requests_in_flight", "Scrapes under way."), load(in_flight_));
  auto& errors = add_counter(out, "promhttp_metric_handler_errors_total", "Errors while a page was made, by cause.");
  add_sample(errors, 0, {{"cause", "encoding"}});
  add_sample(errors, 0, {{"cause", "gathering"}});
  for (const auto& source : sources_) source(out);
  add_sample(add_gauge(out, "tidemark_exporter_reads_container_proc",
                       "Whether --path.procfs is a container's, so that much of the page is not about the host."),
             host_view_.procfs_is_hosts ? 0 : 1);
  if (server_ == nullptr) return;
  const net::ServerStats stats = server_->stats();
  add_sample(add_gauge(out, "tidemark_exporter_http_connections", "Connections open."),
             static_cast<double>(stats.connections_open));
  auto& refused =
      add_counter(out, "tidemark_exporter_http_refused_total",
                  "What the server turned away: connections over the limit, bad heads, requests over the queue.");
  add_sample(refused, static_cast<double>(stats.connections_refused), {{"what", "connection"}});
  add_sample(refused, static_cast<double>(stats.heads_refused), {{"what", "head"}});
  add_sample(refused, static_cast<double>(stats.requests_refused), {{"what", "request"}});
  if (guard_ == nullptr) return;
  const config::WebGuardStats guard = guard_->stats();
  auto& denied = add_counter(out, "tidemark_exporter_http_denied_total",
                             "Requests that --web.config.file let not in, by HTTP status code.");
  add_sample(denied, static_cast<double>(guard.unauthorized), {{"code", "401"}});
  add_sample(denied, static_cast<double>(guard.rate_limited), {{"code", "429"}});
  add_sample(denied, static_cast<double>(guard.busy), {{"code", "503"}});
  add_sample(add_gauge(out, "tidemark_exporter_web_config_last_reload_successful",
                       "Whether --web.config.file could be taken over when it was last read."),
             guard.last_reload_good ? 1 : 0);
}

void Web::landing(net::Response& response) const {
  const std::string warning = host_config_ ? host_view_.warning("--path.procfs") : "";
  response.content_type = "text/html; charset=utf-8";
  response.body = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Tidemark exporter</title></head>\n"
      "<body>\n<h1>Tidemark exporter</h1>\n<p>Version {}, with the metrics of node_exporter {}.</p>\n"
      "<ul>\n<li><a href=\"{}\">Metrics</a></li>\n<li><a href=\"/api/v1/host\">Host</a></li>\n<li><a "
      "href=\"/-/healthy\">Health</a></li>\n</ul>\n"
      "{}<p>Collectors: {}.</p>\n</body>\n</html>\n",
      TIDEMARK_VERSION, kNodeExporterVersion, options_.telemetry_path,
      warning.empty() ? "" : fmt::format("<p><strong>{}.</strong></p>\n", warning),
      fmt::join(collection_.names(), ", "));
}

}  // namespace tidemark::exporter
