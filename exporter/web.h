// The exporter's pages: metrics, landing page, health. What node_exporter's users send is understood: collect[] and
// exclude[] choose collectors, X-Prometheus-Scrape-Timeout-Seconds bounds a scrape.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "config/web_guard.h"
#include "exporter/collection.h"
#include "exporter/host_view.h"
#include "net/server.h"

namespace tidemark::exporter {

struct WebOptions {
  std::string telemetry_path = "/metrics";
  int64_t requests_max = 40;     // Scrapes under way at once, 503 beyond; 0: no bound.
  bool exporter_metrics = true;  // process_*, promhttp_*, tidemark_exporter_*.
};

// Answered without authentication: what probes ask.
inline constexpr const char* kOpenPaths[] = {"/-/healthy", "/-/ready", "/healthz", "/readyz"};

enum class PageFormat { kText, kOpenMetrics };

// Thread-safe. Collection and server outlive us.
class Web {
 public:
  Web(const Collection& collection, WebOptions options);

  // Before server.start(). The server's own counters become part of the page.
  void add_routes(net::Server& server, const config::WebGuard* guard = nullptr);

  // Serves /api/v1/host, and says when what is looked at is not the host. Before add_routes().
  void describe_host(const CollectorConfig& config, const HostView& view);

  // More metrics about the exporter itself. Before the first request.
  void add_source(std::function<void(Families&)> source) { sources_.push_back(std::move(source)); }

  void metrics(const net::Request& request, net::Response& response);

  // Everything that is on the page.
  std::shared_ptr<const Families> scrape(const CollectorChoice& choice, int64_t deadline_monotonic_ns) const;

  // The page without HTTP around it.
  std::string page(const CollectorChoice& choice, int64_t deadline_monotonic_ns,
                   PageFormat format = PageFormat::kText) const;

 private:
  void landing(net::Response& response) const;
  void host(const net::Request& request, net::Response& response) const;
  void append_own_metrics(Families& out) const;

  const Collection& collection_;
  const WebOptions options_;
  std::optional<CollectorConfig> host_config_;  // As the next four, set before the first request.
  HostView host_view_;
  std::vector<std::function<void(Families&)>> sources_;
  const net::Server* server_ = nullptr;
  const config::WebGuard* guard_ = nullptr;
  // Counters only; nothing is ordered by them.
  std::atomic<int64_t> in_flight_{0};
  std::atomic<uint64_t> answered_200_{0};
  std::atomic<uint64_t> answered_503_{0};
  mutable std::atomic<size_t> page_bytes_{32 << 10};  // What the next page will need, going by the last.
};

}  // namespace tidemark::exporter
