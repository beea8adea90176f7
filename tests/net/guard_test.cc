// A server behind a guard: TLS, client certificates, passwords.
#include "net/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "net/client.h"
#include "net/password_check.h"
#include "net/server.h"
#include "net/server_tls.h"
#include "tests/net/certificate.h"
#include "tests/net/raw_socket.h"
#include "tests/support/eventually.h"

namespace tidemark::net {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using tidemark::testing::eventually;

// Of "test", cost 4.
constexpr const char* kHash = "$2b$04$abcdefghijklmnopqrstuuoD8yw7MmybLKVooaTGGZAt3HXugv2.a";

class TlsGuard final : public Guard {
 public:
  explicit TlsGuard(std::shared_ptr<const TlsContext> tls) : tls_(std::move(tls)) {}
  bool has_tls() const override { return true; }
  std::shared_ptr<const TlsContext> tls() override { return tls_; }
  bool admit(Request& request, std::string_view pattern, Response& response) override {
    request.user = "somebody";
    if (pattern != "/closed") return true;
    response.status = 403;
    response.body = "closed\n";
    return false;
  }
  void finish(Response& response) override { response.headers.emplace_back("X-Test", "1"); }

 private:
  const std::shared_ptr<const TlsContext> tls_;
};

class GuardTest : public ::testing::Test {
 protected:
  void start(const ServerTlsOptions& tls) {
    auto context = make_server_tls(tls);
    ASSERT_TRUE(context) << context.error();
    guard_ = std::make_unique<TlsGuard>(*context);
    ServerOptions options;
    options.listen_addresses = {"127.0.0.1:0"};
    options.guard = guard_.get();
    options.connections_max = 8;
    options.head_timeout_ms = 300;
    server_ = std::make_unique<Server>(options);
    server_->route("GET", "/", [](const Request& in, Response& out) { out.body = "hello " + in.user; });
    server_->route("GET", "/closed", [](const Request&, Response& out) { out.body = "never"; });
    server_->route("GET", "/big", [](const Request&, Response& out) {
      out.content_type = "application/octet-stream";
      out.body.assign(9'000'000, 'b');
    });
    server_->route("POST", "/size",
                   [](const Request& in, Response& out) { out.body = std::to_string(in.body.size()); });
    ASSERT_EQ(server_->start(), "");
  }
  ServerTlsOptions tls() {
    ServerTlsOptions options;
    options.cert_file = own_.cert;
    options.key_file = own_.key;
    return options;
  }
  Client client(ClientOptions options = {}) {
    options.ca_file = own_.cert;
    return {*parse_url("https://127.0.0.1:" + std::to_string(server_->ports()[0])), options};
  }
  // The body, or the error.
  std::string get(const ClientOptions& options = {}, const std::string& target = "/") {
    Client peer = client(options);
    const auto answer = peer.send({.target = target});
    return answer ? answer->body : answer.error().message;
  }
  ClientOptions with_certificate(const testing::CertificateFiles& files) {
    ClientOptions options;
    options.cert_file = files.cert;
    options.key_file = files.key;
    return options;
  }

  tidemark::testing::TempDir dir_;
  const testing::CertificateFiles own_ = testing::make_certificate(dir_, "own", "DNS:tidemark.test,IP:127.0.0.1");
  const testing::CertificateFiles friend_ = testing::make_certificate(dir_, "friend", "DNS:friend.test,IP:192.0.2.1");
  const testing::CertificateFiles other_ = testing::make_certificate(dir_, "other", "DNS:other.test");
  std::unique_ptr<TlsGuard> guard_;
  std::unique_ptr<Server> server_;
};

TEST_F(GuardTest, ServesOverTls) {
  start(tls());
  Client peer = client();
  for (int i = 0; i < 3; ++i) {
    const auto answer = peer.send({});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "hello somebody");
    EXPECT_EQ(answer->header("x-test"), "1");
  }
  const auto big = peer.send({.target = "/big"});
  ASSERT_TRUE(big) << big.error().message;
  EXPECT_EQ(big->body.size(), 9'000'000u);
  const auto posted = peer.send({.method = "POST", .target = "/size", .body = std::string(3'000'000, 'p')});
  ASSERT_TRUE(posted) << posted.error().message;
  EXPECT_EQ(posted->body, "3000000");
  const auto closed = peer.send({.target = "/closed"});
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->status, 403);
  EXPECT_EQ(closed->header("x-test"), "1");
  const auto unknown = peer.send({.target = "/unknown"});
  ASSERT_TRUE(unknown);
  EXPECT_EQ(unknown->status, 404);
}

TEST_F(GuardTest, ManyClientsAtOnce) {
  start(tls());
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back([&] {
      Client peer = client();
      for (int n = 0; n < 20; ++n) {
        const auto answer = peer.send({});
        good += answer && answer->body == "hello somebody";
      }
    });
  }
  for (std::thread& each : clients) each.join();
  EXPECT_EQ(good, 120);
}

TEST_F(GuardTest, PlainHttpIsToldSo) {
  start(tls());
  auto peer = testing::RawSocket::connect(server_->ports()[0]);
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(peer.response().status, 400);
}

TEST_F(GuardTest, ASilentClientDoesNotKeepItsPlace) {
  start(tls());
  std::vector<testing::RawSocket> silent;
  for (int i = 0; i < 7; ++i) silent.push_back(testing::RawSocket::connect(server_->ports()[0]));
  EXPECT_EQ(get(), "hello somebody");
  EXPECT_TRUE(eventually([&] { return server_->stats().connections_open == 0; }));
}

TEST_F(GuardTest, VerifiesClients) {
  ServerTlsOptions options = tls();
  options.client_ca_file = friend_.cert;
  options.client_auth = ClientAuth::kRequireAndVerify;
  start(options);
  EXPECT_EQ(get(with_certificate(friend_)), "hello somebody");
  EXPECT_NE(get(with_certificate(other_)), "hello somebody");
  EXPECT_NE(get(), "hello somebody");
}

TEST_F(GuardTest, VerifiesClientsThatShowSomething) {
  ServerTlsOptions options = tls();
  options.client_ca_file = friend_.cert;
  options.client_auth = ClientAuth::kVerifyIfGiven;
  start(options);
  EXPECT_EQ(get(with_certificate(friend_)), "hello somebody");
  EXPECT_NE(get(with_certificate(other_)), "hello somebody");
  EXPECT_EQ(get(), "hello somebody");
}

TEST_F(GuardTest, ChecksTheNamesOfClients) {
  ServerTlsOptions options = tls();
  options.client_auth = ClientAuth::kRequireAny;
  options.client_allowed_sans = {"192.0.2.1"};
  start(options);
  EXPECT_EQ(get(with_certificate(friend_)), "hello somebody");
  EXPECT_NE(get(with_certificate(other_)), "hello somebody");
  EXPECT_NE(get(), "hello somebody");
}

TEST_F(GuardTest, HoldsToVersionsCiphersAndCurves) {
  ServerTlsOptions options = tls();
  options.max_version = TlsVersion::kTls12;
  options.cipher_suites = {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"};
  options.curve_preferences = {"CurveP384"};
  start(options);
  EXPECT_EQ(get(), "hello somebody");
}

TEST_F(GuardTest, SaysWhatDoesNotLoad) {
  const auto error = [&](auto change) {
    ServerTlsOptions options = tls();
    change(options);
    const auto made = make_server_tls(options);
    return made ? "none" : made.error();
  };
  EXPECT_THAT(error([&](auto& o) { o.cert_file = dir_.file("no.pem"); }),
              AllOf(HasSubstr("cert_file " + dir_.file("no.pem")), HasSubstr("No such file")));
  EXPECT_THAT(error([&](auto& o) { o.cert_file = dir_.write("bad.pem", "x"); }), HasSubstr("holds no certificate"));
  EXPECT_THAT(error([&](auto& o) { o.key_file = other_.key; }), HasSubstr("is not the key of cert_file"));
  EXPECT_THAT(error([&](auto& o) { o.key_file = own_.cert; }), HasSubstr("holds no private key"));
  EXPECT_THAT(error([&](auto& o) { o.client_ca_file = own_.key; }), HasSubstr("holds no certificate"));
  EXPECT_EQ(error([](auto&) {}), "none");
  EXPECT_TRUE(is_cipher_suite("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"));
  EXPECT_FALSE(is_cipher_suite("TLS_ECDHE_RSA_WITH_NOTHING"));
  EXPECT_FALSE(is_cipher_suite("ECDHE-RSA-AES128-GCM-SHA256"));
  EXPECT_TRUE(is_curve("X25519"));
  EXPECT_FALSE(is_curve("P-256"));
}

TEST(BasicCredentials, AreReadStrictly) {
  const auto who = basic_credentials("basic YWxpY2U6c2U6Y3JldA==");
  ASSERT_TRUE(who);
  EXPECT_EQ(who->user, "alice");
  EXPECT_EQ(who->password, "se:cret");
  for (const char* bad : {"", "Basic", "Basic ", "Bearer abc", "Basic YWxpY2U=", "Basic !!!!"})
    EXPECT_FALSE(basic_credentials(bad)) << bad;
}

TEST(PasswordCheck, KnowsBcrypt) {
  EXPECT_EQ(check_bcrypt_hash(kHash), "");
  EXPECT_EQ(check_bcrypt_hash("$2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze"), "");
  EXPECT_THAT(check_bcrypt_hash("$2y$19$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze"), HasSubstr("4 to 18"));
  for (const char* bad : {"", "secret", "$1$salt$hash", "$2x$10$abcdefghijklmnopqrstuuNYVhuCzN8W/N3q6oBTpBoHaLLh6DgBG"})
    EXPECT_THAT(check_bcrypt_hash(bad), HasSubstr("htpasswd")) << bad;
}

TEST(PasswordCheck, ComparesOnceAndRemembers) {
  PasswordCheck check(std::map<std::string, std::string>{{"alice", kHash}});
  using Answer = PasswordCheck::Answer;
  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(check.check({"alice", "test"}, "192.0.2.1:1"), Answer::kRight);
  EXPECT_EQ(check.check({"alice", "wrong"}, "192.0.2.1:1"), Answer::kWrong);
  EXPECT_EQ(check.check({"bob", "test"}, "192.0.2.1:1"), Answer::kWrong);
  EXPECT_EQ(check.check({"alice", std::string("test\0x", 6)}, "192.0.2.1:1"), Answer::kWrong);
  EXPECT_EQ(check.check({"alice", ""}, "192.0.2.1:1"), Answer::kWrong);
}

TEST(PasswordCheck, GuessesAreRationed) {
  PasswordCheck check(std::map<std::string, std::string>{{"alice", kHash}});
  using Answer = PasswordCheck::Answer;
  ASSERT_EQ(check.check({"alice", "test"}, "192.0.2.9:1"), Answer::kRight);
  int busy = 0;
  for (int i = 0; i < 500; ++i) busy += check.check({"alice", std::to_string(i)}, "192.0.2.1:5") == Answer::kBusy;
  EXPECT_GT(busy, 480);
  EXPECT_EQ(check.check({"alice", "test"}, "192.0.2.1:5"), Answer::kRight) << "what is known needs no comparison";
}

}  // namespace
}  // namespace tidemark::net
