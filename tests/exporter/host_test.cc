// What the exporter says of its host as a whole, and whether it looks at the host at all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/host_document.h"
#include "exporter/host_view.h"
#include "tests/exporter/collect_support.h"

namespace tidemark::exporter::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kInitial = "pid:[4026531836]";
constexpr const char* kOther = "pid:[4026532281]";

TEST(HostView, KnowsTheHostsProc) {
  const auto f = [](const char* own, const char* second, bool is_own, bool marked, bool in_container, bool hosts) {
    const HostView view = judge_host(own, second, is_own, marked);
    EXPECT_EQ(view.in_container, in_container) << own << second;
    EXPECT_EQ(view.procfs_is_hosts, hosts) << own << second;
  };
  f(kInitial, "kthreadd", true, false, false, true);  // On the host.
  f(kInitial, "", true, false, false, true);          // With hidepid.
  f(kOther, "sh", true, true, true, false);           // docker run
  f(kOther, "", true, false, true, false);            // One process in a PID namespace.
  f(kOther, "kthreadd", false, true, true, true);     // The host's /proc mounted at /host/proc.
  f(kInitial, "kthreadd", true, true, true, true);    // docker run --pid=host
  f(kInitial, "", false, true, true, false);          // Some other directory.
}

TEST(HostView, WarnsOfAContainersProc) {
  EXPECT_EQ(judge_host(kInitial, "kthreadd", true, false).warning("/proc"), "");
  EXPECT_THAT(judge_host(kOther, "sh", true, true).warning("/proc"), HasSubstr("--path.procfs"));
  EXPECT_FALSE(look_at_host(fixture_config().procfs).procfs_is_hosts) << "a recorded tree has no kernel threads";
}

int recorded_statfs(const char*, struct statfs* out) {
  *out = {};
  out->f_bsize = 4096;
  out->f_blocks = 1000;
  out->f_bavail = 500;
  return 0;
}

TEST(HostDocument, HasTheHostsFacts) {
  CollectorConfig config = fixture_config();
  config.statfs_function = recorded_statfs;
  std::vector<NamedCollector> collectors;
  for (const char* name : {"cpu", "diskstats", "filesystem", "loadavg", "meminfo", "stat", "time", "uname"})
    collectors.push_back({name, make_collector(name, config)});
  const Collection collection(std::move(collectors), nullptr, null_logger());
  const CollectorChoice choice = host_choice(collection);
  EXPECT_THAT(choice.only, Not(::testing::Contains("time")));
  const auto families = collection.scrape(choice, soon_ns());
  const std::string json = host_document(*families, config, {.in_container = true, .procfs_is_hosts = false});
  EXPECT_THAT(json, HasSubstr("{\"status\":\"success\",\"data\":{\"hostname\":\""));
  EXPECT_THAT(json, HasSubstr("\"load\":[0.21,"));
  EXPECT_THAT(json, HasSubstr("\"memory\":{\"totalBytes\":"));
  EXPECT_THAT(json, HasSubstr("\"disks\":[{\"device\":\""));
  EXPECT_THAT(json, HasSubstr("\"mountpoint\":\"/\",\"fstype\":\""));
  EXPECT_THAT(json, HasSubstr("\"sizeBytes\":4096000,\"availableBytes\":2048000}"));
  EXPECT_THAT(json, HasSubstr("\"inContainer\":true,\"readsContainerProc\":true}}\n"));
}

TEST(HostDocument, LeavesOutWhatIsNotCollected) {
  const Collection collection({}, nullptr, null_logger());
  const auto families = collection.scrape(host_choice(collection), soon_ns());
  EXPECT_THAT(host_document(*families, fixture_config(), {}),
              AllOf(HasSubstr("\"os\":{},\"kernel\":{},"), Not(HasSubstr("disks")), Not(HasSubstr("load"))));
}

}  // namespace
}  // namespace tidemark::exporter::testing
