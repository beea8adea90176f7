// Against parts nobody here wrote: the distribution's node_exporter, Prometheus and promtool (see get-peers.sh).
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include <filesystem>
#include <set>
#include <sstream>

#include "net/server.h"
#include "tests/e2e/tidemark_process.h"
#include "tests/support/eventually.h"

namespace tidemark::testing {
namespace {

#define REQUIRE_PEER(variable, name)     \
  const auto variable = peer_path(name); \
  if (!variable) GTEST_SKIP() << name << " is not here: tests/e2e/get-peers.sh could not fetch it"

// A free port, for programs that cannot be asked which one they took. Somebody may be quicker: the caller then fails.
uint16_t free_port() {
  net::Server server({.listen_addresses = {"127.0.0.1:0"}, .workers = 1});
  if (!server.start().empty()) return 0;
  return server.ports()[0];
}

std::string scrape_config(const std::string& address) {
  return "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n  - job_name: node\n    static_configs:\n"
         "      - targets: [\"" +
         address + "\"]\n";
}

TEST(Peers, NodeExporterIsScraped) {
  REQUIRE_PEER(node_exporter, "prometheus-node-exporter");
  const uint16_t port = free_port();
  Program exporter({*node_exporter, fmt::format("--web.listen-address=127.0.0.1:{}", port)});
  TidemarkProcess tidemark(scrape_config(fmt::format("127.0.0.1:{}", port)));
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  EXPECT_TRUE(eventually([&] { return query_value(tidemark.port(), "up") == "1"; }, std::chrono::seconds(20)))
      << exporter.output();
  EXPECT_NE(query_value(tidemark.port(), "node_exporter_build_info"), "");
  EXPECT_NE(query_value(tidemark.port(), "sum(node_cpu_seconds_total)"), "");
}

TEST(Peers, PrometheusScrapesOurExporterAndWritesItToTidemark) {
  REQUIRE_PEER(prometheus, "prometheus");
  ExporterProcess exporter;
  TidemarkProcess tidemark("scrape_configs: []\n", {"--web.enable-remote-write-receiver"});
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  TempDir dir;
  const std::string config =
      dir.write("prometheus.yml", scrape_config(exporter.address()) + "remote_write:\n  - url: http://" +
                                      tidemark.address() + "/api/v1/write\n");
  const uint16_t port = free_port();
  Program peer({*prometheus, "--config.file=" + config, "--storage.tsdb.path=" + dir.file("data"),
                fmt::format("--web.listen-address=127.0.0.1:{}", port)});
  EXPECT_TRUE(eventually([&] { return query_value(port, "up{job=\"node\"}") == "1"; }, std::chrono::seconds(30)))
      << peer.output();
  EXPECT_TRUE(
      eventually([&] { return query_value(tidemark.port(), "up{job=\"node\"}") == "1"; }, std::chrono::seconds(30)))
      << peer.output();
  EXPECT_TRUE(eventually([&] {
    return query_value(tidemark.port(), "count(node_cpu_seconds_total)") ==
           query_value(port, "count(node_cpu_seconds_total)");
  }));
}

// promtool's complaints about a page, without the metric's position.
std::set<std::string> lints(const std::string& promtool, const std::string& page) {
  TempDir dir;
  const std::string file = dir.write("page", page);
  const Finished finished = run({"/bin/sh", "-c", fmt::format("'{}' check metrics < '{}'", promtool, file)});
  EXPECT_TRUE(finished.exit_code == 0 || finished.exit_code == 3) << finished.output;  // 3: parsed, with lints.
  std::set<std::string> lines;
  std::istringstream in(finished.output);
  for (std::string line; std::getline(in, line);) lines.insert(line);
  return lines;
}

TEST(Peers, PromtoolFindsNothingInOurPageThatItDoesNotFindInNodeExporters) {
  REQUIRE_PEER(promtool, "promtool");
  REQUIRE_PEER(node_exporter, "prometheus-node-exporter");
  const uint16_t port = free_port();
  Program peer({*node_exporter, fmt::format("--web.listen-address=127.0.0.1:{}", port)});
  ASSERT_TRUE(eventually([&] { return get(port, "/metrics").status == 200; }));
  ExporterProcess exporter;
  const Answer ours = get(exporter.port(), "/metrics");
  ASSERT_EQ(ours.status, 200);
  const std::set<std::string> allowed = lints(*promtool, get(port, "/metrics").body);
  // node_exporter names these itself, though its release here may know fewer: the kernel's camelCase words of
  // /proc/meminfo and /proc/net/{netstat,snmp,snmp6}.
  const re2::RE2 kernels(
      "node_(memory|netstat)_[A-Za-z0-9_]+ metric names should be written in 'snake_case' not 'camelCase'");
  for (const std::string& line : lints(*promtool, ours.body)) {
    EXPECT_TRUE(allowed.count(line) > 0 || re2::RE2::FullMatch(line, kernels)) << line;
  }
}

// A script of the distribution's collection, copied to where one may be run from: "" where there is none.
std::string copy_script(const TempDir& dir, const std::string& name) {
  const std::string from = TIDEMARK_PEERS_DIR "/usr/share/prometheus-node-exporter-collectors/" + name;
  const std::string to = dir.file("scripts/" + name);
  std::error_code error;
  std::filesystem::create_directories(dir.file("scripts"), error);
  std::filesystem::copy_file(from, to, error);
  if (error) return "";
  std::filesystem::permissions(dir.file("scripts"), std::filesystem::perms{0755});
  std::filesystem::permissions(to, std::filesystem::perms{0755});
  return to;
}

TEST(Peers, ScriptsOfTheDistributionFeedTextfileAndRunUnderScript) {
  const TempDir dir;
  const std::string size_script = copy_script(dir, "directory-size.sh");
  const std::string fstab_script = copy_script(dir, "fstab-check.sh");
  if (size_script.empty() || fstab_script.empty())
    GTEST_SKIP() << "prometheus-node-exporter-collectors is not here: tests/e2e/get-peers.sh could not fetch it";
  // As cron would: what a script prints becomes a file.
  const auto feed = [&](const std::vector<std::string>& argv, const std::string& file) {
    const Finished finished = run(argv);
    EXPECT_EQ(finished.exit_code, 0) << finished.output;
    dir.write("text/" + file, finished.output);
  };
  feed({"/bin/sh", size_script, dir.file("scripts")}, "directory_size.prom");
  feed({"/bin/bash", fstab_script}, "fstab.prom");
  dir.write("watched/a", std::string(100'000, 'x'));
  const std::string config = dir.write(
      "scripts.yml", fmt::format("scripts:\n  - {{name: size, program: directory-size.sh, interval: 1h, args: [{}]}}\n"
                                 "  - {{name: fstab, program: fstab-check.sh, interval: 1h}}\n",
                                 dir.file("watched")));
  ExporterProcess exporter({"--collector.disable-defaults", "--collector.textfile", "--collector.script",
                            "--collector.textfile.directory=" + dir.file("text"),
                            "--collector.script.directory=" + dir.file("scripts"),
                            "--collector.script.config=" + config});
  std::string page;
  const auto has = [&](const std::string& text) { return page.find(text) != std::string::npos; };
  EXPECT_TRUE(eventually([&] {
    page = get(exporter.port(), "/metrics").body;
    return has("tidemark_script_success{script=\"fstab\"} 1") && has("tidemark_script_success{script=\"size\"} 1");
  })) << page;
  EXPECT_TRUE(has("node_directory_size_bytes{directory=\"" + dir.file("watched") + "\"} ")) << "by script\n" << page;
  EXPECT_TRUE(has("node_directory_size_bytes{directory=\"" + dir.file("scripts") + "\"} ")) << "by textfile\n" << page;
  EXPECT_FALSE(has("tidemark_textfile_file_error{file=\"" + dir.file("text/fstab.prom") + "\"} 1")) << page;
  EXPECT_TRUE(has("node_textfile_mtime_seconds{file=\"" + dir.file("text/fstab.prom") + "\"}")) << page;
}

TEST(Peers, PromtoolQueriesTidemark) {
  REQUIRE_PEER(promtool, "promtool");
  ExporterProcess exporter;
  TidemarkProcess tidemark(scrape_config(exporter.address()));
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  ASSERT_TRUE(eventually([&] { return query_value(tidemark.port(), "up") == "1"; }));
  const std::string url = "http://" + tidemark.address();
  const auto check = [&](const std::vector<std::string>& arguments, std::string_view want) {
    std::vector<std::string> argv{*promtool, "query"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const Finished finished = run(argv);
    EXPECT_EQ(finished.exit_code, 0) << arguments[0] << "\n" << finished.output;
    EXPECT_NE(finished.output.find(want), std::string::npos) << arguments[0] << "\n" << finished.output;
  };
  check({"instant", url, "up"}, "up{instance=\"" + exporter.address() + "\", job=\"node\"} => 1");
  check({"range", "--step=1s", url, "node_load1"}, "node_load1{instance=");
  check({"labels", url, "job"}, "node");
  check({"series", "--match=node_uname_info", url}, "nodename=");
}

}  // namespace
}  // namespace tidemark::testing
