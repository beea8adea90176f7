#include "aggregator/api/api.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <atomic>

#include "aggregator/api/parameters.h"
#include "net/client.h"
#include "net/server.h"
#include "tests/api/answers.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"

namespace tidemark::api {
namespace {

class FakeProgram final : public Program {
 public:
  State state() const override { return {ready, stopping, true, 5'000, "15d"}; }
  std::vector<prometheus::MetricFamily> families() const override { return {}; }
  Status reload() override { return reload_status; }
  void quit() override { ++quits; }

  std::atomic<bool> ready = true;
  std::atomic<bool> stopping = false;
  Status reload_status;
  std::atomic<int> quits = 0;
};

class NoTargets final : public TargetsView {
 public:
  scrape::TargetsSnapshot targets() const override { return {}; }
  void visit_metadata(const std::function<void(LabelsView, const scrape::MetricMetadata&)>&) const override {}
};

class NoRules final : public alerting::RuleSource {
 public:
  std::vector<std::shared_ptr<const alerting::GroupView>> groups() const override { return {}; }
};

class FakeAdmin final : public storage::Admin {
 public:
  Status snapshot(const std::string& name) override {
    snapshots.push_back(name);
    return status;
  }
  Result<storage::Backup> backup(const std::string& folder, size_t keep) override {
    if (!status.ok()) return fail(status);
    backups.push_back(folder + " " + std::to_string(keep));
    return storage::Backup{2, 1000, 300, 31, 40, false};
  }

  storage::Cardinality cardinality(size_t limit) override {
    storage::Cardinality out;
    out.series = 7;
    out.label_pairs = limit;
    out.series_by_metric = {{"up", 5}, {"down", 2}};
    out.series_by_pair = {{"job=a", 7}};
    out.min_ms = 1000;
    out.max_ms = 2000;
    return out;
  }
  Status delete_samples(const std::vector<std::vector<Matcher>>& sets, int64_t min_ms, int64_t max_ms) override {
    if (!status.ok()) return status;
    std::string text = std::to_string(min_ms) + " " + std::to_string(max_ms);
    for (const std::vector<Matcher>& matchers : sets) {
      text += " |";
      for (const Matcher& matcher : matchers) text += " " + matcher.name() + "=" + matcher.value();
    }
    deletes.push_back(std::move(text));
    return {};
  }
  Status clean_tombstones() override {
    ++cleanings;
    return status;
  }

  Status status;
  std::vector<std::string> deletes;
  int cleanings = 0;
  std::vector<std::string> snapshots;
  std::vector<std::string> backups;
};

// Over a real server and client.
class ApiTest : public ::testing::Test {
 protected:
  ApiTest() : engine_(store_, promql::EngineOptions{}, clock_, registry_) {
    store_.add(Labels{{"__name__", "up"}, {"job", "a"}}, clock_.now_ms(), 1);
  }

  void start(bool enable_lifecycle = false) {
    Options options;
    options.enable_lifecycle = enable_lifecycle;
    start(std::move(options));
  }
  void start(Options options) {
    net::ServerOptions server_options;
    server_options.listen_addresses = {"127.0.0.1:0"};
    options.version = "1.2<3";
    options.flags = {{"web.b", "2"}, {"web.a", "1"}};
    api_ =
        std::make_unique<Api>(options, Parts{engine_, store_, admin_, targets_, rules_, program_, clock_, registry_});
    server_ = std::make_unique<net::Server>(server_options);
    api_->install(*server_);
    ASSERT_EQ(server_->start(), "");
  }

  net::ClientResponse send(std::string method, std::string target, std::string body = "", net::Params headers = {}) {
    net::Url url;
    url.scheme = "http";
    url.host = "127.0.0.1";
    url.port = server_->ports().front();
    net::Client client(url, {});
    net::ClientRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    request.headers = std::move(headers);
    auto response = client.send(request);
    EXPECT_TRUE(response.has_value()) << request.target;
    return response ? *response : net::ClientResponse{};
  }
  std::string get(std::string target) {
    const net::ClientResponse response = send("GET", std::move(target));
    return std::to_string(response.status) + " " + response.body;
  }

  testing::MemoryStore store_;
  FakeAdmin admin_;
  testing::FakeClock clock_;
  prometheus::Registry registry_;
  promql::Engine engine_;
  NoTargets targets_;
  NoRules rules_;
  FakeProgram program_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<net::Server> server_;  // Stops before what it calls goes.
};

TEST_F(ApiTest, SnapshotsAndBackupsOnlyWhenEnabledAndOnlyWhereConfigured) {
  constexpr const char* kDisabled = R"({"status":"error","errorType":"unavailable","error":"admin APIs disabled"})";
  const auto post = [this](std::string target) {
    const net::ClientResponse response = send("POST", std::move(target));
    return std::to_string(response.status) + " " + response.body;
  };
  start();
  EXPECT_EQ(post("/api/v1/admin/tsdb/snapshot"), std::string("503 ") + kDisabled);
  EXPECT_EQ(post("/api/v1/admin/tsdb/backup"), std::string("503 ") + kDisabled);
  EXPECT_TRUE(admin_.snapshots.empty() && admin_.backups.empty());

  Options options;
  options.enable_admin = true;
  start(options);
  EXPECT_EQ(get("/api/v1/admin/tsdb/snapshot").substr(0, 3), "405");
  const std::string taken = post("/api/v1/admin/tsdb/snapshot?skip_head=false");
  ASSERT_EQ(admin_.snapshots.size(), 1u);
  const std::string& name = admin_.snapshots.front();
  EXPECT_EQ(taken, R"(200 {"status":"success","data":{"name":")" + name + "\"}}");
  EXPECT_EQ(name.substr(0, 17), "20231114T221320Z-");
  EXPECT_EQ(name.size(), 33u);
  EXPECT_EQ(post("/api/v1/admin/tsdb/snapshot?skip_head=maybe"),
            R"(400 {"status":"error","errorType":"bad_data","error":"invalid parameter \"skip_head\": cannot parse )"
            R"(\"maybe\" as a boolean"})");
  EXPECT_EQ(post("/api/v1/admin/tsdb/backup").substr(0, 3), "503");
  EXPECT_TRUE(admin_.backups.empty());

  options.backup_folder = "/backups";
  options.backups_kept = 7;
  start(options);
  EXPECT_EQ(post("/api/v1/admin/tsdb/backup?to=/etc"),
            R"(200 {"status":"success","data":{"id":2,"files":31,"bytes":300,"copiedBytes":40}})");
  EXPECT_EQ(admin_.backups, std::vector<std::string>{"/backups 7"});
  admin_.status = Status::unavailable("a backup is under way");
  EXPECT_EQ(post("/api/v1/admin/tsdb/backup").substr(0, 3), "503");
}

TEST_F(ApiTest, DeletesSeriesOnlyWhenEnabled) {
  const auto post = [this](std::string target) {
    const net::ClientResponse response = send("POST", std::move(target));
    return std::to_string(response.status) + " " + response.body;
  };
  const std::string target = "/api/v1/admin/tsdb/delete_series";
  start();
  EXPECT_EQ(post(target + "?match[]=up").substr(0, 3), "503");
  EXPECT_EQ(post("/api/v1/admin/tsdb/clean_tombstones").substr(0, 3), "503");
  EXPECT_TRUE(admin_.deletes.empty());
  EXPECT_EQ(admin_.cleanings, 0);

  Options options;
  options.enable_admin = true;
  start(options);
  EXPECT_EQ(get(target + "?match[]=up").substr(0, 3), "405");
  EXPECT_EQ(post(target), R"(400 {"status":"error","errorType":"bad_data","error":"no match[] parameter provided"})");
  EXPECT_EQ(post(target + "?match[]=up&match[]={").substr(0, 3), "400");
  EXPECT_TRUE(admin_.deletes.empty());
  EXPECT_EQ(post(target + "?match[]=up&match[]=down{job=%22a%22}&start=1&end=2.5"), "204 ");
  EXPECT_EQ(send("PUT", target + "?match[]=up").status, 204);
  EXPECT_EQ(admin_.deletes, (std::vector<std::string>{
                                "1000 2500 | __name__=up | job=a __name__=down",
                                std::to_string(kTimeMinMs) + " " + std::to_string(kTimeMaxMs) + " | __name__=up"}));
  EXPECT_EQ(post("/api/v1/admin/tsdb/clean_tombstones"), "204 ");
  EXPECT_EQ(admin_.cleanings, 1);
  admin_.status = Status::unavailable("there are too many tombstones");
  EXPECT_EQ(post(target + "?match[]=up").substr(0, 3), "503");
}

TEST_F(ApiTest, RoutesEveryEndpoint) {
  start();
  EXPECT_EQ(get("/api/v1/query?query=up"),
            R"(200 {"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a"},)"
            R"("value":[1700000000,"1"]}]}})");
  EXPECT_EQ(
      get("/api/v1/query_range?query=1&start=0&end=1&step=1"),
      R"(200 {"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[0,"1"],[1,"1"]]}]}})");
  EXPECT_EQ(get("/api/v1/series?match[]=up"), R"(200 {"status":"success","data":[{"__name__":"up","job":"a"}]})");
  EXPECT_EQ(get("/api/v1/labels"), R"(200 {"status":"success","data":["__name__","job"]})");
  EXPECT_EQ(get("/api/v1/label/job/values"), R"(200 {"status":"success","data":["a"]})");
  EXPECT_EQ(get("/api/v1/targets?state=active"),
            R"(200 {"status":"success","data":{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":null}})");
  EXPECT_EQ(get("/api/v1/scrape_pools"), R"(200 {"status":"success","data":{"scrapePools":[]}})");
  EXPECT_EQ(get("/api/v1/rules"), R"(200 {"status":"success","data":{"groups":[]}})");
  EXPECT_EQ(get("/api/v1/alerts"), R"(200 {"status":"success","data":{"alerts":[]}})");
  EXPECT_EQ(get("/api/v1/alertmanagers"),
            R"(200 {"status":"success","data":{"activeAlertmanagers":[],"droppedAlertmanagers":[]}})");
  EXPECT_EQ(get("/api/v1/targets/metadata"), R"(200 {"status":"success","data":[]})");
  EXPECT_EQ(get("/api/v1/query_exemplars?query=up"), R"(200 {"status":"success","data":[]})");
  EXPECT_EQ(get("/api/v1/metadata"), R"(200 {"status":"success","data":{}})");
  EXPECT_EQ(get("/api/v1/status/flags"), R"(200 {"status":"success","data":{"web.a":"1","web.b":"2"}})");
  EXPECT_EQ(
      get("/api/v1/status/buildinfo"),
      R"(200 {"status":"success","data":{"version":"3.5.0","revision":"","branch":"","buildUser":"","buildDate":"",)"
      R"("goVersion":"","tidemarkVersion":"1.2<3"}})");
  for (const char* limit : {"x", "0", "-1", "99999999999999999999"})
    EXPECT_EQ(get("/api/v1/status/tsdb?limit=" + std::string(limit)), bad_data("limit must be a positive number"));
  EXPECT_EQ(get("/api/v1/status/tsdb?limit=10001"), bad_data("limit must not exceed 10000"));
  EXPECT_EQ(
      get("/api/v1/status/tsdb"),
      R"(200 {"status":"success","data":{"headStats":{"numSeries":7,"numLabelPairs":10,"chunkCount":7,"minTime":1000,)"
      R"("maxTime":2000},"seriesCountByMetricName":[{"name":"up","value":5},{"name":"down","value":2}],)"
      R"("labelValueCountByLabelName":[],"memoryInBytesByLabelName":[],)"
      R"("seriesCountByLabelValuePair":[{"name":"job=a","value":7}]}})");
  EXPECT_NE(get("/api/v1/status/tsdb?limit=3").find(R"("numLabelPairs":3)"), std::string::npos);
  EXPECT_EQ(get("/api/v1/status/tsdb?limit=0").substr(0, 3), "400");
  EXPECT_EQ(get("/api/v1/status/tsdb?limit=x").substr(0, 3), "400");
  const std::string runtime = get("/api/v1/status/runtimeinfo");
  EXPECT_EQ(runtime.substr(0, 75), R"(200 {"status":"success","data":{"startTime":"2023-11-14T22:13:20Z","CWD":"/)");
  EXPECT_NE(runtime.find(R"("reloadConfigSuccess":true,"lastConfigTime":"1970-01-01T00:00:05Z")"), std::string::npos);
  EXPECT_NE(runtime.find(R"("storageRetention":"15d"}})"), std::string::npos);
  EXPECT_EQ(get("/api/v1/format_query?query=sum(up)by(job)"),
            R"x(200 {"status":"success","data":"sum by (job) (up)"})x");
  EXPECT_EQ(get("/api/v1/parse_query?query=7"),
            R"(200 {"status":"success","data":{"type":"numberLiteral","val":"7"}})");
  for (const char* path : {"/api/v1/format_query", "/api/v1/parse_query"}) {
    EXPECT_EQ(get(std::string(path) + "?query=sum("),
              R"(400 {"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:5: parse error: )"
              R"(unclosed left parenthesis"})");
  }
  EXPECT_EQ(get("/api/v1/status/active_queries"), R"(200 {"status":"success","data":[]})");
  EXPECT_EQ(send("DELETE", "/api/v1/status/active_queries/17").status, 404);
  EXPECT_EQ(send("DELETE", "/api/v1/status/active_queries/x").status, 400);
  EXPECT_EQ(get("/api/v1/nothing").substr(0, 3), "404");
}

TEST_F(ApiTest, TakesFormsAndSendsJson) {
  start();
  const net::ClientResponse response = send("POST", "/api/v1/query?query=2", "query=1%2B1&time=0",
                                            {{"content-type", "application/x-www-form-urlencoded"}});
  EXPECT_EQ(response.body, R"({"status":"success","data":{"resultType":"scalar","result":[0,"2"]}})");
  EXPECT_EQ(response.header("content-type"), "application/json");
  EXPECT_EQ(send("POST", "/api/v1/targets").status, 405);
}

TEST_F(ApiTest, LetsOtherOriginsRead) {
  start();
  const net::ClientResponse plain = send("GET", "/api/v1/labels");
  EXPECT_EQ(plain.header("access-control-allow-origin"), "");
  const net::ClientResponse cross = send("GET", "/api/v1/query?query={", "", {{"origin", "http://grafana"}});
  EXPECT_EQ(cross.status, 400);
  EXPECT_EQ(cross.header("access-control-allow-origin"), "*");
  EXPECT_EQ(cross.header("access-control-expose-headers"), "Date");
  program_.ready = false;
  const net::ClientResponse preflight = send("OPTIONS", "/api/v1/label/job/values", "", {{"origin", "http://grafana"}});
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.header("access-control-allow-origin"), "*");
  EXPECT_EQ(preflight.header("access-control-allow-methods"), "GET, POST, OPTIONS");
  EXPECT_EQ(send("OPTIONS", "/-/reload").status, 405);
}

TEST_F(ApiTest, IsHealthyBeforeItIsReady) {
  start();
  EXPECT_EQ(get("/-/healthy"), "200 Tidemark is Healthy.\n");
  EXPECT_EQ(get("/-/ready"), "200 Tidemark is Ready.\n");
  program_.ready = false;
  EXPECT_EQ(get("/-/healthy"), "200 Tidemark is Healthy.\n");
  EXPECT_EQ(get("/-/ready"), "503 Service Unavailable");
  EXPECT_EQ(get("/api/v1/query?query=1"), "503 Service Unavailable");
  EXPECT_EQ(send("HEAD", "/-/ready").status, 503);
  EXPECT_EQ(send("GET", "/-/ready").header("x-prometheus-stopping"), "false");
  program_.ready = true;
  program_.stopping = true;
  EXPECT_EQ(send("GET", "/-/ready").header("x-prometheus-stopping"), "true");
  EXPECT_EQ(send("HEAD", "/-/healthy").status, 200);
}

TEST_F(ApiTest, LifecycleMustBeEnabled) {
  start(false);
  for (const char* path : {"/-/reload", "/-/quit"}) {
    for (const char* method : {"POST", "PUT"}) {
      const net::ClientResponse response = send(method, path);
      EXPECT_EQ(response.status, 403);
      EXPECT_EQ(response.body, "Lifecycle API is not enabled.");
    }
    EXPECT_EQ(get(path), "405 Only POST or PUT requests allowed");
  }
  EXPECT_EQ(program_.quits, 0);
}

TEST_F(ApiTest, ReloadsAndQuits) {
  start(true);
  EXPECT_EQ(send("POST", "/-/reload").status, 200);
  program_.reload_status = Status::invalid("tidemark.yml:3: no");
  const net::ClientResponse failed = send("PUT", "/-/reload");
  EXPECT_EQ(failed.status, 500);
  EXPECT_EQ(failed.body, "failed to reload config: tidemark.yml:3: no\n");
  EXPECT_EQ(send("POST", "/-/quit").body, "Requesting termination... Goodbye!");
  EXPECT_EQ(program_.quits, 1);
}

TEST_F(ApiTest, ServesItsOwnMetricsByRoute) {
  start();
  get("/api/v1/label/job/values");
  get("/api/v1/label/other/values");
  get("/api/v1/query?query={");
  get("/no/such/page");
  const net::ClientResponse page = send("GET", "/metrics");
  EXPECT_EQ(page.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const auto has = [&](std::string_view line) { return page.body.find(line) != std::string::npos; };
  EXPECT_TRUE(has("tidemark_http_requests_total{code=\"200\",handler=\"/api/v1/label/{name}/values\"} 2\n"))
      << page.body;
  EXPECT_TRUE(has("tidemark_http_requests_total{code=\"400\",handler=\"/api/v1/query\"} 1\n"));
  EXPECT_TRUE(has("tidemark_http_requests_total{code=\"404\",handler=\"\"} 1\n"));
  EXPECT_TRUE(has("tidemark_http_request_duration_seconds_count{handler=\"/api/v1/query\"} 1\n"));
  EXPECT_FALSE(has("/no/such/page")) << "what a client asks for must not become a label";
}

TEST_F(ApiTest, HasALandingPage) {
  start();
  const net::ClientResponse page = send("GET", "/");
  EXPECT_EQ(page.header("content-type"), "text/html; charset=utf-8");
  EXPECT_NE(page.body.find("<h1>Tidemark 1.2&lt;3</h1>"), std::string::npos);
}

}  // namespace
}  // namespace tidemark::api
