#include "aggregator/storage/delete_record.h"

#include "aggregator/storage/chunk.h"
#include "aggregator/storage/keys.h"
#include "aggregator/storage/postings.h"
#include "model/varint.h"

namespace tidemark::storage {
namespace {

constexpr std::string_view kBegin("\x01\x01", 2);

}  // namespace

bool is_delete_record(std::string_view record) { return record.starts_with(kBegin); }

std::string encode_delete_record(const std::vector<LogDelete>& deletes) {
  std::string out(kBegin);
  for (const LogDelete& one : deletes) {
    append_signed_varint(out, one.min_ms);
    append_varint(out, static_cast<uint64_t>(one.max_ms - one.min_ms));
    out += encode_postings(one.ids);
  }
  append_checksum(out);
  return out;
}

Result<std::vector<LogDelete>> decode_delete_record(std::string_view record) {
  if (!take_checksum(record) || !is_delete_record(record)) {
    return fail(Status::corruption("delete record: checksum or type is wrong"));
  }
  record.remove_prefix(kBegin.size());
  std::vector<LogDelete> out;
  while (!record.empty()) {
    LogDelete& one = out.emplace_back();
    uint64_t length_ms = 0;
    if (!take_signed_varint(record, one.min_ms) || !take_varint(record, length_ms) || one.min_ms < kOldestTimestampMs ||
        one.min_ms > kNewestTimestampMs || length_ms > static_cast<uint64_t>(kNewestTimestampMs - one.min_ms)) {
      return fail(Status::corruption("delete record: its range does not read"));
    }
    one.max_ms = one.min_ms + static_cast<int64_t>(length_ms);
    const std::string_view from = record;
    std::string_view bitmap;
    if (!take_prefixed(record, bitmap)) return fail(Status::corruption("delete record: cut off"));
    Result<Roaring> ids = parse_postings(from.substr(0, from.size() - record.size()));
    if (!ids) return fail(ids.error());
    one.ids = std::move(*ids);
  }
  return out;
}

}  // namespace tidemark::storage
