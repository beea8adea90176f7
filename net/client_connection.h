// ClientConnection: cpp-httplib's client on connections of our own making.
//
// httplib writes the request and reads the answer; connecting, TLS and every wait are ours, because its connect
// time-out starts anew for each address, its TLS handshake and reads know no deadline, and its errors carry no errno.
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include <httplib.h>

#include "net/client.h"
#include "net/client_stream.h"
#include "net/tls.h"

namespace tidemark::net {

class ClientConnection final : public httplib::ClientImpl {
 public:
  ClientConnection(const Url& url, const ClientOptions& options);
  ~ClientConnection() override;

  // Sends `request` within what `exchange` allows. False: exchange and error() say why.
  bool perform(httplib::Request& request, httplib::Response& response, Exchange& exchange);

  // Makes every wait of the exchange under way return. Thread-safe.
  void interrupt();

  const std::string& connect_error() const { return connect_error_; }  // Of the last perform(); "" when connected.
  bool connect_error_is_tls() const { return connect_error_is_tls_; }

 private:
  bool create_and_connect_socket(Socket& socket, httplib::Error& error) override;
  void shutdown_ssl(Socket& socket, bool shutdown_gracefully) override;
  bool process_socket(const Socket& socket, std::function<bool(httplib::Stream&)> callback) override;
  // TLS is a matter of our connections: httplib would do a handshake of its own.
  bool is_ssl() const override { return false; }

  int connect_any(int64_t deadline_ns);
  bool connect_one(int fd, const void* address, unsigned address_bytes, int64_t deadline_ns);
  Ssl handshake(int fd, int64_t deadline_ns);
  void set_active(int fd);

  const Url url_;
  const ClientOptions options_;
  SslContext tls_;
  std::string tls_context_error_;

  Exchange* exchange_ = nullptr;  // While perform() runs.
  std::string connect_error_;
  bool connect_error_is_tls_ = false;

  std::mutex active_mu_;
  int active_fd_ = -1;  // Guarded by active_mu_. The socket from its making until just before it is closed.
};

}  // namespace tidemark::net
