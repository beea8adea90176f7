// What a --web.config.file may say, and a guard that follows one.
#include "config/web_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/web_guard.h"
#include "tests/net/certificate.h"
#include "tests/support/eventually.h"
#include "tests/support/memory_logger.h"
#include "tests/support/temp_dir.h"

namespace tidemark::config {
namespace {

using ::testing::HasSubstr;

constexpr const char* kHash = "$2b$04$abcdefghijklmnopqrstuuoD8yw7MmybLKVooaTGGZAt3HXugv2.a";  // Of "test".

std::string error_of(std::string_view text) {
  const auto config = parse_web_config(text, "/etc/web.yml");
  return config ? "none" : config.error().message();
}

TEST(WebConfig, ReadsTheWholeFormat) {
  const auto config = parse_web_config(R"(
tls_server_config:
  cert_file: server.crt
  key_file: /keys/server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.pem
  client_allowed_sans: [prometheus.test]
  min_version: TLS13
  max_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
  prefer_server_cipher_suites: false
  curve_preferences: [X25519, CurveP256]
http_server_config:
  http2: false
  headers: {X-Frame-Options: deny, Strict-Transport-Security: max-age=1}
basic_auth_users:
  alice: $2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze
rate_limit: {interval: 1s, burst: 20}
)",
                                       "/etc/web.yml");
  ASSERT_TRUE(config) << config.error().message();
  ASSERT_TRUE(config->tls);
  EXPECT_EQ(config->tls->cert_file, "/etc/server.crt");
  EXPECT_EQ(config->tls->key_file, "/keys/server.key");
  EXPECT_EQ(config->tls->client_auth, net::ClientAuth::kRequireAndVerify);
  EXPECT_EQ(config->tls->min_version, net::TlsVersion::kTls13);
  EXPECT_FALSE(config->tls->prefer_server_cipher_suites);
  EXPECT_EQ(config->headers.size(), 2u);
  EXPECT_EQ(config->users.count("alice"), 1u);
  EXPECT_EQ(config->rate_limit.interval_ms, 1'000);
  EXPECT_EQ(config->rate_limit.burst, 20);
}

TEST(WebConfig, AnEmptyFileAsksForNothing) {
  for (const char* text : {"", "tls_server_config:\n", "tls_server_config: {min_version: TLS12}\n"}) {
    const auto config = parse_web_config(text, "/etc/web.yml");
    ASSERT_TRUE(config) << config.error().message();
    EXPECT_FALSE(config->tls) << text;
  }
}

TEST(WebConfig, MistakesHaveALine) {
  const auto f = [](std::string_view text, const std::string& want) { EXPECT_THAT(error_of(text), HasSubstr(want)); };
  f("\nunknown: 1", "/etc/web.yml:2: unknown key \"unknown\"");
  f("tls_server_config: {cert_file: a}", "/etc/web.yml:1: needs \"key_file\" or \"key\"");
  f("tls_server_config:\n  cert_file: a\n  cert: b\n  key: c", ":2: \"cert_file\" and \"cert\" exclude each other");
  f("tls_server_config:\n  cert_file: a\n  key_file: b\n  min_version: TLS11", ":4: \"min_version\" is not supported");
  f("tls_server_config:\n  cert_file: a\n  key_file: b\n  client_auth_type: Any", ":4: \"client_auth_type\" must be");
  f("tls_server_config:\n  cert_file: a\n  key_file: b\n  client_ca_file: c", "needs \"client_auth_type\"");
  f("tls_server_config:\n  cert_file: a\n  key_file: b\n  client_allowed_sans: [c]",
    ":4: \"client_allowed_sans\" needs");
  f("tls_server_config:\n  cert_file: a\n  key_file: b\n  cipher_suites: [RC4]", ":4: \"cipher_suites\" is no cipher");
  f("tls_server_config:\n  cert_file: a\n  key_file: b\n  curve_preferences: [P256]", ":4: \"curve_preferences\" must");
  f("http_server_config: {headers: {X-Frame-Options: no}}", "must be deny or sameorigin, got \"no\"");
  f("http_server_config: {headers: {Server: x}}", "unknown key \"Server\"");
  f("basic_auth_users: {alice: secret}", ":1: \"alice\" must be a bcrypt hash");
  f("rate_limit: {interval: 1s}", "needs a \"burst\"");
  EXPECT_THAT(error_of("basic_auth_users: {alice: secret}"), Not(HasSubstr("secret")));
}

class WebGuardTest : public ::testing::Test {
 protected:
  std::unique_ptr<WebGuard> open(const std::string& text) {
    auto guard = WebGuard::open(dir_.write("web.yml", text), {"/healthz"}, logger_);
    EXPECT_TRUE(guard) << guard.error().message();
    return std::move(*guard);
  }
  static int ask(WebGuard& guard, const std::string& authorization, std::string_view pattern = "/metrics",
                 std::string* user = nullptr) {
    net::Request request;
    request.remote_addr = "192.0.2.1:1";
    if (!authorization.empty()) request.headers.emplace_back("authorization", authorization);
    net::Response response;
    const bool in = guard.admit(request, pattern, response);
    if (user != nullptr) *user = request.user;
    return in ? 200 : response.status;
  }

  tidemark::testing::TempDir dir_;
  tidemark::testing::MemoryLogger logger_;
};

constexpr const char* kAlice = "Basic YWxpY2U6dGVzdA==";  // alice:test
constexpr const char* kWrong = "Basic YWxpY2U6dGVzVA==";

TEST_F(WebGuardTest, AsksWhoComes) {
  const auto guard = open(std::string("basic_auth_users: {alice: ") + kHash +
                          "}\nhttp_server_config: {headers: {X-Frame-Options: deny}}");
  std::string user;
  EXPECT_EQ(ask(*guard, kAlice, "/metrics", &user), 200);
  EXPECT_EQ(user, "alice");
  EXPECT_EQ(ask(*guard, kWrong), 401);
  EXPECT_EQ(ask(*guard, ""), 401);
  EXPECT_EQ(ask(*guard, "", "/healthz"), 200);
  EXPECT_EQ(ask(*guard, "", ""), 401) << "not even which paths there are";
  net::Response response;
  guard->finish(response);
  EXPECT_EQ(net::find_param(response.headers, "X-Frame-Options"), "deny");
  EXPECT_EQ(guard->stats().unauthorized, 3u);
}

TEST_F(WebGuardTest, LimitsTheRate) {
  const auto guard = open("rate_limit: {interval: 1h, burst: 2}");
  EXPECT_EQ(ask(*guard, ""), 200);
  EXPECT_EQ(ask(*guard, ""), 200);
  EXPECT_EQ(ask(*guard, ""), 429);
  EXPECT_EQ(ask(*guard, "", "/healthz"), 200);
  EXPECT_EQ(guard->stats().rate_limited, 1u);
}

TEST_F(WebGuardTest, FollowsItsFile) {
  const auto guard = open("");
  EXPECT_EQ(ask(*guard, ""), 200);
  dir_.write("web.yml", std::string("basic_auth_users: {alice: ") + kHash + "}");
  ASSERT_TRUE(guard->reload().ok());
  EXPECT_EQ(ask(*guard, ""), 401);
  EXPECT_EQ(ask(*guard, kAlice), 200);
  dir_.write("web.yml", "basic_auth_users: {alice: plain}");
  EXPECT_FALSE(guard->reload().ok());
  EXPECT_EQ(ask(*guard, ""), 401) << "the last good one stays";
  EXPECT_EQ(ask(*guard, kAlice), 200);
  EXPECT_EQ(guard->stats().reload_failures, 1u);
  EXPECT_FALSE(guard->stats().last_reload_good);
  const auto files = net::testing::make_certificate(dir_, "own", "DNS:x");
  dir_.write("web.yml", "tls_server_config: {cert_file: own.pem, key_file: own.key}");
  EXPECT_THAT(guard->reload().message(), HasSubstr("turning TLS on needs a restart"));
}

TEST_F(WebGuardTest, RereadsCertificates) {
  net::testing::make_certificate(dir_, "own", "DNS:x");
  const auto guard = open("tls_server_config: {cert_file: own.pem, key_file: own.key}");
  EXPECT_TRUE(guard->has_tls());
  const auto first = guard->tls();
  EXPECT_EQ(guard->tls(), first);
  net::testing::make_certificate(dir_, "own", "DNS:y");
  ASSERT_TRUE(guard->reload().ok());
  EXPECT_NE(guard->tls(), first);
}

TEST_F(WebGuardTest, TakesOverACertificateThatComesAfterTheFileThatNamesIt) {
  net::testing::make_certificate(dir_, "own", "DNS:x");
  const auto guard = open("tls_server_config: {cert_file: own.pem, key_file: own.key}");
  const auto first = guard->tls();
  dir_.write("web.yml", "tls_server_config: {cert_file: new.pem, key_file: new.key}");
  EXPECT_FALSE(guard->reload().ok());
  net::testing::make_certificate(dir_, "new", "DNS:y");
  EXPECT_TRUE(tidemark::testing::eventually([&] { return guard->tls() != first; }));
  EXPECT_TRUE(guard->stats().last_reload_good);
}

TEST_F(WebGuardTest, WithoutAFileEverybodyIsIn) {
  auto guard = WebGuard::open("", {}, logger_);
  ASSERT_TRUE(guard);
  EXPECT_EQ(ask(**guard, ""), 200);
  EXPECT_FALSE((*guard)->has_tls());
  EXPECT_TRUE((*guard)->reload().ok());
  EXPECT_FALSE(WebGuard::open(dir_.file("none.yml"), {}, logger_));
}

}  // namespace
}  // namespace tidemark::config
