// Guard: what stands between the network and a server's handlers: TLS, who may come in, how often, and headers that
// every answer carries. config/web_guard.h has the one that reads a --web.config.file.
#pragma once

#include <memory>
#include <string_view>

#include "net/http_message.h"

namespace tidemark::net {

struct TlsContext;

// Thread-safe. Outlives the server.
class Guard {
 public:
  virtual ~Guard() = default;

  // Whether connections speak TLS; the same answer for as long as the guard lives.
  virtual bool has_tls() const = 0;
  // What a new connection is served with, on the server's accepting thread. Null: it is closed.
  virtual std::shared_ptr<const TlsContext> tls() = 0;

  // Before each request's handler, on a worker; `pattern` is the route's, "" when there is none. False: `response` is
  // the answer, and no handler runs. May set request.user.
  virtual bool admit(Request& request, std::string_view pattern, Response& response) = 0;

  // After the handler, or instead of it.
  virtual void finish(Response& response) = 0;
};

}  // namespace tidemark::net
