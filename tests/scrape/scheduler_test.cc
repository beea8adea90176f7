#include "aggregator/scrape/scheduler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"

namespace tidemark::scrape {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

class SchedulerTest : public ::testing::Test {
 protected:
  int64_t now() const { return clock_.monotonic_ns(); }
  size_t run_after(int64_t ms) {
    clock_.advance_ms(ms);
    return scheduler_.run_due();
  }
  double skipped(SkipReason reason) { return metrics_.skipped(reason).Value(); }

  testing::FakeClock clock_;
  prometheus::Registry registry_;
  Metrics metrics_{registry_};
  Scheduler scheduler_{{2, 3}, clock_, metrics_};
};

TEST_F(SchedulerTest, runs_each_task_at_its_place_in_the_interval) {
  std::string ran;
  scheduler_.add([&](unsigned) { ran += 'a'; }, now() + 2 * kSecond, 10 * kSecond);
  scheduler_.add([&](unsigned) { ran += 'b'; }, now() + 5 * kSecond, 10 * kSecond);
  EXPECT_EQ(run_after(1'999), 0U);
  EXPECT_EQ(run_after(1), 1U);
  EXPECT_EQ(run_after(3'000), 1U);
  EXPECT_EQ(run_after(6'999), 0U);
  EXPECT_EQ(run_after(1), 1U);
  EXPECT_EQ(run_after(3'000), 1U);
  EXPECT_EQ(ran, "abab");
}

TEST_F(SchedulerTest, does_not_make_up_for_missed_runs) {
  int runs = 0;
  scheduler_.add([&](unsigned) { ++runs; }, now() + kSecond, 10 * kSecond);
  EXPECT_EQ(run_after(35'000), 1U);
  EXPECT_EQ(skipped(SkipReason::kLate), 3);
  EXPECT_EQ(run_after(5'999), 0U) << "still at one second past the tens";
  EXPECT_EQ(run_after(1), 1U);
  EXPECT_EQ(runs, 2);
}

TEST_F(SchedulerTest, a_queue_that_is_full_skips) {
  int runs = 0;
  for (int i = 0; i < 5; ++i) scheduler_.add([&](unsigned) { ++runs; }, now(), 10 * kSecond);
  EXPECT_EQ(scheduler_.run_due(), 3U);
  EXPECT_EQ(skipped(SkipReason::kQueueFull), 2);
  int once = 0;
  for (int i = 0; i < 5; ++i) scheduler_.add([&](unsigned) { ++once; }, now(), 0);
  scheduler_.run_due();
  run_after(1'000);
  EXPECT_EQ(once, 5) << "a single run is put off, not lost";
  EXPECT_EQ(runs, 3);
}

TEST_F(SchedulerTest, removes_and_reschedules) {
  int runs = 0;
  const Scheduler::Handle a = scheduler_.add([&](unsigned) { ++runs; }, now() + kSecond, kSecond);
  scheduler_.reschedule(a, now() + 5 * kSecond, 0);
  EXPECT_EQ(run_after(4'999), 0U);
  EXPECT_EQ(run_after(1), 1U);
  EXPECT_EQ(run_after(60'000), 0U) << "only once";
  const Scheduler::Handle b = scheduler_.add([&](unsigned) { ++runs; }, now() + kSecond, kSecond);
  scheduler_.remove(b);
  EXPECT_EQ(run_after(10'000), 0U);
}

TEST_F(SchedulerTest, workers_run_side_by_side_but_a_task_never_twice) {
  Scheduler scheduler({2, 100}, system_clock(), metrics_);
  std::atomic<int> in_a = 0;
  std::atomic<int> most_in_a = 0;
  std::atomic<int> runs_of_b = 0;
  std::atomic<bool> release = false;
  scheduler.add(
      [&](unsigned worker) {
        EXPECT_LT(worker, 2U);
        most_in_a = std::max(most_in_a.load(), ++in_a);
        while (!release) std::this_thread::yield();
        --in_a;
      },
      system_clock().monotonic_ns(), 1'000'000);
  scheduler.add([&](unsigned) { ++runs_of_b; }, system_clock().monotonic_ns(), 1'000'000);
  scheduler.start();
  EXPECT_TRUE(testing::eventually([&] { return runs_of_b >= 3; })) << "a slow task holds up nobody else";
  EXPECT_TRUE(testing::eventually([&] { return skipped(SkipReason::kRunning) >= 3; }));
  release = true;
  scheduler.stop();
  EXPECT_EQ(most_in_a, 1);
}

TEST_F(SchedulerTest, tasks_that_hang_take_threads_of_their_own_up_to_the_bound) {
  Scheduler scheduler({8, 100}, system_clock(), metrics_);
  std::atomic<int> hanging = 0;
  std::atomic<int> runs = 0;
  std::atomic<bool> release = false;
  const auto hang = [&](unsigned) {
    ++hanging;
    while (!release) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  scheduler.start();
  for (int i = 0; i < 7; ++i) scheduler.add(hang, system_clock().monotonic_ns(), 0);
  scheduler.add([&](unsigned) { ++runs; }, system_clock().monotonic_ns(), 1'000'000);
  EXPECT_TRUE(testing::eventually([&] { return hanging == 7 && runs >= 3; })) << "the eighth worker is free";
  EXPECT_LE(metrics_.workers.Value(), 8);
  for (int i = 0; i < 7; ++i) scheduler.add(hang, system_clock().monotonic_ns(), 0);
  EXPECT_TRUE(testing::eventually([&] { return hanging == 8; }));
  EXPECT_EQ(metrics_.workers.Value(), 8);
  release = true;
  scheduler.stop();
}

}  // namespace
}  // namespace tidemark::scrape
