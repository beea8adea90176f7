// What a well-behaved client sees of the server.
#include "net/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "net/gzip.h"
#include "tests/net/raw_socket.h"
#include "tests/support/eventually.h"

namespace tidemark::net {
namespace {

using std::chrono::steady_clock;
using ::testing::HasSubstr;
using testing::RawResponse;
using testing::RawSocket;
using tidemark::testing::eventually;

std::string get(std::string_view target) { return "GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n"; }

std::string post(std::string_view target, std::string_view body, std::string_view headers = {}) {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

ServerOptions loopback() {
  ServerOptions options;
  options.listen_addresses = {"127.0.0.1:0"};
  return options;
}

class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    server_.route("GET", "/hello", [](const Request&, Response& out) { out.body = "hello\n"; });
    server_.route("GET,POST", "/echo", [](const Request& in, Response& out) {
      out.body = in.method + " " + in.path + " [" + in.body + "]";
      for (const auto& [name, value] : in.form()) out.body += " " + name + "=" + value;
      for (const auto& [name, value] : in.path_params) out.body += " {" + name + "}=" + value;
    });
    server_.route("GET", "/label/{name}/values", [](const Request& in, Response& out) {
      out.body = "values of " + std::string(in.path_param("name"));
    });
    server_.route("GET", "/label/all/values", [](const Request&, Response& out) { out.body = "all"; });
    server_.route("GET", "/headers", [](const Request& in, Response& out) {
      for (const auto& [name, value] : in.headers) out.body += name + "=" + value + "\n";
      out.body += "from " + in.remote_addr;
    });
    server_.route("GET", "/big", [](const Request&, Response& out) { out.body.assign(40'000'000, 'b'); });
    server_.route("GET", "/text", [](const Request&, Response& out) { out.body.assign(5'000, 't'); });
    server_.route("GET", "/binary", [](const Request&, Response& out) {
      out.content_type = "application/octet-stream";
      out.body.assign(5'000, 't');
    });
    // 30 pieces, which say how far they are, or two thirds of them.
    server_.route("GET", "/pieces/{then}", [](const Request& in, Response& out) {
      out.body = std::string(300'000, 'a') + "0;";
      out.rest = [then = std::string(in.path_param("then")), n = 0](std::string& piece) mutable {
        if (++n == 20 && then == "throw") throw std::runtime_error("the secret");
        if (n == 20 && then == "cut") return More::kCutOff;
        piece = std::string(300'000, static_cast<char>('a' + n % 26)) + std::to_string(n) + ";";
        return n == 29 ? More::kEnd : More::kYes;
      };
    });
    server_.route("GET", "/throws", [](const Request&, Response&) { throw std::runtime_error("the secret"); });
    server_.route("GET", "/none", [](const Request&, Response& out) { out.status = 204; });
    server_.route("GET", "/inject", [](const Request&, Response& out) {
      out.headers.emplace_back("X-Good", "1");
      out.headers.emplace_back("X-Bad", "1\r\nX-Evil: 1");
    });
    server_.route(
        "PUT", "/small", [](const Request&, Response& out) { out.body = "ok"; }, 10);
    server_.on_request([this](const Request& in, std::string_view pattern, int status, int64_t duration_ns) {
      const std::lock_guard lock(mu_);
      seen_.push_back(in.method + " " + std::string(pattern) + " " + std::to_string(status) +
                      (duration_ns > 0 ? "" : " no time"));
    });
    ASSERT_EQ(server_.start(), "");
    port_ = server_.ports().at(0);
  }

  RawResponse ask(const std::string& request, bool head_only = false) {
    RawSocket socket = RawSocket::connect(port_);
    socket.send(request);
    return socket.response(head_only);
  }

  Server server_{loopback()};
  uint16_t port_ = 0;
  std::mutex mu_;
  std::vector<std::string> seen_;
};

TEST_F(ServerTest, AnswersRequests) {
  const struct {
    std::string request;
    int status;
    std::string body;
  } cases[] = {
      {get("/hello"), 200, "hello\n"},
      {get("/hello?x=1"), 200, "hello\n"},
      {get("/%68ello"), 200, "hello\n"},
      {get("/echo?a=1&b=x+y%2Bz&c=a?b"), 200, "GET /echo [] a=1 b=x y+z c=a?b"},
      {get("/label/job/values"), 200, "values of job"},
      {get("/label/a%2Fb%2520/values"), 200, "values of a/b%20"},  // Decoded once, and after the split.
      {get("/label/all/values"), 200, "all"},
      {get("/label//values"), 404, "404 page not found\n"},
      {get("/label/job/values/"), 404, "404 page not found\n"},
      {get("/nothing"), 404, "404 page not found\n"},
      {get("/"), 404, "404 page not found\n"},
      {post("/echo", "body"), 200, "POST /echo [body]"},
      {post("/echo?q=2", "a=1&a=%32", "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"), 200,
       "POST /echo [a=1&a=%32] a=1 a=2 q=2"},
      {post("/hello", "x"), 405, "Method Not Allowed\n"},
      {get("/throws"), 500, "internal server error\n"},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: "
       "1\r\n\r\n",
       200, "POST /echo [abcdefg]"},
      {"GET /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 200, "GET /echo [abc]"},
      {"\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n", 200, "hello\n"},
      {"GET /hello HTTP/1.0\r\n\r\n", 200, "hello\n"},
      {"PUT /small HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123456789", 200, "ok"},
      {"PUT /small HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n01234567890", 413,
       "the request's body is larger than 10 bytes\n"},
  };
  for (const auto& c : cases) {
    const RawResponse response = ask(c.request);
    EXPECT_EQ(response.status, c.status) << c.request;
    EXPECT_EQ(response.body, c.body) << c.request;
  }
}

TEST_F(ServerTest, NoTextOfAnExceptionLeaves) {
  const RawResponse response = ask(get("/throws"));
  EXPECT_THAT(response.head + response.body, Not(HasSubstr("secret")));
  EXPECT_THAT(response.head, Not(HasSubstr("EXCEPTION")));
}

TEST_F(ServerTest, UnknownMethodsOfAKnownPathNameTheAllowedOnes) {
  EXPECT_TRUE(ask(post("/hello", "x")).has("Allow: GET, HEAD\r\n"));
  EXPECT_TRUE(ask("DELETE /echo HTTP/1.1\r\nHost: x\r\n\r\n").has("Allow: GET, HEAD, POST\r\n"));
}

TEST_F(ServerTest, HeadHasTheHeadersOfGetAndNoBody) {
  RawSocket socket = RawSocket::connect(port_);
  socket.send("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  const RawResponse response = socket.response(true);
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(response.has("Content-Length: 6\r\n"));
  EXPECT_FALSE(response.has("Accept-Ranges"));
  socket.send(get("/hello"));
  EXPECT_EQ(socket.response().body, "hello\n");  // What follows is the next answer, not a body.
}

TEST_F(ServerTest, AnEmptyAnswerHasNoBody) {
  RawSocket socket = RawSocket::connect(port_);
  socket.send(get("/none") + get("/hello"));
  EXPECT_EQ(socket.response().status, 204);
  EXPECT_EQ(socket.response().body, "hello\n");
}

TEST_F(ServerTest, HeadersArriveRawAndThePeerCannotClaimAnAddress) {
  const RawResponse response =
      ask("GET /headers HTTP/1.1\r\nHost: x\r\nX-Raw:  a%20b \r\nREMOTE_ADDR: 6.6.6.6\r\n\r\n");
  EXPECT_THAT(response.body, HasSubstr("x-raw=a%20b\n"));
  EXPECT_THAT(response.body, HasSubstr("remote_addr=6.6.6.6\n"));  // A header like any other.
  EXPECT_THAT(response.body, HasSubstr("from 127.0.0.1:"));
}

TEST_F(ServerTest, AHandlerCannotSplitTheAnswer) {
  const RawResponse response = ask(get("/inject"));
  EXPECT_TRUE(response.has("X-Good: 1\r\n"));
  EXPECT_FALSE(response.has("X-Evil"));
}

TEST_F(ServerTest, RangesAreNotServed) {
  const RawResponse response = ask("GET /text HTTP/1.1\r\nHost: x\r\nRange: bytes=0-,0-,0-,0-\r\n\r\n");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body.size(), 5'000u);
}

TEST_F(ServerTest, CompressesWhatIsWorthItForThoseWhoTakeIt) {
  const struct {
    std::string target, accept;
    bool compressed;
  } cases[] = {
      {"/text", "gzip", true},   {"/text", "br, gzip;q=0.5", true},
      {"/text", "br", false},    {"/text", "gzip;q=0", false},
      {"/text", "*", true},      {"/text", "deflate, *;q=0", false},
      {"/hello", "gzip", false}, {"/binary", "gzip", false},
  };
  for (const auto& c : cases) {
    const RawResponse response =
        ask("GET " + c.target + " HTTP/1.1\r\nHost: x\r\nAccept-Encoding: " + c.accept + "\r\n\r\n");
    EXPECT_EQ(response.has("Content-Encoding: gzip"), c.compressed) << c.target << " " << c.accept;
    EXPECT_FALSE(response.has("Content-Encoding: br")) << c.accept;
    if (!c.compressed) continue;
    std::string body;
    EXPECT_LT(response.body.size(), 500u);
    EXPECT_EQ(gunzip(response.body, 10'000, body), GunzipResult::kOk);
    EXPECT_EQ(body, std::string(5'000, 't'));
  }
}

TEST_F(ServerTest, DecompressesBodies) {
  std::string body(3'000, 'z');
  ASSERT_TRUE(Gzipper().compress(body));
  EXPECT_EQ(ask(post("/echo", body, "Content-Encoding: gzip\r\n")).body,
            "POST /echo [" + std::string(3'000, 'z') + "]");
  EXPECT_EQ(ask(post("/echo", body.substr(0, 10), "Content-Encoding: gzip\r\n")).status, 400);
  EXPECT_EQ(ask(post("/echo", "snappy", "Content-Encoding: snappy\r\n")).body, "POST /echo [snappy]");
}

TEST_F(ServerTest, ManyRequestsOnOneConnectionAreQuick) {
  RawSocket socket = RawSocket::connect(port_);
  std::vector<double> ms;
  for (int i = 0; i < 300; ++i) {
    const auto start = steady_clock::now();
    ASSERT_TRUE(socket.send(post("/echo", "x")));
    ASSERT_EQ(socket.response().status, 200);
    ms.push_back(std::chrono::duration<double, std::milli>(steady_clock::now() - start).count());
  }
  std::sort(ms.begin(), ms.end());
  EXPECT_LT(ms[ms.size() / 2], 5.0);  // Nagle's algorithm with delayed acknowledgements would make it 40.
  EXPECT_EQ(server_.stats().connections_accepted, 1u);
  EXPECT_TRUE(eventually([&] { return server_.stats().requests == 300; }));  // Counted behind the answer.
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  RawSocket socket = RawSocket::connect(port_);
  std::string all;
  for (int i = 0; i < 50; ++i)
    all += i % 2 == 0 ? post("/echo", std::to_string(i)) : get("/echo?i=" + std::to_string(i));
  ASSERT_TRUE(socket.send(all));
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(socket.response().body,
              i % 2 == 0 ? "POST /echo [" + std::to_string(i) + "]" : "GET /echo [] i=" + std::to_string(i));
  }
}

TEST_F(ServerTest, ConnectionCloseIsHonoured) {
  for (const std::string request :
       {"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: foo, Close\r\n\r\n", "GET /hello HTTP/1.0\r\n\r\n"}) {
    RawSocket socket = RawSocket::connect(port_);
    socket.send(request);
    const RawResponse response = socket.response();
    EXPECT_EQ(response.status, 200);
    EXPECT_TRUE(response.has("Connection: close\r\n"));
    EXPECT_TRUE(socket.closed_within(2'000));
  }
}

TEST_F(ServerTest, ExpectContinueIsAnsweredBeforeTheBody) {
  RawSocket socket = RawSocket::connect(port_);
  socket.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(socket.receive_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  socket.send("body");
  EXPECT_EQ(socket.response().body, "POST /echo [body]");

  RawSocket too_large = RawSocket::connect(port_);
  too_large.send("PUT /small HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(too_large.response().status, 413);
}

TEST_F(ServerTest, AHalfClosedClientGetsItsAnswer) {
  RawSocket socket = RawSocket::connect(port_);
  socket.send(get("/hello"));
  ::shutdown(socket.fd(), SHUT_WR);
  EXPECT_EQ(socket.response().body, "hello\n");
  EXPECT_TRUE(socket.closed_within(2'000));
}

TEST_F(ServerTest, ALargeAnswerToASlowReaderHoldsNoWorker) {
  std::vector<RawSocket> slow;
  for (int i = 0; i < 6; ++i) {  // More than there are workers, less than the budget for what waits.
    slow.push_back(RawSocket::connect(port_));
    slow.back().send(get("/big"));
  }
  ASSERT_TRUE(eventually([&] { return server_.stats().requests == 6; }));
  EXPECT_EQ(ask(get("/hello")).body, "hello\n");
  for (RawSocket& socket : slow) {
    const RawResponse response = socket.response(false, 30'000);
    EXPECT_EQ(response.body.size(), 40'000'000u);
    socket.send(get("/hello"));
    EXPECT_EQ(socket.response().body, "hello\n");
  }
}

std::string all_pieces() {
  std::string all;
  for (int n = 0; n < 30; ++n) all += std::string(300'000, static_cast<char>('a' + n % 26)) + std::to_string(n) + ";";
  return all;
}

TEST_F(ServerTest, ABodyInPiecesArrivesWhole) {
  const RawResponse plain = ask(get("/pieces/end"));
  EXPECT_EQ(plain.status, 200);
  EXPECT_TRUE(plain.has("Transfer-Encoding: chunked"));
  EXPECT_FALSE(plain.has("Content-Length"));
  EXPECT_TRUE(plain.body == all_pieces());

  const RawResponse small = ask("GET /pieces/end HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
  EXPECT_TRUE(small.has("Content-Encoding: gzip"));
  EXPECT_LT(small.body.size(), 500'000u);
  std::string unpacked;
  EXPECT_EQ(gunzip(small.body, 100'000'000, unpacked), GunzipResult::kOk);
  EXPECT_TRUE(unpacked == all_pieces());

  const RawResponse head = ask("HEAD /pieces/end HTTP/1.1\r\nHost: x\r\n\r\n", true);
  EXPECT_TRUE(head.has("Transfer-Encoding: chunked"));
  EXPECT_FALSE(head.has("Content-Length"));
}

TEST_F(ServerTest, ABodyInPiecesEndsWithTheConnectionForOldClients) {
  RawSocket socket = RawSocket::connect(port_);
  socket.send("GET /pieces/end HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(socket.closed_within(20'000));
  const std::string& answer = socket.unread();
  const size_t body = answer.find("\r\n\r\n") + 4;
  const std::string head = answer.substr(0, body);
  EXPECT_EQ(head.find("Transfer-Encoding"), std::string::npos);
  EXPECT_EQ(head.find("Content-Length"), std::string::npos);
  EXPECT_TRUE(answer.substr(body) == all_pieces());
}

TEST_F(ServerTest, ABodyInPiecesIsFollowedByTheNextAnswer) {
  RawSocket socket = RawSocket::connect(port_);
  socket.send(get("/pieces/end") + get("/hello"));
  EXPECT_TRUE(socket.response().body == all_pieces());
  EXPECT_EQ(socket.response().body, "hello\n");
}

TEST_F(ServerTest, ABodyThatIsCutOffHasNoEnd) {
  for (const char* then : {"/pieces/cut", "/pieces/throw"}) {
    RawSocket socket = RawSocket::connect(port_);
    socket.send(get(then));
    ASSERT_TRUE(socket.closed_within(10'000));
    const std::string& answer = socket.unread();
    EXPECT_EQ(answer.find("20;"), std::string::npos);
    EXPECT_FALSE(answer.ends_with("0\r\n\r\n"));
    EXPECT_EQ(answer.find("secret"), std::string::npos);
  }
  EXPECT_EQ(ask(get("/hello")).body, "hello\n");
}

TEST_F(ServerTest, PiecesForASlowReaderHoldNoWorker) {
  std::vector<RawSocket> slow;
  for (int i = 0; i < 8; ++i) {
    slow.push_back(RawSocket::connect(port_));
    slow.back().send(get("/pieces/end"));
  }
  ASSERT_TRUE(eventually([&] { return server_.stats().requests == 8; }));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ask(get("/hello")).body, "hello\n");
  for (RawSocket& socket : slow) EXPECT_TRUE(socket.response(false, 30'000).body == all_pieces());
}

TEST_F(ServerTest, TheObserverSeesPatternAndStatus) {
  ask(get("/label/job/values"));
  ask(get("/nothing"));
  ask(post("/hello", "x"));
  const std::lock_guard lock(mu_);
  EXPECT_THAT(seen_, ::testing::ElementsAre("GET /label/{name}/values 200", "GET  404", "POST  405"));
}

TEST_F(ServerTest, ManyClientsAtOnce) {
  std::atomic<int> right{0};
  std::vector<std::thread> clients;
  for (int t = 0; t < 8; ++t) {
    clients.emplace_back([&, t] {
      RawSocket socket = RawSocket::connect(port_);
      for (int i = 0; i < 200; ++i) {
        const std::string body = std::to_string(t) + "-" + std::to_string(i);
        socket.send(post("/echo", body));
        if (socket.response().body == "POST /echo [" + body + "]") ++right;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, 1'600);
}

TEST(ServerStart, APortInUseIsAClearError) {
  Server first(loopback());
  ASSERT_EQ(first.start(), "");
  ServerOptions options;
  options.listen_addresses = {"127.0.0.1:0", "127.0.0.1:" + std::to_string(first.ports()[0])};
  Server second(options);
  EXPECT_EQ(second.start(), "listen on " + options.listen_addresses[1] + ": address already in use");
  EXPECT_TRUE(second.ports().empty());
}

TEST(ServerStart, BadAddressesAreErrors) {
  const struct {
    std::string address, error;
  } cases[] = {
      {"127.0.0.1", "listen on 127.0.0.1: missing port in address"},
      {"127.0.0.1:http", "listen on 127.0.0.1:http: invalid port \"http\""},
      {"127.0.0.1:70000", "listen on 127.0.0.1:70000: invalid port \"70000\""},
      {"::1:9090", "listen on ::1:9090: an IPv6 address needs brackets"},
      {"192.0.2.1:0", "listen on 192.0.2.1:0: cannot assign requested address"},
  };
  for (const auto& c : cases) {
    ServerOptions options;
    options.listen_addresses = {c.address};
    EXPECT_EQ(Server(options).start(), c.error);
  }
}

TEST(ServerStart, AllAddressesAndSeveral) {
  ServerOptions options;
  options.listen_addresses = {":0", "127.0.0.1:0", "0.0.0.0:0"};
  Server server(options);
  server.route("GET", "/from", [](const Request& in, Response& out) { out.body = in.remote_addr; });
  ASSERT_EQ(server.start(), "");
  ASSERT_EQ(server.ports().size(), 3u);
  for (const uint16_t port : server.ports()) {
    RawSocket socket = RawSocket::connect(port);
    socket.send(get("/from"));
    EXPECT_THAT(socket.response().body, ::testing::StartsWith("127.0.0.1:"));
  }
}

TEST(ServerStop, IdleConnectionsDoNotDelayIt) {
  Server server(loopback());
  server.route("GET", "/", [](const Request&, Response& out) { out.body = "x"; });
  ASSERT_EQ(server.start(), "");
  std::vector<RawSocket> idle;
  for (int i = 0; i < 20; ++i) {
    idle.push_back(RawSocket::connect(server.ports()[0]));
    idle.back().send(i % 2 == 0 ? get("/") : "GET / HT");
    if (i % 2 == 0) {
      EXPECT_EQ(idle.back().response().body, "x");
    }
  }
  const auto start = steady_clock::now();
  server.stop(5'000);
  EXPECT_LT(steady_clock::now() - start, std::chrono::milliseconds(3'000));
  for (RawSocket& socket : idle) EXPECT_TRUE(socket.closed_within(1'000));
  server.stop();  // Again does nothing.
}

TEST(ServerStop, RequestsInFlightFinishWithinTheGrace) {
  std::atomic<bool> entered{false}, go_on{false};
  Server server(loopback());
  server.route("GET", "/", [&](const Request&, Response& out) {
    entered = true;
    EXPECT_TRUE(eventually([&] { return go_on.load(); }));
    out.body = "done";
  });
  ASSERT_EQ(server.start(), "");
  RawSocket socket = RawSocket::connect(server.ports()[0]);
  socket.send(get("/"));
  ASSERT_TRUE(eventually([&] { return entered.load(); }));
  std::thread stopper([&] { server.stop(10'000); });
  // It has begun to stop once nobody can connect.
  ASSERT_TRUE(eventually([&] {
    try {
      RawSocket::connect(server.ports()[0]);
      return false;
    } catch (const std::runtime_error&) {
      return true;
    }
  }));
  go_on = true;
  EXPECT_EQ(socket.response().body, "done");
  stopper.join();
  EXPECT_TRUE(socket.closed_within(1'000));
}

TEST(ServerStop, AReaderThatNeverReadsIsCutOffAfterTheGrace) {
  Server server(loopback());
  server.route("GET", "/", [&](const Request&, Response& out) { out.body.assign(50'000'000, 'x'); });
  ASSERT_EQ(server.start(), "");
  RawSocket socket = RawSocket::connect(server.ports()[0]);
  socket.send(get("/"));
  ASSERT_TRUE(eventually([&] { return server.stats().requests == 1; }));
  const auto start = steady_clock::now();
  server.stop(300);
  const auto took = steady_clock::now() - start;
  EXPECT_GE(took, std::chrono::milliseconds(250));
  EXPECT_LT(took, std::chrono::milliseconds(4'000));
}

}  // namespace
}  // namespace tidemark::net
