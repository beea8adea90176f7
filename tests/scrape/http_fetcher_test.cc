#include "aggregator/scrape/http_fetcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <atomic>
#include <thread>

#include "config/authorization.h"
#include "tests/scrape/test_target.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace tidemark::scrape {
namespace {

using ::testing::HasSubstr;
using testing::TestTarget;

class HttpFetcherTest : public ::testing::Test {
 protected:
  HttpFetcherTest() {
    config_.job_name = "j";
    config_.timeout_ms = 5'000;
  }
  std::unique_ptr<HttpFetcher> fetcher(const std::string& address) {
    const BuiltTargets targets =
        build_targets(config_, {{"s", {}, {Labels{{"__address__", address}, {"__metrics_path__", path_}}}}}, 10);
    return std::make_unique<HttpFetcher>(targets.active.at(0), config_, HttpFetcher::Options{"tidemark/9", 1 << 20},
                                         system_clock());
  }
  // The page, or "failure: message".
  std::string fetch(const std::string& address) { return text(fetcher(address)->fetch()); }
  static std::string text(const tl::expected<std::string, ScrapeError>& page) {
    if (page) return *page;
    return std::string(scrape_failure_name(page.error().failure)) + ": " + page.error().message;
  }

  config::ScrapeConfig config_;
  std::string path_ = "/metrics";
};

std::string gzipped(const std::string& text) {
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, text.size()) + 32, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

TEST_F(HttpFetcherTest, asks_as_prometheus_does_on_one_connection) {
  TestTarget target([](const net::Request&, net::Response& response) { response.body = "a 1\n"; });
  ASSERT_EQ(target.error(), "");
  config_.params = {{"module", {"http 2xx"}}};
  const auto f = fetcher(target.address());
  EXPECT_EQ(text(f->fetch()), "a 1\n");
  EXPECT_EQ(text(f->fetch()), "a 1\n");
  const net::Request request = target.requests().at(1);
  EXPECT_EQ(request.path, "/metrics");
  EXPECT_EQ(net::find_param(request.query, "module"), "http 2xx");
  EXPECT_EQ(request.header("x-prometheus-scrape-timeout-seconds"), "5");
  EXPECT_EQ(request.header("user-agent"), "tidemark/9");
  EXPECT_EQ(request.header("accept-encoding"), "gzip");
  EXPECT_THAT(std::string(request.header("accept")), HasSubstr("text/plain;version=0.0.4"));
  EXPECT_EQ(request.header("authorization"), "");
  EXPECT_EQ(target.stats().connections_accepted, 1U);
}

TEST_F(HttpFetcherTest, says_what_went_wrong) {
  TestTarget target([](const net::Request& request, net::Response& response) {
    if (request.path == "/500") response.status = 500;
    if (request.path == "/404") response.status = 404;
    if (request.path == "/openmetrics") {
      response.content_type = "application/openmetrics-text; version=1.0.0";
      response.body = "a 1 1700000000\n# EOF\n";
    }
    if (request.path == "/big") response.body.assign((1 << 20) + 1, 'x');
    if (request.path == "/fits") response.body.assign(1 << 20, '\n');
    if (request.path == "/bomb") {
      response.headers.emplace_back("Content-Encoding", "gzip");
      response.body = gzipped(std::string(64 << 20, 'a'));
    }
    if (request.path == "/gzip") {
      response.headers.emplace_back("Content-Encoding", "gzip");
      response.body = gzipped("zipped 1\n");
    }
  });
  const auto f = [&](const char* path) {
    path_ = path;
    return fetch(target.address());
  };
  EXPECT_EQ(f("/500"), "status: server returned HTTP status 500 Internal Server Error");
  EXPECT_EQ(f("/404"), "status: server returned HTTP status 404 Not Found");
  EXPECT_THAT(f("/openmetrics"), HasSubstr("content_type: Get \"http://"));
  EXPECT_EQ(f("/big"), "body_size: body size limit exceeded");
  EXPECT_EQ(f("/bomb"), "body_size: body size limit exceeded");
  EXPECT_EQ(f("/gzip"), "zipped 1\n");
  EXPECT_EQ(f("/fits").size(), size_t{1} << 20);
  config_.limits.body_size_bytes = 100;
  EXPECT_EQ(f("/fits"), "body_size: body size limit exceeded");
}

TEST_F(HttpFetcherTest, a_target_that_is_not_there_or_slow) {
  std::string closed;
  {
    TestTarget target([](const net::Request&, net::Response&) {});
    closed = target.address();
  }
  EXPECT_EQ(fetch(closed),
            "connect: Get \"http://" + closed + "/metrics\": dial tcp " + closed + ": connect: connection refused");

  std::atomic<bool> over = false;
  TestTarget slow([&](const net::Request&, net::Response&) { testing::eventually([&] { return over.load(); }); });
  config_.timeout_ms = 50;
  EXPECT_EQ(fetch(slow.address()), "timeout: Get \"http://" + slow.address() + "/metrics\": context deadline exceeded");

  config_.timeout_ms = 60'000;
  const auto f = fetcher(slow.address());
  std::string canceled;
  std::thread thread([&] { canceled = text(f->fetch()); });
  EXPECT_TRUE(testing::eventually([&] { return slow.requests().size() == 2; }));
  f->cancel();
  thread.join();
  EXPECT_THAT(canceled, HasSubstr("canceled: "));
  EXPECT_THAT(text(f->fetch()), HasSubstr("canceled: ")) << "for good";
  over = true;
}

TEST_F(HttpFetcherTest, follows_redirects_without_giving_credentials_away) {
  TestTarget other([](const net::Request& request, net::Response& response) {
    response.body = "other " + std::string(request.header("authorization")) + "\n";
  });
  TestTarget target([&](const net::Request& request, net::Response& response) {
    const auto redirect = [&](const std::string& to) {
      response.status = 302;
      response.headers.emplace_back("Location", to);
    };
    if (request.path == "/metrics") redirect("/there");
    if (request.path == "/there") redirect("here?x=1");
    if (request.path == "/here") response.body = "here " + std::string(request.header("authorization")) + "\n";
    if (request.path == "/other") redirect("http://" + other.address() + "/x");
    if (request.path == "/loop") redirect("/loop");
    if (request.path == "/bad") redirect("gopher://x/");
  });
  config_.http.authorization = config::Authorization{"Bearer", config::Secret("t0ken"), ""};
  const auto f = [&](const char* path) {
    path_ = path;
    return fetch(target.address());
  };
  EXPECT_EQ(f("/metrics"), "here Bearer t0ken\n");
  EXPECT_EQ(f("/other"), "other \n");
  EXPECT_THAT(f("/loop"), HasSubstr("stopped after 10 redirects"));
  EXPECT_THAT(f("/bad"), HasSubstr("bad redirect"));
  config_.http.follow_redirects = false;
  EXPECT_EQ(f("/metrics"), "status: server returned HTTP status 302 Found");
}

TEST_F(HttpFetcherTest, authenticates) {
  testing::TempDir dir;
  const std::string file = dir.write("secret", "from file\n");
  const auto header = [](const config::HttpClientConfig& http) {
    const auto value = config::authorization_header(http);
    return value ? *value : "error: " + value.error();
  };
  config::HttpClientConfig http;
  EXPECT_EQ(header(http), "");
  http.basic_auth = config::BasicAuth{"Aladdin", "", config::Secret("open sesame"), ""};
  EXPECT_EQ(header(http), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  http.basic_auth->password_file = dir.file("missing");
  EXPECT_EQ(header(http), "error: unable to read file \"" + dir.file("missing") + "\"");
  http.basic_auth.reset();
  http.authorization = config::Authorization{"Bearer", config::Secret(""), file};
  EXPECT_EQ(header(http), "Bearer from file");

  config_.http.authorization = config::Authorization{"Bearer", config::Secret(""), dir.file("missing")};
  EXPECT_THAT(fetch("127.0.0.1:1"), HasSubstr("credentials: unable to read file"));
}

}  // namespace
}  // namespace tidemark::scrape
