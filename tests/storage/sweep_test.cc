// Sweeps: a short life of a store in which the n-th change to its files fails, for one n after the other, once or from
// there on; and full disks. TIDEMARK_TEST_LONG=1 tries every n.
#include <sys/mount.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "tests/storage/fault_fixture.h"
#include "tests/support/eventually.h"

namespace tidemark::storage {
namespace {

using testing::eventually;
using testing::FaultFs;

class SweepTest : public FaultFixture {
 protected:
  SweepTest() {
    options_.reopen_after_ms = 5;
    options_.log_bytes_max = 800;
  }

  void commit_some(uint64_t from, uint64_t to) {
    for (uint64_t b = from; b < to; ++b) {
      if (commit_batch(b)) acknowledged_.insert(b);
    }
  }

  // What was acknowledged is there, any other batch whole or not at all.
  void check(uint64_t batches) {
    Content found = read_all();
    Content want;
    for (uint64_t b = 0; b < batches; ++b) {
      const std::vector<uint64_t> series = series_of_batch(b);
      const auto first = found.find(numbered_series(series.front()).to_string());
      if (!acknowledged_.contains(b) && (first == found.end() || !first->second.contains(time_of_batch(b)))) continue;
      for (const uint64_t s : series) {
        want[numbered_series(s).to_string()][time_of_batch(b)] = std::bit_cast<uint64_t>(value_in_batch(s, b));
      }
    }
    expect_same_content(found, want);
  }

  // A life in which fault strikes, and one after it. Returns how many changes there were while it could strike.
  uint64_t live(const FaultFs::Fault& fault) {
    options_.path = dir_.file("data" + std::to_string(lives_++));
    acknowledged_.clear();
    open();
    commit_some(0, 6);
    const uint64_t before = fs_->changes();
    fs_->fail(fault);
    const double checkpoints = metric("tidemark_storage_checkpoints_total");
    commit_some(6, 14);
    // The log is over its bound.
    EXPECT_TRUE(
        eventually([&] { return fs_->failed() || metric("tidemark_storage_checkpoints_total") > checkpoints; }));
    const bool state_written = store_->write_state({{"alert", "firing"}}).ok();
    store_->set_retention(options_.retention_ms, 0);
    commit_some(14, 24);
    const uint64_t changes = fs_->changes() - before;
    // It answers, or says that it will in a moment.
    EXPECT_TRUE(eventually([&] { return store_->querier().has_value(); }));
    fs_->heal();
    EXPECT_TRUE(eventually([&] { return commit_batch(24); })) << "it does not resume";
    acknowledged_.insert(24);
    check(25);
    EXPECT_EQ(metric("tidemark_storage_read_only"), 0);
    drop();
    open();
    check(25);
    const auto state = store_->get_state("alert");
    EXPECT_TRUE(state) << state.error().message();
    EXPECT_TRUE(!state_written || !state || *state == "firing");
    close();
    open();
    check(25);
    drop();
    std::filesystem::remove_all(options_.path);
    return changes;
  }

  void sweep(bool lasting, FaultFs::Error error) {
    fail_each_change(lasting, error, [this](const FaultFs::Fault& fault) { return live(fault); });
  }

  std::set<uint64_t> acknowledged_;
  int lives_ = 0;
};

TEST_F(SweepTest, EveryWriteFailsOnceWithEio) { sweep(false, FaultFs::Error::kIo); }
TEST_F(SweepTest, EveryWriteFromTheNthOnFailsWithEio) { sweep(true, FaultFs::Error::kIo); }
TEST_F(SweepTest, EveryWriteFailsOnceWithEnospc) { sweep(false, FaultFs::Error::kNoSpace); }
TEST_F(SweepTest, EveryWriteFromTheNthOnFailsWithEnospc) { sweep(true, FaultFs::Error::kNoSpace); }

class FullDiskTest : public SweepTest {
 protected:
  FullDiskTest() {
    options_.min_free_bytes = 10 << 20;
    options_.reserve_bytes = 1 << 20;
  }
  bool disk_full() { return metric("tidemark_storage_read_only_reason{reason=\"disk_full\"}") == 1; }
  std::string reserve() const { return options_.path + "/tidemark.reserve"; }
};

TEST_F(FullDiskTest, BelowTheFloorItRefusesSamplesAnswersKeepsStateAndResumes) {
  open();
  EXPECT_TRUE(std::filesystem::exists(reserve()));
  commit_some(0, 5);
  fs_->set_free_bytes(7 << 20);
  ASSERT_TRUE(eventually([&] { return disk_full(); }));
  Batch batch;
  fill_batch(5, batch);
  const auto refused = store_->commit(batch);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kReadOnly);
  EXPECT_NE(refused.error().message().find("the disk is full"), std::string::npos) << refused.error().message();
  check(5);
  EXPECT_TRUE(store_->write_state({{"alert", "firing"}}).ok());
  EXPECT_TRUE(std::filesystem::exists(reserve())) << "there is space without it";
  fs_->set_free_bytes(1 << 20);
  EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(reserve()); }));
  fs_->set_free_bytes(100 << 20);
  EXPECT_TRUE(eventually([&] { return commit_batch(5); }));
  EXPECT_TRUE(std::filesystem::exists(reserve()));
  EXPECT_EQ(metric("tidemark_storage_read_only"), 0);
  check(6);
  close();
  EXPECT_FALSE(std::filesystem::exists(reserve()));
}

TEST_F(FullDiskTest, StartedOnAFullDiskItAnswersKeepsStateAndResumes) {
  open();
  commit_some(0, 12);
  drop();
  fs_->set_free_bytes(0);
  open();
  EXPECT_TRUE(disk_full());
  EXPECT_FALSE(commit_batch(12));
  check(12);
  EXPECT_TRUE(store_->write_state({{"alert", "firing"}}).ok());
  fs_->set_free_bytes(std::nullopt);
  EXPECT_TRUE(eventually([&] { return commit_batch(12); }));
  acknowledged_.insert(12);
  check(13);
  EXPECT_EQ(*store_->get_state("alert"), "firing");
}

TEST_F(FullDiskTest, WithoutRoomForASingleByteItStillStartsToAnswer) {
  open();
  commit_some(0, 12);
  drop();
  fs_->set_free_bytes(0);
  fs_->fail({1, true, FaultFs::Error::kNoSpace});
  open();
  EXPECT_TRUE(disk_full());
  check(12);
  EXPECT_FALSE(store_->write_state({{"alert", "firing"}}).ok());
  fs_->heal();
  fs_->set_free_bytes(std::nullopt);
  EXPECT_TRUE(eventually([&] { return commit_batch(12); }));
  check(13);
}

// As on a real disk. What replaces the list of files could not be written, so the list must not go.
TEST_F(FullDiskTest, StartedWithoutRoomWhereFilesCanStillBeDeletedItLosesNothing) {
  open();
  commit_some(0, 12);
  drop();
  fs_->set_free_bytes(0);
  fs_->fail({1, true, FaultFs::Error::kNoSpace, FaultFs::kAppend});
  for (int i = 0; i < 3; ++i) {
    open();
    ASSERT_TRUE(store_);
    check(12);
    drop();
  }
  fs_->heal();
  fs_->set_free_bytes(std::nullopt);
  open();
  check(12);
}

TEST_F(FullDiskTest, OnARealSmallFileSystem) {
  const std::string disk = dir_.file("disk");
  std::filesystem::create_directories(disk);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=40m") != 0) GTEST_SKIP() << "mounting a tmpfs is not permitted";
  options_.env = nullptr;
  options_.path = disk + "/data";
  options_.min_free_bytes = 1 << 20;
  options_.reserve_bytes = 8 << 20;
  open();
  commit_some(0, 30);
  const auto fill = [&] {
    std::ofstream hog(disk + "/hog", std::ios::app | std::ios::binary);
    const std::string block(1 << 16, 'x');
    while (hog.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  };
  // Again and again: a checkpoint under way gives back what its files had been allocated ahead.
  EXPECT_TRUE(eventually([&] {
    fill();
    return disk_full();
  }));
  fill();
  EXPECT_FALSE(commit_batch(30));
  EXPECT_TRUE(eventually([&] { return store_->querier().has_value(); }));
  check(31);
  drop();
  fill();
  open();
  EXPECT_TRUE(disk_full());
  check(31);
  std::filesystem::remove(disk + "/hog");
  EXPECT_TRUE(eventually([&] { return commit_batch(31); }));
  acknowledged_.insert(31);
  EXPECT_TRUE(store_->write_state({{"alert", "firing"}}).ok());
  check(32);
  close();
  store_.reset();
  ::umount(disk.c_str());
}

}  // namespace
}  // namespace tidemark::storage
