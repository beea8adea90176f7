// Snapshots and backups of a running server over HTTP, and what `tidemark tsdb` makes of them.
#include <fmt/format.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace tidemark::testing
