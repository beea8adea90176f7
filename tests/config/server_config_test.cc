#include "config/server_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "config/target_groups.h"
#include "tests/support/temp_dir.h"

namespace tidemark::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

ServerConfig parse(std::string_view text) {
  const auto config = parse_server_config(text, "/etc/tidemark/tidemark.yml");
  EXPECT_TRUE(config) << (config ? "" : config.error().message());
  return config.value_or(ServerConfig{});
}

TEST(ServerConfig, AnEmptyFileIsAllDefaults) {
  for (const char* text : {"", "global:\nscrape_configs:\nrule_files:\n", "global: {}\nremote_write: []\n"}) {
    const ServerConfig config = parse(text);
    EXPECT_EQ(config.global.scrape_interval_ms, 60'000);
    EXPECT_EQ(config.global.scrape_timeout_ms, 10'000);
    EXPECT_EQ(config.global.evaluation_interval_ms, 60'000);
    EXPECT_THAT(config.scrape_configs, IsEmpty());
    EXPECT_THAT(config.warnings, IsEmpty());
    EXPECT_FALSE(config.storage.retention.time_ms);
  }
}

TEST(ServerConfig, AJobWithEverything) {
  const ServerConfig config = parse(R"(
global:
  scrape_interval: 15s
  body_size_limit: 20MB
  sample_limit: 7
  label_limit: 30
scrape_configs:
  - job_name: node
    honor_labels: true
    honor_timestamps: false
    track_timestamps_staleness: true
    scrape_interval: 30s
    scrape_timeout: 20s
    metrics_path: probe
    scheme: https
    params:
      module: [http_2xx, b]
      target: [x]
    basic_auth: {username: u, password_file: secrets/p}
    tls_config: {ca_file: ca.pem, cert_file: /c.pem, key_file: k.pem, server_name: n, insecure_skip_verify: true}
    follow_redirects: false
    enable_http2: false
    enable_compression: false
    sample_limit: 1000
    static_configs:
      - targets: ["a:1", "b:2"]
        labels: {rack: r1, number: 5}
      - targets: ["http://c/metrics"]
    file_sd_configs:
      - files: [targets/*.json]
        refresh_interval: 1m
      - files: [/abs/t.yml]
    dns_sd_configs:
      - names: [_http._tcp.a, b]
      - {names: [c], type: aaaa, port: 9100, refresh_interval: 1m}
      - {names: [c], type: A, port: 65535}
    relabel_configs:
      - source_labels: [__address__, x]
        separator: "@"
        regex: (.*):(\d+)@(.+)
        target_label: ${1}_x
        replacement: ""
      - {action: KEEP, source_labels: [a], regex: b}
      - {action: hashmod, source_labels: [a], modulus: 8, target_label: h}
    metric_relabel_configs:
      - {action: labeldrop, regex: tmp_.*}
)");
  ASSERT_EQ(config.scrape_configs.size(), 1u);
  const ScrapeConfig& job = config.scrape_configs[0];
  EXPECT_EQ(job.job_name, "node");
  EXPECT_TRUE(job.honor_labels);
  EXPECT_FALSE(job.honor_timestamps);
  EXPECT_TRUE(job.track_timestamps_staleness);
  EXPECT_EQ(job.interval_ms, 30'000);
  EXPECT_EQ(job.timeout_ms, 20'000);
  EXPECT_EQ(job.metrics_path, "/probe");
  EXPECT_EQ(job.scheme, "https");
  EXPECT_THAT(job.params, ElementsAre(Pair("module", ElementsAre("http_2xx", "b")), Pair("target", ElementsAre("x"))));
  ASSERT_TRUE(job.http.basic_auth);
  EXPECT_EQ(job.http.basic_auth->username, "u");
  EXPECT_EQ(job.http.basic_auth->password_file, "/etc/tidemark/secrets/p");
  EXPECT_FALSE(job.http.authorization);
  EXPECT_EQ(job.http.tls.ca_file, "/etc/tidemark/ca.pem");
  EXPECT_EQ(job.http.tls.cert_file, "/c.pem");
  EXPECT_EQ(job.http.tls.key_file, "/etc/tidemark/k.pem");
  EXPECT_EQ(job.http.tls.server_name, "n");
  EXPECT_TRUE(job.http.tls.insecure_skip_verify);
  EXPECT_FALSE(job.http.follow_redirects);
  EXPECT_FALSE(job.enable_compression);
  EXPECT_EQ(job.limits.samples, 1000u);
  EXPECT_EQ(job.limits.labels, 30u);
  EXPECT_EQ(job.limits.body_size_bytes, 20u << 20);
  ASSERT_EQ(job.static_configs.size(), 2u);
  EXPECT_THAT(job.static_configs[0].targets, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(job.static_configs[0].labels, (Labels{{"number", "5"}, {"rack", "r1"}}));
  ASSERT_EQ(job.file_sd_configs.size(), 2u);
  EXPECT_THAT(job.file_sd_configs[0].files, ElementsAre("/etc/tidemark/targets/*.json"));
  EXPECT_EQ(job.file_sd_configs[0].refresh_interval_ms, 60'000);
  EXPECT_THAT(job.file_sd_configs[1].files, ElementsAre("/abs/t.yml"));
  EXPECT_EQ(job.file_sd_configs[1].refresh_interval_ms, 300'000);
  ASSERT_EQ(job.dns_sd_configs.size(), 3u);
  EXPECT_THAT(job.dns_sd_configs[0].names, ElementsAre("_http._tcp.a", "b"));
  EXPECT_EQ(job.dns_sd_configs[0].type, DnsRecordType::kSrv);
  EXPECT_EQ(job.dns_sd_configs[0].refresh_interval_ms, 30'000);
  EXPECT_EQ(job.dns_sd_configs[1].type, DnsRecordType::kAaaa);
  EXPECT_EQ(job.dns_sd_configs[1].port, 9'100);
  EXPECT_EQ(job.dns_sd_configs[1].refresh_interval_ms, 60'000);
  EXPECT_EQ(job.dns_sd_configs[2].type, DnsRecordType::kA);
  EXPECT_EQ(job.dns_sd_configs[2].port, 65'535);
  ASSERT_EQ(job.relabel_configs.size(), 3u);
  EXPECT_THAT(job.relabel_configs[0].source_labels, ElementsAre("__address__", "x"));
  EXPECT_EQ(job.relabel_configs[0].separator, "@");
  EXPECT_TRUE(re2::RE2::FullMatch("h:1@\n", *job.relabel_configs[0].regex));
  EXPECT_EQ(job.relabel_configs[0].target_label, "${1}_x");
  EXPECT_EQ(job.relabel_configs[0].replacement, "");
  EXPECT_EQ(job.relabel_configs[0].action, RelabelAction::kReplace);
  EXPECT_EQ(job.relabel_configs[1].action, RelabelAction::kKeep);
  EXPECT_EQ(job.relabel_configs[1].replacement, "$1");
  EXPECT_EQ(job.relabel_configs[2].modulus, 8u);
  ASSERT_NE(job.relabel_configs[2].regex, nullptr);
  ASSERT_EQ(job.metric_relabel_configs.size(), 1u);
  EXPECT_EQ(job.metric_relabel_configs[0].action, RelabelAction::kLabelDrop);
}

TEST(ServerConfig, TimeoutsFollowTheInterval) {
  const ServerConfig config = parse(R"(
global: {scrape_interval: 5s}
scrape_configs:
  - {job_name: a}
  - {job_name: b, scrape_interval: 1m}
  - {job_name: c, scrape_interval: 2s}
)");
  EXPECT_EQ(config.global.scrape_timeout_ms, 5'000);
  EXPECT_EQ(config.scrape_configs[0].timeout_ms, 5'000);
  EXPECT_EQ(config.scrape_configs[1].timeout_ms, 5'000);
  EXPECT_EQ(config.scrape_configs[2].timeout_ms, 2'000);
}

TEST(ServerConfig, Credentials) {
  const ServerConfig config = parse(R"(
scrape_configs:
  - {job_name: a, bearer_token: t}
  - {job_name: b, bearer_token_file: f}
  - {job_name: c, authorization: {type: Token, credentials: x}}
)");
  EXPECT_EQ(config.scrape_configs[0].http.authorization->type, "Bearer");
  EXPECT_EQ(config.scrape_configs[0].http.authorization->credentials.reveal(), "t");
  EXPECT_EQ(config.scrape_configs[1].http.authorization->credentials_file, "/etc/tidemark/f");
  EXPECT_EQ(config.scrape_configs[2].http.authorization->type, "Token");
  EXPECT_EQ(config.scrape_configs[2].http.authorization->credentials.reveal(), "x");
}

TEST(ServerConfig, ExternalLabelsSeeTheEnvironment) {
  ASSERT_EQ(::setenv("TIDEMARK_TEST_SITE", "berlin", 1), 0);
  ::unsetenv("TIDEMARK_TEST_NONE");
  const ServerConfig config = parse(R"(
global:
  external_labels:
    a: x-${TIDEMARK_TEST_SITE}-y
    b: $TIDEMARK_TEST_SITE/1
    c: 5$$ $5
    d: n${TIDEMARK_TEST_NONE}
scrape_configs:
  - job_name: ${TIDEMARK_TEST_SITE}
)");
  EXPECT_EQ(config.global.external_labels,
            (Labels{{"a", "x-berlin-y"}, {"b", "berlin/1"}, {"c", "5$ $5"}, {"d", "n"}}));
  EXPECT_EQ(config.scrape_configs[0].job_name, "${TIDEMARK_TEST_SITE}");
  EXPECT_THAT(config.warnings, ElementsAre("/etc/tidemark/tidemark.yml:7: \"d\" uses the environment variable "
                                           "TIDEMARK_TEST_NONE, which is not set"));
}

TEST(ServerConfig, StorageAndAlerting) {
  const ServerConfig config = parse(R"(
storage:
  encryption_key_file: keys/data.key
  tsdb:
    out_of_order_time_window: 30m
    retention: {time: 30d, size: 100GB, percentage: 80.5, rollup_5m: 180d, rollup_1h: 5y,
                by_matcher: [{match: 'up{job="debug"}', time: 3d}]}
  exemplars: {max_exemplars: 5}
rule_files: [alerts.yaml, "rules/*.yml", /abs.yml]
alerting:
  alert_relabel_configs:
    - {action: labeldrop, regex: replica}
  alertmanagers:
    - scheme: https
      path_prefix: /am
      timeout: 5s
      api_version: v2
      static_configs: [{targets: ["am:9093"]}]
)");
  EXPECT_EQ(config.storage.retention.time_ms, 30 * 86'400'000LL);
  EXPECT_EQ(config.storage.retention.size_bytes, 100ull << 30);
  EXPECT_EQ(config.storage.retention.percentage, 80.5);
  EXPECT_EQ(config.storage.retention.rollup_5m_ms, 180 * 86'400'000LL);
  EXPECT_EQ(config.storage.retention.rollup_1h_ms, 5 * 365 * 86'400'000LL);
  ASSERT_EQ(config.storage.retention.by_matcher.size(), 1u);
  EXPECT_EQ(config.storage.retention.by_matcher[0].match, "up{job=\"debug\"}");
  EXPECT_EQ(config.storage.retention.by_matcher[0].time_ms, 3 * 86'400'000LL);
  EXPECT_GT(config.storage.retention.by_matcher[0].line, 0);
  EXPECT_EQ(config.storage.encryption_key_file, "/etc/tidemark/keys/data.key");
  EXPECT_EQ(config.storage.out_of_order_window_ms, 1'800'000);
  EXPECT_THAT(config.rule_files, ElementsAre("/etc/tidemark/alerts.yaml", "/etc/tidemark/rules/*.yml", "/abs.yml"));
  EXPECT_EQ(config.alert_relabel_configs.size(), 1u);
  ASSERT_EQ(config.alertmanagers.size(), 1u);
  EXPECT_EQ(config.alertmanagers[0].scheme, "https");
  EXPECT_EQ(config.alertmanagers[0].path_prefix, "/am");
  EXPECT_EQ(config.alertmanagers[0].timeout_ms, 5'000);
  EXPECT_THAT(config.alertmanagers[0].static_configs[0].targets, ElementsAre("am:9093"));
  EXPECT_THAT(config.warnings,
              ElementsAre("/etc/tidemark/tidemark.yml:8: \"exemplars\" in storage has no effect here"));
}

// Every file in bad/ begins with what is wrong with it: "# want: LINE: MESSAGE", one comment an error.
TEST(ServerConfig, EachMistakeHasItsMessage) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TIDEMARK_SOURCE_DIR "/tests/config/bad")) {
    const std::string path = entry.path().string();
    std::vector<std::string> want;
    std::ifstream in(path);
    constexpr std::string_view kMark = "# want: ";
    for (std::string line; std::getline(in, line) && line.starts_with(kMark);) {
      want.push_back(path + ":" + line.substr(kMark.size()));
    }
    ASSERT_FALSE(want.empty()) << path;
    const auto config = load_server_config(path);
    ASSERT_FALSE(config) << path;
    EXPECT_EQ(config.error().code(), Code::kInvalid);
    std::string all;
    for (const std::string& line : want) all += (all.empty() ? "" : "\n") + line;
    EXPECT_EQ(config.error().message(), all);
    EXPECT_EQ(config.error().message().find("secret\""), std::string::npos) << path;
    ++files;
  }
  EXPECT_GE(files, 45u);
}

// Whatever the bytes: a configuration or errors that name the file, each in a line of its own.
TEST(ServerConfig, SurvivesRandomChanges) {
  const std::string text =
      "global:\n  scrape_interval: 15s\n  external_labels: &g {a: $x, b: \"\\u00e4\"}\nscrape_configs:\n"
      "- job_name: n\n  params: {m: [x, 'y']}\n  body_size_limit: 10MB\n  relabel_configs:\n"
      "  - source_labels: [a]\n    regex: (.*)\n    target_label: ${1}\n  static_configs:\n  - targets: ['a:1']\n"
      "    labels: {<<: *g}\n- job_name: >-\n    folded\n    name\nrule_files: [\"*.yml\"]\n";
  constexpr char kAlphabet[] =
      "{}[]\"',:&*!|>-#%@ \t\n\r\x01\xff\xc3"
      "0a$?~<";
  size_t good = 0;
  for (uint32_t seed = 0; seed < 3'000; ++seed) {
    std::mt19937 random(seed);
    std::string changed = text;
    for (uint32_t edits = 1 + random() % 6; edits > 0 && !changed.empty(); --edits) {
      const size_t at = random() % changed.size();
      const char c = kAlphabet[random() % sizeof kAlphabet];
      switch (random() % 4) {
        case 0:
          changed[at] = c;
          break;
        case 1:
          changed.insert(changed.begin() + static_cast<ptrdiff_t>(at), c);
          break;
        case 2:
          changed.erase(at, 1 + random() % 6);
          break;
        default:
          changed.insert(at, changed.substr(random() % changed.size(), random() % 60));
      }
    }
    const auto config = parse_server_config(changed, "f.yml");
    if (config) {
      ++good;
      continue;
    }
    std::istringstream lines(config.error().message());
    for (std::string line; std::getline(lines, line);) ASSERT_TRUE(line.starts_with("f.yml:")) << seed << ": " << line;
  }
  EXPECT_GT(good, 50u);
}

TEST(ServerConfig, AFileThatIsNotThere) {
  const auto config = load_server_config("/nonexistent/tidemark.yml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code(), Code::kNotFound);
  EXPECT_EQ(config.error().message(), "/nonexistent/tidemark.yml: No such file or directory");
}

TEST(ServerConfig, OurSampleLoads) {
  const auto config = load_server_config(TIDEMARK_SOURCE_DIR "/config/tidemark.yml");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_THAT(config->warnings, IsEmpty());
  ASSERT_EQ(config->scrape_configs.size(), 2u);
  EXPECT_THAT(config->scrape_configs[0].static_configs[0].targets, ElementsAre("127.0.0.1:9100"));
  EXPECT_THAT(config->scrape_configs[1].static_configs[0].targets, ElementsAre("127.0.0.1:9090"));
  EXPECT_THAT(config->rule_files, ElementsAre(TIDEMARK_SOURCE_DIR "/config/alerts.yaml"));
}

TEST(ServerConfig, TheClusterSampleLoads) {
  const auto config = load_server_config(TIDEMARK_SOURCE_DIR "/deploy/kubernetes/tidemark.yml");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_THAT(config->warnings, IsEmpty());
  ASSERT_EQ(config->scrape_configs.size(), 2u);
  ASSERT_EQ(config->scrape_configs[0].dns_sd_configs.size(), 1u);
  const DnsSdConfig& dns = config->scrape_configs[0].dns_sd_configs[0];
  EXPECT_THAT(dns.names, ElementsAre("tidemark-exporter.tidemark.svc"));
  EXPECT_EQ(dns.type, DnsRecordType::kA);
  EXPECT_EQ(dns.port, 9'100);
}

TEST(TargetGroups, FilesOfTargets) {
  const testing::TempDir dir;
  const auto json = load_target_groups(dir.write("a.json", R"([{"targets": ["a:1"], "labels": {"x": "1"}}, {}])"));
  ASSERT_TRUE(json) << json.error().message();
  ASSERT_EQ(json->size(), 2u);
  EXPECT_THAT((*json)[0].targets, ElementsAre("a:1"));
  EXPECT_EQ((*json)[0].labels, (Labels{{"x", "1"}}));
  const auto bad = load_target_groups(dir.write("b.yml", "- target: [a]\n"));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message(), dir.file("b.yml") + ":1: unknown key \"target\" (did you mean \"targets\"?)");
}

TEST(Glob, FindsFilesSorted) {
  const testing::TempDir dir;
  dir.write("b.yml", "");
  dir.write("a.yml", "");
  dir.write("c.txt", "");
  EXPECT_THAT(expand_glob(dir.file("*.yml")), ElementsAre(dir.file("a.yml"), dir.file("b.yml")));
  EXPECT_THAT(expand_glob(dir.file("a.yml")), ElementsAre(dir.file("a.yml")));
  EXPECT_THAT(expand_glob(dir.file("none*")), IsEmpty());
}

}  // namespace
}  // namespace tidemark::config
