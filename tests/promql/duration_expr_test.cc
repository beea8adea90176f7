#include "aggregator/promql/duration_expr.h"

#include <gtest/gtest.h>

#include <string>

#include "aggregator/promql/parser.h"

namespace tidemark::promql {
namespace {

constexpr ParserOptions kAll{true, true, true};

std::string evaluated(const std::string& duration, DurationContext context = {}) {
  const auto expr = parse_expression("x[" + duration + "]", kAll);
  if (!expr) return expr.error().message();
  const auto ms = evaluate_duration(as<MatrixSelector>(**expr).range, context, DurationUse::kRange);
  return ms ? std::to_string(*ms) : ms.error().message();
}

std::string evaluated_offset(const std::string& duration, DurationContext context = {}) {
  const auto expr = parse_expression("x offset " + duration, kAll);
  if (!expr) return expr.error().message();
  const auto ms = evaluate_duration(as<VectorSelector>(**expr).time.offset, context, DurationUse::kOffset);
  return ms ? std::to_string(*ms) : ms.error().message();
}

TEST(DurationExprTest, Computes) {
  EXPECT_EQ(evaluated("5m"), "300000");
  EXPECT_EQ(evaluated("1.5"), "1500");
  EXPECT_EQ(evaluated("2m*(10+5)"), "1800000");
  EXPECT_EQ(evaluated("24m+((1.5*2m)+2m)"), "1740000");
  EXPECT_EQ(evaluated("30m1s-30m1s % 1m"), "1800000");
  EXPECT_EQ(evaluated("2 ^ 3 ^ 2"), "512000") << "to the right";
  EXPECT_EQ(evaluated("10 - 3 - 2"), "5000") << "to the left";
  EXPECT_EQ(evaluated("-2 ^ 2 + 10"), "6000") << "a sign binds looser than ^";
  EXPECT_EQ(evaluated("-5m+35m"), "1800000");
}

TEST(DurationExprTest, KnowsTheQuery) {
  const DurationContext context{.step_ms = 15'000, .range_ms = 3'600'000};
  EXPECT_EQ(evaluated("step()", context), "15000");
  EXPECT_EQ(evaluated("Step()*4", context), "60000");
  EXPECT_EQ(evaluated("max_of(step(), 1m)", context), "60000");
  EXPECT_EQ(evaluated("min_of(range(), 1d)", context), "3600000");
  EXPECT_EQ(evaluated_offset("-step()", context), "-15000");
  EXPECT_EQ(evaluated_offset("-(min_of(step(), 2s)-5)", context), "3000");
  EXPECT_EQ(evaluated_offset("(-2 * 2)"), "-4000");
  EXPECT_EQ(evaluated_offset("step()"), "0");
}

TEST(DurationExprTest, DropsWhatIsBelowAMillisecond) {
  EXPECT_EQ(evaluated("1s/3000"), "0");
  EXPECT_EQ(evaluated("1.9995"), "1999");
}

TEST(DurationExprTest, RefusesWhatIsNoDuration) {
  EXPECT_EQ(evaluated("step()"), "2:8: duration must be greater than 0");
  EXPECT_EQ(evaluated("5m-10m"), "2:8: duration must be greater than 0");
  EXPECT_EQ(evaluated("1/(1-1)"), "2:9: division by zero");
  EXPECT_EQ(evaluated("1%(1-1)"), "2:9: modulo by zero");
  EXPECT_EQ(evaluated("0^(0-1)"), "2:9: duration is NaN or infinite");
  EXPECT_EQ(evaluated("min_of((-1)^0.5, 5m)"), "2:22: duration is NaN or infinite");
  EXPECT_EQ(evaluated("max_of(5m, (-1)^0.5)"), "2:22: duration is NaN or infinite");
  EXPECT_EQ(evaluated("9e9*9"), "2:7: duration is out of range");
}

}  // namespace
}  // namespace tidemark::promql
