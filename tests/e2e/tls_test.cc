// Both programs behind --web.config.file: TLS, passwords, client certificates; and push mode over all three.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/e2e/tidemark_process.h"
#include "tests/net/certificate.h"
#include "tests/support/eventually.h"

namespace tidemark::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kHash = "$2b$04$abcdefghijklmnopqrstuuoD8yw7MmybLKVooaTGGZAt3HXugv2.a";  // Of "test".
constexpr const char* kPassword = "Basic YWxpY2U6dGVzdA==";                                    // alice:test

// The certificates of a test and the tidemark that serves with them.
class Tls : public ::testing::Test {
 protected:
  void write_web_config(std::string_view more = "") {
    dir_.write("web.yml", fmt::format("tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n{}", more));
  }

  Answer ask(uint16_t port, std::string_view target, bool with_password, bool with_certificate = false) {
    net::ClientOptions options;
    options.ca_file = server_.cert;
    if (with_certificate) {
      options.cert_file = client_.cert;
      options.key_file = client_.key;
    }
    net::Url url;
    url.scheme = "https";
    url.host = "127.0.0.1";
    url.port = port;
    net::Client client(url, options);
    net::ClientRequest request;
    request.target = target;
    if (with_password) request.headers.emplace_back("Authorization", kPassword);
    auto response = client.send(request);
    if (!response) return {0, response.error().message};
    return {response->status, std::move(response->body)};
  }

  // Starts tidemark; its own start() would ask for /-/ready without TLS.
  std::unique_ptr<Program> start(const TidemarkProcess& tidemark, uint16_t& port) {
    auto program = std::make_unique<Program>(tidemark.argv());
    port = program->listening_port();
    EXPECT_NE(port, 0) << program->output();
    return program;
  }

  std::string web_config() const { return dir_.file("web.yml"); }

  TempDir dir_;
  const net::testing::CertificateFiles server_ =
      net::testing::make_certificate(dir_, "server", "DNS:localhost,IP:127.0.0.1");
  const net::testing::CertificateFiles client_ = net::testing::make_certificate(dir_, "client", "DNS:a-host.test");
};

TEST_F(Tls, TidemarkLetsInWhoHasAPassword) {
  write_web_config(fmt::format("basic_auth_users:\n  alice: {}\n", kHash));
  const TidemarkProcess tidemark("global: {}\n", {"--web.config.file=" + web_config()});
  uint16_t port = 0;
  const auto program = start(tidemark, port);
  ASSERT_TRUE(eventually([&] { return ask(port, "/-/ready", true).status == 200; })) << program->output();
  for (const char* target : {"/-/ready", "/-/healthy", "/metrics", "/api/v1/query?query=1"}) {
    EXPECT_EQ(ask(port, target, false).status, 401) << target;
    EXPECT_EQ(ask(port, target, true).status, 200) << target;
  }
  EXPECT_NE(get(port, "/-/healthy").status, 200) << "without TLS";
  EXPECT_THAT(ask(port, "/metrics", true).body, AllOf(HasSubstr("tidemark_http_denied_total{code=\"401\"} 4"),
                                                      HasSubstr("tidemark_web_config_last_reload_successful 1")));
  EXPECT_THAT(program->output(), HasSubstr("tls=true"));

  // A mistake changes nothing, and is said.
  write_web_config("basic_auth_users:\n  alice: secret\n");
  program->signal(SIGHUP);
  EXPECT_TRUE(eventually([&] {
    return ask(port, "/metrics", true).body.find("tidemark_web_config_last_reload_successful 0") != std::string::npos;
  }));
  EXPECT_THAT(program->output(), HasSubstr("web.yml:5"));
  write_web_config();
  program->signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return ask(port, "/-/healthy", false).status == 200; })) << "nobody is asked any more";
  program->signal(SIGTERM);
  EXPECT_EQ(program->wait(), 0);
}

TEST_F(Tls, TidemarkDoesNotStartWithABadFile) {
  dir_.write("web.yml", "basic_auth_users:\n  alice: secret\n");
  const TidemarkProcess tidemark("global: {}\n", {"--web.config.file=" + web_config()});
  const Finished finished = run(tidemark.argv());
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_THAT(finished.output, AllOf(HasSubstr("Error loading --web.config.file"), HasSubstr("web.yml:2")));
}

TEST_F(Tls, PushesWithAClientCertificate) {
  write_web_config(
      fmt::format("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: client.pem\n"
                  "basic_auth_users:\n  alice: {}\n",
                  kHash));
  dir_.write("password", "test\n");
  const TidemarkProcess tidemark("global: {}\n",
                                 {"--web.config.file=" + web_config(), "--web.enable-remote-write-receiver"});
  uint16_t port = 0;
  const auto program = start(tidemark, port);
  ASSERT_TRUE(eventually([&] { return ask(port, "/-/ready", true, true).status == 200; })) << program->output();
  EXPECT_EQ(ask(port, "/-/ready", true).status, 0) << "the handshake ends without a certificate";

  const auto push_flags = [&](const std::string& name) {
    return std::vector<std::string>{fmt::format("--push.url=https://127.0.0.1:{}/api/v1/write", port),
                                    "--push.interval=1s",
                                    "--push.instance=" + name,
                                    "--push.spool-dir=" + dir_.file(name),
                                    "--push.tls-ca-file=" + server_.cert,
                                    "--push.username=alice",
                                    "--push.password-file=" + dir_.file("password"),
                                    "--collector.disable-defaults",
                                    "--collector.loadavg"};
  };
  const auto shown = [&](const std::string& name) {
    const std::string target = "/api/v1/query?query=" + net::url_encode("up{instance=\"" + name + "\"}");
    return ask(port, target, true, true).body.find("\"value\"") != std::string::npos;
  };
  auto without = push_flags("without");
  auto with = push_flags("with");
  with.insert(with.end(), {"--push.tls-cert-file=" + client_.cert, "--push.tls-key-file=" + client_.key});
  ExporterProcess without_certificate(without);
  ExporterProcess with_certificate(with);
  EXPECT_TRUE(eventually([&] { return shown("with"); }, std::chrono::seconds(20)))
      << with_certificate.program().output();
  EXPECT_FALSE(shown("without"));
  const auto fails = [&] {
    return get(without_certificate.port(), "/metrics").body.find("\ntidemark_push_failing 1\n") != std::string::npos;
  };
  EXPECT_TRUE(eventually(fails)) << without_certificate.program().output();
  EXPECT_THAT(get(with_certificate.port(), "/metrics").body,
              Not(HasSubstr("tidemark_push_requests_total{code=\"401\"}")));
}

}  // namespace
}  // namespace tidemark::testing
