// Soft interrupts by CPU: /proc/softirqs, a line of CPUs and then "TIMER: 1 2 ..." for each kind.
#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

class Softirqs final : public Collector {
 public:
  explicit Softirqs(const CollectorConfig& config) : path_(config.procfs + "/softirqs") {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_kept(path_);
    if (!text) return text.error();
    std::string_view rest = *text;
    if (rest.empty()) return Status::invalid(path_ + ": empty");
    std::vector<std::string_view> cpus;
    std::string_view head = next_line(rest);
    for (auto word = next_word(head); !word.empty(); word = next_word(head))
      cpus.push_back(word.starts_with("CPU") ? word.substr(3) : word);
    auto& family = add_counter(out, "node_softirqs_functions_total", "Soft interrupts served, by CPU and kind.");
    for (int number = 2; !rest.empty(); ++number) {
      std::string_view line = next_line(rest);
      std::string_view kind = next_word(line);
      if (!kind.ends_with(':')) continue;
      kind.remove_suffix(1);
      for (const std::string_view cpu : cpus) {
        const std::string_view word = next_word(line);
        const auto count = to_u64(word);
        if (!count) return Status::invalid(fmt::format("{}:{}: \"{}\" is not a number", path_, number, word));
        add_sample(family, static_cast<double>(*count), {{"cpu", cpu}, {"type", kind}});
      }
    }
    return {};
  }

 private:
  const std::string path_;
};

}  // namespace

CollectorResult make_softirqs(const CollectorConfig& config) { return std::make_unique<Softirqs>(config); }

}  // namespace tidemark::exporter
