#include "config/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace tidemark::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// A command line with a flag of each kind.
struct Sample {
  explicit Sample(std::string arguments = "") : flags("prog", "Does things.", std::move(arguments)) {
    flags.add("path", &path, "Where.");
    flags.add("fast", &fast, "Hurry.");
    flags.add("slow", &slow, "Do not hurry.");
    flags.add("count", &count, "How many.");
    flags.add("listen", &listen, "Addresses.");
    flags.add_duration("wait", &wait_ms, "How long.");
    flags.add_choice("level", &level, {"info", "warn"}, "How loud.");
    flags.add("old", &old, "Kept for old command lines.");
    flags.hide("old");
  }
  Status read(std::vector<std::string> args) { return flags.read(args); }

  std::string path = "/proc";
  bool fast = false;
  bool slow = true;
  int64_t count = 40;
  std::vector<std::string> listen = {":9100"};
  int64_t wait_ms = 5'000;
  std::string level = "info";
  std::string old;
  Flags flags;
};

TEST(Flags, DefaultsStayWithoutFlags) {
  Sample s;
  ASSERT_TRUE(s.read({}).ok());
  EXPECT_EQ(s.path, "/proc");
  EXPECT_TRUE(s.slow);
  EXPECT_EQ(s.count, 40);
  EXPECT_THAT(s.listen, ElementsAre(":9100"));
  EXPECT_FALSE(s.flags.given("path"));
}

TEST(Flags, ReadsBothFormsOfEachKind) {
  Sample s;
  const Status status = s.read({"--path=/a=b", "--fast", "--no-slow", "--count", "7", "--listen", "[::1]:1",
                                "--listen=:2", "--wait=1m30s", "--level", "warn", "--old=x"});
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(s.path, "/a=b");
  EXPECT_TRUE(s.fast);
  EXPECT_FALSE(s.slow);
  EXPECT_EQ(s.count, 7);
  EXPECT_THAT(s.listen, ElementsAre("[::1]:1", ":2"));
  EXPECT_EQ(s.wait_ms, 90'000);
  EXPECT_EQ(s.level, "warn");
  EXPECT_EQ(s.old, "x");
  EXPECT_TRUE(s.flags.given("path"));
  EXPECT_TRUE(s.flags.given("slow"));
}

TEST(Flags, ValuesMayBeEmptyOrASingleDash) {
  Sample s;
  ASSERT_TRUE(s.read({"--path=", "--old", "-"}).ok());
  EXPECT_EQ(s.path, "");
  EXPECT_EQ(s.old, "-");
}

TEST(Flags, TheLastOfTwoSwitchesWins) {
  Sample s;
  ASSERT_TRUE(s.read({"--fast", "--no-fast", "--no-slow", "--slow"}).ok());
  EXPECT_FALSE(s.fast);
  EXPECT_TRUE(s.slow);
}

TEST(Flags, RefusesWhatNobodyDeclared) {
  const auto check = [](std::vector<std::string> args, std::string_view want) {
    Sample s;
    const Status status = s.read(args);
    EXPECT_FALSE(status.ok()) << args.front();
    EXPECT_EQ(status.message(), want);
  };
  check({"--x"}, "unknown long flag '--x'");
  check({"--x=1"}, "unknown long flag '--x'");
  check({"--no-path"}, "unknown long flag '--no-path'");
  check({"--no-x"}, "unknown long flag '--no-x'");
  check({"-path=1"}, "unknown short flag '-p'");
  check({"--fast=false"}, "unexpected =false: say --fast or --no-fast");
  check({"--path=a", "--path=b"}, "flag 'path' cannot be repeated");
  check({"--path"}, "expected argument for flag '--path'");
  check({"--path", "--fast"}, "expected argument for flag '--path'");
  check({"stray"}, "unexpected stray");
  check({"--count=zz"}, "--count: must be a whole number, got \"zz\"");
  check({"--count=-1"}, "--count: must be a whole number, got \"-1\"");
  check({"--count=99999999999999999999"}, "--count: must be a whole number, got \"99999999999999999999\"");
  check({"--level=loud"}, "--level: must be one of info, warn, got \"loud\"");
  check({"@/nonexistent/file"}, "cannot open the argument file \"/nonexistent/file\"");
}

TEST(Flags, RefusesABadDurationNamingTheFlag) {
  Sample s;
  const Status status = s.read({"--wait=5 min"});
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr("--wait"));
}

TEST(Flags, TakesArgumentsWhereTheProgramHasSome) {
  Sample s("FILE...");
  ASSERT_TRUE(s.read({"a", "--fast", "b", "--", "--path", "@c"}).ok());
  EXPECT_TRUE(s.fast);
  EXPECT_EQ(s.path, "/proc");
  EXPECT_THAT(s.flags.arguments(), ElementsAre("a", "b", "--path", "@c"));
}

TEST(Flags, ReadsArgumentsFromAFile) {
  const tidemark::testing::TempDir dir;
  const std::string file = dir.write("args", "# a comment\n--path=/x y\n\n--count\n3\n");
  Sample s;
  ASSERT_TRUE(s.read({"--fast", "@" + file}).ok());
  EXPECT_EQ(s.path, "/x y");
  EXPECT_EQ(s.count, 3);
  EXPECT_TRUE(s.fast);
}

TEST(Flags, HelpShowsNamesDefaultsAndNothingHidden) {
  Sample s;
  const std::string help = s.flags.help();
  EXPECT_THAT(help, HasSubstr("usage: prog [<flags>]\n\nDoes things.\n"));
  EXPECT_THAT(help, HasSubstr("--path=\"/proc\""));
  EXPECT_THAT(help, HasSubstr("--[no-]slow"));
  EXPECT_THAT(help, HasSubstr("(on by default)"));
  EXPECT_THAT(help, HasSubstr("--listen=\":9100\""));
  EXPECT_THAT(help, HasSubstr("One of: info, warn."));
  EXPECT_THAT(help, Not(HasSubstr("--old")));
}

TEST(Flags, ParseAnswersTheExitCode) {
  const auto run = [](std::vector<const char*> argv) {
    Sample s;
    argv.insert(argv.begin(), "prog");
    return s.flags.parse(static_cast<int>(argv.size()), argv.data(), "prog, version 1");
  };
  EXPECT_EQ(run({}), std::nullopt);
  EXPECT_EQ(run({"--fast"}), std::nullopt);
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(run({"--version"}), 0);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "prog, version 1\n");
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(run({"-h"}), 0);
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), HasSubstr("usage: prog"));
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(run({"--x"}), 1);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "prog: error: unknown long flag '--x', try --help\n");
}

TEST(Flags, ShowsTheValuesInForce) {
  std::string path = "/proc";
  bool verbose = false;
  bool gzip = true;
  std::vector<std::string> names{"a"};
  Flags flags("p", "");
  flags.add("path", &path, "");
  flags.add("verbose", &verbose, "");
  flags.add("gzip", &gzip, "");
  flags.add("name", &names, "");
  ASSERT_TRUE(flags.read({"--no-gzip", "--name=b", "--name=c"}).ok());
  using Values = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(flags.values(), (Values{{"path", "/proc"}, {"verbose", "false"}, {"gzip", "false"}, {"name", "b,c"}}));
}

}  // namespace
}  // namespace tidemark::config
