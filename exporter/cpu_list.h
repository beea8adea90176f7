// Lists of CPUs as the kernel writes them: "0-3,8,10-11".
#pragma once

#include <string_view>
#include <vector>

#include "exporter/text_scan.h"

namespace tidemark::exporter {

constexpr uint32_t kCpusMax = 65'536;

// What cannot be read ends the list.
inline std::vector<uint32_t> parse_cpu_list(std::string_view text) {
  std::vector<uint32_t> cpus;
  text = trimmed(text);
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view part = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const size_t dash = part.find('-');
    const auto first = to_u64(part.substr(0, dash));
    const auto last = dash == part.npos ? first : to_u64(part.substr(dash + 1));
    if (!first || !last || *last < *first || *last >= kCpusMax || cpus.size() + (*last - *first) >= kCpusMax) break;
    for (uint64_t cpu = *first; cpu <= *last; ++cpu) cpus.push_back(static_cast<uint32_t>(cpu));
  }
  return cpus;
}

}  // namespace tidemark::exporter
