// netdev with its flags: the alias as a label, addresses, and the kernel's counters one by one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/exporter/collect_support.h"

namespace tidemark::exporter::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kNetDev =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier "
    "compressed\n"
    "  eth0:  1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";

TEST(Netdev, NamesSumsOfTheFileInDetail) {
  OneFile host("net/dev", kNetDev);
  host.config.netdev.detailed = true;
  EXPECT_THAT(collected("netdev", host.config),
              AllOf(HasSubstr("node_network_receive_errors_total{device=\"eth0\"} 3\n"),
                    HasSubstr("node_network_receive_dropped_total{device=\"eth0\"} 4\n"),
                    HasSubstr("node_network_receive_fifo_total{device=\"eth0\"} 5\n"),
                    HasSubstr("node_network_transmit_errors_total{device=\"eth0\"} 11\n"),
                    HasSubstr("node_network_transmit_dropped_total{device=\"eth0\"} 12\n"),
                    Not(HasSubstr("_errs_total")), Not(HasSubstr("_drop_total"))));
}

TEST(Netdev, LabelsWithTheAlias) {
  OneFile host("net/dev", kNetDev);
  host.config.sysfs = host.dir.path();
  host.config.netdev.label_ifalias = true;
  EXPECT_THAT(collected("netdev", host.config), HasSubstr("{device=\"eth0\",ifalias=\"\"} 1\n"));
  host.dir.write("class/net/eth0/ifalias", "uplink\n");
  EXPECT_THAT(collected("netdev", host.config), HasSubstr("{device=\"eth0\",ifalias=\"uplink\"} 1\n"));
}

TEST(Netdev, ShowsTheKernelsOwnCounters) {
  CollectorConfig config;
  config.netdev.detailed = true;
  config.netdev.label_ifalias = true;
  const std::string page = collected("netdev", config);
  if (page.starts_with("failed: ")) GTEST_SKIP() << page;
  for (const char* family :
       {"receive_errors", "receive_dropped", "receive_missed_errors", "receive_crc_errors", "multicast", "collisions",
        "transmit_carrier_errors", "transmit_heartbeat_errors", "receive_nohandler"})
    EXPECT_THAT(page, HasSubstr(std::string("node_network_") + family + "_total{device=\"lo\",ifalias=\"\"} "));
}

TEST(Netdev, ShowsAddresses) {
  OneFile host("net/dev", kNetDev);
  host.config.netdev.address_info = true;
  const std::string page = collected("netdev", host.config);
  if (page.find("device=\"lo\"") == page.npos) GTEST_SKIP() << "lo has no address here";
  EXPECT_THAT(page, HasSubstr("node_network_address_info{address=\"127.0.0.1\",device=\"lo\",netmask=\"8\","
                              "scope=\"link-local\"} 1\n"));
  host.config.netdev.devices = {"", "^lo$"};
  EXPECT_THAT(collected("netdev", host.config), Not(HasSubstr("127.0.0.1")));
}

}  // namespace
}  // namespace tidemark::exporter::testing
