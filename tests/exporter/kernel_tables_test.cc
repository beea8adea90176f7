// What collectors that are off by default do with flags, and with this host itself where no tree can stand in for the
// kernel.
#include <arpa/inet.h>
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
  const std::string nfs = "device a:/b mounted on /c with fstype nfs statvers=1.1\n";
  check("mountstats", "self/mountstats", nfs + "age: x\n", "mountstats:2: cannot parse \"age: x\"");
  check("mountstats", "self/mountstats", nfs + "events: 1 2\n", "mountstats:2");
  check("mountstats", "self/mountstats", nfs + "bytes: 1 2 3 4 5 6 7\n", "mountstats:2");
  check("mountstats", "self/mountstats", nfs + "xprt: tcp 1 2 3 4 5 six 7\n", "mountstats:2");
  check("mountstats", "self/mountstats", nfs + "per-op statistics\nREAD: 1\n", "mountstats:3");
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

TEST(Mountstats, LeavesAloneWhatIsNotNfs) {
  OneFile host("self/mountstats",
               "device x mounted on /x with fstype lustre statvers=1.1\nage: y\n\ndevice\ndevice a mounted\n");
  EXPECT_EQ(collected("mountstats", host.config), "");
}

TEST(Pcidevice, NamesDevicesByTheFileOfIds) {
  const tidemark::testing::TempDir dir;
  const auto add = [&](const std::string& name, const std::string& class_code, const std::string& device) {
    const std::string at = "bus/pci/devices/" + name + "/";
    dir.write(at + "class", class_code);
    dir.write(at + "vendor", "0x8086");
    dir.write(at + "device", device);
    dir.write(at + "subsystem_vendor", "0x103c");
    dir.write(at + "subsystem_device", "0x0003");
    dir.write(at + "revision", "0x03");
  };
  add("0000:01:00.0", "0x0c0330", "0x1533");
  add("0000:01:00.1", "0x020000", "0x9999");
  add("0000:01:00.2", "0xab0000", "0x1533");
  add("0000:01:00", "0x020000", "0x9999");
  add("0000:02:00.0", "nothing", "0x9999");
  dir.write("pci.ids",
            "# comment\n103c  Hewlett\n\t1533  not this\n8086  Intel\n\t1533  I210\n\t\t103c 0003  I210-T1\n"
            "\t\t103c 0004  other\n\t1534  I211\n\t\t103c 0003  not this\nC 02  Network\n\t00  Ethernet\n"
            "C 0c  Serial\n\t03  USB\n\t\t30  XHCI\n\t04  Fibre\n\t\t30  not this\n");
  CollectorConfig config;
  config.sysfs = dir.path();
  config.pcidevice.names = true;
  config.pcidevice.ids_file = dir.path() + "/pci.ids";
  const std::string page = collected("pcidevice", config);
  EXPECT_THAT(page, HasSubstr("class_name=\"XHCI\",device=\"00\",device_id=\"0x1533\",device_name=\"I210\""));
  EXPECT_THAT(page, HasSubstr("subsystem_device_name=\"I210-T1\",subsystem_vendor_id=\"0x103c\","
                              "subsystem_vendor_name=\"Hewlett\",vendor_id=\"0x8086\",vendor_name=\"Intel\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("class_name=\"Ethernet\",device=\"00\",device_id=\"0x9999\",device_name=\"9999\""));
  EXPECT_THAT(page, HasSubstr("class_name=\"Unknown class (ab0000)\""));
  EXPECT_THAT(page, Not(HasSubstr("bus=\"02\"")));
  config.pcidevice.ids_file = dir.path() + "/none";
  EXPECT_THAT(collected("pcidevice", config), HasSubstr("vendor_name=\"8086\""));
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

TEST(Sockets, ShowsHowFullTheQueueOfAPortIs) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 7), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::connect(client, reinterpret_cast<sockaddr*>(&address), size), 0);
  CollectorConfig config;
  config.sockets.ports_max = 65'536;
  const std::string page = collected("sockets", config);
  config.sockets.ports_max = 0;
  const std::string without = collected("sockets", config);
  ::close(client);
  ::close(listener);
  if (page.starts_with("failed: ")) GTEST_SKIP() << page;
  const std::string port = "{port=\"" + std::to_string(ntohs(address.sin_port)) + "\",protocol=\"tcp\"}";
  EXPECT_EQ(value_of(page, "tidemark_sockets_port_established" + port), 1) << page;
  EXPECT_EQ(value_of(page, "tidemark_sockets_port_accept_queue_length" + port), 1) << page;
  EXPECT_EQ(value_of(page, "tidemark_sockets_port_accept_queue_max" + port), 7) << page;
  EXPECT_GE(value_of(page, "tidemark_sockets{protocol=\"tcp\",state=\"listen\"}"), 1) << page;
  EXPECT_EQ(value_of(page, "tidemark_sockets_dropped_ports"), 0) << page;
  EXPECT_GE(value_of(without, "tidemark_sockets_dropped_ports"), 1) << without;
  EXPECT_THAT(without, Not(HasSubstr("_port_")));
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
  for (const char* name : {"qdisc", "network_route", "sockets", "tcpstat"}) {
    const auto collector = make_collector(name, CollectorConfig());
    ScrapeContext context;
    context.begin(soon_ns(-1));
    Families families;
    EXPECT_FALSE(collector->collect(context, families).ok()) << name;
  }
}

}  // namespace
}  // namespace tidemark::exporter::testing
