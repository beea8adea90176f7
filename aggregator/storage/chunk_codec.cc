#include "aggregator/storage/chunk_codec.h"

#include <cassert>

namespace tidemark::storage {

std::string make_chunk(std::span<const int64_t> t_ms, std::span<const double> v) {
  assert(!t_ms.empty() && t_ms.size() == v.size() && t_ms.size() <= kChunkSamplesMax);
  std::string payload;
  append_columns(t_ms, v, payload);
  return encode_chunk(
      {Codec::kColumns, SampleKind::kFloat, static_cast<uint32_t>(t_ms.size()), t_ms.front(), t_ms.back(), payload});
}

}  // namespace tidemark::storage
