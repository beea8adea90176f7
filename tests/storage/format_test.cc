// The store's format number: what an older one comes to, and what a newer one.
#include <fstream>
#include <sstream>

#include "aggregator/storage/backup.h"
#include "aggregator/storage/rocks.h"
#include "aggregator/storage/verify.h"
#include "model/varint.h"
#include "tests/storage/store_fixture.h"

namespace tidemark::storage {
namespace {

constexpr int64_t kStartMs = 1'700'000'000'000;
constexpr char kOld[] = "tidemark storage format 1\n";

class FormatTest : public StoreFixture {
 protected:
  std::string file(const std::string& folder) {
    std::stringstream out;
    out << std::ifstream(dir_.file(folder + "/tidemark.format")).rdbuf();
    return out.str();
  }

  // Of the directory's own record; 0 when it has none. REQUIRES: no store is open.
  uint64_t recorded() {
    const auto rocks = open_rocks();
    std::string value;
    const rocksdb::Status status =
        rocks->db().Get(rocksdb::ReadOptions(), rocks->family(Family::kDefault), slice("format"), &value);
    EXPECT_TRUE(status.ok());
    std::string_view in = value;
    uint64_t format = 0;
    return take_varint(in, format) ? format : 0;
  }
  void set_recorded(uint64_t format) {
    const auto rocks = open_rocks();
    std::string value;
    append_varint(value, format);
    append_varint(value, options_.shards);
    const auto family = rocks->family(Family::kDefault);
    EXPECT_TRUE(rocks->db().Put(rocksdb::WriteOptions(), family, slice("format"), value).ok());
  }

  // As a version left it that knew nothing but floats.
  void make_old() {
    open();
    for (int i = 0; i < 100; ++i) append(labels_, kStartMs - 10'000 + i, i);
    close();
    dir_.write("data/tidemark.format", kOld);
    set_recorded(1);
  }

  std::string current() { return "tidemark storage format " + std::to_string(kFormat) + "\n"; }

  const Labels labels_{{"__name__", "old"}};

 private:
  std::unique_ptr<Rocks> open_rocks() { return *Rocks::open(*find_data_dir(options_.path), options_, logger_); }
};

TEST_F(FormatTest, AnOlderOneIsReadAndRaisedBeforeItIsWrittenTo) {
  make_old();
  const auto report = verify_store({options_.path, "", nullptr}, logger_);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_TRUE(report->findings.empty());
  EXPECT_EQ(file("data"), kOld) << "a tool that reads changes nothing";
  EXPECT_EQ(recorded(), 1U);

  open();
  EXPECT_EQ(file("data"), current());
  EXPECT_EQ(read_all().at(labels_.to_string()).size(), 100U);
  EXPECT_TRUE(logger_.contains("new storage format")) << "once, for there is no way back";
  EXPECT_EQ(append(labels_, kStartMs, 1), Outcome::kAccepted);
  close();
  EXPECT_EQ(recorded(), kFormat);
  open();
  EXPECT_EQ(read_all().at(labels_.to_string()).size(), 101U);
}

TEST_F(FormatTest, ACrashBetweenTheTwoPlacesOfTheNumberIsMadeUpFor) {
  make_old();
  dir_.write("data/tidemark.format", current());
  open();
  close();
  EXPECT_EQ(recorded(), kFormat);
}

TEST_F(FormatTest, AStartBesideARunningProgramLeavesTheNumber) {
  open();
  dir_.write("data/tidemark.format", kOld);
  prometheus::Registry registry;
  EXPECT_FALSE(Store::open(options_, clock_, logger_, registry));
  EXPECT_EQ(file("data"), kOld);
}

TEST_F(FormatTest, ANewerOneIsRefusedWithoutAWordOfDamage) {
  open();
  close();
  prometheus::Registry registry;
  const auto refused = [&] {
    const auto store = Store::open(options_, clock_, logger_, registry);
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code(), Code::kUnsupported);
    const std::string& message = store.error().message();
    EXPECT_NE(message.find("format " + std::to_string(kFormat + 1)), std::string::npos) << message;
    EXPECT_NE(message.find("start the newer version"), std::string::npos) << message;
    EXPECT_EQ(message.find("damaged"), std::string::npos) << message;
  };
  set_recorded(kFormat + 1);
  refused();
  dir_.write("data/tidemark.format", "tidemark storage format " + std::to_string(kFormat + 1) + "\n");
  refused();
}

TEST_F(FormatTest, ABackupRaisesTheNumberOfItsFolder) {
  open();
  append(labels_, kStartMs, 1);
  close();
  const BackupFolder folder{dir_.file("backups"), "", nullptr};
  ASSERT_TRUE(make_backup(options_.path, folder, 0, logger_));
  EXPECT_EQ(file("backups"), current());
  dir_.write("backups/tidemark.format", kOld);
  ASSERT_TRUE(list_backups(folder, logger_));
  EXPECT_EQ(file("backups"), kOld);
  ASSERT_TRUE(make_backup(options_.path, folder, 0, logger_));
  EXPECT_EQ(file("backups"), current());
}

}  // namespace
}  // namespace tidemark::storage
