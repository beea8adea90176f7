// Client: outgoing HTTP with a total deadline and a body limit, over cpp-httplib. Keeps connections alive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "net/http_message.h"

namespace tidemark::net {

struct Url {
  std::string scheme;     // "http" or "https"
  std::string host;       // Without brackets.
  uint16_t port = 0;      // 80 or 443 when the text has none.
  std::string target;     // Path and query, at least "/".
  std::string user_info;  // "user:password", decoded. Never logged.
};

// Error text, or the parts. Only http and https.
tl::expected<Url, std::string> parse_url(std::string_view text);

struct ClientOptions {
  int64_t connect_timeout_ms = 5'000;
  // TLS, for https.
  std::string ca_file;  // "": the system's.
  std::string cert_file;
  std::string key_file;
  std::string server_name;
  bool insecure_skip_verify = false;
};

struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";  // Path and query, encoded.
  Params headers = {};
  std::string body = {};             // With its content type in `headers`.
  int64_t deadline_ms = 10'000;      // For everything: connecting, sending, the whole answer.
  size_t body_bytes_max = 64 << 20;  // Of the answer, after decompression.
};

struct ClientResponse {
  int status = 0;
  Params headers;  // Names in lower case.
  std::string body;

  std::string_view header(std::string_view lower_case_name) const { return find_param(headers, lower_case_name); }
};

enum class ClientErrorKind { kConnect, kTimeout, kBodyTooLarge, kTls, kCanceled, kBroken };

struct ClientError {
  ClientErrorKind kind;
  std::string message;  // As Prometheus' users know them: "context deadline exceeded", "connection refused", ...
};

// One server. Thread-compatible: one request at a time; cancel() from any thread. Redirects are answered, not followed.
class Client {
 public:
  // REQUIRES: url came from parse_url. Only scheme, host and port are used.
  Client(const Url& url, const ClientOptions& options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  tl::expected<ClientResponse, ClientError> send(const ClientRequest& request);

  // Ends a send() under way with kCanceled, and every later one at once. Thread-safe.
  void cancel();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemark::net
