#include "aggregator/storage/repair.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <roaring/roaring.hh>
#include <tuple>

#include "aggregator/storage/checkpoint_record.h"
#include "aggregator/storage/data_dir.h"
#include "aggregator/storage/delete_record.h"
#include "aggregator/storage/head_group.h"
#include "aggregator/storage/ingest.h"
#include "aggregator/storage/lifetimes.h"
#include "aggregator/storage/log_record.h"
#include "aggregator/storage/piece_check.h"
#include "aggregator/storage/postings.h"
#include "aggregator/storage/salvage_source.h"
#include "aggregator/storage/series_records.h"
#include "aggregator/storage/settings.h"
#include "aggregator/storage/tombstones.h"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLabelsAtOnce = 1024;
constexpr unsigned kShardsWhenUnknown = 8;
constexpr unsigned kShardsMax = 256;

// By rising id.
using Lifetimes = std::vector<std::pair<SeriesId, Lifetime>>;

class Repair {
 public:
  Repair(SalvageSource& source, Rocks& to, Ingest& ingest)
      : source_(source), records_(source.rocks()), to_(to), ingest_(ingest) {
    report_.file_list_was_lost = source.file_list_was_lost();
  }

  Result<RepairReport> run() {
    const auto checkpoints = source_.reader(Family::kCheckpoints);
    obsolete_ = read_obsolete(source_.rocks(), *checkpoints);
    for (const auto step : {&Repair::copy_series, &Repair::read_tombstones, &Repair::copy_chunks, &Repair::copy_log,
                            &Repair::copy_checkpoints, &Repair::copy_state, &Repair::copy_settings}) {
      if (Status status = (this->*step)(); !status.ok()) return fail(status);
    }
    if (Status status = ingest_.commit(); !status.ok()) return fail(status);
    return std::move(report_);
  }

 private:
  void lost(std::string where, std::string what) {
    ++report_.lost_count;
    if (report_.lost.size() < VerifyReport::kFindingsKept) report_.lost.push_back({std::move(where), std::move(what)});
  }

  // Calls visit(key, value, piece) for all that reads.
  template <class Visit>
  Status read_all(Family family, Visit visit) {
    const auto reader = source_.reader(family);
    while (reader->next()) {
      const Result<Piece> piece = check_piece(family, reader->key(), reader->value());
      if (!piece) {
        lost(name_piece(family, reader->key()), piece.error().message());
        continue;
      }
      if (obsolete_.covers(reader->key(), *piece)) continue;
      newest_ms_ = std::max(newest_ms_, piece->last_ms);
      if (Status status = visit(reader->key(), reader->value(), *piece); !status.ok()) return status;
    }
    for (const DamagedRange& range : reader->damage()) {
      lost(range.file.empty() ? "family " + source_.rocks().family(family)->GetName() : range.file,
           "from " + (range.after.empty() ? "the beginning" : name_piece(family, range.after)) + " to " +
               (range.until.empty() ? "the end" : name_piece(family, range.until)) + ": " + range.error);
    }
    return {};
  }

  Status copy_series() {
    // Lookups are made from the records, and sort before them.
    std::vector<std::string> hash_keys;
    Status status = read_all(Family::kSeries, [&](std::string_view, std::string_view, const Piece& piece) {
      if (piece.kind == Piece::Kind::kSeriesRecord) {
        hash_keys.push_back(series_hash_key(piece.hash, piece.series));
        known_.add(piece.series);
      }
      return Status();
    });
    if (!status.ok()) return status;
    if (status = ingest_.next_file(Family::kSeries); !status.ok()) return status;
    std::sort(hash_keys.begin(), hash_keys.end());
    for (const std::string& key : hash_keys) {
      if (status = ingest_.put(key, ""); !status.ok()) return status;
    }
    const auto reader = source_.reader(Family::kSeries);
    while (reader->next()) {
      const auto id = parse_series_key(reader->key());
      if (!id || !known_.contains(*id)) continue;
      if (status = ingest_.put(reader->key(), reader->value()); !status.ok()) return status;
      ++report_.series;
    }
    return {};
  }

  bool has_record(std::string_view key, Family family, SeriesId id) {
    if (known_.contains(id)) return true;
    lost(name_piece(family, key), "its series has no record that reads");
    return false;
  }

  bool all_known(const Piece& piece) {
    return std::all_of(piece.several.begin(), piece.several.end(), [&](SeriesId id) { return known_.contains(id); });
  }

  // They go where the chunks of their window go.
  Status read_tombstones() {
    const auto reader = source_.reader(Family::kPostings);
    while (reader->next()) {
      if (!parse_tombstone_key(reader->key())) continue;
      const auto tombstone = parse_tombstone(reader->key(), reader->value());
      if (!tombstone) {
        lost(name_piece(Family::kPostings, reader->key()), tombstone.error().message());
        continue;
      }
      tombstones_[{tombstone->key.tier, tombstone->key.window}].emplace(reader->key(), reader->value());
      last_position_ = std::max(last_position_, tombstone->key.position);
    }
    return {};
  }

  Status copy_chunks() {
    std::optional<std::pair<Tier, Window>> current;
    Lifetimes lifetimes;  // Of all series of the window; those of rollups are not kept.
    std::vector<std::tuple<Tier, Window, Lifetimes>> windows;
    const auto end_window = [&] {
      if (current) windows.emplace_back(current->first, current->second, std::move(lifetimes));
      lifetimes.clear();
    };
    Status status = read_all(Family::kChunks, [&](std::string_view key, std::string_view value, const Piece& piece) {
      if (!has_record(key, Family::kChunks, piece.series)) return Status();
      const std::pair<Tier, Window> window(piece.tier, piece.window);
      if (current != window) {
        end_window();
        current = window;
        if (Status begun = ingest_.next_file(Family::kChunks); !begun.ok()) return begun;
      }
      if (lifetimes.empty() || lifetimes.back().first != piece.series) lifetimes.push_back({piece.series, {}});
      if (piece.kind == Piece::Kind::kRawChunk) {
        lifetimes.back().second.widen(lifetime_of(piece.window, piece.first_ms, piece.last_ms));
      }
      ++report_.chunks;
      if (piece.kind == Piece::Kind::kRawChunk) report_.samples += piece.samples;
      last_position_ = std::max(last_position_, parse_chunk_key(key)->version);
      return ingest_.put(key, value);
    });
    if (!status.ok()) return status;
    end_window();
    for (const auto& [tier, window, series] : windows) {
      if (status = write_postings(tier, window, series); !status.ok()) return status;
    }
    return {};
  }

  // What lies beside a raw window's postings is about work on closed windows, which begins anew.
  Status write_postings(Tier tier, Window window, const Lifetimes& lifetimes) {
    Roaring ids;
    for (const auto& [id, lifetime] : lifetimes) ids.add(id);
    std::map<std::string, Roaring> pairs;
    std::vector<SeriesId> some;
    const auto add = [&] {
      const std::vector<std::string> labels = records_.labels(some);
      for (size_t i = 0; i < some.size(); ++i) {
        for (const LabelView& label : LabelsView(labels[i])) {
          pairs[postings_key(tier, window, label.name, label.value)].add(some[i]);
        }
      }
      some.clear();
    };
    for (const SeriesId id : ids) {
      some.push_back(id);
      if (some.size() == kLabelsAtOnce) add();
    }
    add();
    if (Status status = ingest_.next_file(Family::kPostings); !status.ok()) return status;
    for (const auto& [key, value] : tombstones_[{tier, window}]) {
      if (Status status = ingest_.put(key, value); !status.ok()) return status;
    }
    if (Status status = ingest_.put(all_postings_key(tier, window), encode_postings(ids)); !status.ok()) {
      return status;
    }
    if (tier == Tier::kRaw) {
      if (Status status = write_lifetimes(window, lifetimes); !status.ok()) return status;
    }
    for (const auto& [key, named] : pairs) {
      if (Status status = ingest_.put(key, encode_postings(named)); !status.ok()) return status;
    }
    return {};
  }

  // All of them: of a series that has one, queries believe that it was not alive at other times.
  Status write_lifetimes(Window window, const Lifetimes& lifetimes) {
    for (size_t at = 0; at < lifetimes.size();) {
      const uint32_t block = lifetimes[at].first / kLifetimeBlock;
      std::map<SeriesId, Lifetime> some;
      for (; at < lifetimes.size() && lifetimes[at].first / kLifetimeBlock == block; ++at) some.insert(lifetimes[at]);
      Status status = ingest_.put(lifetimes_key(Tier::kRaw, window, block), encode_lifetimes(some));
      if (!status.ok()) return status;
    }
    return {};
  }

  Status copy_log() {
    if (Status status = ingest_.next_file(Family::kLog); !status.ok()) return status;
    return read_all(Family::kLog, [&](std::string_view key, std::string_view value, const Piece& piece) {
      last_position_ = std::max(last_position_, *parse_log_key(key));
      ++report_.log_records;
      // Of a delete all counts: what is not there is not deleted.
      return is_delete_record(value) || all_known(piece) ? ingest_.put(key, value)
                                                         : put_known_part_of_record(key, value);
    });
  }

  // An id without a record may be given out again, and must not find old samples in the log then.
  Status put_known_part_of_record(std::string_view key, std::string_view value) {
    std::vector<LogSample> samples;
    std::vector<LogHistogram> histograms;
    if (Status status = decode_log_record(value, samples, histograms); !status.ok()) return status;
    const size_t before = samples.size() + histograms.size();
    std::erase_if(samples, [&](const LogSample& sample) { return !known_.contains(sample.series); });
    std::erase_if(histograms, [&](const LogHistogram& sample) { return !known_.contains(sample.series); });
    lost(name_piece(Family::kLog, key), std::to_string(before - samples.size() - histograms.size()) +
                                            " of its samples are of series that have no record that reads");
    std::string record;
    encode_log_record(samples, histograms, record);
    return ingest_.put(key, record);
  }

  // Head groups count only with the markers of their generation, the newest: others are leftovers.
  Status copy_checkpoints() {
    std::map<std::string, std::string, std::less<>> markers;
    uint64_t generation = obsolete_.generations_before;
    std::vector<std::pair<uint16_t, SeriesId>> in_groups;
    const auto reader = source_.reader(Family::kCheckpoints);
    while (reader->next()) {
      const Result<Piece> piece = check_piece(Family::kCheckpoints, reader->key(), reader->value());
      if (!piece) continue;
      if (piece->kind == Piece::Kind::kMarker) {
        markers.emplace(reader->key(), reader->value());
        continue;
      }
      if (markers.empty()) generation = std::max(generation, piece->generation);
      for (const SeriesId id : piece->several) in_groups.emplace_back(parse_head_group_key(reader->key())->shard, id);
    }
    const auto recorded = read_shards(source_.rocks());
    shards_are_known_ = recorded && *recorded;
    shards_ = shards_are_known_ ? **recorded : shards_that_fit(markers.size(), in_groups);
    if (Status status = ingest_.next_file(Family::kCheckpoints); !status.ok()) return status;
    if (Status status = put_markers(markers, generation); !status.ok()) return status;  // They sort first.
    return read_all(Family::kCheckpoints, [&](std::string_view key, std::string_view value, const Piece& piece) {
      if (piece.kind != Piece::Kind::kHeadGroup || piece.generation != generation) return Status();
      report_.open_chunks += piece.open_chunks;
      return all_known(piece) ? ingest_.put(key, value) : put_known_part_of_group(key, value);
    });
  }

  Status put_known_part_of_group(std::string_view key, std::string_view value) {
    const auto group = parse_head_group(value);
    if (!group) return group.error();
    std::string out;
    begin_head_group(out);
    for (const HeadGroupEntry& entry : *group) {
      if (!known_.contains(entry.id)) {
        lost("open chunk of series " + std::to_string(entry.id), "its series has no record that reads");
        continue;
      }
      append_head_entry(out, entry.id, entry.last_unknown, entry.open, entry.starts.encode(), entry.late,
                        entry.histograms);
    }
    end_head_group(out);
    return ingest_.put(key, out);
  }

  // A series belongs to the shard that is its id modulo their number.
  static unsigned shards_that_fit(size_t at_least, const std::vector<std::pair<uint16_t, SeriesId>>& in_groups) {
    if (in_groups.empty()) return at_least == 0 ? kShardsWhenUnknown : static_cast<unsigned>(at_least);
    for (unsigned count = std::max(1U, static_cast<unsigned>(at_least)); count < kShardsMax; ++count) {
      const auto fits = [count](const auto& entry) { return entry.second % count == entry.first; };
      if (std::all_of(in_groups.begin(), in_groups.end(), fits)) return count;
    }
    return kShardsMax;
  }

  // A lost marker is replaced by one that has all of the log replayed. Each says from where on ids and positions are
  // unused, which must hold for what was copied.
  Status put_markers(std::map<std::string, std::string, std::less<>>& markers, uint64_t generation) {
    for (unsigned shard = 0; shard < shards_; ++shard) {
      Marker marker;
      marker.next_id = known_.isEmpty() ? 1 : known_.maximum() + 1;
      marker.next_position = last_position_ + 1;
      marker.newest_ms = newest_ms_;
      marker.generation = generation;
      const std::string key = marker_key(static_cast<uint16_t>(shard));
      if (markers.emplace(key, encode_marker(marker)).second && shards_are_known_) {
        lost(name_piece(Family::kCheckpoints, key), "made anew: all of the log is replayed");
      }
    }
    for (const auto& [key, value] : markers) {
      if (Status status = ingest_.put(key, value); !status.ok()) return status;
    }
    return {};
  }

  Status copy_state() {
    if (Status status = ingest_.next_file(Family::kState); !status.ok()) return status;
    return read_all(Family::kState, [&](std::string_view key, std::string_view value, const Piece&) {
      ++report_.state_entries;
      return ingest_.put(key, value);
    });
  }

  Status copy_settings() {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    Status status = read_all(Family::kDefault, [&](std::string_view key, std::string_view value, const Piece&) {
      return to_.written(to_.db().Put(synced, to_.family(Family::kDefault), slice(key), slice(value)),
                         "writing settings");
    });
    if (!status.ok()) return status;
    const auto shards = read_or_create_shards(to_, shards_);
    return shards ? Status() : shards.error();
  }

  SalvageSource& source_;
  SeriesRecords records_;
  Obsolete obsolete_;
  Rocks& to_;
  Ingest& ingest_;
  RepairReport report_;
  Roaring known_;                                                                     // Series with a record.
  std::map<std::pair<Tier, Window>, std::map<std::string, std::string>> tombstones_;  // By key.
  Position last_position_ = 0;
  int64_t newest_ms_ = INT64_MIN;
  unsigned shards_ = kShardsWhenUnknown;
  bool shards_are_known_ = false;  // From their record.
};

}  // namespace

Result<RepairReport> repair_store(const OfflineStore& from, const std::string& to, Logger& logger) {
  std::error_code error;
  if (fs::exists(to, error) && !fs::is_empty(to, error)) {
    return fail(Status::invalid(to + " is not empty: repair into a new directory"));
  }
  const auto source = SalvageSource::open(from, logger);
  if (!source) return fail(source.error());
  const auto dir = prepare_data_dir(to);
  if (!dir) return fail(dir.error());
  Options options;
  options.path = to;
  options.encryption_key_file = from.encryption_key_file;
  options.env = from.env;
  const auto rocks = Rocks::open(*dir, options, logger);
  if (!rocks) return fail(rocks.error());
  const auto ingest = Ingest::begin(**rocks, dir->ingest);
  if (!ingest) return fail(ingest.error());
  return Repair(**source, **rocks, **ingest).run();
}

Result<RepairReport> repair_in_place(const OfflineStore& store, Logger& logger) {
  const std::string aside = store.path + "/rocks.damaged";
  const std::string repaired = store.path + "/repair";
  std::error_code error;
  if (fs::exists(aside, error)) {
    return fail(Status::invalid(aside + " is there from an earlier repair: remove it first, or name another place with "
                                        "--to"));
  }
  fs::remove_all(repaired, error);  // Of a repair that was killed.
  Result<RepairReport> report = repair_store(store, repaired, logger);
  if (report) {
    fs::rename(store.path + "/rocks", aside, error);
    if (!error) fs::rename(repaired + "/rocks", store.path + "/rocks", error);
    if (error) return fail(Status::io("cannot put " + repaired + "/rocks in its place: " + error.message()));
  }
  fs::remove_all(repaired, error);
  return report;
}

}  // namespace tidemark::storage
