// What collectors do with input that is not as recorded: malformed files, other flags, counters that step back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/exporter/collect_support.h"
#include "tests/support/temp_dir.h"

namespace tidemark::exporter::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Collectors, FailOnMalformedFilesNamingThePlace) {
  const auto check = [](std::string_view collector, std::string_view file, std::string_view text,
                        std::string_view want) {
    OneFile host(file, text);
    EXPECT_THAT(collected(collector, host.config), AllOf(StartsWith("failed: "), HasSubstr(std::string(want))))
        << collector << " on \"" << text << '"';
  };
  check("cpu", "stat", "", "no line for any CPU");
  check("cpu", "stat", "ctxt 5\n", "no line for any CPU");
  check("cpu", "stat", "cpu0 1 2 x 4\n", "cpu0: \"x\" is not a number");
  check("cpu", "stat", "cpu0 1 2 3\n", "cut short");
  check("cpu", "stat", "cpux 1 2 3 4 5 6 7\n", "cut short");
  check("cpu", "stat", "cpu0 1 2 3 99999999999999999999\n", "not a number");
  check("stat", "stat", "nothing known 1\n", "none of the lines");
  check("stat", "stat", "ctxt -1\n", "\"ctxt\" is not a number");
  check("loadavg", "loadavg", "", "no three load averages");
  check("loadavg", "loadavg", "0.1 0.2", "no three load averages");
  check("loadavg", "loadavg", "0.1 0.2 x", "no three load averages");
  check("meminfo", "meminfo", "", "empty");
  check("meminfo", "meminfo", "MemTotal: 1 kB\nMemFree 2 kB\n", "meminfo:2");
  check("meminfo", "meminfo", "MemTotal: x kB\n", "meminfo:1");
  check("meminfo", "meminfo", "MemTotal: 1 MB\n", "meminfo:1");
  check("meminfo", "meminfo", ": 1 kB\n", "meminfo:1");
  check("diskstats", "diskstats", "8 0 sda 1 2 3\n", "3 columns");
  check("diskstats", "diskstats", "8 0 sda 1 2 3 4 5 6 7 8 9 10 x\n", "\"x\" is not a number");
  check("diskstats", "diskstats", "a b sda 1 2 3 4 5 6 7 8 9 10 11\n", "diskstats:1");
  check("netdev", "net/dev", "t\nt\neth0 1 2 3\n", "dev:3: no \"name:\"");
  check("netdev", "net/dev", "t\nt\neth0: 1 2 3\n", "counter 4 of eth0");
  check("filesystem", "1/mountinfo", "1 2 8:0 / / rw ext4 /dev/sda rw\n", "mountinfo:1");
  check("vmstat", "vmstat", "pgfault x\n", "vmstat:1: pgfault has no number");
  check("netstat", "net/netstat", "TcpExt: ListenDrops\n", "netstat:1: no line of names");
  check("netstat", "net/netstat", "TcpExt: ListenDrops\nIpExt: 1\n", "netstat:1: no line of names");
  check("netstat", "net/netstat", "TcpExt: ListenDrops\nTcpExt: 1 2\n", "netstat:2: more values");
  check("netstat", "net/netstat", "TcpExt: ListenDrops\nTcpExt: x\n", "ListenDrops of TcpExt is \"x\"");
  check("sockstat", "net/sockstat", "TCP: inuse\n", "sockstat:1: inuse of TCP");
  check("sockstat", "net/sockstat", "TCP inuse 1\n", "sockstat:1: no \"protocol:\"");
  check("softnet", "net/softnet_stat", "1 2 3\n", "3 numbers instead of at least 9");
  check("softnet", "net/softnet_stat", "1 2 3 4 5 6 7 8 g\n", "\"g\" is not in hex");
  check("schedstat", "schedstat", "cpu0 1 2 3 4 5 6 7\n", "schedstat:1: cpu0 is cut short");
  check("pressure", "pressure/cpu", "full total=1\n", "no total of \"some\"");
  check("pressure", "pressure/io", "some avg10=0\nfull total=1\n", "no total of \"some\"");
  check("filefd", "sys/fs/file-nr", "1 0\n", "number 3 is \"\"");
  check("entropy", "sys/kernel/random/entropy_avail", "many\n", "number 1 is \"many\"");
  check("conntrack", "sys/net/netfilter/nf_conntrack_count", "x\n", "not a number");
  check("udp_queues", "net/udp", "titles\n 0: a b c d\n", "udp:2: no queues in \"d\"");
  check("arp", "net/arp", "titles\n10.0.0.1 0x1\n", "arp:2: no device");
  check("nfs", "net/rpc/nfs", "", "empty");
  check("nfs", "net/rpc/nfs", "net 1 2 x 4\n", "nfs:1: \"x\" of net");
  check("nfsd", "net/rpc/nfsd", "rc 1\nth 8 0 0.5\nio -1 2\n", "nfsd:3: \"-1\" of io");
  check("ipvs", "net/ip_vs_stats", "a\nb\n1 2 3 4\n", "no five numbers");
  check("filesystem", "1/mountinfo", "1 2 8 / / rw - ext4 /dev/sda rw\n", "mountinfo:1");
}

TEST(Collectors, FailOnMissingFiles) {
  const tidemark::testing::TempDir empty;
  CollectorConfig config = fixture_config();
  config.procfs = empty.path();
  for (const char* name : {"cpu", "stat", "loadavg", "meminfo", "diskstats", "netdev", "filesystem"})
    EXPECT_THAT(collected(name, config), StartsWith("failed: open " + empty.path())) << name;
}

TEST(Collectors, AbsentHardwareIsNotAFailure) {
  const tidemark::testing::TempDir empty;
  CollectorConfig config = fixture_config();
  config.sysfs = empty.path();
  config.udev_data = empty.path();
  EXPECT_THAT(collected("time", config), HasSubstr("node_time_seconds "));
  EXPECT_THAT(collected("diskstats", config),
              HasSubstr("node_disk_info{device=\"sda\",major=\"8\",minor=\"0\",model=\"\",path=\"\",revision=\"\","
                        "rotational=\"0\",serial=\"\",wwn=\"\"} 1\n"));
  config.procfs = empty.path();
  config.rootfs = empty.path();
  for (const char* name :
       {"conntrack", "cpufreq", "ipvs", "kernel_hung", "nfs", "nfsd", "os", "pressure", "schedstat", "sockstat", "xfs"})
    EXPECT_EQ(collected(name, config), "") << name;
  EXPECT_THAT(collected("selinux", config), HasSubstr("node_selinux_enabled 0\n"));
  OneFile no_disks("diskstats", "");
  EXPECT_EQ(collected("diskstats", no_disks.config), "");
}

TEST(Collectors, RefuseABadExpression) {
  CollectorConfig config;
  config.diskstats.devices.exclude = "(";
  const auto made = make_diskstats(config);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message(), HasSubstr("bad regular expression \"(\""));
}

TEST(Collectors, ShowOnlyWhatTheFiltersLeave) {
  CollectorConfig config = fixture_config();
  config.diskstats.devices = {"^dm-", ""};
  EXPECT_THAT(collected("diskstats", config), AllOf(HasSubstr("device=\"dm-0\""), Not(HasSubstr("sda"))));
  config.netdev.devices = {"", "^lo$"};
  EXPECT_THAT(collected("netdev", config), AllOf(HasSubstr("device=\"eth0\""), Not(HasSubstr("\"lo\""))));
}

TEST(Diskstats, DescribesFileSystemsAndPrefersTheScsiSerial) {
  CollectorConfig config = fixture_config();
  config.diskstats.devices = {"^sda1$", ""};
  const std::string text = collected("diskstats", config);
  EXPECT_THAT(text, HasSubstr("node_disk_filesystem_info{device=\"sda1\",type=\"ext4\",usage=\"filesystem\","
                              "uuid=\"11111111-2222-3333-4444-555555555555\",version=\"1.0\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("serial=\"SCSI-9\""));
}

TEST(Cpu, HoldsSmallStepsBackAndStartsOverAfterHotplug) {
  OneFile host("stat", "cpu0 100 0 0 1000 50\ncpu1 5 0 0 10 0\n");
  const auto cpu = make_collector("cpu", host.config);
  const auto mode = [&](std::string_view stat, std::string_view mode_name) {
    host.dir.write("stat", stat);
    const std::string text = collected(*cpu);
    const std::string key = "node_cpu_seconds_total{cpu=\"0\",mode=\"" + std::string(mode_name) + "\"} ";
    const size_t at = text.find(key);
    return at == text.npos ? text : text.substr(at + key.size(), text.find('\n', at) - at - key.size());
  };
  EXPECT_EQ(mode("cpu0 100 0 0 1000 50\n", "idle"), "10");
  EXPECT_EQ(mode("cpu0 100 0 0 990 40\n", "idle"), "10");
  EXPECT_EQ(mode("cpu0 100 0 0 990 40\n", "iowait"), "0.5");
  EXPECT_EQ(mode("cpu0 120 0 0 701 40\n", "user"), "1.2");
  EXPECT_EQ(mode("cpu0 7 0 0 700 3\n", "idle"), "7") << "three seconds less idle: the CPU was unplugged";
  EXPECT_EQ(mode("cpu0 6 0 0 700 3\n", "user"), "0.07");
}

TEST(Cpu, ReadsOldKernelsAndLeavesGuestsOutWhenAsked) {
  OneFile host("stat", "cpu  1 2 3 4\ncpu3 1 2 3 4");
  host.config.cpu.guest = false;
  EXPECT_THAT(collected("cpu", host.config),
              AllOf(HasSubstr("{cpu=\"3\",mode=\"idle\"} 0.04\n"), Not(HasSubstr("guest"))));
}

TEST(Filesystem, StripsTheHostsRootAndFallsBackToItsOwnMounts) {
  OneFile host("self/mountinfo",
               "1 0 8:1 / /host/root rw - ext4 /dev/sda1 rw\n2 1 8:2 / /host/root/home rw - ext4 /dev/sda2 rw\n"
               "3 1 8:3 / /host/rootless rw - ext4 /dev/sda3 rw\n");
  host.config.rootfs = "/host/root";
  std::vector<std::string> asked;
  host.config.statfs_function = [&](const char* path, struct statfs* out) {
    asked.emplace_back(path);
    *out = {};
    return 0;
  };
  const std::string text = collected("filesystem", host.config);
  EXPECT_THAT(text, AllOf(HasSubstr("mountpoint=\"/\"}"), HasSubstr("mountpoint=\"/home\"}"),
                          HasSubstr("mountpoint=\"/host/rootless\"}")));
  EXPECT_THAT(asked, ::testing::UnorderedElementsAre("/host/root", "/host/root/home", "/host/root/host/rootless"));
}

TEST(Netclass, BothSourcesAgreeOnThisHost) {
  CollectorConfig sysfs;
  sysfs.netclass.netlink = false;
  CollectorConfig netlink;
  // One collector for two scrapes: what is kept from the first must serve the second.
  const auto collector = make_collector("netclass", netlink);
  const std::string first = collected(*collector);
  const std::string from_sysfs = collected("netclass", sysfs);
  if (first.starts_with("failed: ") || from_sysfs.starts_with("failed: ")) GTEST_SKIP() << first << from_sysfs;
  // The two list interfaces in different orders, and sysfs lacks their alternative names.
  const auto lines = [](std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
      const std::string_view line = next_line(text);
      if (line.find("node_network_altnames_info") == line.npos) out.emplace_back(line);
    }
    std::sort(out.begin(), out.end());
    return out;
  };
  EXPECT_EQ(lines(first), lines(from_sysfs));
  EXPECT_EQ(collected(*collector), first);
}

TEST(Netclass, LeavesOutWhatItIsToldTo) {
  CollectorConfig config = fixture_config();
  config.netclass.ignored_devices = "^eth";
  config.netclass.ignore_invalid_speed = true;
  EXPECT_THAT(collected("netclass", config),
              AllOf(HasSubstr("device=\"veth1\""), Not(HasSubstr("eth0")), Not(HasSubstr("speed_bytes{"))));
}

TEST(Arp, BothSourcesAgreeOnThisHost) {
  CollectorConfig file;
  file.arp.netlink = false;
  const std::string from_kernel = collected("arp", CollectorConfig());
  if (from_kernel.starts_with("failed: ")) GTEST_SKIP() << from_kernel;
  EXPECT_EQ(from_kernel.size(), collected("arp", file).size());
}

TEST(Ipvs, AddsUpBackendsThatDifferOnlyInLabelsNotShown) {
  CollectorConfig config = fixture_config();
  config.ipvs.backend_labels = "local_port";
  EXPECT_THAT(collected("ipvs", config), HasSubstr("node_ipvs_backend_weight{local_port=\"3306\"} 200\n"));
  config.ipvs.backend_labels = "local_port,nonsense";
  EXPECT_FALSE(make_ipvs(config));
}

TEST(Os, ReadsAFileThatTookItsPlace) {
  const tidemark::testing::TempDir root;
  root.write("usr/lib/os-release", "ID=one\nVERSION_ID=12\n");
  CollectorConfig config = fixture_config();
  config.rootfs = root.path();
  const auto os = make_collector("os", config);
  EXPECT_THAT(collected(*os), HasSubstr("id=\"one\""));
  root.write("etc/os-release", "ID=two\nVERSION_ID=rolling\n");
  EXPECT_THAT(collected(*os), AllOf(HasSubstr("id=\"two\""), Not(HasSubstr("node_os_version"))));
}

TEST(Timex, SaysWhetherTheClockIsSynchronized) {
  const std::string text = collected("timex", fixture_config());
  if (text.empty()) GTEST_SKIP() << "adjtimex is forbidden here";
  EXPECT_THAT(text, AllOf(HasSubstr("node_timex_sync_status "), HasSubstr("node_timex_tick_seconds 0.01\n")));
}

TEST(Netdev, BothSourcesAgreeOnThisHost) {
  CollectorConfig file;
  file.netdev.netlink = false;
  const std::string from_file = collected("netdev", file);
  const std::string from_kernel = collected("netdev", CollectorConfig());
  if (from_kernel.starts_with("failed: ")) GTEST_SKIP() << from_kernel;
  const auto devices = [](std::string_view text) {
    const std::string_view type = "# TYPE node_network_receive_bytes_total counter\n";
    std::vector<std::string> out;
    for (size_t at = text.find("node_network_receive_bytes_total{", text.find(type) + type.size()); at != text.npos;
         at = text.find("node_network_receive_bytes_total{", at + 1))
      out.emplace_back(text.substr(at, text.find('}', at) - at));
    return out;
  };
  EXPECT_EQ(devices(from_kernel), devices(from_file));
  EXPECT_FALSE(devices(from_kernel).empty());
}

}  // namespace
}  // namespace tidemark::exporter::testing
