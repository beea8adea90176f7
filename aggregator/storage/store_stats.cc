#include "aggregator/storage/store_stats.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <filesystem>
#include <roaring/roaring.hh>

#include "aggregator/storage/chunk.h"
#include "aggregator/storage/data_dir.h"
#include "aggregator/storage/piece_check.h"
#include "aggregator/storage/salvage_reader.h"
#include "model/labels.h"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

using Counts = absl::flat_hash_map<std::string, uint64_t>;

std::vector<StoreStats::Count> largest(const Counts& counts, size_t limit) {
  std::vector<StoreStats::Count> out;
  out.reserve(counts.size());
  for (const auto& [name, count] : counts) out.push_back({name, count});
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a.count != b.count ? a.count > b.count : a.name < b.name; });
  if (out.size() > limit) out.resize(limit);
  return out;
}

class Counter {
 public:
  Counter(Rocks& rocks, size_t limit) : rocks_(rocks), limit_(limit) {}

  StoreStats run(const std::string& rocks_dir) {
    SalvageReader checkpoints(rocks_, Family::kCheckpoints);
    obsolete_ = read_obsolete(rocks_, checkpoints);
    count_files(rocks_dir);
    count_series();
    count_chunks();
    read_all(Family::kCheckpoints, [this](const Piece& piece) { stats_.open_samples += piece.samples; });
    read_all(Family::kLog, [this](const Piece&) { ++stats_.log_records; });
    return std::move(stats_);
  }

 private:
  template <class Visit>
  void read_all(Family family, Visit visit) {
    SalvageReader reader(rocks_, family);
    while (reader.next()) {
      const Result<Piece> piece = check_piece(family, reader.key(), reader.value());
      if (!piece) {
        ++stats_.damaged;
      } else if (!obsolete_.covers(reader.key(), *piece)) {
        visit(*piece);
      }
    }
    stats_.damaged += reader.damage().size();
  }

  void count_files(const std::string& rocks_dir) {
    std::error_code error;
    for (fs::directory_iterator at(rocks_dir, error), end; !error && at != end; at.increment(error)) {
      if (!at->is_regular_file()) continue;
      stats_.disk_bytes += at->file_size();
      if (at->path().extension() == ".log") stats_.wal_bytes += at->file_size();
    }
    for (size_t i = 0; i < kFamilyCount; ++i) {
      rocksdb::ColumnFamilyMetaData data;
      rocks_.db().GetColumnFamilyMetaData(rocks_.family(static_cast<Family>(i)), &data);
      stats_.families.push_back({data.name, data.file_count, data.size});
    }
  }

  void count_series() {
    Counts pairs;
    Counts names;
    Counts metrics;
    SalvageReader reader(rocks_, Family::kSeries);
    while (reader.next()) {
      if (!parse_series_key(reader.key())) continue;
      if (!is_valid_encoding(reader.value())) {
        ++stats_.damaged;
        continue;
      }
      ++stats_.series;
      for (const LabelView& label : LabelsView(reader.value())) {
        ++names[std::string(label.name)];
        ++pairs[std::string(label.name) + "=" + std::string(label.value)];
        if (label.name == kMetricName) ++metrics[std::string(label.value)];
      }
    }
    stats_.damaged += reader.damage().size();
    Counts values;
    for (const auto& [pair, count] : pairs) ++values[pair.substr(0, pair.find('='))];
    stats_.label_pairs = pairs.size();
    stats_.metrics = largest(metrics, limit_);
    stats_.values_by_label = largest(values, limit_);
    stats_.series_by_label = largest(names, limit_);
    stats_.series_by_pair = largest(pairs, limit_);
  }

  // Headers only: nothing is decoded.
  void count_chunks() {
    SalvageReader reader(rocks_, Family::kChunks);
    SeriesId last_series = 0;
    while (reader.next()) {
      const auto key = parse_chunk_key(reader.key());
      if (!key) {
        ++stats_.damaged;
        continue;
      }
      if (key->tier == Tier::kRaw && key->window < obsolete_.raw_windows_before) continue;
      if (stats_.days.empty() || stats_.days.back().tier != key->tier || stats_.days.back().window != key->window) {
        stats_.days.push_back({key->tier, key->window, 0, 0, 0, 0});
        last_series = 0;
      }
      StoreStats::Day& day = stats_.days.back();
      day.series += key->series != last_series;
      last_series = key->series;
      ++day.chunks;
      day.bytes += reader.key().size() + reader.value().size();
      if (key->tier != Tier::kRaw) continue;
      const Result<ChunkView> chunk = parse_chunk(reader.value());
      if (!chunk) {
        ++stats_.damaged;
        continue;
      }
      day.samples += chunk->count;
      stats_.samples += chunk->count;
    }
    stats_.damaged += reader.damage().size();
  }

  Rocks& rocks_;
  const size_t limit_;
  Obsolete obsolete_;
  StoreStats stats_;
};

}  // namespace

Result<StoreStats> read_store_stats(const OfflineStore& store, size_t limit, Logger& logger) {
  const Result<DataDir> dir = find_data_dir(store.path);
  if (!dir) return fail(dir.error());
  Options options;
  options.encryption_key_file = store.encryption_key_file;
  options.env = store.env;
  const auto rocks = Rocks::open(*dir, options, logger, OpenMode::kRead);
  if (!rocks) return fail(rocks.error());
  return Counter(**rocks, limit).run(dir->rocks);
}

}  // namespace tidemark::storage
