// Snapshots and backups of a running server over HTTP, and each of `tidemark tsdb`'s commands on what a killed one
// left.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "model/clock.h"
#include "tests/e2e/remote_write.h"
#include "tests/e2e/tidemark_process.h"
#include "tests/support/eventually.h"

namespace tidemark::testing {
namespace {

Finished tsdb(std::vector<std::string> args) {
  args.insert(args.begin(), {bin_path("tidemark"), "tsdb"});
  return run(args);
}

TEST(Tsdb, ASnapshotAndABackupOfARunningServerHoldItsSamples) {
  const TempDir dir;
  ExporterProcess exporter;
  TidemarkProcess tidemark(
      fmt::format("scrape_configs:\n  - job_name: node\n    scrape_interval: 1s\n    static_configs: "
                  "[{{targets: [\"{}\"]}}]\n",
                  exporter.address()),
      {"--web.enable-admin-api", "--storage.backup-dir=" + dir.file("backups")});
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  ASSERT_TRUE(eventually([&] { return query_value(tidemark.port(), "up") == "1"; }));
  EXPECT_NE(get(tidemark.port(), "/api/v1/status/tsdb").body.find("\"name\":\"job=node\""), std::string::npos);

  const Answer snapshot = post(tidemark.port(), "/api/v1/admin/tsdb/snapshot", "");
  ASSERT_EQ(snapshot.status, 200) << snapshot.body;
  const auto name = snapshot.json()["data"]["name"].as<std::string>();
  const Answer backup = post(tidemark.port(), "/api/v1/admin/tsdb/backup", "");
  ASSERT_EQ(backup.status, 200) << backup.body;
  EXPECT_EQ(backup.json()["data"]["id"].as<int>(), 1);
  EXPECT_NE(tsdb({"verify", "--storage.tsdb.path=" + tidemark.data_dir()}).exit_code, 0);  // In use.
  tidemark.kill();

  const Finished restored =
      tsdb({"restore", "--from=" + dir.file("backups"), "--storage.tsdb.path=" + dir.file("restored")});
  EXPECT_EQ(restored.exit_code, 0) << restored.output;
  for (const std::string& data : {tidemark.data_dir() + "/snapshots/" + name, dir.file("restored")}) {
    const std::string path = "--storage.tsdb.path=" + data;
    const Finished verified = tsdb({"verify", path});
    EXPECT_EQ(verified.exit_code, 0) << verified.output;
    const Finished text = tsdb({"export", path, "--match=up"});
    EXPECT_EQ(text.exit_code, 0) << text.output;
    EXPECT_TRUE(text.output.starts_with("up{") && text.output.ends_with("# EOF\n")) << text.output;
    if (const auto promtool = peer_path("promtool")) {
      const std::string file = dir.write("text", text.output);
      const Finished read = run({*promtool, "tsdb", "create-blocks-from", "openmetrics", file, dir.file("blocks")});
      EXPECT_EQ(read.exit_code, 0) << read.output;
    }
  }
}

// In the order in which an operator would come to them.
TEST(Tsdb, EveryCommandOnTheDirectoryOfAKilledServer) {
  constexpr int kSamples = 50;
  TidemarkProcess tidemark("", {"--web.enable-remote-write-receiver"});
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  const int64_t start_ms = system_clock().now_ms() - kSamples * 1000;
  std::vector<WriteSeries> request;
  for (const char* i : {"1", "2"}) {
    WriteSeries one{Labels{{"__name__", "written"}, {"i", i}}, {}};
    for (int s = 0; s < kSamples; ++s) one.samples.push_back({start_ms + s * 1000, s * 0.5});
    request.push_back(std::move(one));
  }
  ASSERT_EQ(remote_write(tidemark.port(), request).status, 204);
  tidemark.kill();

  const TempDir& dir = tidemark.dir();
  const std::string path = "--storage.tsdb.path=" + tidemark.data_dir();
  const auto expect = [&](int exit_code, std::vector<std::string> args, const std::string& says) {
    const Finished done = tsdb(args);
    EXPECT_EQ(done.exit_code, exit_code) << args[0] << ": " << done.output;
    EXPECT_NE(done.output.find(says), std::string::npos) << args[0] << ": " << done.output;
    return done.output;
  };
  expect(0, {"stats", path}, "2 series");
  expect(0, {"verify", path}, "OK\n");
  const std::string bits = expect(0, {"export", path, "--match=written", "--format=jsonl"}, "\"i\":\"1\"");
  const std::string text = expect(0, {"export", path, "--match=written"}, "written{i=\"2\"} 24.5");

  const std::string from_bits = "--storage.tsdb.path=" + dir.file("from_bits");
  const std::string from_text = "--storage.tsdb.path=" + dir.file("from_text");
  expect(0, {"import", from_bits, "--format=jsonl", dir.write("bits", bits)}, "100 samples stored");
  expect(0, {"import", from_text, dir.write("text", text)}, "100 samples stored");
  expect(0, {"export", from_text, "--format=jsonl"}, bits);
  expect(0, {"export", from_bits}, text);

  expect(0, {"backup", path, "--to=" + dir.file("backups")}, "backup 1: ");
  expect(0, {"backups", "--from=" + dir.file("backups"), "--verify"}, "verified");
  const std::string restored = "--storage.tsdb.path=" + dir.file("restored");
  expect(0, {"restore", "--from=" + dir.file("backups"), restored}, "");
  expect(0, {"export", restored, "--match=written"}, text);

  // The list of files is gone: the server says what to do, and that helps.
  for (const auto& file : std::filesystem::directory_iterator(tidemark.data_dir() + "/rocks")) {
    if (file.path().filename().string().starts_with("MANIFEST")) std::filesystem::remove(file.path());
  }
  expect(1, {"verify", path}, tidemark.data_dir());
  EXPECT_FALSE(tidemark.start());
  EXPECT_NE(tidemark.output().find("tidemark tsdb repair"), std::string::npos) << tidemark.output();
  expect(0, {"repair", path}, "The list of files was lost");
  expect(0, {"verify", path}, "OK\n");
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  EXPECT_EQ(query_value(tidemark.port(), "sum(count_over_time(written[1h]))"), "100");
  EXPECT_EQ(tidemark.stop(), 0);
}

}  // namespace
}  // namespace tidemark::testing
