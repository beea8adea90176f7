// The client against our server, and against servers that misbehave on purpose.
#include "net/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "net/gzip.h"
#include "net/server.h"
#include "tests/net/raw_socket.h"
#include "tests/support/eventually.h"

namespace tidemark::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;
using testing::RawSocket;
using tidemark::testing::eventually;

// Runs `script` on each accepted connection, one after the other.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::function<void(RawSocket&)> script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), bytes) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &bytes) != 0) {
      throw std::runtime_error("listen");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      for (;;) {
        RawSocket peer(::accept(listener_, nullptr, nullptr));
        if (peer.fd() < 0) return;
        ++connections_;
        script_(peer);
      }
    });
  }
  ~ScriptedServer() {
    over_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  uint16_t port() const { return port_; }
  int connections() const { return connections_; }
  bool over() const { return over_; }

 private:
  std::function<void(RawSocket&)> script_;
  int listener_;
  uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<bool> over_{false};
  std::thread thread_;
};

Url url_of(uint16_t port) { return *parse_url("http://127.0.0.1:" + std::to_string(port)); }

void expect_error(const tl::expected<ClientResponse, ClientError>& result, ClientErrorKind kind,
                  const std::string& message) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, kind) << result.error().message;
  EXPECT_THAT(result.error().message, HasSubstr(message));
}

class ClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ServerOptions options;
    options.listen_addresses = {"127.0.0.1:0"};
    server_ = std::make_unique<Server>(options);
    server_->route("GET,POST,PUT,DELETE", "/echo", [](const Request& in, Response& out) {
      out.body = in.method + " [" + in.body + "]";
      for (const auto& [name, value] : in.query) out.body += " " + name + "=" + value;
      for (const auto& [name, value] : in.headers) out.body += "\n" + name + ": " + value;
      out.headers.emplace_back("X-Answer", "Yes");
    });
    server_->route("GET", "/big", [](const Request&, Response& out) { out.body.assign(1'000'000, 'b'); });
    server_->route("GET", "/redirect", [](const Request&, Response& out) {
      out.status = 302;
      out.headers.emplace_back("Location", "/echo");
    });
    ASSERT_EQ(server_->start(), "");
  }

  Url url() { return url_of(server_->ports()[0]); }
  std::unique_ptr<Server> server_;
};

TEST_F(ClientTest, SendsMethodTargetHeadersAndBody) {
  Client client(url(), {});
  auto result = client.send({.method = "POST",
                             .target = "/echo?a=x+y&b=%2B%25",
                             .headers = {{"Content-Type", "text/x"}, {"X-One", "1"}},
                             .body = "the body"});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->status, 200);
  EXPECT_EQ(result->header("x-answer"), "Yes");
  EXPECT_THAT(result->body, HasSubstr("POST [the body] a=x y b=+%"));
  EXPECT_THAT(result->body, HasSubstr("content-type: text/x"));
  EXPECT_THAT(result->body, HasSubstr("x-one: 1"));
  EXPECT_THAT(result->body, HasSubstr("host: 127.0.0.1:"));
  for (const std::string method : {"GET", "PUT", "DELETE"}) {
    result = client.send({.method = method, .target = "/echo"});
    ASSERT_TRUE(result) << method;
    EXPECT_THAT(result->body, HasSubstr(method + " []"));
  }
}

TEST_F(ClientTest, ReusesItsConnection) {
  Client client(url(), {});
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client.send({.target = "/echo"}));
  EXPECT_EQ(server_->stats().connections_accepted, 1u);
}

TEST_F(ClientTest, DecompressesAndLimitsWhatComesOut) {
  Client client(url(), {});
  const auto whole = client.send({.target = "/big"});
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->header("content-encoding"), "gzip");
  EXPECT_EQ(whole->body, std::string(1'000'000, 'b'));
  ASSERT_TRUE(client.send({.target = "/big", .body_bytes_max = 1'000'000}));
  expect_error(client.send({.target = "/big", .body_bytes_max = 999'999}), ClientErrorKind::kBodyTooLarge,
               "body size limit exceeded");
  ASSERT_TRUE(client.send({.target = "/echo"}));  // And is usable after it.
}

TEST_F(ClientTest, DoesNotFollowRedirects) {
  Client client(url(), {});
  const auto result = client.send({.target = "/redirect"});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 302);
  EXPECT_EQ(result->header("location"), "/echo");
}

TEST_F(ClientTest, HeadHasNoBody) {
  Client client(url(), {});
  for (int i = 0; i < 2; ++i) {
    const auto result = client.send({.method = "HEAD", .target = "/big"});
    ASSERT_TRUE(result);
    EXPECT_EQ(result->status, 200);
    EXPECT_EQ(result->body, "");
  }
}

TEST_F(ClientTest, RefusesWhatWouldSplitTheRequest) {
  Client client(url(), {});
  const ClientRequest requests[] = {
      {.target = "/a b"},
      {.target = ""},
      {.target = "/echo\r\nX: 1"},
      {.target = "/echo", .headers = {{"X", "1\r\nY: 2"}}},
      {.method = "GET\n", .target = "/echo"},
  };
  for (const ClientRequest& request : requests) {
    expect_error(client.send(request), ClientErrorKind::kBroken, "invalid character");
  }
  EXPECT_EQ(server_->stats().connections_accepted, 0u);
}

TEST_F(ClientTest, ComesBackAfterTheServerWasRestarted) {
  Client client(url(), {});
  ASSERT_TRUE(client.send({.target = "/echo"}));
  const uint16_t port = server_->ports()[0];
  server_->stop();
  expect_error(client.send({.target = "/echo"}), ClientErrorKind::kConnect, "connect: connection refused");
  ServerOptions options;
  options.listen_addresses = {"127.0.0.1:" + std::to_string(port)};
  server_ = std::make_unique<Server>(options);
  server_->route("GET", "/echo", [](const Request&, Response& out) { out.body = "again"; });
  ASSERT_EQ(server_->start(), "");
  const auto result = client.send({.target = "/echo"});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->body, "again");
}

TEST(ClientErrors, NobodyThere) {
  uint16_t port = 0;
  {
    port = ScriptedServer([](RawSocket&) {}).port();
  }
  Client client(url_of(port), {});
  expect_error(client.send({}), ClientErrorKind::kConnect,
               "dial tcp 127.0.0.1:" + std::to_string(port) + ": connect: connection refused");
  Client nowhere(*parse_url("http://no-such-host.invalid"), {});
  const auto result = nowhere.send({});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ClientErrorKind::kConnect);
  EXPECT_THAT(result.error().message, HasSubstr("lookup no-such-host.invalid"));
}

struct Misbehaviour {
  std::string name;
  std::string answer;
  ClientErrorKind kind;
  std::string message;
};

TEST(ClientErrors, AnswersThatAreNone) {
  std::string bomb(20'000'000, '\0');
  ASSERT_TRUE(Gzipper().compress(bomb));
  const Misbehaviour cases[] = {
      {"nothing", "", ClientErrorKind::kBroken, "EOF"},
      {"half a head", "HTTP/1.1 200 OK\r\nContent-", ClientErrorKind::kBroken, "unexpected EOF"},
      {"not HTTP", "SSH-2.0-OpenSSH\r\n", ClientErrorKind::kBroken, "malformed HTTP response"},
      {"short body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", ClientErrorKind::kBroken, "unexpected EOF"},
      {"short chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123", ClientErrorKind::kBroken,
       "unexpected EOF"},
      {"no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\n", ClientErrorKind::kBroken,
       "unexpected EOF"},
      {"long status line", "HTTP/1.1 200 " + std::string(2'000'000, 'x') + "\r\n\r\n", ClientErrorKind::kBroken,
       "malformed HTTP response"},
      {"long head", "HTTP/1.1 200 OK\r\n" + std::string(100'000, 'x'), ClientErrorKind::kBroken,
       "malformed HTTP response"},
      {"long chunk line", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(100'000, 'x'),
       ClientErrorKind::kBroken, "malformed HTTP response"},
      {"too large", "HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + std::string(2'000'000, 'x'),
       ClientErrorKind::kBodyTooLarge, "body size limit exceeded"},
      {"too large, chunked",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n" + std::string(0x200000, 'x') + "\r\n0\r\n\r\n",
       ClientErrorKind::kBodyTooLarge, "body size limit exceeded"},
      {"too large, unbounded", "HTTP/1.1 200 OK\r\n\r\n" + std::string(2'000'000, 'x'), ClientErrorKind::kBodyTooLarge,
       "body size limit exceeded"},
      {"gzip bomb",
       "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(bomb.size()) + "\r\n\r\n" +
           bomb,
       ClientErrorKind::kBodyTooLarge, "body size limit exceeded"},
  };
  for (const Misbehaviour& c : cases) {
    SCOPED_TRACE(c.name);
    ScriptedServer server([&](RawSocket& peer) {
      peer.receive_until("\r\n\r\n");
      peer.send(c.answer);
    });
    Client client(url_of(server.port()), {});
    expect_error(client.send({.body_bytes_max = 1'000'000}), c.kind, c.message);
  }
}

TEST(ClientErrors, OneByteChunksAreABody) {
  std::string answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20'000; ++i) answer += "1\r\nx\r\n";
  answer += "0\r\n\r\n";
  ScriptedServer server([&](RawSocket& peer) {
    peer.receive_until("\r\n\r\n");
    peer.send(answer);
  });
  Client client(url_of(server.port()), {});
  const auto result = client.send({});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->body, std::string(20'000, 'x'));
}

TEST(ClientErrors, BytesAfterAnAnswerAreNotTheNextAnswer) {
  ScriptedServer server([](RawSocket& peer) {
    if (peer.receive_until("\r\n\r\n").empty()) return;
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    peer.closed_within(10'000);
  });
  Client client(url_of(server.port()), {});
  for (int i = 0; i < 3; ++i) {
    const auto result = client.send({});
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->body, "ok");
  }
  EXPECT_EQ(server.connections(), 3);
}

TEST(ClientErrors, AConnectionClosedWhileIdleIsOpenedAgain) {
  ScriptedServer server([](RawSocket& peer) {
    peer.receive_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");  // Promises keep-alive, and closes.
  });
  Client client(url_of(server.port()), {});
  for (int i = 0; i < 10; ++i) {
    const auto result = client.send({});
    ASSERT_TRUE(result) << result.error().message;
  }
}

// What a server does after the request, and the deadline holds all the same.
TEST(ClientDeadline, HoldsAgainstStallsAndDrips) {
  const struct {
    std::string name, first, drip;
  } cases[] = {
      {"stalls before the head", "", ""},
      {"stalls within the body", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc", ""},
      {"drips the head", "HTTP/1.1 200 OK\r\n", "x"},
      {"drips the body", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "x"},
      {"drips chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"},
      {"drips 100 Continue", "", "HTTP/1.1 100 Continue\r\n\r\n"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    ScriptedServer server([&](RawSocket& peer) {
      peer.receive_until("\r\n\r\n");
      peer.send(c.first);
      while (!peer.closed_within(10)) {
        if (!c.drip.empty() && !peer.send(c.drip)) return;
      }
    });
    Client client(url_of(server.port()), {});
    const auto start = steady_clock::now();
    expect_error(client.send({.deadline_ms = 200}), ClientErrorKind::kTimeout, "context deadline exceeded");
    const auto took = steady_clock::now() - start;
    EXPECT_GE(took, milliseconds(195));
    EXPECT_LT(took, milliseconds(3'000));
  }
}

TEST(ClientDeadline, HoldsWhileTheServerDoesNotRead) {
  std::atomic<bool> done{false};
  ScriptedServer server([&](RawSocket&) { eventually([&] { return done.load(); }); });
  Client client(url_of(server.port()), {});
  const ClientRequest request{.method = "POST", .body = std::string(50'000'000, 'x'), .deadline_ms = 200};
  const auto start = steady_clock::now();
  expect_error(client.send(request), ClientErrorKind::kTimeout, "context deadline exceeded");
  EXPECT_LT(steady_clock::now() - start, milliseconds(3'000));
  done = true;
}

TEST(ClientCancel, EndsASendAndEveryLaterOne) {
  std::atomic<bool> asked{false};
  ScriptedServer server([&](RawSocket& peer) {
    peer.receive_until("\r\n\r\n");
    asked = true;
    peer.closed_within(10'000);
  });
  Client client(url_of(server.port()), {});
  std::thread canceler([&] {
    EXPECT_TRUE(eventually([&] { return asked.load(); }));
    client.cancel();
  });
  const auto start = steady_clock::now();
  expect_error(client.send({.deadline_ms = 10'000}), ClientErrorKind::kCanceled, "context canceled");
  EXPECT_LT(steady_clock::now() - start, milliseconds(5'000));
  canceler.join();
  expect_error(client.send({}), ClientErrorKind::kCanceled, "context canceled");
}

}  // namespace
}  // namespace tidemark::net
