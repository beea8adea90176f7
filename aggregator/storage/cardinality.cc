#include "aggregator/storage/cardinality.h"

#include <algorithm>
#include <optional>

#include "aggregator/storage/series_index.h"

namespace tidemark::storage {
namespace {

constexpr size_t kPairsPerLock = 4096;

// Keeps the `limit` largest.
class Top {
 public:
  explicit Top(size_t limit) : limit_(limit) {}

  void add(std::string name, uint64_t count) {
    if (limit_ == 0 || (entries_.size() == limit_ && !before({name, count}, entries_.front()))) return;
    entries_.push_back({std::move(name), count});
    std::push_heap(entries_.begin(), entries_.end(), before);
    if (entries_.size() <= limit_) return;
    std::pop_heap(entries_.begin(), entries_.end(), before);
    entries_.pop_back();
  }
  std::vector<Cardinality::Count> sorted() && {
    std::sort_heap(entries_.begin(), entries_.end(), before);
    return std::move(entries_);
  }

 private:
  static bool before(const Cardinality::Count& a, const Cardinality::Count& b) {
    return a.count != b.count ? a.count > b.count : a.name < b.name;
  }

  const size_t limit_;
  std::vector<Cardinality::Count> entries_;  // A heap with the smallest in front.
};

struct Name {
  std::string name;
  uint64_t values = 0;
  uint64_t bytes = 0;
};

}  // namespace

Cardinality count_series(SeriesIndex& index, size_t limit) {
  Cardinality out;
  Top metrics(limit);
  Top values(limit);
  Top bytes(limit);
  Top pairs(limit);
  std::optional<Name> current;
  std::string last_value;
  const auto end_name = [&] {
    values.add(current->name, current->values);
    bytes.add(current->name, current->bytes);
    out.label_pairs += current->values;
  };
  for (bool more = true; more;) {
    const MutexLock lock(index.mutex());
    out.series = index.size();
    const PairTable& table = index.pairs();
    auto name = current ? table.names().lower_bound(current->name) : table.names().begin();
    size_t seen = 0;
    for (; name != table.names().end() && seen < kPairsPerLock; ++name) {
      if (!current || current->name != name->first) {
        if (current) end_name();
        current = Name{name->first, 0, 0};
        last_value.clear();  // No value is empty, so all are behind it.
      }
      auto value = name->second.upper_bound(last_value);
      for (; value != name->second.end() && seen < kPairsPerLock; ++value, ++seen) {
        const uint64_t series = table.ids(value->second).size();
        ++current->values;
        current->bytes += series * value->first.size();
        if (name->first == kMetricName) metrics.add(value->first, series);
        pairs.add(name->first + "=" + value->first, series);
        last_value = value->first;
      }
      if (value != name->second.end()) break;  // Goes on from here.
    }
    more = name != table.names().end();
  }
  if (current) end_name();
  out.series_by_metric = std::move(metrics).sorted();
  out.values_by_label = std::move(values).sorted();
  out.bytes_by_label = std::move(bytes).sorted();
  out.series_by_pair = std::move(pairs).sorted();
  return out;
}

}  // namespace tidemark::storage
