#include "tests/e2e/remote_write.h"

#include <snappy.h>

#include <bit>

#include "model/varint.h"

namespace tidemark::testing {
namespace {

// Protobuf fields: number << 3 | wire type (0 varint, 1 eight bytes, 2 length and bytes).
void append_bytes_field(std::string& out, unsigned number, std::string_view bytes) {
  append_varint(out, number << 3 | 2);
  append_prefixed(out, bytes);
}

std::string encode_label(const LabelView& label) {
  std::string out;
  append_bytes_field(out, 1, label.name);
  append_bytes_field(out, 2, label.value);
  return out;
}

std::string encode_sample(const Sample& sample) {
  std::string out;
  append_varint(out, 1 << 3 | 1);
  const auto bits = std::bit_cast<uint64_t>(sample.v);
  for (int byte = 0; byte < 8; ++byte) out += static_cast<char>(bits >> (8 * byte));
  append_varint(out, 2 << 3);
  append_varint(out, static_cast<uint64_t>(sample.t_ms));
  return out;
}

}  // namespace

std::string write_request(const std::vector<WriteSeries>& series) {
  std::string request;
  for (const WriteSeries& one : series) {
    std::string message;
    for (const LabelView& label : one.labels) append_bytes_field(message, 1, encode_label(label));
    for (const Sample& sample : one.samples) append_bytes_field(message, 2, encode_sample(sample));
    append_bytes_field(request, 1, message);
  }
  std::string compressed;
  snappy::Compress(request.data(), request.size(), &compressed);
  return compressed;
}

Answer remote_write_bytes(uint16_t port, std::string_view compressed) {
  return post(port, "/api/v1/write", compressed,
              {{"Content-Type", "application/x-protobuf"},
               {"Content-Encoding", "snappy"},
               {"X-Prometheus-Remote-Write-Version", "0.1.0"}});
}

Answer remote_write(uint16_t port, const std::vector<WriteSeries>& series) {
  return remote_write_bytes(port, write_request(series));
}

}  // namespace tidemark::testing
