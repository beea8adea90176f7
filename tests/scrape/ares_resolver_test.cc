#include "aggregator/discovery/ares_resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "tests/scrape/dns_responder.h"

namespace tidemark::discovery {
namespace {

using config::DnsRecordType;
using testing::DnsResponder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class AresResolverTest : public ::testing::Test {
 protected:
  AresResolverTest() {
    options_.servers = server_.address();
    options_.search.emplace();
    options_.ndots = 1;
  }
  // "10.0.0.1:0 10.0.0.2:0", sorted, or the error.
  std::string lookup(const std::string& name, DnsRecordType type = DnsRecordType::kA) {
    return text(AresResolver(options_).lookup({name}, type, [] { return false; })[0]);
  }
  static std::string text(const DnsAnswer& answer) {
    if (!answer) return std::string(code_name(answer.error().code())) + ": " + answer.error().message();
    std::vector<DnsRecord> records = *answer;
    std::sort(records.begin(), records.end());
    std::string out;
    for (const DnsRecord& r : records) out += (out.empty() ? "" : " ") + r.host + ":" + std::to_string(r.port);
    return out;
  }

  DnsResponder server_;
  AresOptions options_;
};

TEST_F(AresResolverTest, reads_each_type) {
  server_.set("a.test", {.records = {DnsResponder::a("10.0.0.2"), DnsResponder::a("10.0.0.1")}});
  server_.set("aaaa.test", {.records = {DnsResponder::aaaa("fd00::1"), DnsResponder::aaaa("::1")}});
  server_.set("_p._tcp.test", {.records = {DnsResponder::srv(9'100, "n1.test"), DnsResponder::srv(65'535, "n2.test")}});
  EXPECT_EQ(lookup("a.test"), "10.0.0.1:0 10.0.0.2:0");
  EXPECT_EQ(lookup("a.test."), "10.0.0.1:0 10.0.0.2:0");
  EXPECT_EQ(lookup("aaaa.test", DnsRecordType::kAaaa), "::1:0 fd00::1:0");
  EXPECT_EQ(lookup("_p._tcp.test", DnsRecordType::kSrv), "n1.test:9100 n2.test:65535");
}

TEST_F(AresResolverTest, a_service_at_the_root_is_not_there) {
  server_.set("s.test", {.records = {DnsResponder::srv(0, "")}});
  EXPECT_EQ(lookup("s.test", DnsRecordType::kSrv), "");
}

TEST_F(AresResolverTest, passes_over_other_records) {
  const std::string alias = DnsResponder::wire_name("real.test");
  server_.set("alias.test", {.records = {{ns_t_cname, alias}}});
  EXPECT_EQ(lookup("alias.test"), "");
  server_.set("mixed.test", {.records = {{ns_t_txt, std::string("\1x")}, DnsResponder::a("10.0.0.1")}});
  EXPECT_EQ(lookup("mixed.test"), "10.0.0.1:0");
}

TEST_F(AresResolverTest, answers_in_the_order_of_the_names_however_many) {
  options_.in_flight_max = 3;
  std::vector<std::string> names;
  for (int i = 0; i < 50; ++i) {
    names.push_back("n" + std::to_string(i) + ".test");
    server_.set(names.back(), {.records = {DnsResponder::a(("10.0.0." + std::to_string(i)).c_str())}});
  }
  const std::vector<DnsAnswer> answers = AresResolver(options_).lookup(names, DnsRecordType::kA, [] { return false; });
  ASSERT_EQ(answers.size(), names.size());
  for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ(text(answers[i]), "10.0.0." + std::to_string(i) + ":0");
}

TEST_F(AresResolverTest, tries_the_search_domains_as_a_pod_does) {
  options_.search = {"ns.svc.cluster.local", "svc.cluster.local", "cluster.local"};
  options_.ndots = 5;
  server_.set("exporter.ns.svc.cluster.local", {.records = {DnsResponder::a("10.0.0.1")}});
  EXPECT_EQ(lookup("exporter.ns.svc"), "10.0.0.1:0");
  EXPECT_THAT(server_.asked(), ElementsAre("exporter.ns.svc.ns.svc.cluster.local", "exporter.ns.svc.svc.cluster.local",
                                           "exporter.ns.svc.cluster.local"));
}

TEST_F(AresResolverTest, a_name_with_enough_dots_is_tried_as_it_is_first) {
  options_.search = {"b.test", "."};
  options_.ndots = 2;
  EXPECT_EQ(lookup("x.y.test"), "");
  EXPECT_EQ(lookup("y.test"), "");
  EXPECT_EQ(lookup("z.test."), "");
  EXPECT_THAT(server_.asked(),
              ElementsAre("x.y.test", "x.y.test.b.test", "x.y.test", "y.test.b.test", "y.test", "y.test", "z.test"));
}

// Which answers mean "there are none", and which mean "nobody knows".
TEST_F(AresResolverTest, tells_nothing_there_from_nobody_knows) {
  options_.search = {"one.test", "two.test"};
  EXPECT_EQ(lookup("gone"), "") << "every candidate is known not to exist";

  server_.set("empty.one.test", {});
  server_.set("empty.two.test", {.records = {DnsResponder::a("10.0.0.1")}});
  EXPECT_EQ(lookup("empty"), "") << "the first candidate that exists counts, even without such records";

  server_.set("sick.one.test", {.rcode = ns_r_servfail});
  EXPECT_THAT(lookup("sick"), HasSubstr("sick.one.test.: ")) << "the others do not exist, but this one may";

  server_.set("half.one.test", {.rcode = ns_r_refused});
  server_.set("half.two.test", {.records = {DnsResponder::a("10.0.0.1")}});
  EXPECT_EQ(lookup("half"), "10.0.0.1:0") << "a candidate that is there settles it";
}

TEST_F(AresResolverTest, a_name_that_is_none_is_an_error) {
  for (const std::string& name : {std::string("a..b"), std::string(70, 'x') + ".test"}) {
    const std::string out = lookup(name);
    EXPECT_THAT(out, HasSubstr(name)) << out;
  }
}

TEST_F(AresResolverTest, more_records_than_allowed_are_an_error) {
  server_.set("a.test", {.records = {DnsResponder::a("10.0.0.1"), DnsResponder::a("10.0.0.2")}});
  server_.set("s.test", {.records = {DnsResponder::srv(1, "a"), DnsResponder::srv(2, "b")}});
  options_.records_max = 2;
  EXPECT_EQ(lookup("a.test"), "10.0.0.1:0 10.0.0.2:0");
  EXPECT_EQ(lookup("s.test", DnsRecordType::kSrv), "a:1 b:2");
  options_.records_max = 1;
  EXPECT_THAT(lookup("a.test"), HasSubstr("more than 1 records"));
  EXPECT_THAT(lookup("s.test", DnsRecordType::kSrv), HasSubstr("more than 1 records"));
}

TEST_F(AresResolverTest, a_silent_server_costs_the_timeout_once) {
  std::vector<std::string> names;
  for (int i = 0; i < 20; ++i) {
    names.push_back("n" + std::to_string(i) + ".test");
    server_.set(names.back(), {.silent = true});
  }
  names.push_back("good.test");
  server_.set("good.test", {.records = {DnsResponder::a("10.0.0.1")}});
  options_.timeout_ms = 200;
  const auto start = std::chrono::steady_clock::now();
  const std::vector<DnsAnswer> answers = AresResolver(options_).lookup(names, DnsRecordType::kA, [] { return false; });
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(3));
  for (int i = 0; i < 20; ++i) {
    ASSERT_FALSE(answers[static_cast<size_t>(i)]);
    EXPECT_EQ(answers[static_cast<size_t>(i)].error().code(), Code::kTimeout);
  }
  EXPECT_EQ(text(answers[20]), "10.0.0.1:0");
}

TEST_F(AresResolverTest, ends_soon_when_canceled) {
  server_.set("a.test", {.silent = true});
  options_.timeout_ms = options_.try_ms = 60'000;
  int looks = 0;
  const std::vector<DnsAnswer> answers =
      AresResolver(options_).lookup({"a.test", "b.test"}, DnsRecordType::kA, [&] { return ++looks > 2; });
  ASSERT_FALSE(answers[0]);
  EXPECT_EQ(answers[0].error().code(), Code::kCanceled);
}

TEST_F(AresResolverTest, names_of_servers_that_are_none_are_an_error) {
  options_.servers = "not an address";
  EXPECT_THAT(lookup("a.test"), HasSubstr("not an address: "));
}

// Whatever a server sends after the question: records or an error, within the time.
TEST_F(AresResolverTest, survives_broken_answers) {
  options_.timeout_ms = 500;
  options_.try_ms = 20;
  const auto [srv_type, srv_data] = DnsResponder::srv(9'100, "target.test");
  const auto [a_type, a_data] = DnsResponder::a("10.0.0.1");
  const std::string services = DnsResponder::record_bytes(srv_type, srv_data);
  const std::string addresses = DnsResponder::record_bytes(a_type, a_data);
  size_t errors = 0;
  for (uint32_t seed = 0; seed < 400; ++seed) {
    std::mt19937 random(seed);
    const bool service = seed % 2 == 0;
    std::string bytes = service ? services : addresses;
    for (uint32_t edits = 1 + random() % 3; edits > 0; --edits) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) bytes.resize(1 + random() % bytes.size());
    server_.set("x.test", {.raw = bytes});
    const DnsAnswer answer = AresResolver(options_).lookup(
        {"x.test"}, service ? DnsRecordType::kSrv : DnsRecordType::kA, [] { return false; })[0];
    errors += answer ? 0 : 1;
    ASSERT_LE(answer ? answer->size() : 0, 1u) << seed;
  }
  EXPECT_GT(errors, 50u);
}

}  // namespace
}  // namespace tidemark::discovery
