#include "net/processor.h"

#include <ctime>
#include <exception>
#include <string>

#include "net/answer_rest.h"
#include "net/answer_stream.h"
#include "net/gzip.h"
#include "net/monotonic.h"
#include "net/percent.h"

namespace tidemark::net {

namespace {

constexpr size_t kGzipBytesMin = 1 << 10;  // Below it a packet is a packet.

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

Response plain(int status, std::string text) {
  Response response;
  response.status = status;
  response.body = std::move(text);
  return response;
}

bool is_gzip(std::string_view encoding) {
  return equal_ignoring_case(encoding, "gzip") || equal_ignoring_case(encoding, "x-gzip");
}

}  // namespace

class Processor::HttplibServer final : public httplib::Server {
 public:
  HttplibServer(const RequestObserver& observer, const ServerOptions& options, Budget& budget, GzipperPool& gzippers)
      : observer_(observer), options_(options), budget_(budget), gzippers_(gzippers) {
    set_pre_routing_handler([this](const httplib::Request&, httplib::Response& out) {
      answer(out);
      return HandlerResponse::Handled;
    });
    set_post_routing_handler([this](const httplib::Request&, httplib::Response& out) {
      // What httplib adds and does not mean: its own keep-alive limits, and ranges.
      out.headers.erase("Keep-Alive");
      out.headers.erase("Accept-Ranges");
      if (out.status == 204 || out.status == 304 || !has_length_) out.headers.erase("Content-Length");
    });
    set_exception_handler([](const httplib::Request&, httplib::Response& out, const std::exception_ptr&) {
      out.status = 500;  // Ours only: those of handlers are caught below. Without it the text would go out.
    });
  }

  void serve(Connection& connection) {
    if (connection.rest != nullptr) {
      AnswerStream stream(connection, {}, budget_);
      return send_rest(connection, stream);
    }
    connection_ = &connection;
    AnswerStream stream(
        connection, connection.head.method == "HEAD" ? "HEAD / HTTP/1.1\r\n\r\n" : "GET / HTTP/1.1\r\n\r\n", budget_);
    bool closed = false;
    if (!process_request(stream, connection.close_after, closed, nullptr)) connection.broken = true;
    connection_ = nullptr;
    if (connection.rest != nullptr) return send_rest(connection, stream);
    stream.flush();
  }

 private:
  static void send_rest(Connection& connection, AnswerStream& stream) {
    switch (connection.rest->write_to(stream)) {
      case AnswerRest::Progress::kWaiting:
        return;
      case AnswerRest::Progress::kCutOff:
        connection.broken = true;
        break;
      case AnswerRest::Progress::kDone:
        stream.flush();
        break;
    }
    connection.rest.reset();
  }

  void answer(httplib::Response& out) {
    has_length_ = true;
    Request request;
    request.method = std::move(connection_->head.method);
    request.path = std::move(connection_->head.path);
    request.query = std::move(connection_->head.query);
    request.headers = std::move(connection_->head.headers);
    request.body = std::move(connection_->body);
    request.remote_addr = connection_->remote_addr;
    request.path_params = std::move(connection_->match.path_params);
    const Route* route = connection_->match.route;

    const int64_t start_ns = monotonic_ns();
    Response response = respond(request, route);
    if (observer_) {
      observer_(request, route != nullptr ? std::string_view(route->pattern) : std::string_view(), response.status,
                monotonic_ns() - start_ns);
    }

    out.status = response.status;
    bool gzip = false;
    if (response.body.size() >= kGzipBytesMin && is_compressible(response.content_type) &&
        find_param(response.headers, "Content-Encoding").empty()) {
      out.set_header("Vary", "Accept-Encoding");
      gzip = accepts_gzip(request.header("accept-encoding")) &&
             (response.rest != nullptr || gzippers_.compress(response.body));
      if (gzip) out.set_header("Content-Encoding", "gzip");
    }
    if (!response.body.empty() && !response.content_type.empty()) {
      out.set_header("Content-Type", response.content_type);
    }
    out.set_header("Date", http_date());
    for (const auto& [name, value] : response.headers) out.set_header(name, value);  // Drops what holds a line end.
    if (response.rest == nullptr) {
      out.body = std::move(response.body);
    } else {
      leave_to_rest(request, std::move(response), gzip, out);
    }
  }

  void leave_to_rest(const Request& request, Response response, bool gzip, httplib::Response& out) {
    const AnswerRest::Encoding encoding{.chunked = !connection_->head.http_1_0, .gzip = gzip};
    if (encoding.chunked) out.set_header("Transfer-Encoding", "chunked");
    has_length_ = false;
    if (request.method == "HEAD") return;
    connection_->rest = std::make_unique<AnswerRest>(std::move(response.body), std::move(response.rest), encoding);
  }

  Response respond(Request& request, const Route* route) {
    if (options_.guard == nullptr) return admitted(request, route);
    Response response;
    if (options_.guard->admit(request, route != nullptr ? std::string_view(route->pattern) : "", response))
      response = admitted(request, route);
    options_.guard->finish(response);
    return response;
  }

  Response admitted(Request& request, const Route* route) {
    if (route == nullptr) {
      const std::string& allow = connection_->match.allow;
      if (allow.empty()) return plain(404, "404 page not found\n");
      Response response = plain(405, "Method Not Allowed\n");
      response.headers.emplace_back("Allow", allow);
      return response;
    }
    if (is_gzip(request.header("content-encoding"))) {
      const size_t limit = route->body_bytes_max > 0 ? route->body_bytes_max : options_.body_bytes_max;
      std::string body;
      const GunzipResult result = gunzip(request.body, limit, body);
      if (result == GunzipResult::kTooLarge) return plain(413, "the request's body is too large once decompressed\n");
      if (result == GunzipResult::kMalformed) return plain(400, "malformed gzip body\n");
      request.body = std::move(body);
      std::erase_if(request.headers, [](const auto& header) { return header.first == "content-encoding"; });
    }
    try {
      Response response;
      route->handler(request, response);
      return response;
    } catch (...) {  // Whatever a handler lets out must not reach the peer, nor end the worker.
      return plain(500, "internal server error\n");
    }
  }

  const RequestObserver& observer_;
  const ServerOptions& options_;
  Budget& budget_;
  GzipperPool& gzippers_;
  Connection* connection_ = nullptr;  // While serve() runs.
  bool has_length_ = true;            // The answer at hand says how long it is.
};

Processor::Processor(const RequestObserver& observer, const ServerOptions& options, Budget& budget,
                     GzipperPool& gzippers)
    : server_(std::make_unique<HttplibServer>(observer, options, budget, gzippers)) {}

Processor::~Processor() = default;

void Processor::serve(Connection& connection) { server_->serve(connection); }

}  // namespace tidemark::net
