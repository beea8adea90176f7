// Requests a second on keep-alive connections, our server beside stock cpp-httplib in the same process:
//   Keep-alive GETs of a 1 kB page, one connection a thread. Stock has TCP_NODELAY on, which is off by default there
//   and would make it 40 ms a request, and as many workers as there are connections, without which the others wait.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <httplib.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "net/server.h"

namespace {

constexpr int kConnectionsMax = 64;

const std::string& page() {
  static const std::string text(1'000, 'p');
  return text;
}

uint16_t our_port() {
  static const std::unique_ptr<tidemark::net::Server> server = [] {
    tidemark::net::ServerOptions options;
    options.listen_addresses = {"127.0.0.1:0"};
    options.workers = 2;
    auto out = std::make_unique<tidemark::net::Server>(options);
    out->route("GET", "/page", [](const tidemark::net::Request&, tidemark::net::Response& r) { r.body = page(); });
    if (!out->start().empty()) std::abort();
    return out;
  }();
  return server->ports()[0];
}

class StockServer {
 public:
  StockServer() {
    server_.new_task_queue = [] { return new httplib::ThreadPool(kConnectionsMax); };
    server_.set_tcp_nodelay(true);
    server_.set_keep_alive_max_count(1'000'000'000);
    server_.Get("/page", [](const httplib::Request&, httplib::Response& r) { r.set_content(page(), "text/plain"); });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  ~StockServer() {
    server_.stop();
    thread_.join();
  }
  uint16_t port() const { return static_cast<uint16_t>(port_); }

 private:
  httplib::Server server_;
  int port_;
  std::thread thread_;
};

uint16_t stock_port() {
  static const StockServer server;
  return server.port();
}

void keep_alive(benchmark::State& state, uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) state.SkipWithError("connect");
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  constexpr std::string_view kRequest = "GET /page HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";
  std::string in;
  char piece[8'192];
  for (auto _ : state) {
    in.clear();
    ::send(fd, kRequest.data(), kRequest.size(), MSG_NOSIGNAL);
    size_t head_end = std::string::npos;
    while (head_end == std::string::npos || in.size() < head_end + 4 + page().size()) {
      const ssize_t bytes = ::recv(fd, piece, sizeof piece, 0);
      if (bytes <= 0) {
        state.SkipWithError("the server closed");
        break;
      }
      in.append(piece, static_cast<size_t>(bytes));
      head_end = in.find("\r\n\r\n");
    }
    if (!in.ends_with(page())) state.SkipWithError("wrong answer");
  }
  ::close(fd);
  state.SetItemsProcessed(state.iterations());
}

void BM_KeepAliveOurs(benchmark::State& state) { keep_alive(state, our_port()); }
void BM_KeepAliveStock(benchmark::State& state) { keep_alive(state, stock_port()); }
BENCHMARK(BM_KeepAliveOurs)->Threads(1)->Threads(8)->Threads(kConnectionsMax)->UseRealTime();
BENCHMARK(BM_KeepAliveStock)->Threads(1)->Threads(8)->Threads(kConnectionsMax)->UseRealTime();

}  // namespace
