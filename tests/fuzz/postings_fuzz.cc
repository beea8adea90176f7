// Any bytes as postings: what parses is a set (rising, as many as it says) that comes back through encoding, unites
// with others, and survives the merge operator.
#include <deque>

#include "aggregator/storage/postings.h"
#include "model/varint.h"
#include "tests/fuzz/fuzz.h"

namespace tidemark {
namespace {

void check(std::string_view bytes) {
  const auto ids = storage::parse_postings(bytes);
  if (!ids) return;
  uint64_t count = 0;
  int64_t before = -1;
  for (const uint32_t id : *ids) {
    fuzz::require(int64_t{id} > before, "ids rise");
    before = id;
    if (++count == 1'000'000) return;
  }
  fuzz::require(count == ids->cardinality(), "there are as many ids as it says");
  const std::string written = storage::encode_postings(*ids);
  const auto again = storage::parse_postings(written);
  fuzz::require(again && *again == *ids, "postings read as written");
  const Roaring both = *ids | Roaring::bitmapOf(3, 1U, 70'000U, 4'000'000'000U);
  fuzz::require((both & *ids) == *ids, "a union holds both");

  std::string joined;
  const auto merge = storage::make_postings_merge_operator();
  const std::deque<rocksdb::Slice> operands = {rocksdb::Slice(bytes.data(), bytes.size()), written};
  fuzz::require(merge->PartialMergeMulti("key", operands, &joined, nullptr), "merging cannot fail");
  const auto merged = storage::parse_postings(joined);
  fuzz::require(merged && *merged == *ids, "merged with itself it is the same");
}

}  // namespace
}  // namespace tidemark

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemark;
  check(fuzz::view(data, size));
  std::string one;
  append_prefixed(one, fuzz::view(data, size));  // As one bitmap, checksum included.
  check(one);
  return 0;
}
