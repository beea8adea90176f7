#include "net/client.h"

#include <algorithm>
#include <atomic>

#include "net/client_connection.h"
#include "net/monotonic.h"
#include "net/percent.h"

namespace tidemark::net {

namespace {

using SendResult = tl::expected<ClientResponse, ClientError>;

SendResult failed(ClientErrorKind kind, std::string message) {
  return tl::unexpected<ClientError>(ClientError{kind, std::move(message)});
}

// A line end in a header or a target would let a configured value write further headers.
bool is_clean(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

bool is_clean(const ClientRequest& request) {
  if (request.target.empty() || request.target.find(' ') != std::string::npos || !is_clean(request.target))
    return false;
  return is_clean(request.method) &&
         std::all_of(request.headers.begin(), request.headers.end(),
                     [](const auto& header) { return is_clean(header.first) && is_clean(header.second); });
}

std::string host_header(const Url& url) {
  std::string host = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
  const uint16_t default_port = url.scheme == "https" ? 443 : 80;
  return url.port == default_port ? host : host + ":" + std::to_string(url.port);
}

SendResult explain(const Exchange& exchange, const ClientConnection& connection, bool too_large) {
  switch (exchange.failure) {
    case Failure::kTimeout:
      return failed(ClientErrorKind::kTimeout, "context deadline exceeded");
    case Failure::kCanceled:
      return failed(ClientErrorKind::kCanceled, "context canceled");
    case Failure::kTls:
      return failed(ClientErrorKind::kTls, exchange.detail);
    case Failure::kReset:
      return failed(ClientErrorKind::kBroken, exchange.detail);
    case Failure::kHeadTooLarge:
      return failed(ClientErrorKind::kBroken, "malformed HTTP response: a line or the head is too long");
    case Failure::kNone:
      break;
  }
  if (!connection.connect_error().empty()) {
    return failed(connection.connect_error_is_tls() ? ClientErrorKind::kTls : ClientErrorKind::kConnect,
                  connection.connect_error());
  }
  if (too_large) return failed(ClientErrorKind::kBodyTooLarge, "body size limit exceeded");
  if (!exchange.received_any) return failed(ClientErrorKind::kBroken, "EOF");
  if (exchange.ended) return failed(ClientErrorKind::kBroken, "unexpected EOF");
  return failed(ClientErrorKind::kBroken, "malformed HTTP response");
}

ClientResponse to_response(httplib::Response& from, std::string body) {
  ClientResponse response;
  response.status = from.status;
  response.body = std::move(body);
  for (const auto& [name, value] : from.headers) response.headers.emplace_back(to_lower(name), value);
  return response;
}

}  // namespace

struct Client::State {
  State(const Url& url, const ClientOptions& options) : host(host_header(url)), connection(url, options) {}

  SendResult send_once(const ClientRequest& request, Exchange& exchange) {
    httplib::Request out;
    out.method = request.method;
    out.path = request.target;
    out.body = request.body;
    for (const auto& [name, value] : request.headers) out.headers.emplace(name, value);
    const auto set_default = [&](const char* name, const std::string& value) {
      if (out.headers.find(name) == out.headers.end()) out.headers.emplace(name, value);
    };
    set_default("Host", host);
    set_default("User-Agent", "tidemark");
    set_default("Accept-Encoding", "gzip");

    std::string body;
    bool too_large = false;
    out.response_handler = [&](const httplib::Response&) {
      exchange.head_done = true;
      return true;
    };
    out.content_receiver = [&](const char* bytes, size_t count, uint64_t, uint64_t) {
      exchange.line_bytes = 0;
      too_large = count > request.body_bytes_max - body.size();
      if (!too_large) body.append(bytes, count);
      return !too_large;
    };
    httplib::Response in;
    if (!connection.perform(out, in, exchange)) return explain(exchange, connection, too_large);
    return to_response(in, std::move(body));
  }

  const std::string host;
  ClientConnection connection;
  std::atomic<bool> canceled{false};
};

Client::Client(const Url& url, const ClientOptions& options) : state_(std::make_unique<State>(url, options)) {}

Client::~Client() = default;

tl::expected<ClientResponse, ClientError> Client::send(const ClientRequest& request) {
  if (!is_clean(request)) return failed(ClientErrorKind::kBroken, "invalid character in method, target or header");
  const int64_t deadline_ns = deadline_after_ms(request.deadline_ms);
  const bool repeatable = request.method == "GET" || request.method == "HEAD";
  for (bool again = false;; again = true) {
    if (state_->canceled) return failed(ClientErrorKind::kCanceled, "context canceled");
    Exchange exchange;
    exchange.deadline_ns = deadline_ns;
    exchange.canceled = &state_->canceled;
    const bool reused = state_->connection.is_socket_open() != 0;
    auto result = state_->send_once(request, exchange);
    // The server may close an idle connection just as we use it again. That says nothing about the request.
    const bool stale = !result && reused && !exchange.received_any && result.error().kind == ClientErrorKind::kBroken;
    if (again || !stale || !repeatable) return result;
  }
}

void Client::cancel() {
  state_->canceled = true;
  state_->connection.interrupt();
}

}  // namespace tidemark::net
