#include "exporter/startup_memory.h"

#include <malloc.h>
#include <sys/mman.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "exporter/scrape_context.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

struct Range {
  uint64_t start = 0;
  uint64_t end = 0;
};

// "7f0-7f8 r-xp 00028000 fe:00 12 /usr/lib/libc.so.6": the range, when it is a private one of a file, not to be
// written.
std::optional<Range> file_range(std::string_view line) {
  const std::string_view addresses = next_word(line);
  const std::string_view rights = next_word(line);
  for (int skip = 0; skip < 3; ++skip) next_word(line);
  const size_t dash = addresses.find('-');
  if (dash == addresses.npos || rights.size() != 4 || rights[1] == 'w' || rights[3] != 'p') return std::nullopt;
  if (!next_word(line).starts_with('/')) return std::nullopt;
  const auto start = to_u64(addresses.substr(0, dash), 16);
  const auto end = to_u64(addresses.substr(dash + 1), 16);
  if (!start || !end) return std::nullopt;
  return Range{*start, *end};
}

// smaps of proc(5): a line with a range, then lines "Name: N kB" about it.
std::vector<Range> unchanged_ranges(std::string_view smaps) {
  std::vector<Range> out;
  std::optional<Range> range;
  while (!smaps.empty()) {
    std::string_view line = next_line(smaps);
    const std::string_view whole = line;
    const std::string_view first = next_word(line);
    if (!first.ends_with(':')) range = file_range(whole);
    if (range && first == "Anonymous:" && next_word(line) == "0") out.push_back(*range);
  }
  return out;
}

}  // namespace

void release_startup_memory() {
  ScrapeContext context;
  context.begin(0);
  const auto smaps = context.read_kept("/proc/self/smaps");
  if (!smaps) return;  // Nothing is lost but memory.
  for (const Range& range : unchanged_ranges(*smaps))
    // NOLINTNEXTLINE(performance-no-int-to-ptr): an address as the kernel printed it.
    ::madvise(reinterpret_cast<void*>(range.start), range.end - range.start, MADV_DONTNEED);
  ::malloc_trim(0);
}

}  // namespace tidemark::exporter
