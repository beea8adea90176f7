// What collectors that are off by default do with flags, and with this host itself where no tree can stand in for the
// kernel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/exporter/collect_support.h"
#include "tests/support/temp_dir.h"

namespace tidemark::exporter::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

double value_of(std::string_view page, std::string_view series) {
  const size_t at = page.find("\n" + std::string(series) + " ");
  return at == page.npos ? -1 : std::stod(std::string(page.substr(at + series.size() + 2)));
}

TEST(KernelTables, FailNamingThePlace) {
  const auto check = [](std::string_view collector, std::string_view file, std::string_view text,
                        std::string_view want) {
    OneFile host(file, text);
    EXPECT_THAT(collected(collector, host.config), AllOf(StartsWith("failed: "), HasSubstr(std::string(want))))
        << collector << " on \"" << text << '"';
  };
  check("interrupts", "interrupts", "", "no line of CPUs");
  check("interrupts", "interrupts", "CPU0 CPU1\n 1: 1 x IO-APIC timer\n", "interrupts:2: \"x\" is not a number");
  check("softirqs", "softirqs", "CPU0 CPU1\nHI: 1\n", "softirqs:2: \"\" is not a number");
  check("buddyinfo", "buddyinfo", "Node 0, zone\n", "buddyinfo:1");
  check("buddyinfo", "buddyinfo", "Node 0, zone DMA 1 -1\n", "buddyinfo:1: \"-1\"");
  check("zoneinfo", "zoneinfo", "nr_free_pages 1\n", "zoneinfo:1");
  check("slabinfo", "slabinfo", "slabinfo - version: 2.1\n# name\nx 1 2 3\n", "slabinfo:3");
  check("cgroups", "cgroups", "#name\ncpu 1\n", "cgroups:2");
  check("swap", "swaps", "Filename\n/dev/sda file 1\n", "swaps:2");
  check("xfrm", "net/xfrm_stat", "XfrmInError\n", "xfrm_stat:1");
  check("lnstat", "net/stat/rt_cache", "entries hits\n1 g\n", "rt_cache: \"g\"");
  check("mdadm", "mdstat", "Personalities : [raid1]\nmd0 : active raid1 sda[0]\n", "cannot parse \"md0");
  check("mdadm", "mdstat", "md0 : active raid1 sda[0]\n 12 blocks [2/x] [U_]\n", "cannot parse \"md0");
  check("mdadm", "mdstat", "md0 : active raid1 sda[0]\n 12 blocks [2/1] [U_]\n recovery = 5%\n", "cannot parse \"md0");
}

TEST(Interrupts, ShowWhatIsAskedFor) {
  OneFile host("interrupts", "CPU0 CPU1\n 1: 1 0 IO-APIC 1-edge i8042\nLOC: 5 6 Local timer interrupts\n");
  host.config.interrupts.include_zeros = false;
  EXPECT_THAT(collected("interrupts", host.config), AllOf(HasSubstr("{cpu=\"0\",devices=\"1-edge i8042\""),
                                                          Not(HasSubstr("{cpu=\"1\",devices=\"1-edge i8042\""))));
  host.config.interrupts.names = {"^LOC;Local", ""};
  EXPECT_THAT(collected("interrupts", host.config), AllOf(HasSubstr("type=\"LOC\""), Not(HasSubstr("i8042"))));
}

TEST(Slabinfo, ShowsWhatPassesBothExpressions) {
  OneFile host("slabinfo", "a-1 1 2 3 4 5 :\na-2 1 2 3 4 5 :\nb-1 1 2 3 4 5 :\n");
  host.config.slabinfo.slabs = {"^a", "2$"};
  EXPECT_THAT(collected("slabinfo", host.config),
              AllOf(HasSubstr("slab=\"a-1\""), Not(HasSubstr("a-2")), Not(HasSubstr("b-1"))));
}

TEST(Sysctl, SaysWhatDoesNotFit) {
  OneFile host("sys/fs/file-nr", "1024\t0\t9\n");
  const auto with = [&](std::string setting) {
    host.config.sysctl.include = {std::move(setting)};
    return collected("sysctl", host.config);
  };
  EXPECT_THAT(with("fs.file-nr:total,max"), HasSubstr("it holds 3 values, the flag names 2"));
  EXPECT_THAT(with("fs.nothing"), StartsWith("failed: open "));
  host.dir.write("sys/fs/file-nr", "");
  EXPECT_THAT(with("fs.file-nr"), HasSubstr("it holds no value"));
  host.dir.write("sys/fs/file-nr", "many");
  EXPECT_THAT(with("fs.file-nr"), HasSubstr("\"many\" is not a number, see include-info"));
}

TEST(Processes, CountsThisProcess) {
  const std::string page = collected("processes", CollectorConfig());
  EXPECT_GE(value_of(page, "node_processes_pids"), 1) << page;
  EXPECT_GE(value_of(page, "node_processes_threads"), value_of(page, "node_processes_pids"));
  EXPECT_GE(value_of(page, "node_processes_state{state=\"R\"}"), 1) << "we run";
}

TEST(Processes, StopsAtTheDeadline) {
  const auto collector = make_collector("processes", CollectorConfig());
  ScrapeContext context;
  context.begin(soon_ns(-1));
  Families families;
  EXPECT_EQ(collector->collect(context, families).code(), Code::kTimeout);
}

TEST(Tcpstat, CountsAListeningSocketMore) {
  const std::string_view listening = "node_tcp_connection_states{state=\"listen\"}";
  const std::string before = collected("tcpstat", CollectorConfig());
  if (before.starts_with("failed: ")) GTEST_SKIP() << before;
  std::vector<int> sockets;
  for (int i = 0; i < 50; ++i) {
    sockets.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::listen(sockets.back(), 1), 0);
  }
  const std::string after = collected("tcpstat", CollectorConfig());
  for (const int fd : sockets) ::close(fd);
  // Others on this host open and close sockets too, but hardly as many.
  EXPECT_GE(value_of(after, listening), std::max(0.0, value_of(before, listening)) + 25) << after;
  EXPECT_GE(value_of(after, "node_tcp_connection_states{state=\"rx_queued_bytes\"}"), 0) << after;
}

TEST(Netlink, ShowsQueuesAndRoutesOfThisHost) {
  for (const char* name : {"qdisc", "network_route"}) {
    const std::string page = collected(name, CollectorConfig());
    if (page.starts_with("failed: ")) GTEST_SKIP() << page;
    EXPECT_THAT(page, ::testing::AnyOf("", StartsWith("# TYPE node_"))) << name;
  }
  CollectorConfig none;
  none.qdisc.devices = {"^no interface has this name$", ""};
  EXPECT_EQ(collected("qdisc", none), "");
}

TEST(Netlink, StopsAtTheDeadline) {
  for (const char* name : {"qdisc", "network_route", "tcpstat"}) {
    const auto collector = make_collector(name, CollectorConfig());
    ScrapeContext context;
    context.begin(soon_ns(-1));
    Families families;
    EXPECT_FALSE(collector->collect(context, families).ok()) << name;
  }
}

}  // namespace
}  // namespace tidemark::exporter::testing
