// Collectors that show a few sysctls, each file one line of numbers: filefd, entropy, kernel_hung.
#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

struct Number {
  std::string_view path;  // Below procfs.
  int position;           // Among the file's numbers.
  std::string_view name;
  MetricType type;
  std::string_view help;
};

constexpr Number kFilefd[] = {
    {"/sys/fs/file-nr", 0, "node_filefd_allocated", MetricType::kGauge, "File handles allocated on this host."},
    {"/sys/fs/file-nr", 2, "node_filefd_maximum", MetricType::kGauge, "File handles this host may allocate."},
};
constexpr Number kEntropy[] = {
    {"/sys/kernel/random/entropy_avail", 0, "node_entropy_available_bits", MetricType::kGauge,
     "Entropy in the kernel's pool, in bits."},
    {"/sys/kernel/random/poolsize", 0, "node_entropy_pool_size_bits", MetricType::kGauge,
     "Size of the kernel's entropy pool, in bits."},
};
// Since 6.13.
constexpr Number kKernelHung[] = {
    {"/sys/kernel/hung_task_detect_count", 0, "node_kernel_hung_tasks_total", MetricType::kCounter,
     "Tasks found hung since boot."},
};

class SysctlNumbers final : public Collector {
 public:
  // Whether the host may lack the files.
  enum class Presence { kAlways, kSometimes };

  SysctlNumbers(const CollectorConfig& config, std::span<const Number> numbers, Presence presence)
      : numbers_(numbers), presence_(presence) {
    for (const Number& number : numbers) paths_.push_back(fmt::format("{}{}", config.procfs, number.path));
  }

  Status collect(ScrapeContext& context, Families& out) override {
    for (size_t i = 0; i < numbers_.size(); ++i) {
      const Number& number = numbers_[i];
      const auto text = context.read_kept(paths_[i], FileKind::kOnePiece);
      if (!text && text.error().code() == Code::kNotFound && presence_ == Presence::kSometimes) continue;
      if (!text) return text.error();
      std::string_view rest = trimmed(*text);
      for (int skip = 0; skip < number.position; ++skip) next_word(rest);
      const std::string_view word = next_word(rest);
      const auto value = to_u64(word);
      if (!value)
        return Status::invalid(
            fmt::format("{}: number {} is \"{}\"", paths_[i], number.position + 1, word.substr(0, 40)));
      add_sample(add_family(out, number.name, number.type, number.help), static_cast<double>(*value));
    }
    return {};
  }

 private:
  const std::span<const Number> numbers_;
  const Presence presence_;
  std::vector<std::string> paths_;
};

}  // namespace

CollectorResult make_filefd(const CollectorConfig& config) {
  return std::make_unique<SysctlNumbers>(config, kFilefd, SysctlNumbers::Presence::kAlways);
}

CollectorResult make_entropy(const CollectorConfig& config) {
  return std::make_unique<SysctlNumbers>(config, kEntropy, SysctlNumbers::Presence::kAlways);
}

CollectorResult make_kernel_hung(const CollectorConfig& config) {
  return std::make_unique<SysctlNumbers>(config, kKernelHung, SysctlNumbers::Presence::kSometimes);
}

}  // namespace tidemark::exporter
