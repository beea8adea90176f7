// Damage beneath the store: a write-ahead log cut short or with a flipped byte, a data file with a flipped byte.
#include <filesystem>
#include <fstream>
#include <set>

#include "tests/storage/damage.h"
#include "tests/storage/quick_env.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/eventually.h"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

constexpr int kBatches = 40;
constexpr int kSeries = 10;

class DamageTest : public StoreFixture {
 protected:
  static Labels labels(int i) { return Labels{{"__name__", "m"}, {"i", std::to_string(i)}}; }

  // Each batch is one sample of every series.
  void fill() {
    open();
    for (int b = 0; b < kBatches; ++b) {
      Batch batch;
      for (int i = 0; i < kSeries; ++i) batch.add(kNoRef, labels(i), clock_.now_ms() + b, b * 0.37 + i);
      ASSERT_TRUE(store_->commit(batch));
    }
  }

  // The newest file of that kind under the database, by name.
  std::string newest(const std::string& extension) {
    std::string found;
    for (const auto& file : fs::directory_iterator(options_.path + "/rocks")) {
      if (file.path().extension() == extension && file.file_size() > 0) found = std::max(found, file.path().string());
    }
    return found;
  }

  static void flip(const std::string& file, uint64_t at) {
    std::fstream io(file, std::ios::in | std::ios::out | std::ios::binary);
    io.seekg(static_cast<std::streamoff>(at));
    const auto byte = static_cast<char>(io.get() ^ 0x20);
    io.seekp(static_cast<std::streamoff>(at));
    io.put(byte);
  }

  // Times for which all series have a sample. Fails the test when some have one and some have not.
  std::set<int64_t> whole_batches(const Content& content) {
    std::map<int64_t, int> counts;
    for (const auto& [series, column] : content) {
      for (const auto& [t_ms, bits] : column) ++counts[t_ms];
    }
    std::set<int64_t> whole;
    for (const auto& [t_ms, count] : counts) {
      EXPECT_EQ(count, kSeries) << "batch " << t_ms - clock_.now_ms() << " is there in part";
      whole.insert(t_ms);
    }
    return whole;
  }
};

TEST_F(DamageTest, AWriteAheadLogCutShortLosesWholeBatchesAtItsEndOnly) {
  fill();
  drop();
  const std::string saved = dir_.file("saved");
  fs::copy(options_.path, saved, fs::copy_options::recursive);
  const auto full = fs::file_size(newest(".log"));
  for (uint64_t cut = 1; cut < full; cut += 97) {
    SCOPED_TRACE(cut);
    fs::remove_all(options_.path);
    fs::copy(saved, options_.path, fs::copy_options::recursive);
    fs::resize_file(newest(".log"), full - cut);
    open();
    const std::set<int64_t> whole = whole_batches(read_all());
    if (!whole.empty()) {
      EXPECT_EQ(*whole.rbegin(), clock_.now_ms() + static_cast<int64_t>(whole.size()) - 1);
    }
    // The next new series must not come under an id that a lost one had.
    EXPECT_EQ(append(Labels{{"__name__", "new"}}, clock_.now_ms() + 100, 1), Outcome::kAccepted);
    EXPECT_EQ(read({Matcher::equal(kMetricName, "new")}).size(), 1u);
    drop();
  }
}

TEST_F(DamageTest, AFlippedByteInTheWriteAheadLogLosesNoOtherBatch) {
  fill();
  drop();
  const std::string log = newest(".log");
  flip(log, fs::file_size(log) * 2 / 3);
  open();
  const std::set<int64_t> whole = whole_batches(read_all());
  EXPECT_LT(whole.size(), static_cast<size_t>(kBatches));
  EXPECT_GT(whole.size(), static_cast<size_t>(kBatches) / 2);
  EXPECT_TRUE(logger_.contains("write-ahead log is damaged"));
}

// Every file of the day that samples are still added to, one at a time: new samples go on being taken, and are there
// after a restart.
TEST_F(DamageTest, TodaysFilesTakeMoreBesideWhatDoesNotRead) {
  options_.log_bytes_max = 3'000;
  // Series of their own before and behind, so that new files lie among the old ones' keys.
  for (int life = 0; life < 3; ++life) {
    fill();
    clock_.advance_ms(kBatches);
    close();
  }
  const std::string saved = dir_.file("saved");
  fs::copy(options_.path, saved, fs::copy_options::recursive);
  int damaged = 0;
  int whole = 0;
  for (const std::string& original : testing::files_under(saved, ".sst")) {
    const std::string file = options_.path + original.substr(saved.size());
    testing::restore_folder(saved, options_.path);
    const uint64_t size = fs::file_size(file);
    SCOPED_TRACE(file + " of " + std::to_string(size));
    for (uint64_t at = 5; at + 1500 < std::max<uint64_t>(size, 1510); at += 40) testing::flip_byte(file, at);
    testing::MemoryLogger logger;
    registry_ = std::make_unique<prometheus::Registry>();
    auto store = Store::open(options_, clock_, logger, *registry_);
    if (!store) {  // The one that holds what no start can do without.
      EXPECT_NE(store.error().message().find("tidemark tsdb repair"), std::string::npos);
      continue;
    }
    store_ = std::move(*store);
    // Of known series, of new ones, and late ones.
    const double before = metric("tidemark_storage_checkpoints_total");
    int step = 0;
    bool refused = false;
    const auto append_some = [&] {
      Batch batch;
      for (int i = 0; i < kSeries; ++i) batch.add(kNoRef, labels(1000 + i), clock_.now_ms() + step, step);
      const auto report = store_->commit(batch);
      ASSERT_TRUE(report) << report.error().message();
      // Whether a series is new is looked up in files, if it is not in memory.
      refused = report->of(Outcome::kUnreadable) > 0;
      if (refused) return;
      ASSERT_EQ(report->accepted(), static_cast<size_t>(kSeries));
      ++step;
    };
    EXPECT_TRUE(testing::eventually([&] {
      append_some();
      return HasFatalFailure() || refused || metric("tidemark_storage_checkpoints_total") >= before + 3;
    }));
    EXPECT_EQ(metric("tidemark_storage_read_only"), 0) << (logger.lines().empty() ? "" : logger.lines().back());
    if (refused) {
      drop();
      continue;
    }
    close();
    damaged += logger.contains("does not read");
    open();
    {
      auto querier = *store_->querier();
      const auto set = querier->select({*Matcher::make(MatchOp::kRegex, "i", "10..")}, INT64_MIN, INT64_MAX, {}, false);
      size_t samples = 0;
      std::vector<int64_t> t_ms(100);
      std::vector<double> v(100);
      while (set->next()) {
        SampleReader& reader = set->samples();
        while (const size_t count = reader.next(t_ms, v)) samples += count;
      }
      // The day's index may be what does not read.
      if (set->warnings().empty()) {
        EXPECT_EQ(samples, static_cast<size_t>(step * kSeries));
        ++whole;
      }
    }
    drop();
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(damaged, 0);
  EXPECT_GT(whole, 0);
}

TEST_F(DamageTest, AFlippedByteInADataFileIsReportedAndNeverReadAsData) {
  fill();
  const Content before = read_all();
  close();
  for (const auto& file : fs::directory_iterator(options_.path + "/rocks")) {
    if (file.path().extension() != ".sst") continue;
    std::ifstream in(file.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    in.close();
    // The payload of a chunk of series 0: its own bytes, wherever they lie.
    flip(file.path().string(), bytes.size() / 8);
  }
  registry_ = std::make_unique<prometheus::Registry>();
  auto store = Store::open(options_, clock_, logger_, *registry_);
  if (!store) {
    EXPECT_FALSE(store.error().message().empty());
    return;
  }
  auto querier = *(*store)->querier();
  auto set = querier->select({Matcher::equal(kMetricName, "m")}, INT64_MIN, INT64_MAX, {}, false);
  std::vector<int64_t> t_ms(100);
  std::vector<double> v(100);
  while (set->next()) {
    const auto known = before.find(set->labels().to_string());
    ASSERT_NE(known, before.end());
    const size_t count = set->samples().next(t_ms, v);
    for (size_t i = 0; i < count; ++i) EXPECT_EQ(known->second.at(t_ms[i]), std::bit_cast<uint64_t>(v[i]));
  }
  EXPECT_TRUE(!set->status().ok() || !set->warnings().empty());
}

// RocksDB 7.8 asserts when an iterator meets a block that does not read beside a deleted range, which the trimming of
// the log leaves. A start seeks behind them.
TEST_F(DamageTest, AFlippedByteInAnyDataFileOfATrimmedLogDoesNotEndTheProcess) {
  options_.log_bytes_max = 1'000;
  fill();
  int64_t t_ms = clock_.now_ms() + kBatches;
  EXPECT_TRUE(testing::eventually([&] {  // The first one may have come after all that was written.
    append(labels(0), t_ms++, 1);
    return metric("tidemark_storage_checkpoints_total") >= 2;
  }));
  drop();
  options_.log_bytes_max = 64 << 20;
  open();  // What was left of the write-ahead log is flushed.
  for (int b = 0; b < 5; ++b) {
    Batch batch;
    for (int i = 0; i < kSeries; ++i) batch.add(kNoRef, labels(i), clock_.now_ms() + 1000 + b, b);
    ASSERT_TRUE(store_->commit(batch));
  }
  drop();
  open();
  drop();
  const std::string saved = dir_.file("saved");
  fs::copy(options_.path, saved, fs::copy_options::recursive);
  std::vector<std::string> files;
  for (const auto& file : fs::directory_iterator(options_.path + "/rocks")) {
    if (file.path().extension() == ".sst") files.push_back(file.path().string());
  }
  for (const std::string& file : files) {
    SCOPED_TRACE(file);
    fs::remove_all(options_.path);
    fs::copy(saved, options_.path, fs::copy_options::recursive);
    flip(file, fs::file_size(file) / 10);
    registry_ = std::make_unique<prometheus::Registry>();
    const auto store = Store::open(options_, clock_, logger_, *registry_);
    EXPECT_TRUE(store || !store.error().message().empty());
  }
}

// Met while it runs, by a compaction or a checkpoint: whatever comes of it, it is not opened again and again.
TEST_F(DamageTest, DamageMetWhileRunningStopsCompactionsOrWritesAndNothingElse) {
  const auto env = testing::make_quick_env();
  options_.env = env.get();
  options_.log_bytes_max = 300;
  options_.reopen_after_ms = 1;
  fill();
  drop();  // A close would compact.
  const std::string saved = dir_.file("saved");
  fs::copy(options_.path, saved, fs::copy_options::recursive);
  for (const std::string& file : testing::files_under(options_.path, ".sst")) {
    SCOPED_TRACE(file);
    testing::restore_folder(saved, options_.path);
    testing::flip_byte(file, fs::file_size(file) / 8);
    testing::MemoryLogger logger;
    registry_ = std::make_unique<prometheus::Registry>();
    auto store = Store::open(options_, clock_, logger, *registry_);
    if (!store) continue;
    store_ = std::move(*store);
    bool refused = false;
    for (int b = 0; b < 200 && !refused; ++b) {
      Batch batch;
      for (int i = 0; i < kSeries; ++i) batch.add(kNoRef, labels(i), clock_.now_ms() + 1000 + b, b);
      const auto report = store_->commit(batch);
      refused = !report;
      if (refused) {
        EXPECT_NE(report.error().message().find("tidemark tsdb repair"), std::string::npos) << report.error().message();
      }
    }
    EXPECT_EQ(metric("tidemark_storage_read_only_reason{reason=\"damaged\"}"), refused ? 1 : 0);
    if (logger.contains("compacting ")) {
      EXPECT_TRUE(testing::eventually([&] { return logger.contains("not compacted any more"); }));
      EXPECT_GE(metric("tidemark_storage_corruptions_total"), 1);
    }
    EXPECT_EQ(metric("tidemark_storage_reopens_total") + metric("tidemark_storage_reopen_failures_total"), 0);
    EXPECT_TRUE(store_->querier());
    store_.reset();
  }
}

}  // namespace
}  // namespace tidemark::storage
