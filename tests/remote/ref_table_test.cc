#include "aggregator/remote/ref_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <utility>

namespace tidemark::remote {
namespace {

// Few homes, so that runs of occupied slots meet, wrap around and are cut by erasing.
TEST(RefTable, AgreesWithAMapUnderAnyMixOfOperations) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 50; ++round) {
    RefTable table;
    std::map<std::pair<uint64_t, uint64_t>, storage::SeriesRef> model;
    const uint64_t homes = 1 + random() % 8;
    for (int step = 0; step < 2000; ++step) {
      const SeriesKey key{(random() % homes) * (UINT64_MAX / homes), random() % 100};
      switch (random() % 8) {
        case 0:
        case 1:
        case 2:
          table.put(key, storage::SeriesRef{step + 1U});
          model[{key.low, key.high}] = storage::SeriesRef{step + 1U};
          break;
        case 3:
        case 4:
          table.erase(key);
          model.erase({key.low, key.high});
          break;
        default:
          break;
      }
      const auto found = model.find({key.low, key.high});
      ASSERT_EQ(table.find(key), found == model.end() ? storage::kNoRef : found->second);
      ASSERT_EQ(table.size(), model.size());
    }
    for (const auto& [key, ref] : model) ASSERT_EQ(table.find({key.first, key.second}), ref);
    table.clear();
    EXPECT_EQ(table.size(), 0u);
    EXPECT_EQ(table.find({1, 1}), storage::kNoRef);
  }
}

}  // namespace
}  // namespace tidemark::remote
