// What a hostile or slow client can do to the server, and to the other clients: nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "net/gzip.h"
#include "net/server.h"
#include "tests/net/raw_socket.h"
#include "tests/support/eventually.h"

namespace tidemark::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::RawResponse;
using testing::RawSocket;
using tidemark::testing::eventually;

constexpr std::string_view kGet = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";

class HostileTest : public ::testing::Test {
 protected:
  // Starts the server with small limits; `change` adapts them.
  void start(const std::function<void(ServerOptions&)>& change = {}) {
    ServerOptions options;
    options.listen_addresses = {"127.0.0.1:0"};
    options.body_bytes_max = 100'000;
    options.workers = 2;
    if (change) change(options);
    server_ = std::make_unique<Server>(options);
    server_->route("GET", "/hello", [this](const Request&, Response& out) {
      ++handled_;
      out.body = "hello";
    });
    server_->route("POST", "/post", [this](const Request& in, Response& out) {
      ++handled_;
      out.body = std::to_string(in.body.size());
    });
    server_->route("GET", "/big", [](const Request&, Response& out) { out.body.assign(30'000'000, 'b'); });
    server_->route("GET", "/wait", [this](const Request&, Response&) {
      ++waiting_;
      eventually([this] { return go_on_.load(); });
    });
    ASSERT_EQ(server_->start(), "");
    port_ = server_->ports().at(0);
  }
  void TearDown() override { go_on_ = true; }

  RawResponse ask(std::string_view request) {
    RawSocket socket = RawSocket::connect(port_);
    socket.send(request);
    return socket.response();
  }

  double milliseconds_for_a_request() {
    const auto start = steady_clock::now();
    EXPECT_EQ(ask(kGet).body, "hello");
    return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
  }

  std::atomic<int> handled_{0}, waiting_{0};
  std::atomic<bool> go_on_{false};
  std::unique_ptr<Server> server_;
  uint16_t port_ = 0;
};

TEST_F(HostileTest, WhatAProxyCouldReadDifferentlyIsRefused) {
  start();
  const std::string post = "POST /post HTTP/1.1\r\nHost: x\r\n";
  const std::string inner = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
  const struct {
    std::string request;
    int status;
  } cases[] = {
      {post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400},
      {post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
      {post + "Content-Length: 3, 3\r\n\r\nabc", 400},
      {post + "Content-Length: +3\r\n\r\nabc", 400},
      {post + "Content-Length: -3\r\n\r\nabc", 400},
      {post + "Content-Length: 0x3\r\n\r\nabc", 400},
      {post + "Content-Length: 3 3\r\n\r\nabc", 400},
      {post + "Content-Length: \r\n\r\n", 400},
      {post + "Content-Length: 99999999999999999999\r\n\r\n", 400},
      {post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
      {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
      {post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
      {post + "Content-Length : 3\r\n\r\nabc", 400},
      {post + " Content-Length: 3\r\n\r\nabc", 400},
      {post + "X: 1\r\n folded\r\n\r\n", 400},
      {post + "X: a\nContent-Length: 3\r\n\r\nabc", 400},
      {post + "X: a\rb\r\n\r\n", 400},
      {post + std::string("X: a\0b\r\n\r\n", 10), 400},
      {post + "no colon\r\n\r\n", 400},
      {post + ": no name\r\n\r\n", 400},
      {post + "Host: y\r\n\r\n", 400},
      {post + "Expect: something\r\n\r\n", 417},
      {"GET /hello HTTP/1.1\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\nHost : x\r\n\r\n", 400},
      {"POST /post HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"GET  /hello HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /hello HTTP/1.1 \r\nHost: x\r\n\r\n", 400},
      {"GET /hello\r\nHost: x\r\n\r\n", 400},
      {"GET hello HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET http://x/hello HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /a\tb HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /a%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /a%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"G(T /hello HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"get /hello HTTP/1.1\r\nHost: x\r\n\r\n", 501},
      {"PRI * HTTP/2.0\r\n\r\n", 505},
      {"GET /hello HTTP/1.2\r\nHost: x\r\n\r\n", 505},
      {post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", 400},
      {post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", 400},
      {post + "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", 400},
      {post + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400},
      {post + "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", 400},
      {post + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 400},
      {post + "Transfer-Encoding: chunked\r\n\r\n3;" + std::string(300, 'x'), 400},
      {post + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + std::string(5'000, 'x'), 400},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.request.substr(0, 200));
    RawSocket socket = RawSocket::connect(port_);
    socket.send(c.request + inner);
    EXPECT_EQ(socket.response().status, c.status);
    EXPECT_TRUE(socket.closed_within(3'000));
    EXPECT_EQ(socket.unread(), "");  // What followed was not taken for a request.
  }
  EXPECT_EQ(handled_, 0);
  EXPECT_EQ(server_->stats().heads_refused, std::size(cases));
}

TEST_F(HostileTest, HeadsHaveLimits) {
  start();
  const std::string begin = "GET /hello HTTP/1.1\r\nHost: x\r\n";
  std::string many = begin;
  for (int i = 0; i < 100; ++i) many += "X: 1\r\n";
  EXPECT_EQ(ask(many + "\r\n").status, 431);
  EXPECT_EQ(ask(begin + "X: " + std::string(9'000, 'x') + "\r\n\r\n").status, 431);
  EXPECT_EQ(ask("GET /" + std::string(9'000, 'x') + " HTTP/1.1\r\nHost: x\r\n\r\n").status, 414);
  EXPECT_EQ(ask(begin + "X: " + std::string(8'000, 'x') + "\r\n\r\n").status, 200);
  // Refused as soon as it is too large, not once it ends.
  RawSocket endless = RawSocket::connect(port_);
  endless.send(begin + "X: " + std::string(17'000, 'x'));
  EXPECT_EQ(endless.response().status, 431);
}

TEST_F(HostileTest, BodiesHaveLimits) {
  start();
  const std::string post = "POST /post HTTP/1.1\r\nHost: x\r\n";
  const auto with_length = [&](const std::string& body, const std::string& headers = {}) {
    return post + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  EXPECT_EQ(ask(with_length(std::string(100'000, 'x'))).body, "100000");
  EXPECT_EQ(ask(with_length(std::string(100'001, 'x'))).status, 413);
  EXPECT_EQ(ask(post + "Content-Length: 999999999999\r\n\r\n").status, 413);  // By its announcement.

  std::string chunks;
  for (int i = 0; i < 100; ++i) chunks += "3e8\r\n" + std::string(1'000, 'x') + "\r\n";
  EXPECT_EQ(ask(post + "Transfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n").body, "100000");
  EXPECT_EQ(ask(post + "Transfer-Encoding: chunked\r\n\r\n" + chunks + "1\r\nx\r\n0\r\n\r\n").status, 413);

  const auto zipped = [](size_t bytes) {
    std::string body(bytes, 'x');
    EXPECT_TRUE(Gzipper().compress(body));
    return body;
  };
  EXPECT_EQ(ask(with_length(zipped(100'000), "Content-Encoding: gzip\r\n")).body, "100000");
  EXPECT_EQ(ask(with_length(zipped(100'001), "Content-Encoding: gzip\r\n")).status, 413);
  EXPECT_EQ(ask(with_length(zipped(20'000'000), "Content-Encoding: gzip\r\n")).status, 413);
}

TEST_F(HostileTest, DrippersDelayNobodyAndAreClosed) {
  start([](ServerOptions& options) {
    options.head_timeout_ms = 600;
    options.request_timeout_ms = 900;
  });
  std::vector<RawSocket> drippers;
  for (int i = 0; i < 200; ++i) {
    drippers.push_back(RawSocket::connect(port_));
    // Half drip a head, half a body.
    drippers.back().send(i % 2 == 0 ? "GET /hello HTTP/1.1\r\nX: "
                                    : "POST /post HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n");
  }
  const auto start = steady_clock::now();
  while (steady_clock::now() - start < milliseconds(400)) {
    for (RawSocket& dripper : drippers) dripper.send("x");
    EXPECT_LT(milliseconds_for_a_request(), 500.0);
  }
  for (RawSocket& dripper : drippers) {
    EXPECT_EQ(dripper.response().status, 408);
    EXPECT_TRUE(dripper.closed_within(3'000));
  }
  drippers.clear();
  EXPECT_TRUE(eventually([&] { return server_->stats().connections_open == 0; }));
}

TEST_F(HostileTest, IdleConnectionsTakeNoWorker) {
  start();
  std::vector<RawSocket> idle;
  for (int i = 0; i < 300; ++i) {
    idle.push_back(RawSocket::connect(port_));
    idle.back().send(kGet);
    ASSERT_EQ(idle.back().response().status, 200);
  }
  EXPECT_EQ(server_->stats().connections_open, 300u);
  EXPECT_LT(milliseconds_for_a_request(), 2'000.0);
  for (RawSocket& socket : idle) {  // And each is still good.
    socket.send(kGet);
    ASSERT_EQ(socket.response().status, 200);
  }
}

TEST_F(HostileTest, IdleConnectionsEnd) {
  start([](ServerOptions& options) { options.idle_timeout_ms = 300; });
  RawSocket fresh = RawSocket::connect(port_);
  RawSocket used = RawSocket::connect(port_);
  used.send(kGet);
  EXPECT_EQ(used.response().status, 200);
  EXPECT_TRUE(fresh.closed_within(3'000));
  EXPECT_TRUE(used.closed_within(3'000));
  EXPECT_EQ(used.unread(), "");
}

TEST_F(HostileTest, ConnectionsBeyondTheLimitAreTold) {
  start([](ServerOptions& options) { options.connections_max = 3; });
  std::vector<RawSocket> open;
  for (int i = 0; i < 3; ++i) {
    open.push_back(RawSocket::connect(port_));
    open.back().send(kGet);
    ASSERT_EQ(open.back().response().status, 200);
  }
  EXPECT_EQ(ask(kGet).status, 503);
  EXPECT_EQ(server_->stats().connections_refused, 1u);
  open.clear();
  EXPECT_TRUE(eventually([&] { return ask(kGet).status == 200; }));
}

TEST_F(HostileTest, RequestsBeyondTheQueueAreTold) {
  start([](ServerOptions& options) { options.queue_max = 2; });
  std::vector<RawSocket> busy;
  const auto occupy = [&] {
    busy.push_back(RawSocket::connect(port_));
    busy.back().send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  };
  occupy();
  occupy();
  ASSERT_TRUE(eventually([&] { return waiting_ == 2; }));  // Both workers.
  occupy();
  occupy();
  ASSERT_TRUE(eventually([&] { return server_->stats().requests == 4; }));  // The queue.
  EXPECT_EQ(ask(kGet).status, 503);
  EXPECT_EQ(server_->stats().requests_refused, 1u);
  go_on_ = true;
  for (RawSocket& socket : busy) EXPECT_EQ(socket.response().status, 200);
}

TEST_F(HostileTest, BodiesOfAllConnectionsTogetherAreBounded) {
  start([](ServerOptions& options) { options.buffered_bytes_max = 250'000; });
  const std::string part =
      "POST /post HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + std::string(99'000, 'x');
  std::vector<RawSocket> sockets;
  for (int i = 0; i < 2; ++i) {
    sockets.push_back(RawSocket::connect(port_));
    sockets.back().send(part);
  }
  EXPECT_TRUE(eventually([&] { return ask(part + std::string(1'000, 'x')).status == 503; }));
  for (RawSocket& socket : sockets) {  // Those under way are not harmed.
    socket.send(std::string(1'000, 'x'));
    EXPECT_EQ(socket.response().body, "100000");
  }
  EXPECT_EQ(ask(part + std::string(1'000, 'x')).body, "100000");  // What they held was given back.
}

TEST_F(HostileTest, AnAnswerLargerThanTheBudgetStillArrives) {
  start([](ServerOptions& options) { options.buffered_bytes_max = 250'000; });
  RawSocket socket = RawSocket::connect(port_);
  for (int i = 0; i < 2; ++i) {
    socket.send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(socket.response(false, 30'000).body.size(), 30'000'000u);
  }
  // And one who does not read it is cut off by stop(), though a worker waits for it.
  RawSocket lazy = RawSocket::connect(port_);
  lazy.send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return server_->stats().requests == 3; }));
  const auto begin = steady_clock::now();
  server_->stop(100);
  EXPECT_LT(steady_clock::now() - begin, milliseconds(2'000));
}

TEST_F(HostileTest, PeersThatVanishLeaveNothing) {
  start();
  for (int i = 0; i < 300; ++i) {
    RawSocket socket = RawSocket::connect(port_);
    if (i % 4 == 0) socket.send("GET /hel");
    if (i % 4 == 1) socket.send("POST /post HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    if (i % 4 == 2) socket.send(kGet);
    if (i % 4 == 3) {
      socket.send(std::string(kGet) + std::string(kGet));
      const linger reset{1, 0};
      ::setsockopt(socket.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
  }
  EXPECT_TRUE(eventually([&] { return server_->stats().connections_open == 0; }));
  EXPECT_EQ(ask(kGet).body, "hello");
}

// Every prefix of a request, byte by byte across reads, is the same request.
TEST_F(HostileTest, WhereThePacketsAreCutDoesNotMatter) {
  start();
  const std::string request =
      "POST /post HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n2;x\r\nfg\r\n0\r\nT: "
      "x\r\n\r\n";
  RawSocket socket = RawSocket::connect(port_);
  for (size_t cut = 1; cut < request.size(); ++cut) {
    socket.send(request.substr(0, cut));
    std::this_thread::yield();
    socket.send(request.substr(cut));
    ASSERT_EQ(socket.response().body, "7") << cut;
  }
  for (const char c : request) {
    socket.send(std::string_view(&c, 1));
    std::this_thread::yield();
  }
  EXPECT_EQ(socket.response().body, "7");
}

}  // namespace
}  // namespace tidemark::net
