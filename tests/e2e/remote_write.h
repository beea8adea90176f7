// Remote write 1.0 requests, made by hand so that the receiver is tested against the wire format and not against
// itself.
#pragma once

#include <string>
#include <vector>

#include "model/labels.h"
#include "model/sample.h"
#include "tests/e2e/http.h"

namespace tidemark::testing {

struct WriteSeries {
  Labels labels;
  std::vector<Sample> samples;
};

// Snappy-compressed prometheus.WriteRequest.
std::string write_request(const std::vector<WriteSeries>& series);

Answer remote_write(uint16_t port, const std::vector<WriteSeries>& series);
Answer remote_write_bytes(uint16_t port, std::string_view compressed);

}  // namespace tidemark::testing
