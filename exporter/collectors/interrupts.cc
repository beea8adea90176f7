// Interrupts by CPU: /proc/interrupts, a line each of
//
//              CPU0       CPU1                                    the CPUs that are online
//     0:         25          0   IO-APIC   2-edge      timer      number: counts, controller, and whom it is for
//   NMI:          3          4   Non-maskable interrupts          name: counts, and what it is
//   ERR:          0                                               not by CPU: not shown
#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

// What is left of a line with single blanks between the words.
std::string joined(std::string_view rest) {
  std::string out;
  for (auto word = next_word(rest); !word.empty(); word = next_word(rest)) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

class Interrupts final : public Collector {
 public:
  Interrupts(const CollectorConfig& config, NameFilter names)
      : path_(config.procfs + "/interrupts"), zeros_(config.interrupts.include_zeros), names_(std::move(names)) {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_kept(path_);
    if (!text) return text.error();
    std::string_view rest = *text;
    std::vector<std::string_view> cpus;
    std::string_view head = rest.empty() ? rest : next_line(rest);
    for (auto word = next_word(head); !word.empty(); word = next_word(head))
      cpus.push_back(word.starts_with("CPU") ? word.substr(3) : word);
    if (cpus.empty()) return Status::invalid(path_ + ": no line of CPUs");
    auto& family = add_counter(out, "node_interrupts_total", "Interrupts served, by CPU and kind.");
    std::vector<std::string_view> counts(cpus.size());
    for (int number = 2; !rest.empty(); ++number) {
      std::string_view line = next_line(rest);
      const size_t colon = line.find(':');
      if (colon == line.npos) continue;
      const std::string_view name = trimmed(line.substr(0, colon));
      line.remove_prefix(colon + 1);
      for (std::string_view& count : counts) count = next_word(line);
      std::string_view what = trimmed(line);
      if (what.empty()) continue;
      const bool numbered = to_u64(name).has_value();
      const std::string info = numbered ? std::string(next_word(what)) : joined(what);
      const std::string devices = numbered ? joined(what) : "";
      if (!names_.shows(fmt::format("{};{};{}", name, info, devices))) continue;
      for (size_t i = 0; i < cpus.size(); ++i) {
        const auto count = to_u64(counts[i]);
        if (!count) return Status::invalid(fmt::format("{}:{}: \"{}\" is not a number", path_, number, counts[i]));
        if (*count == 0 && !zeros_) continue;
        add_sample(family, static_cast<double>(*count),
                   {{"cpu", cpus[i]}, {"devices", devices}, {"info", info}, {"type", name}});
      }
    }
    return {};
  }

 private:
  const std::string path_;
  const bool zeros_;
  const NameFilter names_;
};

}  // namespace

void declare_interrupts_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add_filter("interrupts.name", &config.interrupts.names, "interrupts, as \"type;info;devices\",");
  flags.add("interrupts.include-zeros", &config.interrupts.include_zeros, "Show interrupts that never happened.");
}

CollectorResult make_interrupts(const CollectorConfig& config) {
  auto names = NameFilter::compile(config.interrupts.names);
  if (!names) return fail(names.error());
  return std::make_unique<Interrupts>(config, std::move(*names));
}

}  // namespace tidemark::exporter
