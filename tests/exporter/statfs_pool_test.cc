// A stuck mount is played by a statfs that waits until the test lets it go.
#include "exporter/statfs_pool.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/exporter/collect_support.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace tidemark::exporter::testing {
namespace {

// Paths that start with "/stuck" block until release(). Shared with workers that outlive the pool.
class Gate {
 public:
  int statfs(const char* path, struct statfs* out) {
    ++calls;
    if (std::string_view(path).starts_with("/stuck")) {
      std::unique_lock lock(mu_);
      released_.wait(lock, [&] { return open_; });
    }
    if (std::string_view(path) == "/denied") {
      errno = EACCES;
      return -1;
    }
    out->f_blocks = 7;
    ++finished;
    return 0;
  }
  void release() {
    const std::lock_guard lock(mu_);
    open_ = true;
    released_.notify_all();
  }
  std::atomic<int> calls{0};
  std::atomic<int> finished{0};

 private:
  std::mutex mu_;
  std::condition_variable released_;
  bool open_ = false;
};

struct GatedPool {
  explicit GatedPool(unsigned workers_max = 4)
      : pool([g = gate](const char* path, struct statfs* out) { return g->statfs(path, out); }, workers_max) {}
  ~GatedPool() { gate->release(); }
  std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  StatfsPool pool;
};

TEST(StatfsPool, AnswersInOrderWithOneWorker) {
  GatedPool t;
  const auto answers = t.pool.ask({"/a", "/denied", "/c"}, soon_ns());
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(answers[0].error, 0);
  EXPECT_EQ(answers[0].stats.f_blocks, 7u);
  EXPECT_FALSE(answers[0].timed_out);
  EXPECT_EQ(answers[1].error, EACCES);
  EXPECT_EQ(answers[2].error, 0);
  for (int i = 0; i < 10; ++i) t.pool.ask({"/a", "/b"}, soon_ns());
  EXPECT_EQ(t.pool.workers(), 1u);
  EXPECT_TRUE(t.pool.ask({}, soon_ns()).empty());
}

TEST(StatfsPool, AStuckPathCostsOnlyItself) {
  GatedPool t;
  const auto answers = t.pool.ask({"/stuck", "/b", "/c"}, soon_ns(1'000));
  EXPECT_TRUE(answers[0].timed_out);
  EXPECT_FALSE(answers[1].timed_out);
  EXPECT_FALSE(answers[2].timed_out);
  EXPECT_EQ(t.pool.workers(), 2u);

  // From now on it is known: nobody waits for it, and it takes no second worker.
  const int calls = t.gate->calls;
  const int64_t start_ns = system_clock().monotonic_ns();
  const auto again = t.pool.ask({"/stuck", "/b"}, soon_ns(60'000));
  EXPECT_LT(system_clock().monotonic_ns() - start_ns, 30'000'000'000);
  EXPECT_TRUE(again[0].timed_out);
  EXPECT_FALSE(again[1].timed_out);
  EXPECT_EQ(t.gate->calls, calls + 1);

  t.gate->release();
  EXPECT_TRUE(tidemark::testing::eventually([&] { return !t.pool.ask({"/stuck"}, soon_ns())[0].timed_out; }));
}

TEST(StatfsPool, WorkersAreBoundedWhenEverythingIsStuck) {
  GatedPool t(2);
  for (int i = 0; i < 3; ++i) {
    for (const StatfsAnswer& answer : t.pool.ask({"/stuck1", "/stuck2", "/stuck3", "/d"}, soon_ns(300)))
      EXPECT_TRUE(answer.timed_out);
  }
  EXPECT_EQ(t.pool.workers(), 2u);
  t.gate->release();
  EXPECT_TRUE(tidemark::testing::eventually([&] { return !t.pool.ask({"/d"}, soon_ns())[0].timed_out; }));
}

TEST(StatfsPool, ConcurrentScrapesShareACall) {
  GatedPool t;
  std::vector<std::thread> scrapes;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i) {
    scrapes.emplace_back([&] {
      const auto answers = t.pool.ask({"/stuck", "/b"}, soon_ns(20'000));
      if (!answers[0].timed_out && !answers[1].timed_out) ++good;
    });
  }
  EXPECT_TRUE(tidemark::testing::eventually([&] { return t.gate->finished >= 1; }));
  EXPECT_LE(t.pool.workers(), 4u);
  t.gate->release();
  for (std::thread& scrape : scrapes) scrape.join();
  EXPECT_EQ(good, 8);
}

TEST(StatfsPool, WithoutAThreadItTimesOutAndTriesAgain) {
  pthread_attr_t usual;
  pthread_attr_t huge;  // A stack that nobody has.
  ::pthread_getattr_default_np(&usual);
  ::pthread_attr_init(&huge);
  ::pthread_attr_setstacksize(&huge, size_t{1} << 46);
  GatedPool t;
  ::pthread_setattr_default_np(&huge);
  const auto without = t.pool.ask({"/a"}, soon_ns(50));
  ::pthread_setattr_default_np(&usual);
  EXPECT_TRUE(without[0].timed_out);
  EXPECT_EQ(t.pool.workers(), 0u);
  EXPECT_FALSE(t.pool.ask({"/a"}, soon_ns())[0].timed_out);
  ::pthread_attr_destroy(&huge);
  ::pthread_attr_destroy(&usual);
}

TEST(StatfsPool, EndsWhileACallIsStuck) {
  auto t = std::make_unique<GatedPool>();
  const std::shared_ptr<Gate> gate = t->gate;
  EXPECT_TRUE(t->pool.ask({"/stuck"}, soon_ns(50))[0].timed_out);
  {
    // The pool goes first: it must not wait for the call.
    StatfsPool pool([gate](const char* path, struct statfs* out) { return gate->statfs(path, out); }, 2);
    EXPECT_TRUE(pool.ask({"/stuck"}, soon_ns(50))[0].timed_out);
  }
  gate->release();
  EXPECT_TRUE(tidemark::testing::eventually([&] { return gate->finished == 2; }));
}

TEST(Filesystem, AStuckMountIsReportedAndTheRestServed) {
  const auto gate = std::make_shared<Gate>();
  const tidemark::testing::TempDir dir;
  dir.write("1/mountinfo",
            "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:9 / /stuck rw - nfs filer:/x rw\n"
            "3 1 8:2 / /home rw - ext4 /dev/sda2 rw\n");
  CollectorConfig config;
  config.procfs = dir.path();
  config.filesystem.mount_timeout_ms = 500;
  config.statfs_function = [gate](const char* path, struct statfs* out) { return gate->statfs(path, out); };
  const std::string text = collected("filesystem", config);
  gate->release();
  EXPECT_THAT(text, ::testing::HasSubstr("node_filesystem_device_error{device=\"filer:/x\",device_error=\"mountpoint "
                                         "timeout\",fstype=\"nfs\",mountpoint=\"/stuck\"} 1\n"));
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("node_filesystem_size_bytes{device=\"filer:/x\"")));
  EXPECT_THAT(text, ::testing::HasSubstr("node_filesystem_size_bytes{device=\"/dev/sda2\""));
}

}  // namespace
}  // namespace tidemark::exporter::testing
