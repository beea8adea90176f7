#include "exporter/collectors/cpu_info.h"

#include <array>

#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

enum Field {
  kNumber,
  kVendor,
  kFamily,
  kModel,
  kModelName,
  kStepping,
  kMicrocode,
  kMhz,
  kCache,
  kPackage,
  kCore,
  kFlags,
  kBugs,
  kFields
};

// By the names of x86; other architectures print fewer of them.
constexpr std::string_view kKeys[] = {"processor", "vendor_id", "cpu family", "model",      "model name",
                                      "stepping",  "microcode", "cpu MHz",    "cache size", "physical id",
                                      "core id",   "flags",     "bugs"};
static_assert(std::size(kKeys) == kFields);

using Processor = std::array<std::string_view, kFields>;

// Takes one processor, which an empty line ends, off the front of `rest`.
Processor next_processor(std::string_view& rest) {
  Processor processor;
  while (!rest.empty()) {
    const std::string_view line = next_line(rest);
    if (trimmed(line).empty()) break;
    const size_t colon = line.find(':');
    if (colon == line.npos) continue;
    const std::string_view key = trimmed(line.substr(0, colon));
    for (size_t i = 0; i < kFields; ++i) {
      if (kKeys[i] == key) processor[i] = trimmed(line.substr(colon + 1));
    }
  }
  return processor;
}

void add_words(std::string_view words, const NameFilter& filter, std::string_view label, Family& family) {
  for (auto word = next_word(words); !word.empty(); word = next_word(words)) {
    if (filter.shows(word)) add_sample(family, 1, {{label, word}});
  }
}

}  // namespace

Result<std::unique_ptr<CpuInfo>> CpuInfo::make(const std::string& procfs, const CpuSettings& settings) {
  auto flags = NameFilter::compile({settings.info_flags_include, ""});
  if (!flags) return fail(flags.error());
  auto bugs = NameFilter::compile({settings.info_bugs_include, ""});
  if (!bugs) return fail(bugs.error());
  return std::unique_ptr<CpuInfo>(new CpuInfo(procfs, settings, std::move(*flags), std::move(*bugs)));
}

CpuInfo::CpuInfo(const std::string& procfs, const CpuSettings& settings, NameFilter flags, NameFilter bugs)
    : path_(procfs + "/cpuinfo"),
      show_flags_(!settings.info_flags_include.empty()),
      show_bugs_(!settings.info_bugs_include.empty()),
      flags_(std::move(flags)),
      bugs_(std::move(bugs)) {}

Status CpuInfo::collect(ScrapeContext& context, Families& out) const {
  const auto text = context.read_kept(path_);
  if (!text) return text.error();
  auto& info = add_gauge(out, "node_cpu_info", "What each CPU is, as labels.");
  auto& frequency = add_gauge(out, "node_cpu_frequency_hertz", "Frequency of the CPU.");
  auto& flags = add_gauge(out, "node_cpu_flag_info", "What the first CPU can do, as a label.");
  auto& bugs = add_gauge(out, "node_cpu_bug_info", "Known defects of the first CPU, as a label.");
  bool first = true;
  for (std::string_view rest = *text; !rest.empty();) {
    const Processor p = next_processor(rest);
    if (p[kNumber].empty()) continue;
    add_sample(info, 1,
               {{"cachesize", p[kCache]},
                {"core", p[kCore]},
                {"cpu", p[kNumber]},
                {"family", p[kFamily]},
                {"microcode", p[kMicrocode]},
                {"model", p[kModel]},
                {"model_name", p[kModelName]},
                {"package", p[kPackage]},
                {"stepping", p[kStepping]},
                {"vendor", p[kVendor]}});
    const auto mhz = to_double(p[kMhz]);
    if (mhz) add_sample(frequency, *mhz * 1e6, {{"core", p[kCore]}, {"cpu", p[kNumber]}, {"package", p[kPackage]}});
    if (first && show_flags_) add_words(p[kFlags], flags_, "flag", flags);
    if (first && show_bugs_) add_words(p[kBugs], bugs_, "bug", bugs);
    first = false;
  }
  return first ? Status::invalid(path_ + ": no processor") : Status();
}

}  // namespace tidemark::exporter
