#include "aggregator/discovery/discovery.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>

#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_logger.h"
#include "tests/support/temp_dir.h"

namespace tidemark::discovery {
namespace {

class DiscoveryTest : public ::testing::Test {
 protected:
  // "a:1{env="x"} b:2{}": what the listener was told last about a set.
  static std::string text(const std::vector<TargetGroup>& groups) {
    std::string out;
    for (const TargetGroup& group : groups) {
      for (const Labels& target : group.targets) {
        out += (out.empty() ? "" : " ") + std::string(target.get(kAddressLabel)) + group.labels.to_string();
      }
    }
    return out;
  }
  static SetConfig files(std::vector<std::string> patterns) {
    SetConfig set;
    set.name = "files";
    set.file_sd_configs.push_back({std::move(patterns), 300'000});
    return set;
  }
  std::string metrics() { return prometheus::TextSerializer().Serialize(registry_.Collect()); }
  // Files change within a tick of the file system's clock, so a rewrite in a test also changes the size.
  void poll_later() {
    clock_.advance_ms(5'000);
    discovery_.poll_due();
  }

  testing::FakeClock clock_;
  testing::MemoryLogger logger_;
  testing::TempDir dir_;
  prometheus::Registry registry_;
  std::map<std::string, std::string> told_;
  int calls_ = 0;
  Discovery discovery_{clock_, registry_, logger_,
                       [this](const std::string& set, const std::vector<TargetGroup>& groups) {
                         told_[set] = text(groups);
                         ++calls_;
                       }};
};

TEST_F(DiscoveryTest, static_targets_are_told_once_an_apply) {
  SetConfig set;
  set.name = "job";
  set.static_configs = {{{"a:1", "b:2"}, Labels{{"env", "x"}}}, {{"c"}, Labels{}}};
  discovery_.apply({set});
  EXPECT_EQ(told_["job"], R"(a:1{env="x"} b:2{env="x"} c{})");
  poll_later();
  EXPECT_EQ(calls_, 1);
  discovery_.apply({set});
  EXPECT_EQ(calls_, 2);
  EXPECT_NE(metrics().find("tidemark_discovery_targets{scrape_job=\"job\"} 3"), std::string::npos) << metrics();
  discovery_.apply({});
  EXPECT_EQ(metrics().find("scrape_job"), std::string::npos);
}

TEST_F(DiscoveryTest, reads_yaml_and_json) {
  const std::string yml = dir_.write("a.yml", "- targets: [a:1]\n  labels: {env: x}\n- targets: ['b:2']\n");
  const std::string json =
      dir_.write("b.json", "[\n\t{\n\t\t\"targets\": [\"c:3\"],\n\t\t\"labels\": {\"k\": \"v\"}\n\t}\n]\n");
  discovery_.apply({files({dir_.file("*.yml"), json})});
  EXPECT_EQ(told_["files"], "a:1{__meta_filepath=\"" + yml + "\", env=\"x\"} b:2{__meta_filepath=\"" + yml +
                                "\"} c:3{__meta_filepath=\"" + json + "\", k=\"v\"}");
}

TEST_F(DiscoveryTest, follows_files_that_change_come_and_go) {
  const auto targets = [&] {
    std::string out = told_["files"];
    for (size_t at; (at = out.find('{')) != std::string::npos;) out.erase(at, out.find('}') - at + 1);
    return out;
  };
  dir_.write("a.yml", "- targets: [a:1]\n");
  discovery_.apply({files({dir_.file("*.yml")})});
  EXPECT_EQ(targets(), "a:1");
  dir_.write("a.yml", "- targets: [a:1, a:22]\n");
  discovery_.poll_due();
  EXPECT_EQ(targets(), "a:1") << "not due yet";
  poll_later();
  EXPECT_EQ(targets(), "a:1 a:22");
  dir_.write("b.yml", "- targets: [b:1]\n");
  poll_later();
  EXPECT_EQ(targets(), "a:1 a:22 b:1");
  std::filesystem::remove(dir_.file("a.yml"));
  poll_later();
  EXPECT_EQ(targets(), "b:1");
  const int calls = calls_;
  poll_later();
  EXPECT_EQ(calls_, calls) << "nothing changed";
}

TEST_F(DiscoveryTest, a_bad_file_keeps_its_targets_and_is_counted) {
  dir_.write("a.yml", "- targets: [a:1]\n");
  const SetConfig set = files({dir_.file("a.yml")});
  discovery_.apply({set});
  const std::string before = told_["files"];
  for (const char* bad :
       {"- targets: [a:1\n", "- target: [b:1]\n", "targets: b:1\n", "- targets: [b:1]\n  labels: 5\n"}) {
    dir_.write("a.yml", bad);
    poll_later();
    EXPECT_EQ(told_["files"], before) << bad;
    EXPECT_NE(metrics().find("tidemark_discovery_broken_files 1"), std::string::npos) << bad;
  }
  EXPECT_NE(metrics().find("tidemark_discovery_file_read_errors_total 4"), std::string::npos) << metrics();
  EXPECT_TRUE(logger_.contains("a.yml:1"));
  discovery_.apply({set});
  EXPECT_EQ(told_["files"], before) << "over a reload as well";
  dir_.write("a.yml", "- targets: [good:1]\n");
  poll_later();
  EXPECT_EQ(told_["files"].substr(0, 6), "good:1");
  EXPECT_NE(metrics().find("tidemark_discovery_broken_files 0"), std::string::npos);
}

TEST_F(DiscoveryTest, its_thread_looks_and_ends) {
  dir_.write("a.yml", "- targets: [a:1]\n");
  std::atomic<int> calls = 0;
  Discovery discovery(system_clock(), registry_, logger_, [&](const std::string&, const auto&) { ++calls; });
  SetConfig set = files({dir_.file("a.yml")});
  set.file_sd_configs[0].refresh_interval_ms = 1;
  discovery.apply({set});
  discovery.start();
  dir_.write("a.yml", "- targets: [a:1, b:2]\n");
  EXPECT_TRUE(testing::eventually([&] { return calls >= 2; }));
  discovery.stop();
  discovery.stop();
}

}  // namespace
}  // namespace tidemark::discovery
