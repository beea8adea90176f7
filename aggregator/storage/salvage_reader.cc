#include "aggregator/storage/salvage_reader.h"

#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <filesystem>
#include <optional>

namespace tidemark::storage {
namespace {

// Keys are told apart by so many bytes when the end of a damaged block is searched: all of a chunk's key, and enough of
// the longer ones.
constexpr size_t kSearchBytes = 64;
constexpr size_t kSearchBits = 8 * kSearchBytes;

// `key` as a number of kSearchBytes bytes, plus 2^bit. Nothing when that does not fit.
std::optional<std::string> plus(std::string key, size_t bit) {
  key.resize(kSearchBytes, '\0');
  size_t at = kSearchBytes - 1 - bit / 8;
  unsigned carry = 1U << (bit % 8);
  for (;; --at) {
    carry += static_cast<uint8_t>(key[at]);
    key[at] = static_cast<char>(carry & 0xff);
    carry >>= 8;
    if (carry == 0) return key;
    if (at == 0) return std::nullopt;
  }
}

using MakeIterator = std::function<std::unique_ptr<rocksdb::Iterator>()>;

// With an iterator of its own: one that has met a damaged block takes it for empty when it comes there again.
bool reads_from(const MakeIterator& make, const std::string& key) {
  const auto at = make();
  at->Seek(key);
  return at->status().ok();  // The end is fine, too.
}

// The first key behind `key` from which on iterators read again; "" when there is none. By doubling steps, then by
// halving: a block is passed without knowing where it ends, and what follows it is not.
std::string find_behind_damage(const MakeIterator& make, const std::string& key) {
  std::string bad = key;
  std::optional<std::string> good;
  size_t bit = 0;
  for (; bit < kSearchBits; ++bit) {
    good = plus(key, bit);
    if (!good || reads_from(make, *good)) break;
    bad = *good;
  }
  if (!good || bit == kSearchBits) return "";
  while (bit-- > 0) {
    const std::optional<std::string> middle = plus(bad, bit);
    if (!middle || *middle >= *good) continue;
    (reads_from(make, *middle) ? *good : bad) = *middle;
  }
  const auto at = make();
  at->Seek(*good);
  return at->Valid() ? at->key().ToString() : "";
}

}  // namespace

rocksdb::ReadOptions salvage_read_options() {
  rocksdb::ReadOptions options;
  options.fill_cache = false;  // All is read once.
  options.verify_checksums = true;
  // With them, 7.8 asserts where a block beside a deleted range does not read. See the header for what that means.
  options.ignore_range_deletions = true;
  return options;
}

// Several data files as one, each key once.
class FileMerge {
 public:
  // In no particular order; newness is what `newness` says.
  struct File {
    std::string path;
    uint64_t newness = 0;
  };

  FileMerge(Rocks& rocks, Family family, const std::vector<File>& files, const SalvageReader::Prefer& prefer,
            std::vector<DamagedRange>& damage)
      : family_(family), prefer_(prefer), damage_(damage) {
    for (const File& file : files) open(rocks, file);
    std::sort(sources_.begin(), sources_.end(), [](const Source& a, const Source& b) { return a.newness > b.newness; });
  }

  // From the first key after `after` ("": the first of all) on.
  void seek(const std::string& after) {
    for (Source& source : sources_) {
      source.last = after;
      source.at->Seek(after);
      if (!after.empty() && source.at->Valid() && view(source.at->key()) == after) source.at->Next();
      pass_damage(source);
    }
  }

  bool next(std::string& key, std::string& value) {
    const Source* least = nullptr;
    for (const Source& source : sources_) {
      if (source.valid() && (least == nullptr || source.at->key().compare(least->at->key()) < 0)) least = &source;
    }
    if (least == nullptr) return false;
    key = least->at->key().ToString();
    bool first = true;
    for (Source& source : sources_) {  // The newest first.
      if (!source.valid() || view(source.at->key()) != key) continue;
      const std::string_view other = view(source.at->value());
      if (first) {
        value = other;
        first = false;
      } else if (prefer_ && !prefer_(key, value, other)) {
        value = other;
      }
      source.last = key;
      source.at->Next();
      pass_damage(source);
    }
    return true;
  }

 private:
  struct Source {
    std::string path;
    uint64_t newness = 0;
    std::string last;
    std::unique_ptr<rocksdb::SstFileReader> reader;
    std::unique_ptr<rocksdb::Iterator> at;  // Null: nothing further reads.

    bool valid() const { return at && at->Valid(); }
    std::unique_ptr<rocksdb::Iterator> iterator() const {
      return std::unique_ptr<rocksdb::Iterator>(reader->NewIterator(salvage_read_options()));
    }
  };

  void open(Rocks& rocks, const File& file) {
    auto reader = std::make_unique<rocksdb::SstFileReader>(rocks.file_options(family_));
    const rocksdb::Status status = reader->Open(file.path);
    if (!status.ok()) {
      damage_.push_back({family_, file.path, "", "", status.ToString()});
      return;
    }
    Source source{file.path, file.newness, "", std::move(reader), nullptr};
    source.at = source.iterator();
    sources_.push_back(std::move(source));
  }

  // A block that does not read is left behind.
  void pass_damage(Source& source) {
    if (source.at->Valid() || source.at->status().ok()) return;
    DamagedRange range{family_, source.path, source.last, "", source.at->status().ToString()};
    range.until = find_behind_damage([&] { return source.iterator(); }, source.last);
    source.at.reset();
    if (!range.until.empty()) {
      source.at = source.iterator();
      source.at->Seek(range.until);
    }
    damage_.push_back(std::move(range));
  }

  const Family family_;
  const SalvageReader::Prefer& prefer_;
  std::vector<DamagedRange>& damage_;
  std::vector<Source> sources_;
};

SalvageReader::SalvageReader(Rocks& rocks, Family family, Prefer prefer)
    : rocks_(rocks), family_(family), prefer_(std::move(prefer)), at_(iterator()) {}

SalvageReader::SalvageReader(Rocks& rocks, Family family, std::vector<std::string> files, Prefer prefer)
    : rocks_(rocks), family_(family), prefer_(std::move(prefer)) {
  std::sort(files.begin(), files.end());  // Numbers of fixed width: later files were made later.
  std::vector<FileMerge::File> merged;
  for (size_t i = 0; i < files.size(); ++i) merged.push_back({files[i], i});
  files_ = std::make_unique<FileMerge>(rocks_, family_, merged, prefer_, damage_);
  files_->seek("");
}

SalvageReader::~SalvageReader() = default;

std::unique_ptr<rocksdb::Iterator> SalvageReader::iterator() {
  return std::unique_ptr<rocksdb::Iterator>(rocks_.db().NewIterator(salvage_read_options(), rocks_.family(family_)));
}

bool SalvageReader::next() {
  if (!files_) {
    if (next_in_database()) return true;
    if (!files_) return false;
  }
  for (;;) {
    if (next_in_files()) return true;
    if (!at_ || resume_key_.empty()) return false;
    files_.reset();
    at_ = iterator();
    at_->Seek(resume_key_);
    if (take()) return true;
    if (!files_) return false;
  }
}

bool SalvageReader::next_in_database() {
  if (started_) {
    at_->Next();
  } else {
    at_->SeekToFirst();
    started_ = true;
  }
  return take();
}

// The entry the database's iterator stands at; on damage, what is needed to go on file by file.
bool SalvageReader::take() {
  if (at_->Valid()) {
    key_ = view(at_->key());
    value_ = view(at_->value());
    return true;
  }
  if (!at_->status().ok()) enter_files(at_->status().ToString());
  return false;
}

void SalvageReader::enter_files(const std::string& error) {
  resume_key_ = find_behind_damage([this] { return iterator(); }, key_);
  damage_.push_back({family_, "", key_, resume_key_, error});
  std::vector<rocksdb::LiveFileMetaData> live;
  rocks_.db().GetLiveFilesMetaData(&live);
  std::vector<FileMerge::File> files;
  for (const rocksdb::LiveFileMetaData& file : live) {
    if (file.column_family_name != rocks_.family(family_)->GetName()) continue;
    if (file.largestkey <= key_ || (!resume_key_.empty() && file.smallestkey >= resume_key_)) continue;
    files.push_back({file.db_path + file.name, file.largest_seqno});
  }
  files_ = std::make_unique<FileMerge>(rocks_, family_, files, prefer_, damage_);
  files_->seek(key_);
}

bool SalvageReader::next_in_files() {
  std::string key;
  std::string value;
  if (!files_->next(key, value) || (!resume_key_.empty() && key >= resume_key_)) return false;
  key_ = std::move(key);
  value_ = std::move(value);
  return true;
}

}  // namespace tidemark::storage
