// kill -9 at random points of appending, sealing and checkpoints, against a ledger of what was acknowledged. The parent
// never opens a store: RocksDB's threads would not survive its forks. A child writes and is killed, another one checks.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <csignal>
#include <filesystem>
#include <functional>
#include <random>
#include <thread>

#include "aggregator/storage/store.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_logger.h"
#include "tests/support/temp_dir.h"

namespace tidemark::storage {
namespace {

constexpr int kRounds = 40;
constexpr int64_t kStartMs = 1'700'000'000'000;
constexpr int64_t kStepMs = 60'000;
constexpr uint64_t kLogBytesMax = 2500;

Options options_for(const std::string& path) {
  Options options;
  options.path = path;
  options.sync = SyncPolicy::kNever;
  options.shards = 4;
  options.retention_ms = int64_t{3650} * 86'400'000;
  options.log_bytes_max = kLogBytesMax;
  return options;
}

Labels series_labels(uint64_t series) { return Labels{{"__name__", "ledger"}, {"series", std::to_string(series)}}; }

// Batch b touches some of the series, more and more as it goes, so that new ones appear next to every checkpoint.
// Its value says which series and batch it belongs to.
std::vector<uint64_t> series_of(uint64_t b) {
  std::mt19937_64 random(b);
  std::vector<uint64_t> out;
  const uint64_t known = 20 + b / 2;
  for (uint64_t s = known - 20; s < known; ++s) {
    if (random() % 3 != 0) out.push_back(s);
  }
  for (uint64_t s = 0; s < 20; ++s) out.push_back(s % known);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}
double value_of(uint64_t series, uint64_t b) { return static_cast<double>(series * 1'000'000 + b) / 4; }

// In the child: writes batch after batch, telling each acknowledged one, until killed.
void write_until_killed(const std::string& path, uint64_t b, int acknowledged) {
  testing::FakeClock clock(kStartMs);
  testing::MemoryLogger logger;
  prometheus::Registry registry;
  auto store = Store::open(options_for(path), clock, logger, registry);
  if (!store) _exit(3);
  for (;; ++b) {
    clock.set_now_ms(kStartMs + static_cast<int64_t>(b) * kStepMs);
    Batch batch;
    for (const uint64_t s : series_of(b)) batch.add(kNoRef, series_labels(s), clock.now_ms(), value_of(s, b));
    const auto report = (*store)->commit(batch);
    if (!report || report->accepted() != batch.size()) _exit(4);
    if ((*store)->stats().log_bytes > 2 * kLogBytesMax + 1000) _exit(5);
    if (write(acknowledged, &b, sizeof b) != sizeof b) _exit(6);
  }
}

Content content_of(uint64_t batches) {
  Content want;
  for (uint64_t b = 0; b < batches; ++b) {
    for (const uint64_t s : series_of(b)) {
      want[series_labels(s).to_string()][kStartMs + static_cast<int64_t>(b) * kStepMs] =
          std::bit_cast<uint64_t>(value_of(s, b));
    }
  }
  return want;
}

// In the child: all of [0, acknowledged) is there, the batch after it whole or not at all, nothing else. Returns the
// number of batches there.
uint64_t check(const std::string& path, uint64_t acknowledged) {
  testing::FakeClock clock(kStartMs + static_cast<int64_t>(acknowledged) * kStepMs);
  testing::MemoryLogger logger;
  prometheus::Registry registry;
  auto store = Store::open(options_for(path), clock, logger, registry);
  EXPECT_TRUE(store) << store.error().message();
  if (!store) return 0;
  auto querier = *(*store)->querier();
  auto set = querier->select({Matcher::equal(kMetricName, "ledger")}, INT64_MIN, INT64_MAX, {}, false);
  const Content stored = read_set(*set);
  if (stored == content_of(acknowledged)) return acknowledged;
  const Content want = content_of(acknowledged + 1);
  EXPECT_EQ(stored.size(), want.size());
  for (const auto& [series, column] : want) {
    const auto found = stored.find(series);
    if (found == stored.end()) {
      ADD_FAILURE() << series << " is missing";
    } else if (found->second != column) {
      ADD_FAILURE() << series << " has " << found->second.size() << " samples, want " << column.size();
    }
  }
  return acknowledged + 1;
}

// In the child: writes until the file system refuses, as a full disk does. Returns the number of batches acknowledged.
uint64_t write_until_refused(const std::string& path) {
  testing::FakeClock clock(kStartMs);
  testing::MemoryLogger logger;
  prometheus::Registry registry;
  Options options = options_for(path);
  options.log_bytes_max = 64 << 20;
  auto store = Store::open(options, clock, logger, registry);
  EXPECT_TRUE(store);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit file_size{100 << 10, 100 << 10};
  EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &file_size), 0);
  for (uint64_t b = 0;; ++b) {
    clock.set_now_ms(kStartMs + static_cast<int64_t>(b) * kStepMs);
    Batch batch;
    for (const uint64_t s : series_of(b)) batch.add(kNoRef, series_labels(s), clock.now_ms(), value_of(s, b));
    if ((*store)->commit(batch)) continue;
    const auto again = (*store)->commit(batch);
    EXPECT_FALSE(again);
    EXPECT_EQ(again.error().code(), Code::kReadOnly) << again.error().message();
    EXPECT_NE(prometheus::TextSerializer().Serialize(registry.Collect()).find("tidemark_storage_read_only 1"),
              std::string::npos);
    auto querier = *(*store)->querier();
    auto set = querier->select({Matcher::equal(kMetricName, "ledger")}, INT64_MIN, INT64_MAX, {}, false);
    EXPECT_TRUE(read_set(*set) == content_of(b)) << "what was acknowledged stays readable, and nothing else shows";
    set.reset();
    querier.reset();
    EXPECT_FALSE((*store)->close().ok());
    return b;
  }
}

class CrashTest : public ::testing::Test {
 protected:
  void write_and_kill(uint64_t& acknowledged) {
    int ledger[2];
    ASSERT_EQ(pipe2(ledger, O_CLOEXEC), 0);
    const pid_t child = fork();
    if (child == 0) write_until_killed(path_, acknowledged, ledger[1]);
    ::close(ledger[1]);
    // At least a few batches, then any moment within some milliseconds.
    const uint64_t least = acknowledged + 1 + random_() % 60;
    uint64_t b = 0;
    while (read(ledger[0], &b, sizeof b) == sizeof b) {
      acknowledged = b + 1;
      if (acknowledged == least) {
        std::this_thread::sleep_for(std::chrono::microseconds(random_() % 5000));  // The random point.
        kill(child, SIGKILL);
      }
    }
    ::close(ledger[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer failed by itself: exit " << WEXITSTATUS(status);
  }

  // Runs it in a child, which must not fail an expectation, and takes over its answer.
  void in_child(const std::function<uint64_t()>& run, uint64_t& answer) {
    int result[2];
    ASSERT_EQ(pipe2(result, O_CLOEXEC), 0);
    const pid_t child = fork();
    if (child == 0) {
      const uint64_t value = run();
      const bool told = write(result[1], &value, sizeof value) == sizeof value;
      _exit(told && !HasFailure() ? 0 : 1);
    }
    ::close(result[1]);
    uint64_t value = 0;
    const bool told = read(result[0], &value, sizeof value) == sizeof value;
    ::close(result[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(told && WIFEXITED(status) && WEXITSTATUS(status) == 0) << "a child's expectations failed, see above";
    answer = value;
  }

  void check_in_child(uint64_t& acknowledged) {
    in_child([&] { return check(path_, acknowledged); }, acknowledged);
  }

  testing::TempDir dir_;
  const std::string path_ = dir_.file("data");
  std::mt19937_64 random_;
};

TEST_F(CrashTest, NoAcknowledgedSampleIsLostOrMoved) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  random_.seed(seed);
  uint64_t acknowledged = 0;
  for (int round = 0; round < kRounds && !HasFatalFailure(); ++round) {
    SCOPED_TRACE(round);
    write_and_kill(acknowledged);
    if (!HasFatalFailure()) check_in_child(acknowledged);
  }
  EXPECT_GT(acknowledged, static_cast<uint64_t>(kRounds));
}

TEST_F(CrashTest, AfterAFailedLogWriteItReadsOnAndARestartHasAllThatWasAcknowledged) {
  uint64_t acknowledged = 0;
  in_child([&] { return write_until_refused(path_); }, acknowledged);
  if (HasFatalFailure()) return;
  EXPECT_GT(acknowledged, 10u);
  check_in_child(acknowledged);
}

}  // namespace
}  // namespace tidemark::storage
