// Any bytes as the small records of checkpoints and closed windows, and as keys: what parses is written as it was read.
#include <map>

#include "aggregator/storage/checkpoint_record.h"
#include "aggregator/storage/lifetimes.h"
#include "aggregator/storage/window_marks.h"
#include "tests/fuzz/fuzz.h"

namespace tidemark::storage {
namespace {

void marker(std::string_view input) {
  const auto parsed = parse_marker(fuzz::with_checksum(input));
  if (!parsed) return;
  const auto again = parse_marker(encode_marker(*parsed));
  fuzz::require(again && encode_marker(*again) == encode_marker(*parsed), "a marker reads as written");
}

void progress(std::string_view input) {
  const auto parsed = parse_progress(fuzz::with_checksum(input));
  if (!parsed) return;
  const auto again = parse_progress(encode_progress(*parsed));
  fuzz::require(again && *again == *parsed, "progress reads as written");
}

bool same(const LifetimeBlock& a, const LifetimeBlock& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].first != b[i].first || a[i].last != b[i].last) return false;
  }
  return true;
}

void lifetimes(std::string_view input) {
  LifetimeBlock block;
  const bool reads = add_lifetimes(input, block);
  const std::string joined = join_lifetimes(std::string(input));
  LifetimeBlock of_joined;
  fuzz::require(add_lifetimes(joined, of_joined) == reads, "joining neither mends nor breaks");
  if (reads) fuzz::require(same(block, of_joined), "joined lifetimes are the same");
}

void keys(std::string_view input) {
  if (const auto key = parse_chunk_key(input)) fuzz::require(chunk_key(*key) == input, "a chunk's key");
  if (const auto pair = parse_postings_key(input)) fuzz::require(pair->name.size() < input.size(), "a pair's key");
  if (const auto id = parse_series_key(input)) fuzz::require(series_key(*id) == input, "a series' key");
  if (const auto group = parse_head_group_key(input)) fuzz::require(head_group_key(*group) == input, "a group's key");
  if (const auto position = parse_log_key(input)) fuzz::require(log_key(*position) == input, "a log record's key");
  (void)parse_window(input);
}

}  // namespace
}  // namespace tidemark::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemark;
  const std::string_view input = fuzz::view(data, size);
  storage::marker(input);
  storage::progress(input);
  storage::lifetimes(input);
  storage::keys(input);
  return 0;
}
