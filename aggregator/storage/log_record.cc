#include "aggregator/storage/log_record.h"

#include <bit>
#include <cmath>

#include "aggregator/storage/chunk.h"
#include "model/varint.h"

namespace tidemark::storage {
namespace {

constexpr char kFormat = 1;
constexpr char kTypeSamples = 0;
constexpr uint8_t kHasStart = 0x10;
constexpr unsigned kRaw = 7;
constexpr unsigned kExponentMax = 6;
// Most monitoring values have at most three decimals; trying more makes every noisy float dearer.
constexpr unsigned kExponentTried = 3;
constexpr double kPowersOfTen[] = {1, 10, 100, 1000, 1e4, 1e5, 1e6};
// Digits beyond this do not save a byte over the raw form.
constexpr double kDigitsMax = 1e14;

void append_value(std::string& out, double v) {
  const auto bits = std::bit_cast<uint64_t>(v);
  for (unsigned exponent = 0; exponent <= kExponentTried; ++exponent) {
    const double scaled = v * kPowersOfTen[exponent];
    if (!(std::abs(scaled) <= kDigitsMax)) break;  // NaN and infinities end here too.
    const auto digits = static_cast<int64_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    if (std::bit_cast<uint64_t>(static_cast<double>(digits) / kPowersOfTen[exponent]) == bits) {
      append_varint(out, (zigzag(digits) << 3) | exponent);
      return;
    }
  }
  append_varint(out, kRaw);
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(static_cast<unsigned char>(bits >> shift));
}

bool take_value(std::string_view& in, double& v) {
  uint64_t head = 0;
  if (!take_varint(in, head)) return false;
  const auto exponent = static_cast<unsigned>(head & 7);
  if (exponent <= kExponentMax) {
    v = static_cast<double>(unzigzag(head >> 3)) / kPowersOfTen[exponent];
    return true;
  }
  if (head != kRaw || in.size() < 8) return false;
  uint64_t bits = 0;
  for (size_t i = 0; i < 8; ++i) bits |= static_cast<uint64_t>(static_cast<unsigned char>(in[i])) << (8 * i);
  v = std::bit_cast<double>(bits);
  in.remove_prefix(8);
  return true;
}

int64_t wrapping_add(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

int64_t wrapping_subtract(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

}  // namespace

void encode_log_record(const std::vector<LogSample>& samples, std::string& out) {
  out.clear();
  out += kFormat;
  out += kTypeSamples;
  SeriesId id = 0;
  int64_t t_ms = 0;
  for (size_t i = 0; i < samples.size();) {
    const bool starts = samples[i].start_ms != kNoStart;
    size_t end = i + 1;
    while (end < samples.size() && (samples[end].start_ms != kNoStart) == starts) ++end;
    append_varint(out, end - i);
    out += static_cast<char>(static_cast<uint8_t>(SampleKind::kFloat) | (starts ? kHasStart : 0));
    for (; i < end; ++i) {
      const LogSample& sample = samples[i];
      append_signed_varint(out, int64_t{sample.series} - int64_t{id});
      append_signed_varint(out, sample.t_ms - t_ms);
      if (starts) append_signed_varint(out, wrapping_subtract(sample.start_ms, sample.t_ms));
      append_value(out, sample.v);
      id = sample.series;
      t_ms = sample.t_ms;
    }
  }
  append_checksum(out);
}

Status decode_log_record(std::string_view record, std::vector<LogSample>& samples) {
  samples.clear();
  if (!take_checksum(record)) return Status::corruption("log record: checksum does not match");
  if (record.size() < 2) return Status::corruption("log record: cut off");
  if (record[0] != kFormat || record[1] != kTypeSamples) {
    return Status::unsupported("log record: format or type is not known to this version");
  }
  record.remove_prefix(2);
  int64_t id = 0;
  int64_t t_ms = 0;
  while (!record.empty()) {
    uint64_t count = 0;
    // Three bytes are the least a sample takes, so memory stays in proportion to the record.
    if (!take_varint(record, count) || record.empty() || count > record.size() / 3) {
      return Status::corruption("log record: run is cut off");
    }
    const auto kind = static_cast<uint8_t>(record[0]);
    if ((kind & ~kHasStart) != static_cast<uint8_t>(SampleKind::kFloat)) {
      return Status::unsupported("log record: kind of sample is not known to this version");
    }
    record.remove_prefix(1);
    for (uint64_t i = 0; i < count; ++i) {
      int64_t id_step = 0;
      int64_t t_step = 0;
      int64_t start_step = 0;
      LogSample sample;
      if (!take_signed_varint(record, id_step) || !take_signed_varint(record, t_step) ||
          ((kind & kHasStart) != 0 && !take_signed_varint(record, start_step)) || !take_value(record, sample.v)) {
        return Status::corruption("log record: sample is cut off");
      }
      id = wrapping_add(id, id_step);
      t_ms = wrapping_add(t_ms, t_step);
      if (id <= 0 || id > int64_t{UINT32_MAX} || t_ms < kOldestTimestampMs || t_ms > kNewestTimestampMs) {
        return Status::corruption("log record: series or time out of range");
      }
      sample.series = static_cast<SeriesId>(id);
      sample.t_ms = t_ms;
      if ((kind & kHasStart) != 0) sample.start_ms = wrapping_add(t_ms, start_step);
      samples.push_back(sample);
    }
  }
  return {};
}

}  // namespace tidemark::storage
