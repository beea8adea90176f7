#include "aggregator/storage/chunk_codec.h"

#include <cassert>

namespace tidemark::storage {

std::string make_chunk(std::span<const int64_t> t_ms, std::span<const double> v) {
  assert(!t_ms.empty() && t_ms.size() == v.size() && t_ms.size() <= kChunkSamplesMax);
  std::string payload;
  XorState state;
  for (size_t i = 0; i < t_ms.size(); ++i) {
    payload.resize(state.byte_count() + kXorSlackBytes);
    xor_append(state, reinterpret_cast<uint8_t*>(payload.data()), t_ms[i], v[i]);
  }
  payload.resize(state.byte_count());
  return encode_chunk(
      {Codec::kXor, SampleKind::kFloat, static_cast<uint32_t>(t_ms.size()), t_ms.front(), t_ms.back(), payload});
}

}  // namespace tidemark::storage
