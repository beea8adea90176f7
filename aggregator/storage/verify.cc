#include "aggregator/storage/verify.h"

#include <absl/container/flat_hash_map.h>
#include <rocksdb/sst_file_reader.h>

#include <optional>
#include <roaring/roaring.hh>

#include "aggregator/storage/data_dir.h"
#include "aggregator/storage/lifetimes.h"
#include "aggregator/storage/piece_check.h"
#include "aggregator/storage/postings.h"
#include "aggregator/storage/salvage_reader.h"
#include "aggregator/storage/series_records.h"

namespace tidemark::storage {
namespace {

constexpr size_t kLabelsAtOnce = 1024;

// A label pair as a number; a set of them is their sum, whatever their order.
uint64_t pair_sum(std::string_view name, std::string_view value) {
  std::string encoded;
  append_encoded_label(encoded, name, value);
  return LabelsView(encoded).hash();
}

class Verifier {
 public:
  explicit Verifier(Rocks& rocks) : rocks_(rocks), records_(rocks) {}

  VerifyReport run() {
    check_files();
    SalvageReader checkpoints(rocks_, Family::kCheckpoints);
    obsolete_ = read_obsolete(rocks_, checkpoints);
    read_series();
    read_chunks();
    read_all(Family::kPostings,
             [this](const Piece& piece) { report_.postings += piece.kind == Piece::Kind::kPostings; });
    read_all(Family::kCheckpoints, [this](const Piece& piece) {
      report_.open_chunks += piece.open_chunks;
      for (const SeriesId id : piece.several) need_record("open chunk", id);
    });
    read_all(Family::kLog, [this](const Piece& piece) {
      ++report_.log_records;
      for (const SeriesId id : piece.several) need_record("log record", id);
    });
    read_all(Family::kState, [](const Piece&) {});
    read_all(Family::kDefault, [](const Piece&) {});
    return std::move(report_);
  }

 private:
  void found(std::string where, std::string what) {
    ++report_.finding_count;
    if (report_.findings.size() < VerifyReport::kFindingsKept) {
      report_.findings.push_back({std::move(where), std::move(what)});
    }
  }

  void check_files() {
    std::vector<rocksdb::LiveFileMetaData> files;
    rocks_.db().GetLiveFilesMetaData(&files);
    for (const rocksdb::LiveFileMetaData& file : files) {
      ++report_.files;
      rocksdb::SstFileReader reader(rocks_.file_options(Family::kDefault));
      const std::string path = file.db_path + file.name;
      rocksdb::Status status = reader.Open(path);
      if (status.ok()) status = reader.VerifyChecksum();
      if (!status.ok()) found(path, "(" + file.column_family_name + ") " + status.ToString());
    }
  }

  // Calls visit(piece) for all that reads.
  template <class Visit>
  void read_all(Family family, Visit visit) {
    SalvageReader reader(rocks_, family);
    while (reader.next()) {
      const Result<Piece> piece = check_piece(family, reader.key(), reader.value());
      if (piece) {
        if (!obsolete_.covers(reader.key(), *piece)) visit(*piece);
      } else {
        found(name_piece(family, reader.key()), piece.error().message());
      }
    }
    for (const DamagedRange& range : reader.damage()) {
      found(range.file.empty() ? "family " + rocks_.family(family)->GetName() : range.file,
            "does not read from " + (range.after.empty() ? "the beginning" : name_piece(family, range.after)) + " to " +
                (range.until.empty() ? "the end" : name_piece(family, range.until)) + ": " + range.error);
    }
  }

  void read_series() {
    absl::flat_hash_map<SeriesId, uint64_t> hashes;  // What lookups by labels would find; they sort first.
    read_all(Family::kSeries, [&](const Piece& piece) {
      if (piece.kind == Piece::Kind::kSeriesHash) {
        hashes[piece.series] = piece.hash;
        return;
      }
      ++report_.series;
      known_.add(piece.series);
      const auto hash = hashes.find(piece.series);
      const bool wrong = hash == hashes.end() ? piece.series < obsolete_.hashed_below : hash->second != piece.hash;
      if (wrong) {
        found("record of series " + std::to_string(piece.series), "is not found by its labels");
      }
    });
    // A hash without a record is what a crash leaves of a series that never had a sample; what has samples is missed
    // by them.
  }

  void need_record(const char* what, SeriesId id) {
    if (known_.contains(id) || !missing_.addChecked(id)) return;
    found(std::string(what) + " of series " + std::to_string(id), "its series has no record that reads");
  }

  void read_chunks() {
    std::optional<std::pair<Tier, Window>> current;
    Roaring ids;
    const auto end_window = [&] {
      if (current) check_postings(current->first, current->second, ids);
      ids = Roaring();
      lifetimes_.clear();
    };
    read_all(Family::kChunks, [&](const Piece& piece) {
      const std::pair<Tier, Window> window(piece.tier, piece.window);
      if (current != window) end_window();
      current = window;
      ++report_.chunks;
      if (piece.kind == Piece::Kind::kRawChunk) report_.samples += piece.samples;
      need_record("chunk", piece.series);
      ids.add(piece.series);
      if (piece.kind == Piece::Kind::kRawChunk) {
        lifetimes_[piece.series].widen(lifetime_of(piece.window, piece.first_ms, piece.last_ms));
      }
    });
    end_window();
  }

  // Every series of `ids` must be in the window's set of all and under each of its pairs.
  void check_postings(Tier tier, Window window, const Roaring& ids) {
    absl::flat_hash_map<SeriesId, uint64_t> sums;
    for (const SeriesId id : ids& known_) sums.emplace(id, 0);
    const std::unique_ptr<rocksdb::Iterator> at(
        rocks_.db().NewIterator(salvage_read_options(), rocks_.family(Family::kPostings)));
    bool all_seen = false;
    for (at->Seek(window_prefix(tier, window)); at->Valid() && at->key().starts_with(window_prefix(tier, window));
         at->Next()) {
      if (is_lifetimes_key(view(at->key()))) {
        check_lifetimes(tier, window, view(at->key()), view(at->value()));
        continue;
      }
      const Result<Piece> piece = check_piece(Family::kPostings, view(at->key()), view(at->value()));
      if (!piece || piece->kind != Piece::Kind::kPostings) continue;
      const auto pair = parse_postings_key(view(at->key()));
      const Result<Roaring> named = parse_postings(view(at->value()));
      if (!named) continue;
      if (!pair) {
        all_seen = true;
        report_unnamed(tier, window, ids - *named, "in the set of all");
        continue;
      }
      const uint64_t sum = pair_sum(pair->name, pair->value);
      for (const SeriesId id : *named& ids) {
        if (const auto entry = sums.find(id); entry != sums.end()) entry->second += sum;
      }
    }
    if (!all_seen) report_unnamed(tier, window, ids, "in the set of all");
    report_unnamed(tier, window, under_other_labels(sums), "under the labels of their records");
  }

  // A lifetime that leaves out a chunk hides it from queries of that time.
  void check_lifetimes(Tier tier, Window window, std::string_view key, std::string_view value) {
    LifetimeBlock block;
    if (!add_lifetimes(value, block)) {
      return found(name_piece(Family::kPostings, key), "lifetimes do not read, and queries do without");
    }
    const SeriesId first_id = read_be32(key.data() + kWindowPrefixBytes + 1) * kLifetimeBlock;
    Roaring hidden;
    for (uint32_t i = 0; i < kLifetimeBlock; ++i) {
      const auto chunks = lifetimes_.find(first_id + i);
      if (chunks == lifetimes_.end() || !block[i].known()) continue;
      if (chunks->second.first < block[i].first || chunks->second.last > block[i].last) hidden.add(first_id + i);
    }
    report_unnamed(tier, window, hidden, "at the times of the chunks");
  }

  Roaring under_other_labels(const absl::flat_hash_map<SeriesId, uint64_t>& sums) {
    Roaring wrong;
    std::vector<SeriesId> ids;
    const auto compare = [&] {
      const std::vector<std::string> labels = records_.labels(ids);
      for (size_t i = 0; i < ids.size(); ++i) {
        uint64_t sum = 0;
        for (const LabelView& label : LabelsView(labels[i])) sum += pair_sum(label.name, label.value);
        if (sum != sums.at(ids[i])) wrong.add(ids[i]);
      }
      ids.clear();
    };
    std::vector<SeriesId> all;
    all.reserve(sums.size());
    for (const auto& [id, sum] : sums) all.push_back(id);
    std::sort(all.begin(), all.end());
    for (const SeriesId id : all) {
      ids.push_back(id);
      if (ids.size() == kLabelsAtOnce) compare();
    }
    compare();
    return wrong;
  }

  void report_unnamed(Tier tier, Window window, const Roaring& ids, const char* where) {
    const uint64_t count = ids.cardinality();
    if (count == 0) return;
    found(name_piece(Family::kPostings, all_postings_key(tier, window)),
          "do not name " + std::to_string(count) + " series" + " with chunks there " + where +
              ", the first is series " + std::to_string(ids.minimum()));
  }

  Rocks& rocks_;
  SeriesRecords records_;
  VerifyReport report_;
  Obsolete obsolete_;
  absl::flat_hash_map<SeriesId, Lifetime> lifetimes_;  // Of the window that is being read, from its raw chunks.
  Roaring known_;                                      // Series with a record.
  Roaring missing_;                                    // Those without that were reported.
};

}  // namespace

Result<VerifyReport> verify_store(const OfflineStore& store, Logger& logger) {
  const Result<DataDir> dir = find_data_dir(store.path);
  if (!dir) return fail(dir.error());
  Options options;
  options.encryption_key_file = store.encryption_key_file;
  options.env = store.env;
  const auto rocks = Rocks::open(*dir, options, logger, OpenMode::kRead);
  if (!rocks) return fail(rocks.error());
  return Verifier(**rocks).run();
}

}  // namespace tidemark::storage
