// The part of the cpu collector that --collector.cpu.info turns on: what each CPU is, from /proc/cpuinfo.
#pragma once

#include <string>

#include "exporter/collector_settings.h"
#include "exporter/family.h"
#include "exporter/scrape_context.h"

namespace tidemark::exporter {

class CpuInfo {
 public:
  // Fails on a bad regular expression.
  static Result<std::unique_ptr<CpuInfo>> make(const std::string& procfs, const CpuSettings& settings);

  Status collect(ScrapeContext& context, Families& out) const;

 private:
  CpuInfo(const std::string& procfs, const CpuSettings& settings, NameFilter flags, NameFilter bugs);

  const std::string path_;
  const bool show_flags_;
  const bool show_bugs_;
  const NameFilter flags_;
  const NameFilter bugs_;
};

}  // namespace tidemark::exporter
