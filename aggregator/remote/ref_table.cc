#include "aggregator/remote/ref_table.h"

#include <utility>

namespace tidemark::remote {

namespace {

constexpr size_t kFirstSlots = 64;

}  // namespace

size_t RefTable::position(const SeriesKey& key) const {
  const auto low = upper(key.low);
  const auto high_upper = upper(key.high);
  const auto high_lower = static_cast<uint32_t>(key.high);
  for (size_t at = home(low);; at = after(at)) {
    const Slot& slot = slots_[at];
    if ((slot.ref[0] | slot.ref[1]) == 0) return at;
    if (slot.low == low && slot.high[0] == high_lower && slot.high[1] == high_upper) return at;
  }
}

storage::SeriesRef RefTable::find(const SeriesKey& key) const {
  if (slots_.empty()) return storage::kNoRef;
  const Slot& slot = slots_[position(key)];
  return storage::SeriesRef{uint64_t{slot.ref[1]} << 32 | slot.ref[0]};
}

void RefTable::put(const SeriesKey& key, storage::SeriesRef ref) {
  if ((size_ + 1) * 4 > slots_.size() * 3) grow();
  Slot& slot = slots_[position(key)];
  if ((slot.ref[0] | slot.ref[1]) == 0) ++size_;
  const auto bits = static_cast<uint64_t>(ref);
  slot = {
      {static_cast<uint32_t>(key.high), upper(key.high)}, upper(key.low), {static_cast<uint32_t>(bits), upper(bits)}};
}

void RefTable::erase(const SeriesKey& key) {
  if (slots_.empty()) return;
  size_t hole = position(key);
  if ((slots_[hole].ref[0] | slots_[hole].ref[1]) == 0) return;
  --size_;
  // What follows without a gap moves up, unless it would pass its home.
  for (size_t at = after(hole); (slots_[at].ref[0] | slots_[at].ref[1]) != 0; at = after(at)) {
    const size_t from_home = (at + slots_.size() - home(slots_[at].low)) % slots_.size();
    const size_t from_hole = (at + slots_.size() - hole) % slots_.size();
    if (from_home < from_hole) continue;
    slots_[hole] = slots_[at];
    hole = at;
  }
  slots_[hole] = {};
}

void RefTable::clear() {
  slots_ = {};
  size_ = 0;
}

void RefTable::grow() {
  std::vector<Slot> old(slots_.empty() ? kFirstSlots : slots_.size() + slots_.size() / 2);
  std::swap(old, slots_);
  for (const Slot& slot : old) {
    if ((slot.ref[0] | slot.ref[1]) == 0) continue;
    size_t at = home(slot.low);
    while ((slots_[at].ref[0] | slots_[at].ref[1]) != 0) at = after(at);
    slots_[at] = slot;
  }
}

}  // namespace tidemark::remote
