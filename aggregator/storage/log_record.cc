#include "aggregator/storage/log_record.h"

#include "aggregator/storage/chunk.h"
#include "aggregator/storage/histogram_code.h"
#include "aggregator/storage/log_value.h"
#include "model/varint.h"

namespace tidemark::storage {
namespace {

constexpr char kFormat = 1;
constexpr char kTypeSamples = 0;
constexpr uint8_t kHasStart = 0x10;

int64_t wrapping_add(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

int64_t wrapping_subtract(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

}  // namespace

void encode_log_record(const std::vector<LogSample>& samples, const std::vector<LogHistogram>& histograms,
                       std::string& out) {
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
      append_log_value(out, sample.v);
      id = sample.series;
      t_ms = sample.t_ms;
    }
  }
  if (!histograms.empty()) {
    append_varint(out, histograms.size());
    out += static_cast<char>(static_cast<uint8_t>(SampleKind::kHistogram) | kHasStart);
  }
  for (const LogHistogram& sample : histograms) {
    append_signed_varint(out, int64_t{sample.series} - int64_t{id});
    append_signed_varint(out, sample.t_ms - t_ms);
    append_signed_varint(out, wrapping_subtract(sample.start_ms, sample.t_ms));
    append_histogram(out, *sample.histogram);
    id = sample.series;
    t_ms = sample.t_ms;
  }
  append_checksum(out);
}

Status decode_log_record(std::string_view record, std::vector<LogSample>& samples,
                         std::vector<LogHistogram>& histograms) {
  samples.clear();
  histograms.clear();
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
    const bool of_histograms = kind == (static_cast<uint8_t>(SampleKind::kHistogram) | kHasStart);
    if ((kind & ~kHasStart) != static_cast<uint8_t>(SampleKind::kFloat) && !of_histograms) {
      return Status::unsupported("log record: kind of sample is not known to this version");
    }
    record.remove_prefix(1);
    for (uint64_t i = 0; i < count; ++i) {
      int64_t id_step = 0;
      int64_t t_step = 0;
      int64_t start_step = 0;
      LogSample sample;
      if (!take_signed_varint(record, id_step) || !take_signed_varint(record, t_step) ||
          ((kind & kHasStart) != 0 && !take_signed_varint(record, start_step)) ||
          (!of_histograms && !take_log_value(record, sample.v))) {
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
      if (!of_histograms) {
        samples.push_back(sample);
        continue;
      }
      HistogramRef histogram = take_histogram(record);
      if (histogram == nullptr) return Status::corruption("log record: no histogram");
      histograms.push_back({sample.series, sample.t_ms, sample.start_ms, std::move(histogram)});
    }
  }
  return {};
}

}  // namespace tidemark::storage
