// Runs the scripts beside this file; promqltest runs the same by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/promql/promqltest/runner.h"

namespace tidemark::promqltest {
namespace {

std::vector<std::string> script_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(PROMQL_SCRIPTS)) {
    names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Scripts : public ::testing::TestWithParam<std::string> {};

void expect_pass(const std::string& name, StoreKind kind) {
  std::stringstream text;
  text << std::ifstream(PROMQL_SCRIPTS "/" + name + ".test").rdbuf();
  const Report report = run_script(text.str(), kind);
  for (const std::string& failure : report.failures) ADD_FAILURE() << name << ": " << failure;
  EXPECT_GT(report.total, 0U);
}

TEST_P(Scripts, PassInMemory) { expect_pass(GetParam(), StoreKind::kMemory); }
TEST_P(Scripts, PassFromTheHead) { expect_pass(GetParam(), StoreKind::kHead); }
TEST_P(Scripts, PassFromFiles) { expect_pass(GetParam(), StoreKind::kFiles); }

INSTANTIATE_TEST_SUITE_P(PromQL, Scripts, ::testing::ValuesIn(script_names()),
                         [](const auto& script) { return script.param; });

// The runner itself: what it must not let pass.
TEST(Runner, CountsAnEvalThatFailsTwiceOnce) {
  const Report report =
      run_script_twice("load 1m\n  x 1 2\n\neval instant at 0 x\n  x 2\n\neval instant at 0 x\n  x 1\n");
  EXPECT_EQ(report.total, 2U);
  EXPECT_EQ(report.passed, 1U);
  ASSERT_EQ(report.failures.size(), 2U);
  EXPECT_EQ(report.failures[0].find("head: line 4"), 0U) << report.failures[0];
  EXPECT_EQ(report.failures[1].find("files: line 4"), 0U) << report.failures[1];
}

TEST(Runner, SeesWrongAnswers) {
  const std::string load = "load 1m\n  x 1 2\n\n";
  const auto failures = [&](const std::string& eval) { return run_script(load + eval).failures.size(); };
  EXPECT_EQ(failures("eval instant at 0 x\n  x 1\n"), 0U);
  EXPECT_EQ(failures("eval instant at 0 x\n  x 2\n"), 1U);
  EXPECT_EQ(failures("eval instant at 0 x\n  y 1\n"), 1U);
  EXPECT_EQ(failures("eval instant at 0 x\n"), 1U);
  EXPECT_EQ(failures("eval instant at 0 nothing\n  x 1\n"), 1U);
  EXPECT_EQ(failures("eval instant at 0 x\n  expect fail\n"), 1U);
  EXPECT_EQ(failures("eval instant at 0 x +\n  expect fail msg: something else\n"), 1U);
  EXPECT_EQ(failures("eval instant at 0 x\n  expect warn\n  x 1\n"), 1U);
  EXPECT_EQ(failures("eval instant at 0 quantile(2, x)\n  expect no_warn\n  {} +Inf\n"), 1U);
  EXPECT_EQ(failures("eval instant at 0 1\n  2\n"), 1U);
  EXPECT_EQ(failures("eval range from 0 to 1m step 1m x\n  x 1 3\n"), 1U);
  EXPECT_EQ(failures("evaluate this\n"), 1U);
}

TEST(Runner, SeesWrongHistograms) {
  const std::string load = "load 1m\n  x {{count:3 sum:4 buckets:[1 2]}}\n\n";
  const auto failures = [&](const std::string& expected) {
    return run_script(load + "eval instant at 0 x\n  x " + expected + "\n").failures.size();
  };
  EXPECT_EQ(failures("{{count:3 sum:4 buckets:[1 2]}}"), 0U);
  EXPECT_EQ(failures("{{count:3 sum:4 buckets:[0 1 2 0] offset:-1 counter_reset_hint:unknown}}"), 0U);
  EXPECT_EQ(failures("{{count:3 sum:4 buckets:[1 2] counter_reset_hint:gauge}}"), 1U);
  EXPECT_EQ(failures("{{count:3 sum:5 buckets:[1 2]}}"), 1U);
  EXPECT_EQ(failures("{{count:3 sum:4 buckets:[1 2] offset:1}}"), 1U);
  EXPECT_EQ(failures("{{schema:1 count:3 sum:4 buckets:[1 2]}}"), 1U);
  EXPECT_EQ(failures("{{count:3 sum:4 buckets:[1 2] n_buckets:[1]}}"), 1U);
  EXPECT_EQ(failures("{{count:3 sum:4 z_bucket:1 buckets:[1 2]}}"), 1U);
  EXPECT_EQ(failures("3"), 1U);
  EXPECT_EQ(failures("{{count:x}}"), 1U);
}

}  // namespace
}  // namespace tidemark::promqltest
