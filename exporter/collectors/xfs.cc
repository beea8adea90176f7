// XFS file systems: /sys/fs/xfs/DEVICE/stats/stats, lines of a keyword and numbers, "extent_alloc 1 872 0 0". All are
// counters by name and type, as dashboards know them.
#include <fmt/format.h>

#include <array>

#include "exporter/collectors/collectors.h"
#include "exporter/directory.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

struct Number {
  std::string_view keyword;
  size_t position;  // Behind it.
  std::string_view name;
  std::string_view help;
};

constexpr Number kNumbers[] = {
    {"extent_alloc", 0, "node_xfs_extent_allocation_extents_allocated_total", "Extents allocated."},
    {"extent_alloc", 1, "node_xfs_extent_allocation_blocks_allocated_total", "Blocks allocated."},
    {"extent_alloc", 2, "node_xfs_extent_allocation_extents_freed_total", "Extents freed."},
    {"extent_alloc", 3, "node_xfs_extent_allocation_blocks_freed_total", "Blocks freed."},
    {"abt", 0, "node_xfs_allocation_btree_lookups_total", "Lookups in the allocation B-trees."},
    {"abt", 1, "node_xfs_allocation_btree_compares_total", "Comparisons in the allocation B-trees."},
    {"abt", 2, "node_xfs_allocation_btree_records_inserted_total", "Records inserted into the allocation B-trees."},
    {"abt", 3, "node_xfs_allocation_btree_records_deleted_total", "Records deleted from the allocation B-trees."},
    {"blk_map", 0, "node_xfs_block_mapping_reads_total", "Block maps for reading."},
    {"blk_map", 1, "node_xfs_block_mapping_writes_total", "Block maps for writing."},
    {"blk_map", 2, "node_xfs_block_mapping_unmaps_total", "Block unmaps."},
    {"blk_map", 3, "node_xfs_block_mapping_extent_list_insertions_total", "Insertions into extent lists."},
    {"blk_map", 4, "node_xfs_block_mapping_extent_list_deletions_total", "Deletions from extent lists."},
    {"blk_map", 5, "node_xfs_block_mapping_extent_list_lookups_total", "Lookups in extent lists."},
    {"blk_map", 6, "node_xfs_block_mapping_extent_list_compares_total", "Comparisons in extent lists."},
    {"bmbt", 0, "node_xfs_block_map_btree_lookups_total", "Lookups in the block map B-trees."},
    {"bmbt", 1, "node_xfs_block_map_btree_compares_total", "Comparisons in the block map B-trees."},
    {"bmbt", 2, "node_xfs_block_map_btree_records_inserted_total", "Records inserted into the block map B-trees."},
    {"bmbt", 3, "node_xfs_block_map_btree_records_deleted_total", "Records deleted from the block map B-trees."},
    {"dir", 0, "node_xfs_directory_operation_lookup_total", "Lookups of names the cache of names did not have."},
    {"dir", 1, "node_xfs_directory_operation_create_total", "Entries created in directories."},
    {"dir", 2, "node_xfs_directory_operation_remove_total", "Entries removed from directories."},
    {"dir", 3, "node_xfs_directory_operation_getdents_total", "Reads of directories."},
    {"ig", 0, "node_xfs_inode_operation_attempts_total", "Lookups in the inode cache."},
    {"ig", 1, "node_xfs_inode_operation_found_total", "Lookups the inode cache had."},
    {"ig", 2, "node_xfs_inode_operation_recycled_total", "Inodes found while they were being recycled."},
    {"ig", 3, "node_xfs_inode_operation_missed_total", "Lookups the inode cache did not have."},
    {"ig", 4, "node_xfs_inode_operation_duplicates_total", "Inodes another process had just added to the cache."},
    {"ig", 5, "node_xfs_inode_operation_reclaims_total", "Inodes taken from the cache to free memory."},
    {"ig", 6, "node_xfs_inode_operation_attribute_changes_total", "Changes of inode attributes."},
    {"rw", 0, "node_xfs_write_calls_total", "Calls of write(2)."},
    {"rw", 1, "node_xfs_read_calls_total", "Calls of read(2)."},
    {"vnodes", 0, "node_xfs_vnode_active_total", "Vnodes in use."},
    {"vnodes", 1, "node_xfs_vnode_allocate_total", "Vnodes allocated."},
    {"vnodes", 2, "node_xfs_vnode_get_total", "Vnodes got."},
    {"vnodes", 3, "node_xfs_vnode_hold_total", "Vnodes held."},
    {"vnodes", 4, "node_xfs_vnode_release_total", "Vnodes released."},
    {"vnodes", 5, "node_xfs_vnode_reclaim_total", "Vnodes reclaimed."},
    {"vnodes", 6, "node_xfs_vnode_remove_total", "Vnodes removed."},
};

class Xfs final : public Collector {
 public:
  explicit Xfs(const CollectorConfig& config) : directory_(config.sysfs + "/fs/xfs") {}

  Status collect(ScrapeContext& context, Families& out) override {
    const Directory directory(context.absences(), directory_);
    if (!directory.exists()) return {};
    std::array<Family*, std::size(kNumbers)> families{};
    for (size_t i = 0; i < families.size(); ++i) families[i] = &add_counter(out, kNumbers[i].name, kNumbers[i].help);
    for (const std::string& name : directory.names()) {
      const std::string path = fmt::format("{}/{}/stats/stats", directory_, name);
      const auto text = context.read_kept(path);
      if (!text && text.error().code() == Code::kNotFound) continue;  // "stats" of all together, or just unmounted.
      if (!text) return text.error();
      Status status = add(path, *text, out.add_labels({{"device", name}}), families);
      if (!status.ok()) return status;
    }
    return {};
  }

 private:
  static Status add(const std::string& path, std::string_view text, const LabelSet& labels,
                    std::span<Family* const> families) {
    std::array<double, std::size(kNumbers)> values{};  // What a kernel does not count is 0.
    for (int number = 1; !text.empty(); ++number) {
      std::string_view rest = next_line(text);
      const std::string_view keyword = next_word(rest);
      size_t i = 0;
      while (i < values.size() && kNumbers[i].keyword != keyword) ++i;
      for (; i < values.size() && kNumbers[i].keyword == keyword; ++i) {
        const std::string_view word = next_word(rest);
        const auto value = to_u64(word);
        if (!value)
          return Status::invalid(
              fmt::format("{}:{}: number {} of {} is \"{}\"", path, number, kNumbers[i].position + 1, keyword, word));
        values[i] = static_cast<double>(*value);
      }
    }
    for (size_t i = 0; i < values.size(); ++i) add_sample(*families[i], values[i], labels);
    return {};
  }

  const std::string directory_;
};

}  // namespace

CollectorResult make_xfs(const CollectorConfig& config) { return std::make_unique<Xfs>(config); }

}  // namespace tidemark::exporter
