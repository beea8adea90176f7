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
  append_varint(out, marker.generation);
  append_checksum(out);
  return out;
}

Result<Marker> parse_marker(std::string_view bytes) {
  Marker marker;
  uint64_t next_id = 0;
  if (!take_format(bytes) || !take_varint(bytes, marker.position) || !take_varint(bytes, next_id) ||
      !take_varint(bytes, marker.next_position) || !take_signed_varint(bytes, marker.newest_ms) ||
      !take_varint(bytes, marker.generation) || !bytes.empty() || next_id > UINT32_MAX) {
    return fail(Status::corruption("checkpoint marker does not read"));
  }
  marker.next_id = static_cast<SeriesId>(next_id);
  return marker;
}

}  // namespace tidemark::storage
