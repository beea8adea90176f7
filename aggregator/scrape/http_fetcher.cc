#include "aggregator/scrape/http_fetcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "config/authorization.h"
#include "model/number.h"

namespace tidemark::scrape {
namespace {

constexpr int kRedirectsMax = 10;  // As Go's client.

tl::unexpected<ScrapeError> failed(ScrapeFailure failure, std::string message) {
  return tl::unexpected<ScrapeError>(ScrapeError{failure, std::move(message)});
}

ScrapeFailure failure_of(net::ClientErrorKind kind) {
  switch (kind) {
    case net::ClientErrorKind::kConnect:
      return ScrapeFailure::kConnect;
    case net::ClientErrorKind::kTimeout:
      return ScrapeFailure::kTimeout;
    case net::ClientErrorKind::kBodyTooLarge:
      return ScrapeFailure::kBodySize;
    case net::ClientErrorKind::kTls:
      return ScrapeFailure::kTls;
    case net::ClientErrorKind::kCanceled:
      return ScrapeFailure::kCanceled;
    case net::ClientErrorKind::kBroken:
      break;
  }
  return ScrapeFailure::kBroken;
}

std::string_view status_text(int status) {
  switch (status) {
    case 301:
      return " Moved Permanently";
    case 302:
      return " Found";
    case 400:
      return " Bad Request";
    case 401:
      return " Unauthorized";
    case 403:
      return " Forbidden";
    case 404:
      return " Not Found";
    case 405:
      return " Method Not Allowed";
    case 429:
      return " Too Many Requests";
    case 500:
      return " Internal Server Error";
    case 502:
      return " Bad Gateway";
    case 503:
      return " Service Unavailable";
    case 504:
      return " Gateway Timeout";
    default:
      return "";
  }
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool same_server(const net::Url& a, const net::Url& b) {
  return a.scheme == b.scheme && a.host == b.host && a.port == b.port;
}

std::string origin(const net::Url& url) {
  const bool v6 = url.host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}", url.scheme, v6 ? "[" : "", url.host, v6 ? "]" : "", url.port);
}

// A Location header's value against the URL it was the answer to.
std::string resolve(const net::Url& base, std::string_view location) {
  if (location.find("://") != std::string_view::npos) return std::string(location);
  if (location.starts_with("//")) return base.scheme + ":" + std::string(location);
  if (location.starts_with('/')) return origin(base) + std::string(location);
  const std::string path = base.target.substr(0, base.target.find('?'));
  return origin(base) + path.substr(0, path.rfind('/') + 1) + std::string(location);
}

}  // namespace

std::string_view scrape_failure_name(ScrapeFailure failure) {
  constexpr std::string_view kNames[kScrapeFailureCount] = {
      "connect",     "timeout",   "tls",          "broken",      "status",       "content_type", "body_size",
      "credentials", "malformed", "sample_limit", "label_limit", "target_limit", "canceled"};
  return kNames[static_cast<size_t>(failure)];
}

HttpFetcher::HttpFetcher(const Target& target, const config::ScrapeConfig& job, const Options& options,
                         const Clock& clock)
    : url_(target.url),
      url_text_(target.url_text),
      timeout_ms_(target.timeout_ms),
      http_(job.http),
      compression_(job.enable_compression),
      user_agent_(options.user_agent),
      body_bytes_max_(job.limits.body_size_bytes > 0 ? job.limits.body_size_bytes : options.body_bytes_max),
      clock_(clock) {}

HttpFetcher::~HttpFetcher() = default;

tl::expected<std::string, ScrapeError> HttpFetcher::fetch() {
  auto request_headers = headers();
  if (!request_headers) return tl::unexpected<ScrapeError>(request_headers.error());

  net::ClientRequest request;
  request.headers = std::move(*request_headers);
  request.body_bytes_max = body_bytes_max_;
  const int64_t deadline_ns = clock_.monotonic_ns() + timeout_ms_ * 1'000'000;
  net::Url url = url_;
  std::string url_text = url_text_;
  for (int hops = 0; hops <= kRedirectsMax; ++hops) {
    auto client = client_for(url);
    if (!client) return tl::unexpected<ScrapeError>(client.error());
    request.target = url.target;
    request.deadline_ms = (deadline_ns - clock_.monotonic_ns()) / 1'000'000;
    if (request.deadline_ms <= 0) {
      return failed(ScrapeFailure::kTimeout, fmt::format("Get \"{}\": context deadline exceeded", url_text));
    }
    auto response = (*client)->send(request);
    if (!response) {
      const net::ClientError& error = response.error();
      if (error.kind == net::ClientErrorKind::kBodyTooLarge) {
        return failed(ScrapeFailure::kBodySize, "body size limit exceeded");
      }
      return failed(failure_of(error.kind), fmt::format("Get \"{}\": {}", url_text, error.message));
    }
    const std::string_view location = response->header("location");
    if (!http_.follow_redirects || !is_redirect(response->status) || location.empty()) {
      return page(url_text, std::move(*response));
    }
    const std::string next_text = resolve(url, location);
    const auto next = net::parse_url(next_text);
    if (!next)
      return failed(ScrapeFailure::kBroken, fmt::format("Get \"{}\": bad redirect: {}", url_text, next.error()));
    if (!same_server(*next, url_)) {
      std::erase_if(request.headers, [](const auto& header) { return header.first == "Authorization"; });
    }
    url = *next;
    url_text = origin(url) + url.target;  // Without user information.
  }
  return failed(ScrapeFailure::kBroken, fmt::format("Get \"{}\": stopped after {} redirects", url_text, kRedirectsMax));
}

tl::expected<std::shared_ptr<net::Client>, ScrapeError> HttpFetcher::client_for(const net::Url& url) {
  std::shared_ptr<net::Client> client = client_;
  if (client == nullptr || !same_server(url, url_)) {
    client = std::make_shared<net::Client>(url, config::client_options(http_.tls, timeout_ms_));
    if (same_server(url, url_)) client_ = client;
  }
  const MutexLock lock(mu_);
  if (canceled_) return failed(ScrapeFailure::kCanceled, "context canceled");
  current_ = client;
  return client;
}

tl::expected<net::Params, ScrapeError> HttpFetcher::headers() const {
  net::Params out;
  out.emplace_back("Accept", "text/plain;version=0.0.4;q=0.9,*/*;q=0.1");
  out.emplace_back("Accept-Encoding", compression_ ? "gzip" : "identity");
  out.emplace_back("User-Agent", user_agent_);
  out.emplace_back("X-Prometheus-Scrape-Timeout-Seconds", format_float(static_cast<double>(timeout_ms_) / 1000));
  const auto authorization = config::authorization_header(http_);
  if (!authorization) return failed(ScrapeFailure::kCredentials, authorization.error());
  if (!authorization->empty()) out.emplace_back("Authorization", *authorization);
  return out;
}

tl::expected<std::string, ScrapeError> HttpFetcher::page(const std::string& url_text,
                                                         net::ClientResponse response) const {
  if (response.status != 200) {
    return failed(ScrapeFailure::kStatus,
                  fmt::format("server returned HTTP status {}{}", response.status, status_text(response.status)));
  }
  // OpenMetrics looks like the text format but counts its timestamps in seconds: reading it as what it is not would
  // store wrong times.
  const std::string_view type = response.header("content-type");
  if (type.starts_with("application/openmetrics-text") || type.starts_with("application/vnd.google.protobuf")) {
    return failed(ScrapeFailure::kContentType,
                  fmt::format("Get \"{}\": the target answers in {} where text/plain;version=0.0.4 was asked for",
                              url_text, type.substr(0, type.find(';'))));
  }
  return std::move(response.body);
}

void HttpFetcher::cancel() {
  std::shared_ptr<net::Client> current;
  {
    const MutexLock lock(mu_);
    canceled_ = true;
    current = current_;
  }
  if (current != nullptr) current->cancel();
}

}  // namespace tidemark::scrape
