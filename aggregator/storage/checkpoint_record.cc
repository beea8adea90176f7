#include "aggregator/storage/checkpoint_record.h"

#include "aggregator/storage/chunk.h"
#include "model/varint.h"

namespace tidemark::storage {
namespace {

constexpr char kFormat = 1;

bool take_format(std::string_view& in) {
  if (!take_checksum(in) || in.empty() || in[0] != kFormat) return false;
  in.remove_prefix(1);
  return true;
}

}  // namespace

std::string encode_marker(const Marker& marker) {
  std::string out(1, kFormat);
  append_varint(out, marker.position);
  append_varint(out, marker.next_id);
  append_varint(out, marker.next_position);
  append_signed_varint(out, marker.newest_ms);
  append_checksum(out);
  return out;
}

Result<Marker> parse_marker(std::string_view bytes) {
  Marker marker;
  uint64_t next_id = 0;
  if (!take_format(bytes) || !take_varint(bytes, marker.position) || !take_varint(bytes, next_id) ||
      !take_varint(bytes, marker.next_position) || !take_signed_varint(bytes, marker.newest_ms) || !bytes.empty() ||
      next_id > UINT32_MAX) {
    return fail(Status::corruption("checkpoint marker does not read"));
  }
  marker.next_id = static_cast<SeriesId>(next_id);
  return marker;
}

std::string encode_tail(const Tail& tail) {
  std::string out(1, kFormat);
  append_signed_varint(out, tail.last_ms);
  for (int shift = 0; shift < 64; shift += 8) {
    out += static_cast<char>(static_cast<unsigned char>(tail.last_bits >> shift));
  }
  append_checksum(out);
  return out;
}

Result<Tail> parse_tail(std::string_view bytes) {
  Tail tail;
  if (!take_format(bytes) || !take_signed_varint(bytes, tail.last_ms) || bytes.size() != 8) {
    return fail(Status::corruption("tail does not read"));
  }
  for (size_t i = 0; i < 8; ++i) {
    tail.last_bits |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return tail;
}

}  // namespace tidemark::storage
