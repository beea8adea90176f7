// Scripts: when they are due, what may run, and what becomes of what they print.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <ctime>
#include <filesystem>

#include "exporter/script/cron.h"
#include "exporter/script/script_runner.h"
#include "exporter/script_api.h"
#include "net/client.h"
#include "net/guard.h"
#include "net/server.h"
#include "tests/exporter/collect_support.h"
#include "tests/support/eventually.h"
#include "tests/support/memory_logger.h"
#include "tests/support/temp_dir.h"

namespace tidemark::exporter::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using tidemark::testing::eventually;

std::string next_after(std::string_view cron, const char* from) {
  const auto parsed = Cron::parse(cron);
  if (!parsed) return parsed.error().message();
  std::tm tm{};
  ::strptime(from, "%Y-%m-%d %H:%M:%S", &tm);
  tm.tm_isdst = -1;
  const auto next = parsed->next(::mktime(&tm));
  if (!next) return "never";
  const auto at = static_cast<time_t>(*next);
  char text[64];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", ::localtime_r(&at, &tm));
  return text;
}

TEST(Cron, KnowsWhenItIsDue) {
  ::setenv("TZ", "Europe/Berlin", 1);
  ::tzset();
  const auto f = [](const char* cron, const char* from, const char* want) {
    EXPECT_EQ(next_after(cron, from), want) << cron << " after " << from;
  };
  f("* * * * *", "2026-01-01 00:00:00", "2026-01-01 00:01:00");
  f("* * * * *", "2026-01-01 00:00:59", "2026-01-01 00:01:00");
  f("*/5 * * * *", "2026-01-01 00:58:00", "2026-01-01 01:00:00");
  f("30 2 1,15 * *", "2026-01-01 02:30:00", "2026-01-15 02:30:00");
  f("0 9-17/4 * * mon-fri", "2026-01-02 17:00:00", "2026-01-05 09:00:00");
  f("0 0 29 feb *", "2026-01-01 00:00:00", "2028-02-29 00:00:00");
  f("0 0 13 * 5", "2026-01-01 00:00:00", "2026-01-02 00:00:00");  // Either day.
  f("0 0 * * 7", "2026-01-01 00:00:00", "2026-01-04 00:00:00");
  f("@monthly", "2026-12-31 23:59:00", "2027-01-01 00:00:00");
  f("30 2 * * *", "2026-03-28 12:00:00", "2026-03-30 02:30:00");  // Not on the day that has no 02:30.
  f("0 0 30 2 *", "2026-01-01 00:00:00", "never");
  f("* * * *", "2026-01-01 00:00:00", "\"* * * *\" does not have the five fields of a crontab line");
  for (const char* bad : {"60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *",
                          "*/0 * * * *", "a * * * *", "1,,2 * * * *", "- * * * *"})
    EXPECT_FALSE(Cron::parse(bad)) << bad;
  ::unsetenv("TZ");
  ::tzset();
}

TEST(ScriptConfig, MistakesHaveALine) {
  const auto f = [](std::string_view text, const std::string& want) {
    const auto read = parse_script_config(text, "scripts.yml");
    EXPECT_THAT(read ? "none" : read.error().message(), HasSubstr(want));
  };
  f("scripts: [{program: a, interval: 1m}]", "none");
  f("scripts:\n- {program: ../a, interval: 1m}", "scripts.yml:2: \"program\" must be the name of a file");
  f("scripts:\n- {program: a}", "scripts.yml:2: needs either \"interval\" or \"cron\"");
  f("scripts:\n- {program: a, interval: 1m, cron: \"* * * * *\"}", "needs either");
  f("scripts:\n- {program: a, interval: 10ms}", "must be at least 1s");
  f("scripts:\n- {program: a, cron: nonsense}", "\"cron\" \"nonsense\" does not have the five fields");
  f("scripts:\n- {program: a, interval: 1m, user: nobody-at-all}", "is no user of this host");
  f("scripts:\n- {program: a, interval: 1m, nice: 20}", "\"nice\"");
  f("scripts:\n- {program: a, interval: 1m, output_limit: 1GB}", "at most 16MB");
  f("scripts:\n- {program: a, interval: 1m, name: \"a b\"}", "may hold letters");
  f("scripts:\n- {program: a, interval: 1m}\n- {program: a, interval: 2m}",
    "scripts.yml:3: \"scripts\" has a second script");
  f("scripts:\n- {program: a, interval: 1m, shell: true}", "unknown key \"shell\"");
}

class ScriptTest : public ::testing::Test {
 protected:
  ScriptTest() { ::chmod(dir_.path().c_str(), 0755); }

  void program(const std::string& name, const std::string& text, mode_t mode = 0755) {
    dir_.write("bin/" + name, "#!/bin/sh\n" + text);
    ::chmod(dir_.file("bin").c_str(), 0755);
    ::chmod(dir_.file("bin/" + name).c_str(), mode);
  }
  void start(const std::string& config) {
    auto runner = ScriptRunner::start({dir_.file("bin"), dir_.write("scripts.yml", config), 2}, logger_);
    ASSERT_TRUE(runner) << runner.error().message();
    runner_ = std::move(*runner);
  }
  ScriptState state(const std::string& name) {
    for (const ScriptState& each : runner_->states()) {
      if (each.name == name) return each;
    }
    return {};
  }
  ScriptState after_run(const std::string& name, int64_t runs = 1) {
    EXPECT_TRUE(eventually([&] { return state(name).runs >= runs; })) << name;
    return state(name);
  }
  // The state after the one run of a script of this text.
  ScriptState run(const std::string& text, const std::string& settings = "") {
    program("one", text);
    start("scripts: [{program: one, interval: 1h" + settings + "}]");
    return after_run("one");
  }
  std::string page() {
    CollectorConfig config = fixture_config();
    config.scripts = runner_;
    return collected("script", config);
  }

  const tidemark::testing::TempDir dir_;
  tidemark::testing::MemoryLogger logger_;
  std::shared_ptr<ScriptRunner> runner_;
};

TEST_F(ScriptTest, ShowsWhatItPrints) {
  const ScriptState done = run("echo '# TYPE a gauge'; echo 'a{x=\"1\"} 5'; echo 'name_value 7'");
  EXPECT_TRUE(done.success) << done.error;
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("# TYPE a gauge\na{x=\"1\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE name_value untyped\nname_value 7\n"));
  EXPECT_THAT(text, HasSubstr("tidemark_script_success{script=\"one\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("tidemark_script_last_exit_code{script=\"one\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("tidemark_script_runs_total{script=\"one\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("tidemark_script_next_run_timestamp_seconds{script=\"one\"} 1"));
}

TEST_F(ScriptTest, AFailedRunShowsNothing) {
  const ScriptState done = run("echo 'a 1'; echo 'it broke' >&2; exit 3");
  EXPECT_FALSE(done.success);
  EXPECT_EQ(done.exit_code, 3);
  EXPECT_EQ(done.error, "exit code 3: it broke");
  EXPECT_THAT(page(), AllOf(Not(HasSubstr("\na 1\n")), HasSubstr("reason=\"exit_code\",script=\"one\"} 1\n")));
  EXPECT_TRUE(logger_.contains("it broke"));
}

TEST_F(ScriptTest, UnreadableOutputIsAFailure) {
  EXPECT_THAT(run("echo 'this is no metric'").error, HasSubstr("output: line 1: "));
}

TEST_F(ScriptTest, NothingIsInheritedAndThereIsNoShell) {
  ::setenv("TIDEMARK_TEST_SECRET", "leaked", 1);
  const std::string out = dir_.file("out");
  const ScriptState done =
      run("(env; echo \"arg=$1\"; ls -l /proc/self/fd; pwd; cat) > " + out, ", args: [\"$HOME; echo hi\"]");
  ::unsetenv("TIDEMARK_TEST_SECRET");
  ASSERT_TRUE(done.success) << done.error;
  std::ifstream in(out);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(text, Not(HasSubstr("TIDEMARK_TEST_SECRET")));
  EXPECT_THAT(text, HasSubstr("arg=$HOME; echo hi\n"));
  EXPECT_THAT(text, HasSubstr(" 0 -> /dev/null"));
  EXPECT_THAT(text, Not(HasSubstr("eventfd"))) << text;
  EXPECT_THAT(text, Not(HasSubstr("socket:"))) << text;
}

TEST_F(ScriptTest, ATimeOutKillsTheWholeGroup) {
  const std::string pid_file = dir_.file("pid");
  const ScriptState done = run("sleep 1000 & echo $! > " + pid_file + "; wait", ", timeout: 200ms");
  EXPECT_EQ(done.failures[static_cast<size_t>(ScriptFailure::kTimeout)], 1);
  EXPECT_EQ(done.exit_code, 128 + SIGKILL);
  pid_t grandchild = 0;
  std::ifstream(pid_file) >> grandchild;
  ASSERT_GT(grandchild, 0);
  // Gone, or dead and waiting for init.
  EXPECT_TRUE(eventually([&] {
    std::ifstream stat("/proc/" + std::to_string(grandchild) + "/stat");
    std::string pid, name, status;
    return !(stat >> pid >> name >> status) || status == "Z";
  }));
}

TEST_F(ScriptTest, TooMuchOutputIsCutOff) {
  const ScriptState done = run("while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done", ", output_limit: 10KB");
  EXPECT_EQ(done.failures[static_cast<size_t>(ScriptFailure::kOutput)], 1);
  EXPECT_THAT(done.error, HasSubstr("more than 10240 bytes"));
}

TEST_F(ScriptTest, WhatOthersMayWriteIsNotRun) {
  program("writable", "echo a 1", 0775);
  program("plain", "echo a 1", 0644);
  program("elsewhere", "echo a 1");
  dir_.write("outside", "#!/bin/sh\necho a 1\n");
  ::chmod(dir_.file("outside").c_str(), 0755);
  ASSERT_EQ(::symlink(dir_.file("outside").c_str(), dir_.file("bin/link").c_str()), 0);
  ASSERT_EQ(::symlink("elsewhere", dir_.file("bin/inner").c_str()), 0);
  start(
      "scripts: [{program: writable, interval: 1h}, {program: plain, interval: 1h}, {program: link, interval: 1h},"
      "{program: none, interval: 1h}, {program: inner, interval: 1h}]");
  EXPECT_THAT(after_run("writable").error, HasSubstr("chmod go-w"));
  EXPECT_THAT(after_run("plain").error, HasSubstr("is not executable"));
  EXPECT_THAT(after_run("link").error, HasSubstr("leads out of its directory"));
  EXPECT_THAT(after_run("none").error, HasSubstr("No such file"));
  EXPECT_EQ(after_run("none").failures[static_cast<size_t>(ScriptFailure::kStart)], 1);
  EXPECT_EQ(after_run("inner").error, "");
  ::chmod(dir_.file("bin").c_str(), 0777);
  EXPECT_FALSE(runner_->reload().ok());
}

TEST_F(ScriptTest, RunsSoManyAtOnceAndNoMore) {
  program("slow", "exec sleep 1000");
  std::string config = "scripts:\n";
  for (int i = 0; i < 4; ++i) config += "- {name: s" + std::to_string(i) + ", program: slow, interval: 1h}\n";
  start(config);
  const auto running = [&] {
    const auto all = runner_->states();
    return std::count_if(all.begin(), all.end(), [](const ScriptState& s) { return s.running; });
  };
  EXPECT_TRUE(eventually([&] { return running() == 2; }));
  EXPECT_EQ(running(), 2);
  EXPECT_EQ(runner_->run_now("s0").code(), Code::kUnavailable);
  EXPECT_EQ(runner_->run_now("nobody").code(), Code::kNotFound);
  runner_ = nullptr;  // Returns, although they would sleep on.
}

TEST_F(ScriptTest, RunsAgainWhenAskedAndFollowsItsFile) {
  program("one", "echo a 1");
  program("two", "echo b 1");
  start("scripts: [{program: one, interval: 1h}]");
  after_run("one");
  ASSERT_TRUE(runner_->run_now("one").ok());
  after_run("one", 2);
  dir_.write("scripts.yml", "scripts: [{program: one, interval: 2h}, {program: two, interval: 1h}]");
  ASSERT_TRUE(runner_->reload().ok());
  after_run("two");
  EXPECT_EQ(state("one").runs, 2) << "not started anew";
  dir_.write("scripts.yml", "scripts: [{program: two}]");
  EXPECT_FALSE(runner_->reload().ok());
  EXPECT_EQ(runner_->states().size(), 2u) << "the last good one stays";
}

// The system's, set back or forth.
class SetClock final : public Clock {
 public:
  int64_t now_ms() const override { return system_clock().now_ms() + shift_ms; }
  int64_t monotonic_ns() const override { return system_clock().monotonic_ns(); }
  std::atomic<int64_t> shift_ms{0};
};

TEST_F(ScriptTest, AClockSetBackHoldsNothingUp) {
  program("one", "echo a 1");
  SetClock clock;
  auto runner = ScriptRunner::start(
      {dir_.file("bin"), dir_.write("scripts.yml", "scripts: [{program: one, interval: 1s}]"), 2, &clock}, logger_);
  ASSERT_TRUE(runner) << runner.error().message();
  runner_ = std::move(*runner);
  after_run("one");
  clock.shift_ms = -3'600'000;
  const int64_t runs = state("one").runs;
  after_run("one", runs + 2);
  ASSERT_TRUE(runner_->reload().ok());
  EXPECT_LT(state("one").next_ms, clock.now_ms() + 2'000);
  runner_ = nullptr;
}

TEST_F(ScriptTest, ALimitThatIsLoweredMeanwhileHolds) {
  // More than a pipe holds, so that some of it has been read when the file is there.
  program("one", "head -c 200000 /dev/zero; : > " + dir_.file("said") + "; while [ ! -e " + dir_.file("go") +
                     " ]; do sleep 0.01; done; head -c 5000000 /dev/zero");
  start("scripts: [{program: one, interval: 1h}]");
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(dir_.file("said")); }));
  dir_.write("scripts.yml", "scripts: [{program: one, interval: 1h, output_limit: 1KB}]");
  ASSERT_TRUE(runner_->reload().ok());
  dir_.write("go", "");
  EXPECT_EQ(after_run("one").failures[static_cast<size_t>(ScriptFailure::kOutput)], 1);
}

TEST_F(ScriptTest, AnExitCodeThatIsLostIsNoSuccess) {
  ::signal(SIGCHLD, SIG_IGN);
  const ScriptState done = run("exit 3");
  ::signal(SIGCHLD, SIG_DFL);
  EXPECT_FALSE(done.success);
}

class NamedGuard final : public net::Guard {
 public:
  bool has_tls() const override { return false; }
  std::shared_ptr<const net::TlsContext> tls() override { return nullptr; }
  bool admit(net::Request& request, std::string_view, net::Response&) override {
    request.user = request.header("x-user");
    return true;
  }
  void finish(net::Response&) override {}
};

TEST_F(ScriptTest, TheApiIsForAdministrators) {
  program("one", "echo a 1");
  start("scripts: [{program: one, interval: 1h}]");
  after_run("one");
  NamedGuard guard;
  net::ServerOptions options;
  options.listen_addresses = {"127.0.0.1:0"};
  options.guard = &guard;
  net::Server server(options);
  add_script_routes(server, *runner_, {"root"}, logger_);
  ASSERT_EQ(server.start(), "");
  net::Client client(*net::parse_url("http://127.0.0.1:" + std::to_string(server.ports()[0])), {});
  const auto ask = [&](const std::string& method, const std::string& target, net::Params headers) {
    return client.send({.method = method, .target = target, .headers = std::move(headers)})->status;
  };
  EXPECT_EQ(ask("GET", "/api/v1/scripts", {}), 401);
  EXPECT_EQ(ask("GET", "/api/v1/scripts", {{"X-User", "guest"}}), 403);
  EXPECT_EQ(ask("POST", "/api/v1/scripts/one/run", {{"X-User", "guest"}}), 403);
  EXPECT_EQ(ask("POST", "/api/v1/scripts/one/run", {{"X-User", "root"}, {"Sec-Fetch-Site", "cross-site"}}), 403);
  EXPECT_EQ(ask("GET", "/api/v1/scripts/one/run", {{"X-User", "root"}}), 405);
  EXPECT_EQ(ask("POST", "/api/v1/scripts/..%2Fone/run", {{"X-User", "root"}}), 404);
  const auto list = client.send({.target = "/api/v1/scripts", .headers = {{"X-User", "root"}}});
  EXPECT_THAT(list->body, HasSubstr("{\"name\":\"one\",\"program\":\"one\",\"running\":false,\"runs\":1,"));
  EXPECT_EQ(state("one").runs, 1);
  EXPECT_EQ(ask("POST", "/api/v1/scripts/one/run", {{"X-User", "root"}}), 202);
  after_run("one", 2);
}

}  // namespace
}  // namespace tidemark::exporter::testing
