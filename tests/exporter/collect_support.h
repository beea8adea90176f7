// Running one collector of the table on a recorded tree, as the text it would serve.
#pragma once

#include <string>
#include <string_view>

#include "exporter/collector_table.h"
#include "exporter/text_page.h"
#include "exporter/text_scan.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace tidemark::exporter::testing {

inline CollectorConfig fixture_config() {
  const std::string root = TIDEMARK_SOURCE_DIR "/tests/exporter/fixtures";
  CollectorConfig config;
  config.procfs = root + "/proc";
  config.sysfs = root + "/sys";
  config.udev_data = root + "/udev";
  config.arp.netlink = false;
  config.netclass.netlink = false;
  config.netdev.netlink = false;
  return config;
}

// A host whose /proc has one file.
struct OneFile {
  OneFile(std::string_view name, std::string_view text) {
    dir.write(name, text);
    config.procfs = dir.path();
  }
  tidemark::testing::TempDir dir;
  CollectorConfig config = fixture_config();
};

inline std::unique_ptr<Collector> make_collector(std::string_view name, const CollectorConfig& config) {
  for (const CollectorEntry& entry : collector_table()) {
    if (entry.name == name) return std::move(*entry.make(config));
  }
  return nullptr;
}

inline int64_t soon_ns(int64_t ms = 10'000) { return system_clock().monotonic_ns() + ms * 1'000'000; }

// The page without its HELP lines; "failed: ..." when the collector failed.
inline std::string collected(Collector& collector) {
  ScrapeContext context;
  context.begin(soon_ns());
  Families families;
  const Status status = collector.collect(context, families);
  if (!status.ok()) return "failed: " + status.message();
  families.seal();
  std::string page;
  write_text(page, families);
  std::string out;
  for (std::string_view rest = page; !rest.empty();) {
    const std::string_view line = next_line(rest);
    if (!line.starts_with("# HELP ")) out.append(line) += '\n';
  }
  return out;
}

inline std::string collected(std::string_view name, const CollectorConfig& config) {
  const auto collector = make_collector(name, config);
  return collected(*collector);
}

}  // namespace tidemark::exporter::testing
