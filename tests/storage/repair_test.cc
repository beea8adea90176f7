// Damage of every kind to a data directory at rest: verify finds it, repair keeps all that it did not hit, and what
// comes out is whole again.
#include "aggregator/storage/repair.h"

#include <filesystem>
#include <fstream>
#include <random>

#include "aggregator/storage/keys.h"
#include "aggregator/storage/verify.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/eventually.h"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

constexpr int kSeries = 60;
constexpr int kSamples = 512;  // A full chunk a series and day: some 4 kB, so a block holds few.
constexpr int kDays = 2;
// Of series, a flipped byte may cost: those of one block of 16 kB.
constexpr size_t kBlockSeriesMax = 12;

class RepairTest : public StoreFixture {
 protected:
  RepairTest() {
    options_.retention_ms = 1000 * kWindowMs;
    options_.retention_5m_ms = 1000 * kWindowMs;
    options_.retention_1h_ms = 1000 * kWindowMs;
  }

  static Labels labels(int i) {
    return Labels{{"__name__", i % 2 == 0 ? "even" : "odd"}, {"i", std::to_string(i)}, {"job", "x"}};
  }

  // Two days of full chunks in files, open chunks from a checkpoint, and a log on top.
  void fill() {
    options_.log_bytes_max = 64 << 20;
    std::mt19937_64 random(7);
    const int64_t start_ms = window_start_ms(window_of(clock_.now_ms())) - kDays * kWindowMs;
    open();
    for (int day = 0; day < kDays; ++day) {
      for (int s = 0; s < kSamples; ++s) {
        Batch batch;
        for (int i = 0; i < kSeries; ++i) {
          batch.add(kNoRef, labels(i), start_ms + day * kWindowMs + s * 60'000, std::normal_distribution<>()(random));
        }
        ASSERT_TRUE(store_->commit(batch));
      }
    }
    ASSERT_TRUE(store_->write_state({{"alert/1", "firing"}, {"alert/2", "pending"}}).ok());
    close();
    options_.log_bytes_max = 1'000;
    open();
    for (int s = 0; s < 20; ++s) append_to_all(s);
    // Until there are open chunks in files, and rollups of the days before.
    EXPECT_TRUE(testing::eventually([this] {
      return metric("tidemark_storage_checkpoints_total") >= 1 &&
             metric("tidemark_storage_rewrite_windows_total") >= kDays;
    }));
    drop();
    options_.log_bytes_max = 64 << 20;
    open();
    for (int s = 20; s < 30; ++s) append_to_all(s);
    // A series younger than the checkpoint.
    EXPECT_EQ(append(Labels{{"__name__", "young"}}, clock_.now_ms(), 1), Outcome::kAccepted);
    drop();
    saved_ = dir_.file("saved");
    fs::copy(options_.path, saved_, fs::copy_options::recursive);
    open();
    whole_ = read_all();
    drop();
    ASSERT_EQ(whole_.size(), static_cast<size_t>(kSeries) + 1);
    restore_saved();
  }
  void append_to_all(int s) {
    Batch batch;
    for (int i = 0; i < kSeries; ++i) batch.add(kNoRef, labels(i), clock_.now_ms() + s * 1000, s + i * 0.01);
    ASSERT_TRUE(store_->commit(batch));
  }
  void restore_saved() {
    fs::remove_all(options_.path);
    fs::copy(saved_, options_.path, fs::copy_options::recursive);
  }

  OfflineStore offline() const { return {options_.path, options_.encryption_key_file, nullptr}; }

  std::vector<std::string> files(const std::string& what) {
    std::vector<std::string> out;
    for (const auto& file : fs::directory_iterator(options_.path + "/rocks")) {
      if (file.path().filename().string().find(what) != std::string::npos && file.file_size() > 0) {
        out.push_back(file.path().string());
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  static void flip(const std::string& file, uint64_t at) {
    std::fstream io(file, std::ios::in | std::ios::out | std::ios::binary);
    io.seekg(static_cast<std::streamoff>(at));
    const auto byte = static_cast<char>(io.get() ^ 0x20);
    io.seekp(static_cast<std::streamoff>(at));
    io.put(byte);
  }

  // Repairs in place, checks that the result is whole and holds nothing that was never written, and returns how many
  // series lack a sample.
  size_t repair_and_count_hurt_series() {
    const auto report = repair_in_place(offline(), logger_);
    EXPECT_TRUE(report) << report.error().message();
    if (!report) return SIZE_MAX;
    const auto verified = verify_store(offline(), logger_);
    EXPECT_TRUE(verified) << verified.error().message();
    if (!verified) return SIZE_MAX;
    EXPECT_EQ(verified->finding_count, 0u)
        << verified->findings.front().where << ": " << verified->findings.front().what;
    open();
    const Content content = read_all();
    size_t hurt = 0;
    for (const auto& [series, column] : whole_) {
      const auto found = content.find(series);
      hurt += found == content.end() || found->second.size() < column.size();
      if (found == content.end()) continue;
      for (const auto& [t_ms, bits] : found->second) {
        const auto sample = column.find(t_ms);
        EXPECT_TRUE(sample != column.end() && sample->second == bits) << series << " at " << t_ms;
      }
    }
    EXPECT_LE(content.size(), whole_.size());
    // It goes on: old series and a new one, which must not come under a lost one's id.
    append_to_all(100);
    EXPECT_EQ(append(Labels{{"__name__", "new"}}, clock_.now_ms(), 1), Outcome::kAccepted);
    EXPECT_EQ(read({Matcher::equal(kMetricName, "new")}).begin()->second.size(), 1u);
    EXPECT_EQ(read({Matcher::equal("job", "x")}).size(), static_cast<size_t>(kSeries));
    drop();
    return hurt;
  }

  std::string saved_;
  Content whole_;
};

TEST_F(RepairTest, NothingIsWrongWithAWholeDirectoryAndRepairKeepsAllOfIt) {
  fill();
  const auto report = verify_store(offline(), logger_);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->finding_count, 0u) << report->findings.front().where << ": " << report->findings.front().what;
  EXPECT_EQ(report->series, static_cast<uint64_t>(kSeries) + 1);
  EXPECT_GE(report->samples, static_cast<uint64_t>(kSeries * kSamples * kDays));
  EXPECT_GE(report->chunks, static_cast<uint64_t>(kSeries * (kDays + kDays)));  // Raw and 5m, and some of 1h.
  EXPECT_EQ(report->open_chunks, static_cast<uint64_t>(kSeries));
  EXPECT_GE(report->log_records, 10u);
  // It changes nothing.
  for (const auto& file : fs::recursive_directory_iterator(saved_)) {
    const fs::path now = options_.path / fs::relative(file.path(), saved_);
    EXPECT_TRUE(fs::exists(now)) << now;
    if (file.is_regular_file()) {
      EXPECT_EQ(fs::file_size(now), file.file_size()) << now;
    }
  }

  const std::string to = dir_.file("new");
  const auto repaired = repair_store(offline(), to, logger_);
  ASSERT_TRUE(repaired) << repaired.error().message();
  EXPECT_EQ(repaired->lost_count, 0u) << repaired->lost.front().where << ": " << repaired->lost.front().what;
  EXPECT_EQ(repaired->state_entries, 2u);
  EXPECT_FALSE(fs::exists(options_.path + "/repair.source"));
  options_.path = to;
  EXPECT_EQ(verify_store(offline(), logger_)->finding_count, 0u);
  open();
  EXPECT_EQ(read_all(), whole_);
  EXPECT_EQ(store_->get_state("alert/1")->value(), "firing");
}

TEST_F(RepairTest, AFlippedByteInAnyDataFileIsFoundAndCostsOneBlock) {
  fill();
  size_t hits = 0;
  for (const std::string& file : files(".sst")) {
    restore_saved();
    const uint64_t size = fs::file_size(file);
    for (uint64_t at = size / 2; at > 0; at = size > 100'000 && at == size / 2 ? size / 4 : 0) {
      SCOPED_TRACE(file + " at " + std::to_string(at) + " of " + std::to_string(size));
      restore_saved();
      flip(file, at);
      const auto report = verify_store(offline(), logger_);
      ASSERT_TRUE(report) << report.error().message();
      // Of a small file its only block, index or properties may be hit, and with it all of it.
      const size_t hurt = repair_and_count_hurt_series();
      if (size > 100'000) {
        EXPECT_LE(hurt, kBlockSeriesMax);
      }
      // Properties of a file have no checksum that could be checked, and no data.
      EXPECT_TRUE(report->finding_count > 0 || hurt == 0);
      hits += hurt > 0;
    }
  }
  EXPECT_GT(hits, 0u);
}

TEST_F(RepairTest, AMissingDataFileCostsOnlyWhatWasInIt) {
  fill();
  for (const std::string& file : files(".sst")) {
    SCOPED_TRACE(file);
    restore_saved();
    fs::remove(file);
    const auto report = verify_store(offline(), logger_);
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_GT(report->finding_count, 0u);
    EXPECT_NE(repair_and_count_hurt_series(), SIZE_MAX);
  }
}

TEST_F(RepairTest, ALostListOfFilesIsMadeAnew) {
  fill();
  const auto lose = [&](const std::string& what) {
    SCOPED_TRACE(what);
    restore_saved();
    for (const std::string& file : files(what)) fs::remove(file);
    EXPECT_FALSE(verify_store(offline(), logger_));
    EXPECT_EQ(repair_and_count_hurt_series(), 0u);
    open();
    EXPECT_EQ(store_->get_state("alert/2")->value(), "pending");
    drop();
  };
  lose("MANIFEST");
  lose("CURRENT");
  // A byte of it flipped: no better than lost.
  restore_saved();
  const std::string manifest = files("MANIFEST").back();
  flip(manifest, fs::file_size(manifest) / 2);
  EXPECT_EQ(repair_and_count_hurt_series(), 0u);
}

TEST_F(RepairTest, AFlippedByteInTheLogCostsSamplesOfTheLogOnly) {
  fill();
  const std::string log = files(".log").back();
  flip(log, fs::file_size(log) / 2);
  EXPECT_NE(repair_and_count_hurt_series(), SIZE_MAX);
  open();
  for (const auto& [series, column] : read_all()) {
    if (series == "new" || series == "young") continue;
    EXPECT_GE(column.size(), static_cast<size_t>(kSamples * kDays)) << series;
  }
}

TEST_F(RepairTest, WorksUnderEncryption) {
  options_.encryption_key_file = dir_.write("key", std::string(32, 'k'));
  fill();
  EXPECT_EQ(verify_store(offline(), logger_)->finding_count, 0u);
  std::string biggest;
  for (const std::string& file : files(".sst")) {
    if (biggest.empty() || fs::file_size(file) > fs::file_size(biggest)) biggest = file;
  }
  flip(biggest, fs::file_size(biggest) / 2);
  EXPECT_GT(verify_store(offline(), logger_)->finding_count, 0u);
  const size_t hurt = repair_and_count_hurt_series();
  EXPECT_LE(hurt, kBlockSeriesMax);
  options_.encryption_key_file.clear();
  EXPECT_EQ(repair_in_place(offline(), logger_).error().code(), Code::kInvalid);
}

TEST_F(RepairTest, LeavesADirectoryInUseAndAFullTargetAlone) {
  fill();
  open();
  EXPECT_EQ(verify_store(offline(), logger_).error().code(), Code::kUnavailable);
  EXPECT_EQ(repair_in_place(offline(), logger_).error().code(), Code::kUnavailable);
  drop();
  dir_.write("full/file", "x");
  EXPECT_EQ(repair_store(offline(), dir_.file("full"), logger_).error().code(), Code::kInvalid);
  ASSERT_TRUE(repair_in_place(offline(), logger_));
  const auto again = repair_in_place(offline(), logger_);
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message().find("rocks.damaged"), std::string::npos);
}

}  // namespace
}  // namespace tidemark::storage
