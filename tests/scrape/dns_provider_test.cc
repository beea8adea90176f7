#include "aggregator/discovery/dns_provider.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <atomic>
#include <map>

#include "aggregator/discovery/ares_resolver.h"
#include "aggregator/discovery/discovery.h"
#include "tests/scrape/dns_responder.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_logger.h"

namespace tidemark::discovery {
namespace {

using config::DnsRecordType;
using testing::DnsResponder;

// Says what a test told it; of names it was told nothing about, that they do not exist.
class FakeResolver final : public Resolver {
 public:
  std::vector<DnsAnswer> lookup(const std::vector<std::string>& names, DnsRecordType type,
                                const Canceled& canceled) override {
    ++lookups;
    last_type = type;
    while (hangs && !canceled()) std::this_thread::yield();
    std::vector<DnsAnswer> out;
    for (const std::string& name : names) {
      const auto known = answers.find(name);
      if (hangs) {
        out.emplace_back(fail(Status::canceled("given up")));
      } else {
        out.push_back(known != answers.end() ? known->second : DnsAnswer(std::vector<DnsRecord>{}));
      }
    }
    return out;
  }

  std::map<std::string, DnsAnswer> answers;
  DnsRecordType last_type = DnsRecordType::kSrv;
  std::atomic<bool> hangs = false;  // Until canceled.
  std::atomic<int> lookups = 0;
};

std::string text(const std::vector<TargetGroup>& groups) {
  std::string out;
  for (const TargetGroup& group : groups) {
    for (const Labels& target : group.targets) out += (out.empty() ? "" : " ") + target.to_string();
  }
  return out;
}
std::string addresses(const std::vector<TargetGroup>& groups) {
  std::string out;
  for (const TargetGroup& group : groups) {
    for (const Labels& target : group.targets) {
      out += (out.empty() ? "" : " ") + std::string(target.get(kAddressLabel));
    }
  }
  return out;
}

class DnsProviderTest : public ::testing::Test {
 protected:
  DnsProvider provider(std::vector<std::string> names, DnsRecordType type, uint16_t port = 0) {
    return DnsProvider(
        {std::move(names), type, port, 30'000}, resolver_, [] { return false; }, logger_);
  }
  static DnsAnswer records(std::vector<DnsRecord> records) { return records; }

  FakeResolver resolver_;
  testing::MemoryLogger logger_;
};

TEST_F(DnsProviderTest, addresses_get_the_configured_port) {
  resolver_.answers = {{"a", records({{"10.0.0.1", 0}})}, {"b", records({{"10.0.0.2", 0}})}};
  DnsProvider dns = provider({"a", "b"}, DnsRecordType::kA, 9'100);
  EXPECT_TRUE(dns.refresh());
  EXPECT_EQ(resolver_.last_type, DnsRecordType::kA);
  EXPECT_EQ(text(dns.groups()), R"({__address__="10.0.0.1:9100", __meta_dns_name="a"} )"
                                R"({__address__="10.0.0.2:9100", __meta_dns_name="b"})");
  EXPECT_EQ(dns.refresh_interval_ms(), 30'000);
}

TEST_F(DnsProviderTest, ipv6_addresses_stand_in_brackets) {
  resolver_.answers = {{"a", records({{"fd00::1", 0}})}};
  DnsProvider dns = provider({"a"}, DnsRecordType::kAaaa, 9'100);
  EXPECT_TRUE(dns.refresh());
  EXPECT_EQ(addresses(dns.groups()), "[fd00::1]:9100");
}

TEST_F(DnsProviderTest, services_bring_their_port) {
  resolver_.answers = {{"_p._tcp.x", records({{"n1.x", 9'100}})}};
  DnsProvider dns = provider({"_p._tcp.x"}, DnsRecordType::kSrv, 1);
  EXPECT_TRUE(dns.refresh());
  EXPECT_EQ(text(dns.groups()), R"({__address__="n1.x:9100", __meta_dns_name="_p._tcp.x", )"
                                R"(__meta_dns_srv_record_port="9100", __meta_dns_srv_record_target="n1.x."})");
}

TEST_F(DnsProviderTest, another_order_or_a_record_twice_is_no_change) {
  resolver_.answers = {{"a", records({{"10.0.0.1", 0}, {"10.0.0.2", 0}})}};
  DnsProvider dns = provider({"a"}, DnsRecordType::kA, 1);
  EXPECT_TRUE(dns.refresh());
  resolver_.answers["a"] = records({{"10.0.0.2", 0}, {"10.0.0.1", 0}, {"10.0.0.2", 0}});
  EXPECT_FALSE(dns.refresh());
  EXPECT_EQ(addresses(dns.groups()), "10.0.0.1:1 10.0.0.2:1");
  resolver_.answers["a"] = records({{"10.0.0.2", 0}});
  EXPECT_TRUE(dns.refresh());
  EXPECT_EQ(addresses(dns.groups()), "10.0.0.2:1");
}

TEST_F(DnsProviderTest, a_failure_keeps_the_targets_of_that_name_only) {
  resolver_.answers = {{"a", records({{"10.0.0.1", 0}})}, {"b", records({{"10.0.0.2", 0}})}};
  DnsProvider dns = provider({"a", "b"}, DnsRecordType::kA, 1);
  EXPECT_TRUE(dns.refresh());
  resolver_.answers = {{"a", fail(Status::timeout("nobody there"))}, {"b", records({{"10.0.0.3", 0}})}};
  EXPECT_TRUE(dns.refresh());
  EXPECT_FALSE(dns.refresh());
  EXPECT_EQ(addresses(dns.groups()), "10.0.0.1:1 10.0.0.3:1");
  EXPECT_EQ(dns.broken(), 1u);
  EXPECT_EQ(dns.errors(), 2u);
  EXPECT_EQ(logger_.lines().size(), 1u) << "once, not at every lookup";
  EXPECT_TRUE(logger_.contains("nobody there"));
  resolver_.answers["a"] = records({{"10.0.0.1", 0}});
  EXPECT_FALSE(dns.refresh());
  EXPECT_EQ(dns.broken(), 0u);
}

TEST_F(DnsProviderTest, a_name_that_is_gone_loses_its_targets) {
  resolver_.answers = {{"a", records({{"10.0.0.1", 0}})}};
  DnsProvider dns = provider({"a"}, DnsRecordType::kA, 1);
  EXPECT_TRUE(dns.refresh());
  resolver_.answers["a"] = records({});
  EXPECT_TRUE(dns.refresh());
  EXPECT_EQ(addresses(dns.groups()), "");
  EXPECT_EQ(dns.errors(), 0u);
}

class DnsDiscoveryTest : public ::testing::Test {
 protected:
  static SetConfig set(DnsRecordType type, std::string name, uint16_t port) {
    SetConfig out;
    out.name = "job";
    out.dns_sd_configs.push_back({{std::move(name)}, type, port, 30'000});
    return out;
  }
  std::unique_ptr<Discovery> make(const Clock& clock, std::unique_ptr<Resolver> resolver) {
    return std::make_unique<Discovery>(
        clock, registry_, logger_,
        [this](const std::string&, const std::vector<TargetGroup>& groups) {
          const MutexLock lock(mu_);
          told_ = addresses(groups);
        },
        std::move(resolver));
  }
  std::string told() {
    const MutexLock lock(mu_);
    return told_;
  }
  bool has_metric(std::string_view line) {
    return prometheus::TextSerializer().Serialize(registry_.Collect()).find(line) != std::string::npos;
  }

  testing::FakeClock clock_;
  testing::MemoryLogger logger_;
  prometheus::Registry registry_;
  Mutex mu_;
  std::string told_ TM_GUARDED_BY(mu_);
};

TEST_F(DnsDiscoveryTest, a_dead_server_keeps_targets_over_a_reload_and_is_counted) {
  auto owned = std::make_unique<FakeResolver>();
  FakeResolver& resolver = *owned;
  const auto discovery = make(clock_, std::move(owned));
  const SetConfig config = set(DnsRecordType::kA, "a", 9'100);
  resolver.answers = {{"a", std::vector<DnsRecord>{{"10.0.0.1", 0}}}};
  discovery->apply({config});
  EXPECT_EQ(resolver.lookups, 0) << "an apply() does not wait for the DNS";
  discovery->poll_due();
  EXPECT_EQ(told(), "10.0.0.1:9100");
  discovery->poll_due();
  EXPECT_EQ(resolver.lookups, 1) << "not due yet";
  resolver.answers = {{"a", fail(Status::timeout("nobody there"))}};
  clock_.advance_ms(30'000);
  discovery->poll_due();
  EXPECT_EQ(told(), "10.0.0.1:9100");
  discovery->apply({config});
  discovery->poll_due();
  EXPECT_EQ(resolver.lookups, 3);
  EXPECT_EQ(told(), "10.0.0.1:9100");
  EXPECT_TRUE(has_metric("tidemark_discovery_broken_dns_names 1"));
  EXPECT_TRUE(has_metric("tidemark_discovery_dns_lookup_failures_total 2"));
  EXPECT_TRUE(has_metric("tidemark_discovery_broken_files 0"));
  EXPECT_TRUE(has_metric("tidemark_discovery_file_read_errors_total 0"));
  EXPECT_TRUE(has_metric("tidemark_discovery_targets{scrape_job=\"job\"} 1"));
}

TEST_F(DnsDiscoveryTest, neither_a_reload_nor_a_stop_waits_for_a_lookup) {
  auto owned = std::make_unique<FakeResolver>();
  FakeResolver& resolver = *owned;
  resolver.hangs = true;
  const auto discovery = make(system_clock(), std::move(owned));
  discovery->apply({set(DnsRecordType::kA, "a", 1)});
  discovery->start();
  ASSERT_TRUE(testing::eventually([&] { return resolver.lookups == 1; }));
  discovery->apply({set(DnsRecordType::kA, "b", 1)});
  ASSERT_TRUE(testing::eventually([&] { return resolver.lookups == 2; }));
  discovery->stop();
  EXPECT_FALSE(has_metric("tidemark_discovery_dns_lookup_failures_total 1")) << "what was given up is no failure";
}

TEST_F(DnsDiscoveryTest, from_a_name_server_to_targets) {
  DnsResponder server;
  server.set("exporter.ns.svc.cluster.local", {.records = {DnsResponder::a("10.0.0.2"), DnsResponder::a("10.0.0.1")}});
  server.set("_metrics._tcp.test", {.records = {DnsResponder::srv(9'100, "n1.test")}});
  AresOptions options;
  options.servers = server.address();
  options.search = {"svc.cluster.local", "cluster.local"};
  options.ndots = 5;
  const auto discovery = make(system_clock(), std::make_unique<AresResolver>(options));
  SetConfig config = set(DnsRecordType::kA, "exporter.ns.svc", 9'100);
  config.dns_sd_configs.push_back({{"_metrics._tcp.test"}, DnsRecordType::kSrv, 0, 30'000});
  discovery->apply({config});
  discovery->start();
  EXPECT_TRUE(testing::eventually([&] { return told() == "10.0.0.1:9100 10.0.0.2:9100 n1.test:9100"; })) << told();
}

}  // namespace
}  // namespace tidemark::discovery
