// Start timestamps beside a chunk's columns: exact for whatever comes, small for what usually comes.
#include "aggregator/storage/start_runs.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "aggregator/storage/chunk_codec.h"

namespace tidemark::storage {
namespace {

constexpr int64_t kFirstMs = 1'700'000'000'000;

struct Shape {
  const char* what;
  std::function<int64_t(int64_t t_ms, size_t i)> start;
  size_t bytes_max;  // Of 240 samples.
};

TEST(StartRuns, AreExactAndSmall) {
  std::mt19937_64 random(7);
  const Shape shapes[] = {
      {"none", [](int64_t, size_t) { return kNoStart; }, 0},
      {"a counter's", [](int64_t, size_t) { return kFirstMs - 86'400'000; }, 16},
      {"a counter's that restarts", [](int64_t, size_t i) { return kFirstMs + (i < 100 ? -5 : 1'499'000); }, 24},
      {"a counter's that is known late", [](int64_t, size_t i) { return i < 3 ? kNoStart : kFirstMs; }, 16},
      {"deltas'", [](int64_t t_ms, size_t) { return t_ms - 15'000; }, 16},
      {"their own times", [](int64_t t_ms, size_t) { return t_ms; }, 16},
      {"now and then", [](int64_t t_ms, size_t i) { return i % 2 == 0 ? kNoStart : t_ms - 1; }, 2000},
      {"anything", [&](int64_t, size_t) { return static_cast<int64_t>(random()); }, 4000},
  };
  for (const Shape& shape : shapes) {
    std::vector<int64_t> t_ms;
    std::vector<double> v;
    std::vector<int64_t> start_ms;
    for (size_t i = 0; i < 240; ++i) {
      t_ms.push_back(kFirstMs + static_cast<int64_t>(i) * 15'000 + static_cast<int64_t>(random() % 3));
      v.push_back(static_cast<double>(i));
      start_ms.push_back(shape.start(t_ms.back(), i));
    }
    const std::string column = encode_starts(t_ms, start_ms);
    EXPECT_LE(column.size(), shape.bytes_max) << shape.what;
    const std::string bytes = make_chunk(t_ms, v, start_ms);
    const auto chunk = parse_chunk(bytes);
    ASSERT_TRUE(chunk) << shape.what;
    EXPECT_EQ(chunk->starts, column) << shape.what;
    if (column.empty()) {
      EXPECT_EQ(bytes, make_chunk(t_ms, v)) << "not a byte for those without";
      continue;
    }
    const auto runs = StartRuns::parse(column);
    ASSERT_TRUE(runs) << shape.what;
    for (size_t i = 0; i < t_ms.size(); ++i) ASSERT_EQ(runs->at(t_ms[i]), start_ms[i]) << shape.what << " " << i;
    EXPECT_EQ(runs->encode(), column) << shape.what;
  }
}

// Samples that are taken out leave the others' starts alone.
TEST(StartRuns, AreFoundByTime) {
  StartRuns runs;
  for (int64_t t = 10; t <= 100; t += 10) runs.append(t, t <= 50 ? 5 : t - 7);
  EXPECT_EQ(runs.at(20), 5);
  EXPECT_EQ(runs.at(50), 5);
  EXPECT_EQ(runs.at(60), 53);
  EXPECT_EQ(runs.at(100), 93);
  runs.append(110, kNoStart);
  EXPECT_EQ(runs.at(110), kNoStart);
  EXPECT_EQ(runs.at(9), kNoStart);
}

TEST(StartRuns, AnyBytesAreReadOrRefused) {
  StartRuns runs;
  for (int64_t t = 10; t <= 100; t += 10) runs.append(t, t % 30);
  const std::string good = runs.encode();
  for (size_t i = 0; i < good.size(); ++i) {
    EXPECT_FALSE(StartRuns::parse(good.substr(0, i))) << i;
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x55);
    static_cast<void>(StartRuns::parse(bad));
  }
  EXPECT_FALSE(StartRuns::parse(good + "x"));
}

}  // namespace
}  // namespace tidemark::storage
