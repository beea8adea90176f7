// Connection tracking: how full the table is, from two sysctls, and /proc/net/stat/nf_conntrack: a line of titles, then
// one of numbers in hex for each CPU, which are added up. Which titles there are differs between kernels. All are
// gauges by name and type, as dashboards know them, though most count. Without the kernel module there is nothing.
#include <fmt/format.h>

#include <array>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

struct Column {
  std::string_view title;
  std::string_view name;
  std::string_view help;
};

constexpr Column kColumns[] = {
    {"found", "node_nf_conntrack_stat_found", "Entries searched for and found."},
    {"invalid", "node_nf_conntrack_stat_invalid", "Packets that belong to no connection and may start none."},
    {"ignore", "node_nf_conntrack_stat_ignore", "Packets that were tracked already or need no tracking."},
    {"insert", "node_nf_conntrack_stat_insert", "Entries inserted."},
    {"insert_failed", "node_nf_conntrack_stat_insert_failed", "Entries that could not be inserted."},
    {"drop", "node_nf_conntrack_stat_drop", "Packets dropped because tracking them failed."},
    {"early_drop", "node_nf_conntrack_stat_early_drop", "Entries dropped to make room in a full table."},
    {"search_restart", "node_nf_conntrack_stat_search_restart",
     "Searches begun again because the table was resized meanwhile."},
};
constexpr size_t kTitlesMax = 64;

class Conntrack final : public Collector {
 public:
  explicit Conntrack(const CollectorConfig& config)
      : count_(config.procfs + "/sys/net/netfilter/nf_conntrack_count"),
        max_(config.procfs + "/sys/net/netfilter/nf_conntrack_max"),
        statistics_(config.procfs + "/net/stat/nf_conntrack") {}

  Status collect(ScrapeContext& context, Families& out) override {
    for (const auto& [path, name, help] :
         {std::tuple(&count_, "node_nf_conntrack_entries", "Connections in the table."),
          std::tuple(&max_, "node_nf_conntrack_entries_limit", "Connections the table may hold.")}) {
      const auto text = context.read_kept(*path, FileKind::kOnePiece);
      if (!text) return absent_is_fine(text.error());
      const auto value = to_u64(trimmed(*text));
      if (!value) return Status::invalid(*path + ": not a number");
      add_sample(add_gauge(out, name, help), static_cast<double>(*value));
    }
    const auto text = context.read_kept(statistics_, FileKind::kShortLines);
    return text ? add_statistics(*text, out) : absent_is_fine(text.error());
  }

 private:
  static Status absent_is_fine(const Status& error) { return error.code() == Code::kNotFound ? Status() : error; }

  Status add_statistics(std::string_view rest, Families& out) const {
    if (rest.empty()) return Status::invalid(statistics_ + ": empty");
    constexpr size_t kOther = std::size(kColumns);
    std::array<size_t, kTitlesMax> column{};  // Of kColumns, by position.
    size_t titles = 0;
    std::string_view line = next_line(rest);
    for (auto title = next_word(line); !title.empty() && titles < kTitlesMax; title = next_word(line)) {
      size_t i = 0;
      while (i < kOther && kColumns[i].title != title) ++i;
      column[titles++] = i;
    }
    std::array<uint64_t, kOther + 1> sums{};
    for (int number = 2; !rest.empty(); ++number) {
      line = next_line(rest);
      for (size_t i = 0; i < titles; ++i) {
        const std::string_view word = next_word(line);
        const auto value = to_u64(word, 16);
        if (!value) return Status::invalid(fmt::format("{}:{}: column {} is \"{}\"", statistics_, number, i + 1, word));
        sums[column[i]] += *value;
      }
    }
    for (size_t i = 0; i < kOther; ++i)
      add_sample(add_gauge(out, kColumns[i].name, kColumns[i].help), static_cast<double>(sums[i]));
    return {};
  }

  const std::string count_;
  const std::string max_;
  const std::string statistics_;
};

}  // namespace

CollectorResult make_conntrack(const CollectorConfig& config) { return std::make_unique<Conntrack>(config); }

}  // namespace tidemark::exporter
