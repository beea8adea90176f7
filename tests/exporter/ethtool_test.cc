// ethtool: what the collector makes of what drivers tell, with drivers of our own; and the kernel's on this host.
#include "exporter/ethtool_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/ethtool.h>

#include <map>

#include "tests/exporter/collect_support.h"
#include "tests/support/temp_dir.h"

namespace tidemark::exporter::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct FakeInterface {
  std::optional<EthtoolDriver> driver;
  std::optional<EthtoolLink> link;
  EthtoolStatistics statistics;
};

class FakeEthtool final : public EthtoolSource {
 public:
  std::optional<EthtoolDriver> driver(const std::string& device) override { return interfaces[device].driver; }
  std::optional<EthtoolLink> link(const std::string& device) override { return interfaces[device].link; }
  EthtoolStatistics statistics(const std::string& device) override { return interfaces[device].statistics; }

  std::map<std::string, FakeInterface> interfaces;
};

class Ethtool : public ::testing::Test {
 protected:
  Ethtool() {
    for (const char* device : {"eth0", "lo"}) dir_.write(std::string("class/net/") + device + "/mtu", "1500\n");
    config_.sysfs = dir_.path();
    config_.ethtool_source = source_;
    eth0().driver = EthtoolDriver{"e1000e", "6.1.0", "0.5-4", "", "0000:00:1f.6"};
    const uint32_t both = 1U << ETHTOOL_LINK_MODE_100baseT_Half_BIT | 1U << ETHTOOL_LINK_MODE_1000baseT_Full_BIT;
    eth0().link = EthtoolLink{both | 1U << ETHTOOL_LINK_MODE_Autoneg_BIT | 1U << ETHTOOL_LINK_MODE_TP_BIT |
                                  1U << ETHTOOL_LINK_MODE_25000baseCR_Full_BIT | 1U << ETHTOOL_LINK_MODE_Pause_BIT,
                              both, true};
  }
  FakeInterface& eth0() { return source_->interfaces["eth0"]; }
  std::string page() const { return collected("ethtool", config_); }

  tidemark::testing::TempDir dir_;
  CollectorConfig config_;
  std::shared_ptr<FakeEthtool> source_ = std::make_shared<FakeEthtool>();
};

TEST_F(Ethtool, ShowsDriversAndModes) {
  EXPECT_EQ(page(), R"(# TYPE node_ethtool_info gauge
node_ethtool_info{bus_info="0000:00:1f.6",device="eth0",driver="e1000e",expansion_rom_version="",firmware_version="0.5-4",version="6.1.0"} 1
# TYPE node_network_advertised_speed_bytes gauge
node_network_advertised_speed_bytes{device="eth0",duplex="half",mode="100baseT"} 12500000
node_network_advertised_speed_bytes{device="eth0",duplex="full",mode="1000baseT"} 125000000
# TYPE node_network_asymmetricpause_advertised gauge
node_network_asymmetricpause_advertised{device="eth0"} 0
# TYPE node_network_asymmetricpause_supported gauge
node_network_asymmetricpause_supported{device="eth0"} 0
# TYPE node_network_autonegotiate gauge
node_network_autonegotiate{device="eth0"} 1
# TYPE node_network_autonegotiate_advertised gauge
node_network_autonegotiate_advertised{device="eth0"} 0
# TYPE node_network_autonegotiate_supported gauge
node_network_autonegotiate_supported{device="eth0"} 1
# TYPE node_network_pause_advertised gauge
node_network_pause_advertised{device="eth0"} 0
# TYPE node_network_pause_supported gauge
node_network_pause_supported{device="eth0"} 1
# TYPE node_network_supported_port_info gauge
node_network_supported_port_info{device="eth0",type="TP"} 1
# TYPE node_network_supported_speed_bytes gauge
node_network_supported_speed_bytes{device="eth0",duplex="half",mode="100baseT"} 12500000
node_network_supported_speed_bytes{device="eth0",duplex="full",mode="1000baseT"} 125000000
node_network_supported_speed_bytes{device="eth0",duplex="full",mode="25000baseCR"} 3125000000
)");
}

TEST_F(Ethtool, NamesStatistics) {
  eth0() = {};
  eth0().statistics = {{"rx_bytes", 1},
                       {"port.rx_dropped", 2},
                       {"TxQueue-0 Sent", 3},
                       {"tx_0.packets", 4},
                       {"duplicate metric", 5},
                       {"duplicate_metric", 6},
                       {"duplicate.metric", 7},
                       {"[0] rx", 8},
                       {"rx", 9},
                       {"prx_x", 10},
                       {"", 11}};
  EXPECT_EQ(page(), R"(# TYPE node_ethtool_ untyped
node_ethtool_{device="eth0"} 11
# TYPE node_ethtool_0_received untyped
node_ethtool_0_received{device="eth0"} 8
# TYPE node_ethtool_port_received_dropped untyped
node_ethtool_port_received_dropped{device="eth0"} 2
# TYPE node_ethtool_prx_x untyped
node_ethtool_prx_x{device="eth0"} 10
# TYPE node_ethtool_received untyped
node_ethtool_received{device="eth0"} 9
# TYPE node_ethtool_received_bytes_total untyped
node_ethtool_received_bytes_total{device="eth0"} 1
# TYPE node_ethtool_transmitted_0_packets untyped
node_ethtool_transmitted_0_packets{device="eth0"} 4
# TYPE node_ethtool_txqueue_0_sent untyped
node_ethtool_txqueue_0_sent{device="eth0"} 3
)");
}

TEST_F(Ethtool, ShowsWhatIsAskedFor) {
  eth0().statistics = {{"rx_bytes", 1}, {"tx_bytes", 2}};
  source_->interfaces["lo"].statistics = {{"rx_bytes", 3}};
  config_.ethtool.metrics_include = "^rx_";
  EXPECT_THAT(page(),
              AllOf(HasSubstr("device=\"eth0\"} 1\n"), HasSubstr("device=\"lo\"} 3\n"), Not(HasSubstr("transmitted"))));
  config_.ethtool.devices = {"^lo$", ""};
  EXPECT_THAT(page(), AllOf(HasSubstr("device=\"lo\"} 3\n"), Not(HasSubstr("eth0"))));
}

TEST_F(Ethtool, TakesDriversAsTheyAre) {
  eth0().driver = EthtoolDriver{"\xff", "", "\"\n", "", ""};
  EXPECT_THAT(page(), HasSubstr("driver=\"\xEF\xBF\xBD\",expansion_rom_version=\"\",firmware_version=\"\\\"\\n\""));
}

TEST(KernelEthtool, KnowsThisHostsInterfaces) {
  const auto source = kernel_ethtool();
  EXPECT_FALSE(source->driver("no interface has so long a name"));
  EXPECT_FALSE(source->link("none"));
  EXPECT_TRUE(source->statistics("none").empty());
  EXPECT_FALSE(source->driver(""));
  const std::string page = collected("ethtool", CollectorConfig());
  EXPECT_THAT(page, ::testing::Not(::testing::StartsWith("failed: ")));
}

}  // namespace
}  // namespace tidemark::exporter::testing
