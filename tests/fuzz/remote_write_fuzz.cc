// Any bytes as a remote write body, compressed and as the message within: malformed ones leave the batch empty, and
// labels that are accepted are an encoding.
#include <snappy.h>

#include "aggregator/remote/write_decoder.h"
#include "tests/fuzz/fuzz.h"

namespace tidemark {
namespace {

void decode(remote::WriteVersion version, std::string_view body) {
  remote::SeriesCache cache(1000);
  remote::WriteDecoder decoder({}, cache);
  storage::Batch batch;
  remote::DecodedRequest request;
  if (!decoder.decode(version, body, batch, request).ok()) {
    fuzz::require(batch.empty(), "a malformed body leaves nothing");
    return;
  }
  for (size_t i = 0; i < batch.size(); ++i) {
    fuzz::require(is_valid_encoding(batch.labels(i).encoded()), "labels in order");
  }
}

}  // namespace
}  // namespace tidemark

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemark;
  std::string compressed;
  snappy::Compress(reinterpret_cast<const char*>(data), size, &compressed);
  for (const auto version : {remote::WriteVersion::kV1, remote::WriteVersion::kV2}) {
    decode(version, fuzz::view(data, size));
    decode(version, compressed);
  }
  return 0;
}
