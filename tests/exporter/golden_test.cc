// Each collector on the recorded host of fixtures/ against golden/NAME.txt. To accept a change, run with
// TIDEMARK_UPDATE_GOLDEN=1 and read the diff.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include <fstream>
#include <sstream>

#include "tests/exporter/collect_support.h"

namespace tidemark::exporter::testing {
namespace {

void check_golden(const std::string& name, const std::string& got) {
  const std::string path = TIDEMARK_SOURCE_DIR "/tests/exporter/golden/" + name + ".txt";
  if (::getenv("TIDEMARK_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << got;
  std::ostringstream want;
  want << std::ifstream(path).rdbuf();
  EXPECT_EQ(got, want.str()) << path;
}

int recorded_statfs(const char* path, struct statfs* out) {
  const std::string_view name = path;
  if (name == "/net/gone") {
    errno = EACCES;
    return -1;
  }
  *out = {};
  out->f_bsize = name == "/" ? 4096 : 512;
  out->f_blocks = 1000;
  out->f_bfree = 600;
  out->f_bavail = 500;
  out->f_files = 64;
  out->f_ffree = 60;
  return 0;
}

// Those that need nothing but the recorded host.
constexpr const char* kPlain[] = {"arp",         "conntrack", "cpufreq", "entropy",    "filefd", "ipvs",
                                  "kernel_hung", "netclass",  "netstat", "nfs",        "nfsd",   "pressure",
                                  "schedstat",   "sockstat",  "softnet", "udp_queues", "vmstat", "xfs"};

class PlainGolden : public ::testing::TestWithParam<const char*> {};
TEST_P(PlainGolden, IsAsRecorded) { check_golden(GetParam(), collected(GetParam(), fixture_config())); }
INSTANTIATE_TEST_SUITE_P(Collectors, PlainGolden, ::testing::ValuesIn(kPlain),
                         [](const auto& test) { return std::string(test.param); });

CollectorConfig fixture_root_config() {
  CollectorConfig config = fixture_config();
  config.rootfs = TIDEMARK_SOURCE_DIR "/tests/exporter/fixtures/root";
  return config;
}

TEST(Golden, Os) { check_golden("os", collected("os", fixture_root_config())); }
TEST(Golden, Selinux) { check_golden("selinux", collected("selinux", fixture_root_config())); }

TEST(Golden, Cpu) { check_golden("cpu", collected("cpu", fixture_config())); }

TEST(Golden, CpuInfo) {
  CollectorConfig config = fixture_config();
  config.cpu.info_flags_include = "^(aes|avx.?)$";
  config.cpu.info_bugs_include = "meltdown";
  check_golden("cpu_info", collected("cpu", config));
}
TEST(Golden, Diskstats) { check_golden("diskstats", collected("diskstats", fixture_config())); }
TEST(Golden, Loadavg) { check_golden("loadavg", collected("loadavg", fixture_config())); }
TEST(Golden, Meminfo) { check_golden("meminfo", collected("meminfo", fixture_config())); }
TEST(Golden, Netdev) { check_golden("netdev", collected("netdev", fixture_config())); }

TEST(Golden, Filesystem) {
  CollectorConfig config = fixture_config();
  config.statfs_function = recorded_statfs;
  check_golden("filesystem", collected("filesystem", config));
}

TEST(Golden, Stat) {
  CollectorConfig config = fixture_config();
  config.stat.softirq = true;
  check_golden("stat", collected("stat", config));
}

TEST(Golden, Time) {
  ::setenv("TZ", "UTC-2", 1);
  ::tzset();
  const tidemark::testing::FakeClock clock(1'700'000'000'250);
  CollectorConfig config = fixture_config();
  config.clock = &clock;
  check_golden("time", collected("time", config));
  ::unsetenv("TZ");
  ::tzset();
}

TEST(Uname, SaysWhatTheHostSays) {
  utsname host{};
  ASSERT_EQ(::uname(&host), 0);
  const std::string text = collected("uname", fixture_config());
  EXPECT_NE(text.find("nodename=\"" + std::string(host.nodename) + "\",release=\"" + host.release + "\""), text.npos)
      << text;
}

}  // namespace
}  // namespace tidemark::exporter::testing
