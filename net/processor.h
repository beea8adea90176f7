// Processor: from a complete request to an answer in the socket, on a worker. One a worker.
//
// cpp-httplib's process_request() drives it: it calls our handler where its own routing would begin, keeps exceptions
// in, and writes the answer's head and body to our Stream. What it reads is a request line of our making, never a byte
// from the network: the front has parsed the request already, more strictly than httplib would.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "net/budget.h"
#include "net/connection.h"
#include "net/gzip.h"
#include "net/http_message.h"
#include "net/server.h"

namespace tidemark::net {

using RequestObserver = std::function<void(const Request&, std::string_view pattern, int status, int64_t duration_ns)>;

class Processor {
 public:
  // All must outlive the processor. `observer` may be empty.
  Processor(const RequestObserver& observer, const ServerOptions& options, Budget& budget, GzipperPool& gzippers);
  ~Processor();
  Processor(const Processor&) = delete;
  Processor& operator=(const Processor&) = delete;

  // Answers the request on `connection`. What the socket does not take at once is left in connection.out; when it
  // fails, connection.broken is set.
  void serve(Connection& connection);

 private:
  class HttplibServer;
  std::unique_ptr<HttplibServer> server_;
};

}  // namespace tidemark::net
