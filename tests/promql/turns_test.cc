#include "aggregator/promql/turns.h"

#include <gtest/gtest.h>
#include <prometheus/counter.h>

#include <thread>
#include <vector>

#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"

namespace tidemark::promql {
namespace {

using ::tidemark::testing::eventually;
using ::tidemark::testing::FakeClock;

constexpr QueryLimits kNoEnd{.deadline_ns = INT64_MAX};

TEST(Turns, NoMoreComputeThanThereArePlaces) {
  prometheus::Counter passed;
  Turns turns(2, passed);
  std::atomic<int> computing{0};
  std::atomic<int> most{0};
  const auto begin = [&] {
    const int now = ++computing;
    int known = most;
    while (known < now && !most.compare_exchange_weak(known, now)) {
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      FakeClock clock;
      QueryAccount query(clock, kNoEnd);
      for (int round = 0; round < 20; ++round) {
        Turns::Turn turn(turns, query);
        begin();
        for (int n = 0; n < 20; ++n) {
          clock.advance_ms(11);
          --computing;  // It may stand back: whoever has its place then counts.
          turn.pause();
          begin();
        }
        --computing;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, 2);
  EXPECT_EQ(turns.waiting(), 0u);
}

TEST(Turns, WhoHadNoneYetComesFirst) {
  prometheus::Counter passed;
  Turns turns(1, passed);
  FakeClock clock;
  QueryAccount query(clock, kNoEnd);
  std::vector<std::string> order;  // Written by who has the place.
  const auto compute = [&](const char* name) {
    Turns::Turn turn(turns, query);
    order.emplace_back(name);
  };
  Turns::Turn mine(turns, query);
  std::thread first(compute, "first");
  ASSERT_TRUE(eventually([&] { return turns.waiting() == 1; }));
  std::thread second(compute, "second");
  ASSERT_TRUE(eventually([&] { return turns.waiting() == 2; }));
  mine.pause();
  EXPECT_EQ(order.size(), 0u) << "its time is not over";
  clock.advance_ms(11);
  mine.pause();
  EXPECT_EQ(order, (std::vector<std::string>{"first", "second"}));
  EXPECT_EQ(passed.Value(), 1);
  first.join();
  second.join();
}

TEST(Turns, WhoeverHasToEndWaitsNoLonger) {
  prometheus::Counter passed;
  Turns turns(1, passed);
  FakeClock clock;
  std::atomic<bool> killed{false};
  QueryLimits limits = kNoEnd;
  limits.query_killed = &killed;
  QueryAccount query(clock, kNoEnd);
  QueryAccount ends(clock, limits);
  {
    Turns::Turn mine(turns, query);
    std::thread waits([&] { Turns::Turn turn(turns, ends); });
    ASSERT_TRUE(eventually([&] { return turns.waiting() == 1; }));
    killed = true;
    waits.join();
    EXPECT_EQ(turns.waiting(), 0u);
  }
  Turns::Turn again(turns, query);  // The place was not lost.
}

}  // namespace
}  // namespace tidemark::promql
