// Alternative names of interfaces, which a host need not have: made in a network namespace of the test's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <cstdlib>
#include <thread>

#include "tests/exporter/collect_support.h"

namespace tidemark::exporter::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Runs `body` where "lo" is the only interface and has two alternative names. False when that cannot be made here.
template <class Body>
bool with_alternative_names(const Body& body) {
  bool made = false;
  // A network namespace is a thread's, and ends with it; a program that the thread starts is in it too.
  std::thread([&] {
    made = ::unshare(CLONE_NEWNET) == 0 &&
           std::system(
               "ip link property add dev lo altname enp9s9 altname \"$(printf 'up\"link\\377')\" >/dev/null 2>&1") == 0;
    if (made) body();
  }).join();
  return made;
}

TEST(NetclassAltnames, AreShownAsNodeExporterDoes) {
  if (!with_alternative_names([] {
        CollectorConfig config;
        const auto collector = make_collector("netclass", config);
        const std::string page = collected(*collector);
        EXPECT_THAT(page, HasSubstr("node_network_altnames_info{altname=\"enp9s9\",device=\"lo\"} 1\n"
                                    "node_network_altnames_info{altname=\"up\\\"link\uFFFD\",device=\"lo\"} 1\n"));
        EXPECT_EQ(collected(*collector), page) << "names must not pile up from scrape to scrape";
        config.netclass.ignored_devices = "^lo$";
        EXPECT_THAT(collected("netclass", config), Not(HasSubstr("node_network_altnames_info")));
      }))
    GTEST_SKIP() << "needs root, iproute2 and Linux 5.5";
}

}  // namespace
}  // namespace tidemark::exporter::testing
