// The client over TLS, against cpp-httplib's TLS server with a certificate made on the spot.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <memory>
#include <thread>

#include "net/client.h"
#include "net/server.h"
#include "tests/net/raw_socket.h"
#include "tests/support/temp_dir.h"

namespace tidemark::net {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct CertFree {
  void operator()(X509* cert) const { X509_free(cert); }
};

// A self-signed certificate for "tidemark.test" and 127.0.0.1.
class TlsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    key_.reset(EVP_EC_gen("P-256"));
    cert_.reset(X509_new());
    X509_set_version(cert_.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert_.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert_.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert_.get()), 3'600);
    X509_set_pubkey(cert_.get(), key_.get());
    X509_NAME* name = X509_get_subject_name(cert_.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("tidemark"), -1, -1, 0);
    X509_set_issuer_name(cert_.get(), name);
    X509_EXTENSION* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:tidemark.test,IP:127.0.0.1");
    X509_add_ext(cert_.get(), names, -1);
    X509_EXTENSION_free(names);
    ASSERT_GT(X509_sign(cert_.get(), key_.get(), EVP_sha256()), 0);

    ca_file_ = dir_.file("ca.pem");
    FILE* file = std::fopen(ca_file_.c_str(), "w");
    PEM_write_X509(file, cert_.get());
    std::fclose(file);

    server_ = std::make_unique<httplib::SSLServer>(cert_.get(), key_.get());
    server_->set_keep_alive_max_count(1'000);
    server_->Get("/", [](const httplib::Request&, httplib::Response& out) { out.set_content("secret", "text/plain"); });
    server_->Get("/big", [](const httplib::Request&, httplib::Response& out) {
      out.set_content(std::string(3'000'000, 'b'), "application/octet-stream");
    });
    server_->Post("/", [](const httplib::Request& in, httplib::Response& out) {
      out.set_content(std::to_string(in.body.size()), "text/plain");
    });
    port_ = static_cast<uint16_t>(server_->bind_to_any_port("127.0.0.1"));
    thread_ = std::thread([this] { server_->listen_after_bind(); });
    while (!server_->is_running()) std::this_thread::yield();
  }
  void TearDown() override {
    server_->stop();
    thread_.join();
  }

  Url url() { return *parse_url("https://127.0.0.1:" + std::to_string(port_)); }

  std::string error_of(const Url& url, const ClientOptions& options, int64_t deadline_ms = 10'000) {
    Client client(url, options);
    const auto result = client.send({.deadline_ms = deadline_ms});
    if (result) return "none";
    return (result.error().kind == ClientErrorKind::kTls ? "" : "not kTls: ") + result.error().message;
  }

  tidemark::testing::TempDir dir_;
  std::unique_ptr<EVP_PKEY, KeyFree> key_;
  std::unique_ptr<X509, CertFree> cert_;
  std::string ca_file_;
  std::unique_ptr<httplib::SSLServer> server_;
  uint16_t port_ = 0;
  std::thread thread_;
};

TEST_F(TlsTest, VerifiesByAddressAndByName) {
  for (const std::string name : {"", "tidemark.test"}) {
    ClientOptions options;
    options.ca_file = ca_file_;
    options.server_name = name;
    Client client(url(), options);
    for (int i = 0; i < 3; ++i) {
      const auto result = client.send({});
      ASSERT_TRUE(result) << result.error().message;
      EXPECT_EQ(result->body, "secret");
    }
    const auto posted = client.send({.method = "POST", .body = std::string(2'000'000, 'p')});
    ASSERT_TRUE(posted) << posted.error().message;
    EXPECT_EQ(posted->body, "2000000");
    const auto big = client.send({.target = "/big"});
    ASSERT_TRUE(big) << big.error().message;
    EXPECT_EQ(big->body.size(), 3'000'000u);
  }
}

TEST_F(TlsTest, RefusesWhatItCannotVerify) {
  EXPECT_THAT(error_of(url(), {}), StartsWith("tls: failed to verify certificate: x509: "));
  ClientOptions options;
  options.ca_file = ca_file_;
  options.server_name = "other.test";
  EXPECT_THAT(error_of(url(), options),
              AllOf(HasSubstr("failed to verify certificate"), HasSubstr("ostname mismatch")));
  options.ca_file = dir_.file("missing.pem");
  EXPECT_THAT(error_of(url(), options), StartsWith("unable to load CA cert " + options.ca_file));
  options = {};
  options.cert_file = dir_.write("bad.pem", "not a certificate");
  EXPECT_THAT(error_of(url(), options), StartsWith("unable to load client cert " + options.cert_file));
  options = {};
  options.insecure_skip_verify = true;
  EXPECT_EQ(error_of(url(), options), "none");
}

TEST_F(TlsTest, APlainServerIsAnError) {
  ServerOptions options;
  options.listen_addresses = {"127.0.0.1:0"};
  Server plain(options);
  ASSERT_EQ(plain.start(), "");
  EXPECT_THAT(error_of(*parse_url("https://127.0.0.1:" + std::to_string(plain.ports()[0])), {}), StartsWith("tls: "));
}

TEST_F(TlsTest, TheDeadlineHoldsDuringTheHandshake) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), bytes), 0);
  ASSERT_EQ(::listen(listener, 1), 0);  // The kernel accepts, and nobody answers.
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &bytes), 0);
  const Url silent = *parse_url("https://127.0.0.1:" + std::to_string(ntohs(address.sin_port)));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(error_of(silent, {}, 200), "not kTls: context deadline exceeded");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(3'000));
  ClientOptions impatient;
  impatient.connect_timeout_ms = 100;
  EXPECT_EQ(error_of(silent, impatient), "tls: handshake timeout");
  ::close(listener);
}

}  // namespace
}  // namespace tidemark::net
