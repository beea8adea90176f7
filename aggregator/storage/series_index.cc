#include "aggregator/storage/series_index.h"

#include <algorithm>
#include <cstring>
#include <thread>

namespace tidemark::storage {
namespace {

// Places of a table whose memory is asked for ahead.
constexpr size_t kPrefetch = 16;

}  // namespace

class SeriesIndex::Source final : public PostingsSource {
 public:
  Source(const PairTable& table, const Roaring& all) : table_(table), all_(all) {}

  Result<Roaring> all() override { return all_; }

  Result<Roaring> pair(std::string_view name, std::string_view value) override {
    const auto values = table_.names().find(name);
    if (values == table_.names().end()) return Roaring();
    const auto found = values->second.find(value);
    return found == values->second.end() ? Roaring() : table_.ids(found->second).bitmap();
  }

  Status values(std::string_view name, std::string_view prefix, const Visit& visit) override {
    const auto values = table_.names().find(name);
    if (values == table_.names().end()) return {};
    for (auto at = values->second.lower_bound(prefix); at != values->second.end(); ++at) {
      if (!std::string_view(at->first).starts_with(prefix)) break;
      if (!visit(at->first, [&]() -> Result<Roaring> { return table_.ids(at->second).bitmap(); })) break;
    }
    return {};
  }

 private:
  const PairTable& table_;
  const Roaring& all_;
};

SeriesIndex::SeriesIndex()
    : by_labels_(0, LabelsHash{&entries_}, LabelsEqual{this}), by_id_(0, IdHash{&entries_}, IdEqual{&entries_}) {}

bool SeriesIndex::has_labels(uint32_t number, const ByLabels& wanted) const {
  const Entry& entry = entries_[number];
  if (entry.hash != wanted.hash) return false;
  const uint32_t* const pairs = pairs_of(entry);
  uint32_t i = 0;
  for (const LabelView& label : wanted.labels) {
    if (i == entry.pair_count || !(pair_table_.label(pairs[i]) == label)) return false;
    ++i;
  }
  return i == entry.pair_count;
}

std::optional<SeriesIndex::Found> SeriesIndex::find(uint64_t hash, LabelsView labels, uint32_t now_s) {
  const auto found = by_labels_.find(ByLabels{hash, labels});
  if (found == by_labels_.end()) return std::nullopt;
  Entry& entry = entries_[*found];
  entry.asked_s = now_s;
  return Found{entry.id, entry.slot};
}

std::optional<SeriesIndex::Found> SeriesIndex::find(SeriesId id) {
  const auto found = by_id_.find(ById{id});
  if (found == by_id_.end()) return std::nullopt;
  return Found{id, entries_[*found].slot};
}

uint32_t SeriesIndex::allocate_pairs(uint8_t count) {
  auto& free = free_pairs_[count];
  if (!free.empty()) {
    const uint32_t at = free.back();
    free.pop_back();
    return at;
  }
  if (block_used_ + count > kBlockPairs) {
    pair_blocks_.push_back(std::make_unique<uint32_t[]>(kBlockPairs));
    block_used_ = 0;
  }
  const auto at = static_cast<uint32_t>((pair_blocks_.size() - 1) * kBlockPairs + block_used_);
  block_used_ += count;
  return at;
}

uint32_t SeriesIndex::make_entry(SeriesId id, uint32_t slot, uint64_t hash, LabelsView labels, uint32_t now_s) {
  uint32_t number = 0;
  if (free_entries_.empty()) {
    number = static_cast<uint32_t>(entries_.size());
    entries_.emplace_back();
  } else {
    number = free_entries_.back();
    free_entries_.pop_back();
  }
  Entry& entry = entries_[number];
  entry.hash = hash;
  entry.id = id;
  entry.slot = slot;
  entry.asked_s = now_s;
  // Series that come one after the other share most of their labels.
  size_t count = 0;
  for (const LabelView& label : labels) {
    last_pairs_[count] = pair_table_.add(label, id, last_pairs_[count]);
    ++count;
  }
  entry.pair_count = static_cast<uint8_t>(count);
  entry.pairs_at = allocate_pairs(entry.pair_count);
  std::copy_n(last_pairs_.begin(), count, &pair_blocks_[entry.pairs_at / kBlockPairs][entry.pairs_at % kBlockPairs]);
  return number;
}

void SeriesIndex::add(SeriesId id, uint32_t slot, uint64_t hash, LabelsView labels, uint32_t now_s) {
  const uint32_t number = make_entry(id, slot, hash, labels, now_s);
  by_labels_.insert(number);
  by_id_.insert(number);
  all_.add(id);
}

void SeriesIndex::place(SeriesId id, uint32_t slot, uint64_t hash, LabelsView labels, uint32_t now_s) {
  placed_.push_back(make_entry(id, slot, hash, labels, now_s));
}

void SeriesIndex::enter_placed() {
  const auto enter = [](const std::vector<uint32_t>& entries, auto& table) {
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i + kPrefetch < entries.size()) table.prefetch(entries[i + kPrefetch]);
      table.insert(entries[i]);
    }
  };
  const std::vector<uint32_t>& entries = placed_;
  auto& by_labels = by_labels_;
  std::thread other([&enter, &entries, &by_labels] { enter(entries, by_labels); });
  enter(entries, by_id_);
  for (const uint32_t number : entries) all_.add(entries_[number].id);
  other.join();
  placed_ = {};
}

void SeriesIndex::remove(SeriesId id) {
  const auto found = by_id_.find(ById{id});
  if (found == by_id_.end()) return;
  const uint32_t number = *found;
  by_id_.erase(found);
  by_labels_.erase(number);
  Entry& entry = entries_[number];
  for (uint32_t i = 0; i < entry.pair_count; ++i) pair_table_.remove(pairs_of(entry)[i], id);
  free_pairs_[entry.pair_count].push_back(entry.pairs_at);
  entry = {};
  free_entries_.push_back(number);
  all_.remove(id);
}

void SeriesIndex::reserve(size_t series) {
  by_labels_.reserve(series);
  by_id_.reserve(series);
}

uint32_t SeriesIndex::last_asked_s(SeriesId id) {
  const auto found = by_id_.find(ById{id});
  return found == by_id_.end() ? 0 : entries_[*found].asked_s;
}

std::string SeriesIndex::encoded_labels(SeriesId id) {
  std::string out;
  append_encoded_labels(id, out);
  return out;
}

namespace {

// Labels to the end of a string, some at a time.
class LabelsAppender {
 public:
  explicit LabelsAppender(std::string& out) : out_(out) {}
  ~LabelsAppender() { flush(); }
  LabelsAppender(const LabelsAppender&) = delete;
  LabelsAppender& operator=(const LabelsAppender&) = delete;

  void add(std::string_view name, std::string_view value) {
    if (name.size() > kShort || value.size() > kShort) {
      flush();
      append_encoded_label(out_, name, value);
      return;
    }
    if (sizeof bytes_ - used_ < name.size() + value.size() + 2) flush();
    add_text(name);
    add_text(value);
  }

 private:
  static constexpr size_t kShort = 127;  // Its length is one byte.

  void add_text(std::string_view text) {
    bytes_[used_++] = static_cast<char>(text.size());
    std::memcpy(bytes_ + used_, text.data(), text.size());
    used_ += text.size();
  }
  void flush() {
    out_.append(bytes_, used_);
    used_ = 0;
  }

  std::string& out_;
  size_t used_ = 0;
  char bytes_[512];
};

}  // namespace

bool SeriesIndex::append_encoded_labels(SeriesId id, std::string& out) {
  const auto found = by_id_.find(ById{id});
  if (found == by_id_.end()) return false;
  const Entry& entry = entries_[*found];
  LabelsAppender appender(out);
  for (uint32_t i = 0; i < entry.pair_count; ++i) {
    const LabelView label = pair(pairs_of(entry)[i]);
    appender.add(label.name, label.value);
  }
  return true;
}

SeriesIndex::NameRefs SeriesIndex::named_by(std::span<const std::string> names) {
  NameRefs out;
  for (const std::string& name : names) {
    const auto found = pair_table_.names().find(name);
    if (found != pair_table_.names().end()) out.push_back(&found->first);
  }
  return out;
}

bool SeriesIndex::append_encoded_labels(SeriesId id, const NameRefs& names, std::string& out) {
  const auto found = by_id_.find(ById{id});
  if (found == by_id_.end()) return false;
  const Entry& entry = entries_[*found];
  for (uint32_t i = 0; i < entry.pair_count; ++i) {
    const uint32_t number = pairs_of(entry)[i];
    // Each name is in memory once.
    if (std::find(names.begin(), names.end(), pair_table_.name(number)) == names.end()) continue;
    const LabelView label = pair(number);
    append_encoded_label(out, label.name, label.value);
  }
  return true;
}

Result<Roaring> SeriesIndex::match(const std::vector<Matcher>& matchers) {
  Source source(pair_table_, all_);
  return storage::match(source, matchers);
}

Status SeriesIndex::values(std::string_view name, const PostingsSource::Visit& visit) {
  return Source(pair_table_, all_).values(name, {}, visit);
}

std::vector<std::string> SeriesIndex::label_names() {
  std::vector<std::string> out;
  for (const auto& [name, values] : pair_table_.names()) out.push_back(name);
  return out;
}

std::vector<std::string> SeriesIndex::label_values(std::string_view name) {
  std::vector<std::string> out;
  const auto values = pair_table_.names().find(name);
  if (values == pair_table_.names().end()) return out;
  for (const auto& [value, number] : values->second) out.push_back(value);
  return out;
}

}  // namespace tidemark::storage
