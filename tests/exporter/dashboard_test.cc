// Dashboard 1860, which most users of node_exporter have: what it asks for is there with the collectors that are on by
// default. No machine has all the hardware, so what this one says and the recorded pages are taken together.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "exporter/options.h"
#include "exporter/process_metrics.h"
#include "exporter/web.h"
#include "tests/exporter/collect_support.h"

namespace tidemark::exporter::testing {
namespace {

const std::string kHere = TIDEMARK_SOURCE_DIR "/tests/exporter/";
constexpr size_t kEmittedMin = 210;

// Families of a page, by their TYPE lines.
void add_families(std::istream& page, std::set<std::string>& out) {
  constexpr std::string_view kType = "# TYPE ";
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with(kType)) out.insert(line.substr(kType.size(), line.find(' ', kType.size()) - kType.size()));
  }
}

bool is_on_by_default(std::string_view collector) {
  const auto table = collector_table();
  return std::any_of(table.begin(), table.end(),
                     [&](const CollectorEntry& one) { return one.name == collector && one.on_by_default; });
}

TEST(Dashboard1860, FindsItsMetricsWithTheDefaultCollectors) {
  std::set<std::string> emitted;
  for (const CollectorEntry& entry : collector_table()) {
    if (!entry.on_by_default) continue;
    std::ifstream recorded(kHere + "golden/" + std::string(entry.name) + ".txt");
    add_families(recorded, emitted);
  }
  std::vector<NamedCollector> collectors;
  for (const CollectorEntry& entry : collector_table()) {
    if (entry.on_by_default) collectors.push_back({std::string(entry.name), std::move(*entry.make(CollectorConfig()))});
  }
  const Collection collection(std::move(collectors), make_process_metrics(), null_logger());
  std::istringstream page(Web(collection, {}).page({}, soon_ns()));
  add_families(page, emitted);

  std::ifstream names(kHere + "dashboard_1860.txt");
  size_t asked = 0;
  std::vector<std::string> missing;
  for (std::string name; std::getline(names, name);) {
    if (name.starts_with('#')) continue;
    ++asked;
    if (!emitted.contains(name)) missing.push_back(name);
  }
  EXPECT_EQ(asked, 229u);
  EXPECT_GE(asked - missing.size(), kEmittedMin) << ::testing::PrintToString(missing);
  EXPECT_TRUE(is_on_by_default("cpu"));
  EXPECT_FALSE(is_on_by_default("processes"));  // The reason why it is not all of them.
}

}  // namespace
}  // namespace tidemark::exporter::testing
