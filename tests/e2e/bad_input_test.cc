// What bad input gets: a clear answer, and nothing lost or half done.
#include <gtest/gtest.h>
#include <signal.h>
#include <snappy.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/clock.h"
#include "net/server.h"
#include "tests/e2e/remote_write.h"
#include "tests/e2e/tidemark_process.h"
#include "tests/support/eventually.h"

namespace tidemark::testing {
namespace {

constexpr std::string_view kNothingToScrape = "scrape_configs: []\n";

TEST(BadInput, AMalformedPageIsDownAndNotHalfStored) {
  net::Server target({.listen_addresses = {"127.0.0.1:0"}, .workers = 1});
  target.route("GET", "/metrics", [](const net::Request&, net::Response& response) {
    response.body = "good_metric 1\nbad metric line\nother_metric 2\n";
  });
  ASSERT_EQ(target.start(), "");
  TidemarkProcess tidemark(
      "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n  - job_name: broken\n    static_configs:\n"
      "      - targets: [\"127.0.0.1:" +
      std::to_string(target.ports()[0]) + "\"]\n");
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  ASSERT_TRUE(eventually([&] { return query_value(tidemark.port(), "up") == "0"; }));
  EXPECT_EQ(query_value(tidemark.port(), "good_metric"), "");
  const Answer targets = get(tidemark.port(), "/api/v1/targets");
  const std::string error = targets.json()["data"]["activeTargets"][0]["lastError"].as<std::string>("");
  EXPECT_NE(error.find("line 2"), std::string::npos) << error;
}

TEST(BadInput, ABrokenConfigurationEndsTheStartWithItsPlace) {
  TidemarkProcess tidemark("global:\n  scrape_interval: 5 minutes\n");
  const Finished finished = run(tidemark.argv());
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_NE(finished.output.find("tidemark.yml:2"), std::string::npos) << finished.output;
  EXPECT_NE(finished.output.find("scrape_interval"), std::string::npos) << finished.output;
}

TEST(BadInput, ABrokenRuleFileEndsTheStartWithItsPlace) {
  TidemarkProcess tidemark("rule_files: [alerts.yaml]\n");
  tidemark.dir().write("alerts.yaml", "groups:\n  - name: a\n    rules:\n      - alert: X\n        expr: sum(\n");
  const Finished finished = run(tidemark.argv());
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_NE(finished.output.find("alerts.yaml:5"), std::string::npos) << finished.output;
}

size_t lines_with(const std::string& text, std::string_view needle) {
  size_t lines = 0;
  for (size_t at = text.find(needle); at != std::string::npos; at = text.find(needle, text.find('\n', at))) ++lines;
  return lines;
}

TEST(BadInput, EveryMistakeHasItsLine) {
  TidemarkProcess tidemark("rule_files: [alerts.yaml]\n");
  tidemark.dir().write("alerts.yaml",
                       "groups:\n  - name: a\n    rules:\n      - alert: X\n        expr: sum(\n"
                       "      - alert: Y\n        expr: ']'\n");
  const Finished finished = run(tidemark.argv());
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_EQ(lines_with(finished.output, "Error loading config (--config.file="), 2) << finished.output;
}

TEST(BadInput, ARuleFileThatIsNotThereIsWarnedOf) {
  TempDir dir;
  const std::string file = dir.write("tidemark.yml", "rule_files: [alrets.yaml]\n");
  const Finished check = run({bin_path("tidemark"), "check", "config", file});
  EXPECT_EQ(check.exit_code, 0);
  EXPECT_NE(check.output.find("alrets.yaml\" names no file"), std::string::npos) << check.output;
}

TEST(BadInput, NumbersThatCannotWorkEndTheStart) {
  for (const char* flag : {"--query.max-concurrency=0", "--query.max-concurrency=1001", "--query.max-threads=0",
                           "--query.max-samples=0", "--web.max-connections=0"}) {
    const Finished finished = run({bin_path("tidemark"), flag});
    EXPECT_EQ(finished.exit_code, 1) << flag;
    EXPECT_NE(finished.output.find("must be at least 1"), std::string::npos) << finished.output;
  }
}

TEST(BadInput, ChecksSayTheSame) {
  TempDir dir;
  const std::string bad = dir.write("tidemark.yml", "global:\n  scrape_intervall: 5s\n");
  const Finished config = run({bin_path("tidemark"), "check", "config", bad});
  EXPECT_EQ(config.exit_code, 1);
  EXPECT_NE(config.output.find("tidemark.yml:2"), std::string::npos) << config.output;
  EXPECT_NE(config.output.find("scrape_intervall"), std::string::npos) << config.output;
  const std::string rules = dir.write("rules.yaml", "groups:\n  - name: a\n    rules:\n      - record: x\n");
  const Finished check = run({bin_path("tidemark"), "check", "rules", rules});
  EXPECT_EQ(check.exit_code, 1);
  EXPECT_NE(check.output.find("rules.yaml:4"), std::string::npos) << check.output;
  const Finished unknown = run({bin_path("tidemark"), "--no.such.flag"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_NE(unknown.output.find("--no.such.flag"), std::string::npos) << unknown.output;
}

TEST(BadInput, QueriesThatDoNotParse) {
  TidemarkProcess tidemark(kNothingToScrape);
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  const auto check = [&](std::string_view query, std::string_view place) {
    const Answer answer = post(tidemark.port(), "/api/v1/query", "query=" + net::url_encode(query),
                               {{"Content-Type", "application/x-www-form-urlencoded"}});
    EXPECT_EQ(answer.status, 400) << query;
    EXPECT_EQ(answer.json()["errorType"].as<std::string>(""), "bad_data") << answer.body;
    EXPECT_NE(answer.body.find(place), std::string::npos) << answer.body;
  };
  check("sum(", "1:5");
  check("up{job=", "1:8");
  check("rate(up)", "rate");
  check("no_such_function(up)", "no_such_function");
  check(std::string(100'000, '('), "parse error");
  EXPECT_EQ(get(tidemark.port(), "/api/v1/query").status, 400);
  EXPECT_EQ(get(tidemark.port(), "/api/v1/query_range?query=up&start=2&end=1&step=1").status, 400);
  EXPECT_EQ(get(tidemark.port(), "/api/v1/query_range?query=up&start=1&end=2&step=0").status, 400);
  EXPECT_EQ(get(tidemark.port(), "/api/v1/nothing").status, 404);
}

TEST(BadInput, RemoteWriteIsOffUntilAskedFor) {
  TidemarkProcess tidemark(kNothingToScrape);
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  EXPECT_EQ(remote_write(tidemark.port(), {{{{"__name__", "x"}}, {{system_clock().now_ms(), 1}}}}).status, 404);
}

TEST(BadInput, RemoteWritesThatAreNotOnesStoreNothing) {
  TidemarkProcess tidemark(kNothingToScrape, {"--web.enable-remote-write-receiver"});
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  const int64_t now = system_clock().now_ms();
  const auto refused = [&](std::string_view what, const std::string& bytes) {
    const Answer answer = remote_write_bytes(tidemark.port(), bytes);
    EXPECT_GE(answer.status, 400) << what;
    EXPECT_LT(answer.status, 500) << what << ": " << answer.body;
    EXPECT_NE(answer.body, "") << what;
  };
  refused("not snappy", "this is not snappy at all");
  std::string not_protobuf;
  snappy::Compress("\xff\xff\xff", 3, &not_protobuf);
  refused("not protobuf", not_protobuf);
  refused("claims 4 GB", std::string("\xff\xff\xff\xff\x0f", 5) + "x");
  const std::string good = write_request({{{{"__name__", "x"}}, {{now, 1}}}});
  refused("cut short", good.substr(0, good.size() - 3));
  refused("a series without labels", write_request({{Labels{}, {{now, 1}}}}));
  EXPECT_EQ(query_value(tidemark.port(), "count({__name__=~\".+\"})"), "");
  EXPECT_EQ(remote_write_bytes(tidemark.port(), good).status, 204);
  EXPECT_EQ(query_value(tidemark.port(), "x"), "1");
}

TEST(BadInput, ADataDirectoryInUse) {
  TidemarkProcess tidemark(kNothingToScrape);
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  const Finished second = run(tidemark.argv());
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_NE(second.output.find(tidemark.data_dir()), std::string::npos) << second.output;
  EXPECT_NE(second.output.find("in use"), std::string::npos) << second.output;
}

TEST(BadInput, ADataDirectoryThatIsNotOne) {
  TidemarkProcess tidemark(kNothingToScrape);
  tidemark.dir().write("data", "a file where the directory should be");
  const Finished finished = run(tidemark.argv());
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_NE(finished.output.find(tidemark.data_dir()), std::string::npos) << finished.output;
}

TEST(BadInput, ADataDirectoryThatIsNotWritable) {
  TidemarkProcess tidemark(kNothingToScrape);
  ASSERT_EQ(::mkdir(tidemark.data_dir().c_str(), 0555), 0);
  std::vector<std::string> argv = tidemark.argv();
  if (::geteuid() == 0) {  // Root may write everywhere: nobody must try.
    ASSERT_EQ(::chmod(tidemark.dir().path().c_str(), 0755), 0);
    const std::vector<std::string> as_nobody{"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
    argv.insert(argv.begin(), as_nobody.begin(), as_nobody.end());
  }
  const Finished finished = run(argv);
  EXPECT_EQ(finished.exit_code, 1) << finished.output;
  EXPECT_NE(finished.output.find(tidemark.data_dir()), std::string::npos) << finished.output;
}

TEST(BadInput, ATakenPort) {
  TidemarkProcess tidemark(kNothingToScrape);
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  TempDir other;
  std::vector<std::string> argv = tidemark.argv();
  argv[2] = "--storage.tsdb.path=" + other.file("data");
  argv[3] = "--web.listen-address=" + tidemark.address();
  const Finished second = run(argv);
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_NE(second.output.find(tidemark.address()), std::string::npos) << second.output;
  EXPECT_NE(second.output.find("in use"), std::string::npos) << second.output;
}

TEST(BadInput, AReloadWithABadFileKeepsTheOldConfiguration) {
  TidemarkProcess tidemark("scrape_configs:\n  - job_name: one\n    static_configs: [{targets: [\"127.0.0.1:1\"]}]\n",
                           {"--web.enable-lifecycle"});
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  const auto job = [&] {
    return get(tidemark.port(), "/api/v1/targets")
        .json()["data"]["activeTargets"][0]["labels"]["job"]
        .as<std::string>("");
  };
  EXPECT_EQ(job(), "one");
  tidemark.write_config("scrape_configs:\n  - job_nam: two\n");
  const Answer bad = post(tidemark.port(), "/-/reload", "");
  EXPECT_EQ(bad.status, 500);
  EXPECT_NE(bad.body.find("tidemark.yml:2"), std::string::npos) << bad.body;
  EXPECT_EQ(job(), "one");
  EXPECT_EQ(get(tidemark.port(), "/-/healthy").status, 200);
  tidemark.program().signal(SIGHUP);
  EXPECT_TRUE(eventually([&] {
    const std::string output = tidemark.output();
    const size_t first = output.find("job_nam");
    return first != std::string::npos && output.find("job_nam", first + 1) != std::string::npos;
  })) << tidemark.output();
  EXPECT_EQ(job(), "one");

  tidemark.write_config("scrape_configs:\n  - job_name: two\n    static_configs: [{targets: [\"127.0.0.1:1\"]}]\n");
  tidemark.program().signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return job() == "two"; })) << tidemark.output();
}

}  // namespace
}  // namespace tidemark::testing
