// Memory zones: /proc/zoneinfo, a stanza "Node 0, zone DMA" each. The statistics of a whole node stand in the stanza of
// its first zone, and are shown there.
#include <fmt/format.h>

#include <array>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

struct Field {
  std::string_view key;
  std::string_view family;
  std::string_view help;
  MetricType type = MetricType::kGauge;
};

constexpr MetricType kCounter = MetricType::kCounter;

constexpr Field kFields[] = {
    {"high", "node_zoneinfo_high_pages", "Free pages at which reclaim stops."},
    {"low", "node_zoneinfo_low_pages", "Free pages at which reclaim starts."},
    {"managed", "node_zoneinfo_managed_pages", "Pages the allocator has to give."},
    {"min", "node_zoneinfo_min_pages", "Free pages below which only emergencies are served."},
    {"nr_active_anon", "node_zoneinfo_nr_active_anon_pages", "Anonymous pages recently used."},
    {"nr_active_file", "node_zoneinfo_nr_active_file_pages", "File pages recently used."},
    {"nr_anon_pages", "node_zoneinfo_nr_anon_pages", "Anonymous pages that are mapped."},
    {"nr_anon_transparent_hugepages", "node_zoneinfo_nr_anon_transparent_hugepages", "Anonymous huge pages."},
    {"nr_dirtied", "node_zoneinfo_nr_dirtied_total", "Pages dirtied since boot.", kCounter},
    {"nr_dirty", "node_zoneinfo_nr_dirty_pages", "Dirty pages."},
    {"nr_file_pages", "node_zoneinfo_nr_file_pages", "File pages."},
    {"nr_free_pages", "node_zoneinfo_nr_free_pages", "Free pages."},
    {"nr_inactive_anon", "node_zoneinfo_nr_inactive_anon_pages", "Anonymous pages not recently used."},
    {"nr_inactive_file", "node_zoneinfo_nr_inactive_file_pages", "File pages not recently used."},
    {"nr_isolated_anon", "node_zoneinfo_nr_isolated_anon_pages", "Anonymous pages taken off the lists for a moment."},
    {"nr_isolated_file", "node_zoneinfo_nr_isolated_file_pages", "File pages taken off the lists for a moment."},
    {"nr_kernel_stack", "node_zoneinfo_nr_kernel_stacks", "Kernel stacks."},
    {"nr_mapped", "node_zoneinfo_nr_mapped_pages", "File pages that are mapped."},
    {"nr_mlock_stack", "node_zoneinfo_nr_mlock_stack_pages", "Pages locked in memory."},
    {"nr_shmem", "node_zoneinfo_nr_shmem_pages", "Pages of shared memory and tmpfs."},
    {"nr_slab_reclaimable", "node_zoneinfo_nr_slab_reclaimable_pages", "Slab pages that can be reclaimed."},
    {"nr_slab_unreclaimable", "node_zoneinfo_nr_slab_unreclaimable_pages", "Slab pages that cannot be reclaimed."},
    {"nr_unevictable", "node_zoneinfo_nr_unevictable_pages", "Pages that cannot be reclaimed."},
    {"nr_writeback", "node_zoneinfo_nr_writeback_pages", "Pages being written back."},
    {"nr_written", "node_zoneinfo_nr_written_total", "Pages written since boot.", kCounter},
    {"numa_foreign", "node_zoneinfo_numa_foreign_total", "Pages meant for here, got elsewhere.", kCounter},
    {"numa_hit", "node_zoneinfo_numa_hit_total", "Pages got here as meant.", kCounter},
    {"numa_interleave", "node_zoneinfo_numa_interleave_total", "Interleaved pages got here as meant.", kCounter},
    {"numa_local", "node_zoneinfo_numa_local_total", "Pages got by a process that ran here.", kCounter},
    {"numa_miss", "node_zoneinfo_numa_miss_total", "Pages got here, meant for elsewhere.", kCounter},
    {"numa_other", "node_zoneinfo_numa_other_total", "Pages got by a process that ran elsewhere.", kCounter},
    {"present", "node_zoneinfo_present_pages", "Pages there are."},
    {"scanned", "node_zoneinfo_scanned_pages", "Pages looked at since the last reclaim."},
    {"spanned", "node_zoneinfo_spanned_pages", "Pages from the first to the last."},
};

constexpr size_t kProtectionsMax = 16;  // As many as there can be zones.

class Zoneinfo final : public Collector {
 public:
  explicit Zoneinfo(const CollectorConfig& config) : path_(config.procfs + "/zoneinfo") {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_kept(path_);
    if (!text) return text.error();
    std::array<Family*, std::size(kFields)> families{};
    for (size_t i = 0; i < families.size(); ++i)
      families[i] = &add_family(out, kFields[i].family, kFields[i].type, kFields[i].help);
    std::array<Family*, kProtectionsMax> protections{};
    LabelSet labels;
    std::array<double, std::size(kFields)> values{};
    std::array<bool, std::size(kFields)> found{};
    const auto finish_zone = [&] {
      for (size_t i = 0; i < families.size(); ++i) {
        if (found[i]) add_sample(*families[i], values[i], labels);
      }
      found.fill(false);
    };
    std::string_view rest = *text;
    while (!rest.empty()) {
      std::string_view line = next_line(rest);
      const std::string_view key = next_word(line);
      if (key == "Node") {
        finish_zone();
        std::string_view node = next_word(line);
        if (node.ends_with(',')) node.remove_suffix(1);
        next_word(line);  // "zone"
        labels = out.add_labels({{"node", node}, {"zone", next_word(line)}});
        continue;
      }
      if (labels.empty()) return Status::invalid(path_ + ":1: not \"Node N, zone NAME\"");
      if (key == "protection:") {
        add_protections(line, labels, protections, out);
        continue;
      }
      for (size_t i = 0; i < std::size(kFields); ++i) {
        if (kFields[i].key != key) continue;
        const auto value = to_u64(next_word(line));
        if (!value) break;
        values[i] = static_cast<double>(*value);  // The last of a stanza counts: CPUs have lines of the same name.
        found[i] = true;
        break;
      }
    }
    finish_zone();
    return {};
  }

 private:
  // "(0, 2795, 2795)": pages kept from allocations that could have used another zone.
  static void add_protections(std::string_view line, const LabelSet& labels,
                              std::array<Family*, kProtectionsMax>& families, Families& out) {
    size_t i = 0;
    for (auto word = next_word(line); !word.empty() && i < kProtectionsMax; word = next_word(line), ++i) {
      if (word.starts_with('(')) word.remove_prefix(1);
      if (!word.empty() && (word.ends_with(',') || word.ends_with(')'))) word.remove_suffix(1);
      const auto pages = to_u64(word);
      if (!pages) return;
      if (families[i] == nullptr)
        families[i] = &add_gauge(out, fmt::format("node_zoneinfo_protection_{}", i),
                                 fmt::format("Pages kept from allocations that zone {} could serve.", i));
      add_sample(*families[i], static_cast<double>(*pages), labels);
    }
  }

  const std::string path_;
};

}  // namespace

CollectorResult make_zoneinfo(const CollectorConfig& config) { return std::make_unique<Zoneinfo>(config); }

}  // namespace tidemark::exporter
