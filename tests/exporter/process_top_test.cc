// process_top: what groups count while processes come, end, change their name and leave the top, and what the collector
// says of this host. Its page of a recorded tree is in trees_test.cc.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "exporter/process/process_groups.h"
#include "tests/exporter/collect_support.h"
#include "tests/support/temp_dir.h"

namespace tidemark::exporter::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr int64_t kSecond = 1'000'000'000;
constexpr uint64_t kUptimeTicks = 1'000;

// One process of a scan.
struct Seen {
  const char* pid;
  const char* group;
  uint64_t start_ticks = 0;
  uint64_t user_ticks = 0;
  uint64_t read_bytes = 0;
  uint64_t resident_pages = 0;
};

class Groups : public ::testing::Test {
 protected:
  void scan(ProcessGroups& groups, const std::vector<Seen>& processes, int64_t after_s = 15) {
    now_ns_ += after_s * kSecond;
    groups.begin(now_ns_, kUptimeTicks);
    for (const Seen& one : processes) {
      ProcessStat stat;
      stat.state = 'S';
      stat.start_ticks = one.start_ticks;
      stat.user_ticks = one.user_ticks;
      stat.resident_pages = one.resident_pages;
      groups.add(one.pid, stat, ProcessIo{one.read_bytes, 0}, one.group);
    }
    groups.finish();
  }

  static std::vector<std::string> names(const ProcessGroups& groups) {
    std::vector<std::string> out;
    for (const auto* one : groups.shown()) out.push_back(one->first);
    return out;
  }

  static uint64_t ticks(const ProcessGroups& groups, std::string_view name) {
    for (const auto* one : groups.shown()) {
      if (one->first == name) return one->second.counts[ProcessCount::kUserTicks];
    }
    return ~0ULL;
  }

  int64_t now_ns_ = kSecond;
};

TEST_F(Groups, CountFromWhenWeLook) {
  ProcessGroups groups({10, 0});
  scan(groups, {{"1", "a", 10, 500}, {"2", "a", 20, 300}});
  EXPECT_EQ(ticks(groups, "a"), 0u) << "what was used before is not ours to count";
  scan(groups, {{"1", "a", 10, 510}, {"2", "a", 20, 300}, {"3", "a", 1'200, 7}});
  EXPECT_EQ(ticks(groups, "a"), 17u) << "all of a process that began since";
}

TEST_F(Groups, NeverStepBack) {
  ProcessGroups groups({10, 3'600 * kSecond});
  scan(groups, {{"1", "a", 10, 500}});
  scan(groups, {{"1", "a", 10, 600}});
  scan(groups, {{"1", "a", 10, 599}});
  EXPECT_EQ(ticks(groups, "a"), 100u) << "an estimate that steps back";
  scan(groups, {{"1", "a", 1'500, 5}});
  EXPECT_EQ(ticks(groups, "a"), 105u) << "its number went to another process";
  scan(groups, {{"1", "b", 1'500, 9}});
  EXPECT_EQ(ticks(groups, "a"), 105u);
  EXPECT_EQ(ticks(groups, "b"), 4u) << "what it uses under its new name";
  scan(groups, {});
  EXPECT_EQ(ticks(groups, "a"), 105u) << "none left of it";
  scan(groups, {{"2", "a", 2'000, 1}});
  EXPECT_EQ(ticks(groups, "a"), 106u) << "a new one";
}

TEST_F(Groups, ShowTheTopOfEachKind) {
  ProcessGroups groups({1, 0});
  const std::vector<Seen> first = {{"1", "busy", 10, 900, 0, 1},
                                   {"2", "reads", 10, 1, 900, 1},
                                   {"3", "large", 10, 1, 1, 900},
                                   {"4", "idle", 10, 1, 1, 1}};
  scan(groups, first);
  EXPECT_THAT(names(groups), ElementsAre("busy", "large", "reads")) << "before a second scan, by what they ever used";
  EXPECT_EQ(groups.size(), 4u);
}

TEST_F(Groups, LingerAndGoOnWhereTheyWere) {
  ProcessGroups groups({1, 60 * kSecond});
  uint64_t a = 1'000, b = 0;
  const auto step = [&](uint64_t more_a, uint64_t more_b, int64_t after_s = 15) {
    scan(groups, {{"1", "a", 10, a += more_a}, {"2", "b", 10, b += more_b}}, after_s);
  };
  step(0, 0);
  step(100, 0);
  EXPECT_THAT(names(groups), ElementsAre("a"));
  step(0, 10'000);
  EXPECT_THAT(names(groups), ElementsAre("a", "b")) << "a was in the top a moment ago";
  step(5, 10'000, 61);
  EXPECT_THAT(names(groups), ElementsAre("b"));
  EXPECT_EQ(groups.hidden_counts()[ProcessCount::kUserTicks], 5u) << "a, while nobody saw it";
  step(100'000, 0, 61);
  step(100'000, 0, 61);
  EXPECT_EQ(ticks(groups, "a"), 200'105u);
}

TEST_F(Groups, AreForgottenWhenLongEmptyAndNotShown) {
  ProcessGroups groups({1, 60 * kSecond});
  scan(groups, {{"1", "a", 10, 900}, {"2", "b", 10, 1}});
  scan(groups, {{"1", "a", 10, 900}});
  EXPECT_EQ(groups.size(), 2u);
  scan(groups, {{"1", "a", 10, 950}}, 61);
  EXPECT_EQ(groups.size(), 1u);
}

TEST_F(Groups, AreBounded) {
  ProcessGroups groups({10, 0});
  std::vector<std::string> names;
  for (size_t i = 0; i < ProcessGroups::kGroupsMax + 5; ++i) names.push_back(std::to_string(i));
  std::vector<Seen> processes;
  for (const std::string& name : names) processes.push_back({name.c_str(), name.c_str(), 10, 1, 1, 1});
  scan(groups, processes);
  EXPECT_EQ(groups.size(), ProcessGroups::kGroupsMax);
  EXPECT_EQ(groups.dropped_processes(), 5u);
  EXPECT_LE(groups.shown().size(), 60u);
}

TEST(ProcessStat, IsReadWhole) {
  const auto stat = parse_process_stat(
      "27 (a ) R 5 (b) R 1 27 27 0 -1 2097152 10 0 12 0 14 15 0 0 20 0 20 0 22 23 24 18446744073709551615 1\n");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->name, "a ) R 5 (b");
  EXPECT_EQ(stat->state, 'R');
  EXPECT_TRUE(stat->kernel_thread);
  EXPECT_EQ(stat->minor_faults, 10u);
  EXPECT_EQ(stat->major_faults, 12u);
  EXPECT_EQ(stat->user_ticks, 14u);
  EXPECT_EQ(stat->system_ticks, 15u);
  EXPECT_EQ(stat->threads, 20u);
  EXPECT_EQ(stat->start_ticks, 22u);
  EXPECT_EQ(stat->virtual_bytes, 23u);
  EXPECT_EQ(stat->resident_pages, 24u);
  for (const char* bad : {"", "27", "27 (a", "27 a) S", ")(", "27 (a)", "27 (a) S 1 2", "27 (a) SS 1 27 27 0 -1 1 10",
                          "27 (a) S 1 27 27 0 -1 x 10 0 12 0 14 15 0 0 20 0 20 0 22 23 24"})
    EXPECT_FALSE(parse_process_stat(bad)) << bad;
}

CollectorConfig this_host() {
  CollectorConfig config;
  config.process_top.count = 1'000;
  return config;
}

TEST(ProcessTop, ShowsThisProcess) {
  const std::string page = collected("process_top", this_host());
  EXPECT_THAT(page, HasSubstr("namedprocess_namegroup_num_procs{groupname=\"exporter_trees_\"} ")) << "15 bytes of it";
  EXPECT_THAT(page, Not(HasSubstr("namedprocess_namegroup_open_filedesc{groupname=\"exporter_trees_\"} 0\n")));
}

TEST(ProcessTop, GroupsByUserAndCgroup) {
  const tidemark::testing::TempDir root;
  root.write("etc/passwd", fmt::format("broken\nnobody:x:y\nsomebody:x:{}:0::/:/bin/sh\n", ::geteuid()));
  CollectorConfig config = this_host();
  config.rootfs = root.path();
  config.process_top.group_by = "user,name";
  EXPECT_THAT(collected("process_top", config), HasSubstr("{groupname=\"somebody:exporter_trees_\"}"));
  config.rootfs = "/nonexistent";
  EXPECT_THAT(collected("process_top", config),
              HasSubstr(fmt::format("{{groupname=\"{}:exporter_trees_\"}}", ::geteuid())));
}

TEST(ProcessTop, TakesTheUnifiedCgroupElseSystemds) {
  const std::string stat = "7 (x) S 1 7 7 0 -1 0 1 0 1 0 9 9 0 0 20 0 1 0 5 9 9 0 1\n";
  OneFile host("stat", "btime 1700000000\n");
  host.dir.write("uptime", "1000 1000\n");
  host.dir.write("7/stat", stat);
  host.config.process_top.group_by = "cgroup";
  const auto check = [&](std::string_view text, std::string_view want) {
    host.dir.write("7/cgroup", text);
    EXPECT_THAT(collected("process_top", host.config),
                HasSubstr(fmt::format("num_procs{{groupname=\"{}\"}} 1\n", want)))
        << text;
  };
  check("0::/system.slice/cron.service\n", "/system.slice/cron.service");
  check("9:name=systemd:/user.slice\n8:pids:/a\n0::/\n", "/user.slice");
  check("9:name=systemd:/user.slice\n8:pids:/a\n0::/b\n", "/b");
  check("8:pids:/a\n", "unknown");
  check("nothing\n", "unknown");
}

TEST(ProcessTop, ShowsOnlyGroupsThatAreWanted) {
  CollectorConfig config = this_host();
  config.process_top.groups = {"^exporter_trees_$", ""};
  const std::string page = collected("process_top", config);
  EXPECT_THAT(page, AllOf(HasSubstr("{groupname=\"exporter_trees_\"}"), HasSubstr("tidemark_process_top_groups 1\n")));
}

TEST(ProcessTop, RefusesWhatItCannotDo) {
  const auto refused = [](const CollectorConfig& config) {
    for (const CollectorEntry& entry : collector_table()) {
      if (entry.name != "process_top") continue;
      const auto made = entry.make(config);
      return made ? std::string() : made.error().message();
    }
    return std::string();
  };
  CollectorConfig config;
  config.process_top.group_by = "name,pid";
  EXPECT_THAT(refused(config), HasSubstr("group-by: \"pid\" is none of name, cgroup, user"));
  config.process_top.group_by = "";
  EXPECT_THAT(refused(config), HasSubstr("group-by: \"\" is none of"));
  config.process_top = {};
  config.process_top.count = 0;
  EXPECT_THAT(refused(config), HasSubstr("count is 0, it must be 1 to 1000"));
}

TEST(ProcessTop, FailsNamingThePlace) {
  OneFile host("uptime", "1000 1000\n");
  EXPECT_THAT(collected("process_top", host.config), StartsWith("failed: open "));
  host.dir.write("stat", "cpu 1\n");
  EXPECT_THAT(collected("process_top", host.config), HasSubstr("/stat: no \"btime\""));
  host.dir.write("stat", "btime 5\n");
  host.dir.write("uptime", "soon\n");
  EXPECT_THAT(collected("process_top", host.config), HasSubstr("/uptime: no number"));
}

}  // namespace
}  // namespace tidemark::exporter::testing
