// The parts of the cpu collector that come from /sys/devices/system/cpu: throttling by heat, isolated and online CPUs.
// Where CPUs are is worked out when the list of those online changes, so that a scrape reads only what counts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "exporter/family.h"
#include "exporter/scrape_context.h"

namespace tidemark::exporter {

class CpuTopology {
 public:
  explicit CpuTopology(const std::string& sysfs);

  // Appends what there is; virtual machines have none of it.
  void collect(ScrapeContext& context, Families& out);

 private:
  struct Throttle {  // A file, counted once for the CPUs that share it.
    std::string path;
    std::string package;
    std::string core;  // "" for a package.
  };

  void learn(ScrapeContext& context, std::string online);
  static void add_throttles(ScrapeContext& context, const std::vector<Throttle>& throttles, Family& family);

  const std::string root_;
  const std::string online_path_;
  const std::string isolated_path_;
  std::string online_;  // From which the following was made.
  std::vector<Throttle> cores_;
  std::vector<Throttle> packages_;
  std::vector<std::pair<std::string, bool>>
      can_be_online_;  // Numbers, and whether they are; empty: none can be taken away.
};

}  // namespace tidemark::exporter
