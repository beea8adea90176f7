#include "aggregator/storage/chunk.h"

#include <xxhash.h>

#include "aggregator/storage/column_chunk.h"
#include "aggregator/storage/start_runs.h"
#include "model/varint.h"

namespace tidemark::storage {
namespace {

constexpr uint8_t kKindMask = 0x0f;
constexpr uint8_t kColumnsWithStarts = 4;  // As stored: to who reads one it is Codec::kColumns.

}  // namespace

void append_checksum(std::string& out) {
  const auto sum = static_cast<uint32_t>(XXH3_64bits(out.data(), out.size()));
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(static_cast<unsigned char>(sum >> shift));
}

bool take_checksum(std::string_view& in) {
  if (in.size() < 4) return false;
  const std::string_view body = in.substr(0, in.size() - 4);
  const auto sum = static_cast<uint32_t>(XXH3_64bits(body.data(), body.size()));
  for (int i = 0; i < 4; ++i) {
    if (static_cast<unsigned char>(in[body.size() + static_cast<size_t>(i)]) != ((sum >> (8 * i)) & 0xff)) return false;
  }
  in = body;
  return true;
}

std::string encode_chunk(const ChunkView& chunk) {
  std::string out;
  out.reserve(chunk.payload.size() + chunk.starts.size() + 24);
  const bool histograms = chunk.codec == Codec::kHistograms;
  const bool columns = chunk.codec == Codec::kColumns || histograms;
  out += static_cast<char>(chunk.starts.empty() || histograms ? static_cast<uint8_t>(chunk.codec) : kColumnsWithStarts);
  if (!columns) out += static_cast<char>(chunk.kind);
  append_varint(out, chunk.count);
  append_signed_varint(out, chunk.first_ms);
  if (!columns) append_varint(out, static_cast<uint64_t>(chunk.last_ms - chunk.first_ms));
  if (!chunk.starts.empty() || histograms) {
    append_varint(out, chunk.starts.size());
    out += chunk.starts;
  }
  out += chunk.payload;
  append_checksum(out);
  return out;
}

Result<ChunkView> parse_chunk(std::string_view bytes) {
  if (!take_checksum(bytes)) return fail(Status::corruption("chunk: checksum does not match"));
  if (bytes.empty()) return fail(Status::corruption("chunk: header is cut off"));
  ChunkView chunk;
  bool with_starts = static_cast<uint8_t>(bytes[0]) == kColumnsWithStarts;
  switch (static_cast<uint8_t>(bytes[0])) {
    case static_cast<uint8_t>(Codec::kXor):
      chunk.codec = Codec::kXor;
      break;
    case static_cast<uint8_t>(Codec::kColumns):
    case kColumnsWithStarts:
      chunk.codec = Codec::kColumns;
      break;
    case static_cast<uint8_t>(Codec::kHistograms):
      chunk.codec = Codec::kHistograms;
      chunk.kind = SampleKind::kHistogram;
      with_starts = true;
      break;
    default:
      return fail(Status::unsupported("chunk: codec " + std::to_string(static_cast<uint8_t>(bytes[0])) +
                                      " is not known to this version"));
  }
  bytes.remove_prefix(1);
  if (chunk.codec == Codec::kXor) {
    if (bytes.empty()) return fail(Status::corruption("chunk: header is cut off"));
    const auto kind = static_cast<uint8_t>(bytes[0]);
    if ((kind & kKindMask) != static_cast<uint8_t>(SampleKind::kFloat) || (kind & ~kKindMask) != 0) {
      return fail(
          Status::unsupported("chunk: samples of kind " + std::to_string(kind) + " are not known to this version"));
    }
    bytes.remove_prefix(1);
  }
  uint64_t count = 0;
  if (!take_varint(bytes, count) || !take_signed_varint(bytes, chunk.first_ms)) {
    return fail(Status::corruption("chunk: header is cut off"));
  }
  if (count == 0 || count > UINT16_MAX) {
    return fail(Status::corruption("chunk: " + std::to_string(count) + " samples"));
  }
  chunk.count = static_cast<uint32_t>(count);
  if (with_starts) {
    uint64_t size = 0;
    if (!take_varint(bytes, size) || size > bytes.size() ||
        ((size > 0 || chunk.codec == Codec::kColumns) && !StartRuns::parse(bytes.substr(0, size)))) {
      return fail(Status::corruption("chunk: no column of start timestamps"));
    }
    chunk.starts = bytes.substr(0, size);
    bytes.remove_prefix(size);
  }
  uint64_t length_ms = 0;
  if (chunk.codec == Codec::kXor) {
    if (!take_varint(bytes, length_ms)) return fail(Status::corruption("chunk: header is cut off"));
  } else {
    const auto last_ms = columns_last_ms(bytes, chunk.first_ms, chunk.count);
    if (!last_ms) return fail(Status::corruption("chunk: no column of times"));
    length_ms = static_cast<uint64_t>(*last_ms) - static_cast<uint64_t>(chunk.first_ms);
  }
  if (length_ms > static_cast<uint64_t>(INT32_MAX) * 1000) {
    return fail(Status::corruption("chunk: " + std::to_string(length_ms) + " ms long"));
  }
  chunk.last_ms = static_cast<int64_t>(static_cast<uint64_t>(chunk.first_ms) + length_ms);
  chunk.payload = bytes;
  return chunk;
}

}  // namespace tidemark::storage
