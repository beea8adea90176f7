#include "aggregator/promql/functions.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tidemark::promql {
namespace {

TEST(FunctionsTest, IsSortedSoThatEveryNameIsFound) {
  const auto all = all_functions();
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; }));
  for (const Function& function : all) EXPECT_EQ(find_function(function.name), &function);
  EXPECT_EQ(find_function("Rate"), nullptr);
  EXPECT_EQ(find_function(""), nullptr);
  EXPECT_EQ(find_function("zzz"), nullptr);
}

TEST(FunctionsTest, HasSaneSignatures) {
  for (const Function& function : all_functions()) {
    EXPECT_TRUE(function.result == ValueType::kVector || function.result == ValueType::kScalar) << function.name;
    // Variadic counts from the last declared argument.
    EXPECT_TRUE(function.variadic == 0 || !function.args.empty()) << function.name;
  }
}

}  // namespace
}  // namespace tidemark::promql
