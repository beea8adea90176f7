// Snapshots and backups of a running store: each holds every commit acknowledged before it began, whole batches only.
#include <sys/stat.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <thread>

#include "aggregator/storage/keys.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/eventually.h"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

constexpr int kSeries = 10;

class BackupTest : public StoreFixture {
 protected:
  static Labels labels(int i) { return Labels{{"__name__", "m"}, {"i", std::to_string(i)}}; }

  // One sample of every series at the batch's own time.
  bool commit(int64_t b) {
    Batch batch;
    for (int i = 0; i < kSeries; ++i) {
      batch.add(kNoRef, labels(i), clock_.now_ms() + b * 1000, static_cast<double>(b) + i * 0.01);
    }
    const auto report = store_->commit(batch);
    return report && report->accepted() == kSeries;
  }
  void fill(int64_t from, int64_t to) {
    for (int64_t b = from; b < to; ++b) ASSERT_TRUE(commit(b));
  }

  Content content_of(const std::string& path, const std::string& key_file = "") {
    Options options = options_;
    options.path = path;
    options.encryption_key_file = key_file;
    prometheus::Registry registry;
    auto store = Store::open(options, clock_, logger_, registry);
    EXPECT_TRUE(store) << store.error().message();
    if (!store) return {};
    auto querier = (*store)->querier();
    const auto set = (*querier)->select({Matcher::equal(kMetricName, "m")}, INT64_MIN, INT64_MAX, {}, false);
    return read_set(*set);
  }

  // How many batches are there. Fails when one is missing in between or not whole.
  size_t whole_batches(const Content& content) {
    size_t count = content.empty() ? 0 : content.begin()->second.size();
    EXPECT_TRUE(content.empty() || content.size() == kSeries);
    for (const auto& [series, column] : content) {
      EXPECT_EQ(column.size(), count) << series;
      EXPECT_EQ(column.rbegin()->first, clock_.now_ms() + (static_cast<int64_t>(count) - 1) * 1000) << series;
    }
    return count;
  }

  BackupFolder folder(const std::string& key_file = "") { return {dir_.file("backups"), key_file, nullptr}; }

  std::string key(const std::string& name, char c) {
    const std::string path = dir_.write(name, std::string(64, c));
    ::chmod(path.c_str(), 0600);
    return path;
  }
};

TEST_F(BackupTest, ASnapshotHoldsHeadAndFilesAndStaysAsItWas) {
  open();
  fill(0, 50);
  close();
  open();
  fill(50, 80);  // In the head only.
  const Content before = read_all();
  ASSERT_TRUE(store_->snapshot("first").ok());
  fill(80, 100);
  EXPECT_EQ(content_of(options_.path + "/snapshots/first"), before);
  EXPECT_EQ(whole_batches(read_all()), 100u);
  // What the snapshot did when it was opened did not touch the store.
  close();
  open();
  EXPECT_EQ(whole_batches(read_all()), 100u);

  for (const std::string name : {"first", "", ".", "..", "../up", "a/b"}) {
    EXPECT_EQ(store_->snapshot(name).code(), Code::kInvalid) << name;
  }
}

TEST_F(BackupTest, SnapshotsAmongCommitsAndCheckpointsLoseNothingThatWasAcknowledged) {
  options_.future_tolerance_ms = 100 * kWindowMs;
  options_.log_bytes_max = 2'000;  // A checkpoint every few batches, each trims the log.
  open();
  std::atomic<int64_t> acknowledged = 0;
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int64_t b = 0; !stop; ++b) {
      if (!commit(b)) break;
      acknowledged = b + 1;
    }
  });
  constexpr int kSnapshots = 25;
  std::vector<int64_t> least;
  for (int i = 0; i < kSnapshots; ++i) {
    EXPECT_TRUE(testing::eventually([&] { return acknowledged > i; }));
    least.push_back(acknowledged);
    EXPECT_TRUE(store_->snapshot(std::to_string(i)).ok());
  }
  stop = true;
  writer.join();
  drop();
  for (int i = 0; i < kSnapshots; ++i) {
    SCOPED_TRACE(i);
    const Content content = content_of(options_.path + "/snapshots/" + std::to_string(i));
    EXPECT_GE(whole_batches(content), static_cast<size_t>(least[static_cast<size_t>(i)]));
  }
}

TEST_F(BackupTest, TheSecondBackupCopiesOnlyWhatIsNewAndEachRestores) {
  options_.future_tolerance_ms = kWindowMs;
  open();
  for (int64_t b = 0; b < 20'000; ++b) {
    Batch batch;
    for (int i = 0; i < kSeries; ++i) {
      batch.add(kNoRef, labels(i), clock_.now_ms() + b * 1000, std::sin(static_cast<double>(b * kSeries + i)));
    }
    ASSERT_TRUE(store_->commit(batch));
  }
  close();
  open();
  const Content first_content = read_all();
  const auto first = store_->backup(folder().path, 0);
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ(first->id, 1u);
  EXPECT_GT(first->copied_bytes, 500'000u);
  fill(20'000, 20'010);
  const Content second_content = read_all();
  const auto second = store_->backup(folder().path, 0);
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_LT(second->copied_bytes, first->copied_bytes / 10);
  EXPECT_GE(second->bytes, first->bytes);
  drop();
  // Offline, and without what was not in the log: the same.
  const auto third = make_backup(options_.path, folder(), 0, logger_);
  ASSERT_TRUE(third) << third.error().message();

  const auto listed = list_backups(folder(), logger_);
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 3u);
  EXPECT_EQ(listed->front().id, 1u);
  EXPECT_TRUE(verify_backup(folder(), 0, logger_).ok());
  const auto restored = [&](uint32_t id, const std::string& name) {
    const auto backup = restore_backup(folder(), id, dir_.file(name), "", logger_);
    EXPECT_TRUE(backup) << backup.error().message();
    return content_of(dir_.file(name));
  };
  EXPECT_EQ(restored(1, "r1"), first_content);
  EXPECT_EQ(restored(2, "r2"), second_content);
  EXPECT_EQ(restored(0, "r3"), second_content);

  const auto again = restore_backup(folder(), 0, dir_.file("r3"), "", logger_);
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message().find("is not empty"), std::string::npos);
  EXPECT_EQ(restore_backup(folder(), 9, dir_.file("r9"), "", logger_).error().code(), Code::kNotFound);
}

TEST_F(BackupTest, KeepsTheNewest) {
  open();
  fill(0, 10);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(store_->backup(folder().path, 2));
  const auto listed = list_backups(folder(), logger_);
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 2u);
  EXPECT_EQ(listed->front().id, 3u);
  EXPECT_TRUE(verify_backup(folder(), 3, logger_).ok());
  EXPECT_FALSE(fs::exists(options_.path + "/backup"));
}

TEST_F(BackupTest, ADirectoryInUseIsRefused) {
  open();
  fill(0, 1);
  const auto backup = make_backup(options_.path, folder(), 0, logger_);
  ASSERT_FALSE(backup);
  EXPECT_NE(backup.error().message().find("in use by another process"), std::string::npos) << backup.error().message();
  EXPECT_EQ(make_backup(dir_.file("none"), folder(), 0, logger_).error().code(), Code::kNotFound);
  EXPECT_EQ(list_backups({dir_.file("none"), "", nullptr}, logger_).error().code(), Code::kNotFound);
}

TEST_F(BackupTest, ADamagedBackupIsFoundAndNotRestored) {
  open();
  fill(0, 200);
  close();
  ASSERT_TRUE(make_backup(options_.path, folder(), 0, logger_));
  std::string biggest;
  for (const auto& file : fs::directory_iterator(folder().path + "/shared_checksum")) {
    if (biggest.empty() || file.file_size() > fs::file_size(biggest)) biggest = file.path().string();
  }
  {
    std::fstream io(biggest, std::ios::in | std::ios::out | std::ios::binary);
    io.seekg(100);
    const auto byte = static_cast<char>(io.get() ^ 1);
    io.seekp(100);
    io.put(byte);
  }
  const Status verified = verify_backup(folder(), 0, logger_);
  EXPECT_EQ(verified.code(), Code::kCorruption) << verified.message();
  const auto restored = restore_backup(folder(), 0, dir_.file("r"), "", logger_);
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code(), Code::kCorruption) << restored.error().message();
  EXPECT_FALSE(fs::exists(dir_.file("r") + "/rocks"));
  fs::remove(biggest);
  EXPECT_EQ(verify_backup(folder(), 0, logger_).code(), Code::kCorruption);
}

TEST_F(BackupTest, EncryptedBackupsNeedTheirKeyAndRestoreUnderAnother) {
  const std::string one = key("one", '1');
  const std::string two = key("two", '2');
  options_.encryption_key_file = one;
  open();
  fill(0, 30);
  const Content before = read_all();
  ASSERT_TRUE(store_->snapshot("s").ok());
  EXPECT_EQ(content_of(options_.path + "/snapshots/s", one), before);
  ASSERT_TRUE(store_->backup(folder().path, 0));
  drop();
  const auto without = list_backups(folder(), logger_);
  ASSERT_FALSE(without);
  EXPECT_NE(without.error().message().find("is encrypted"), std::string::npos) << without.error().message();
  EXPECT_NE(list_backups(folder(two), logger_).error().message().find("is not the one"), std::string::npos);
  EXPECT_TRUE(verify_backup(folder(one), 0, logger_).ok());
  for (const std::string& to : {one, two, std::string()}) {
    const std::string path = dir_.file("restored" + std::to_string(to.size()) + fs::path(to).filename().string());
    const auto restored = restore_backup(folder(one), 0, path, to, logger_);
    ASSERT_TRUE(restored) << restored.error().message();
    EXPECT_EQ(content_of(path, to), before);
  }
}

}  // namespace
}  // namespace tidemark::storage
