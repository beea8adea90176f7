// Runs Prometheus' own test scripts over the real store, from its head and from its files, where a folder of them is at
// hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "tests/promql/conformance_folder.h"
#include "tests/promql/promqltest/runner.h"

namespace tidemark::promqltest {
namespace {

TEST(Conformance, ScriptsPassTwice) {
  const auto folder = conformance_folder();
  if (!folder || !std::filesystem::is_directory(*folder / "promql")) GTEST_SKIP() << "there is no folder of scripts";
  size_t scripts = 0;
  for (const auto& file : std::filesystem::directory_iterator(*folder / "promql")) {
    if (file.path().extension() != ".test") continue;
    std::stringstream text;
    text << std::ifstream(file.path()).rdbuf();
    const Report report = run_script_twice(text.str());
    for (const std::string& failure : report.failures) ADD_FAILURE() << file.path().filename() << ": " << failure;
    EXPECT_GT(report.total, 0U) << file.path();
    ++scripts;
  }
  EXPECT_GT(scripts, 0U) << *folder / "promql";
}

}  // namespace
}  // namespace tidemark::promqltest
