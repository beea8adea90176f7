// The store's metrics: the README names each, and what goes on beside commits and queries is counted.
#include <fstream>
#include <sstream>

#include "tests/storage/store_fixture.h"
#include "tests/support/eventually.h"

namespace tidemark::storage {
namespace {

using testing::eventually;

class MetricsTest : public StoreFixture {};

TEST_F(MetricsTest, TheReadmeNamesEach) {
  std::ifstream in(TIDEMARK_SOURCE_DIR "/aggregator/storage/README.md");
  std::ostringstream readme;
  readme << in.rdbuf();
  const std::string text = readme.str();
  const std::string prefix = "tidemark_storage_";
  open();
  size_t families = 0;
  for (const auto& family : registry_->Collect()) {
    ASSERT_TRUE(family.name.starts_with(prefix)) << family.name;
    EXPECT_NE(text.find("`" + family.name.substr(prefix.size()) + "`"), std::string::npos) << family.name;
    EXPECT_FALSE(family.help.empty()) << family.name;
    ++families;
  }
  EXPECT_GT(families, 40u);
}

TEST_F(MetricsTest, BackgroundWorkIsCounted) {
  open();
  append(Labels{{"__name__", "m"}}, clock_.now_ms(), 1);
  store_->set_retention(options_.retention_ms, 0);
  EXPECT_TRUE(eventually([&] { return metric("tidemark_storage_retention_runs_total") >= 1; }));
  EXPECT_TRUE(store_->snapshot("one").ok());
  EXPECT_FALSE(store_->snapshot("one").ok());
  EXPECT_EQ(metric("tidemark_storage_snapshot_runs_total"), 1);
  EXPECT_EQ(metric("tidemark_storage_snapshot_runs_failed_total"), 1);
  EXPECT_EQ(metric("tidemark_storage_snapshot_duration_seconds_count"), 2);
  const auto backup = store_->backup(dir_.file("backups"), 0);
  ASSERT_TRUE(backup) << backup.error().message();
  EXPECT_EQ(metric("tidemark_storage_backup_runs_total"), 1);
  EXPECT_EQ(metric("tidemark_storage_backup_runs_failed_total"), 0);
  EXPECT_EQ(metric("tidemark_storage_backup_copied_bytes_total"), static_cast<double>(backup->copied_bytes));
  // Looked at now and then.
  EXPECT_TRUE(eventually([&] { return metric("tidemark_storage_memtable_bytes") > 0; }));
  EXPECT_EQ(metric("tidemark_storage_commits_pending"), 0);
  EXPECT_EQ(metric("tidemark_storage_writes_stopped"), 0);
}

}  // namespace
}  // namespace tidemark::storage
