#include "aggregator/storage/head_group.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "aggregator/storage/chunk.h"
#include "aggregator/storage/histogram_code.h"
#include "model/varint.h"

namespace tidemark::storage {
namespace {

constexpr char kFormat = 2;
constexpr uint8_t kHasLate = 1;
constexpr uint8_t kLastUnknown = 2;
constexpr uint8_t kHasStarts = 4;
constexpr uint8_t kLateHasStarts = 8;
constexpr uint8_t kHasHistograms = 16;

bool take_starts(std::string_view& in, StartRuns& starts) {
  uint64_t size = 0;
  if (!take_varint(in, size) || size > in.size()) return false;
  auto runs = StartRuns::parse(in.substr(0, size));
  if (!runs) return false;
  starts = std::move(*runs);
  in.remove_prefix(size);
  return true;
}

bool take_late(std::string_view& in, bool with_starts, std::vector<LateSample>& late) {
  uint64_t count = 0;
  // Ten bytes are the least one takes, so memory stays in proportion.
  if (!take_varint(in, count) || count > in.size() / 10) return false;
  late.resize(count);
  for (LateSample& sample : late) {
    if (!take_signed_varint(in, sample.t_ms) || in.size() < sizeof sample.v) return false;
    std::memcpy(&sample.v, in.data(), sizeof sample.v);
    in.remove_prefix(sizeof sample.v);
    if (!take_varint(in, sample.position)) return false;
    if (with_starts && !take_signed_varint(in, sample.start_ms)) return false;
    if (sample.t_ms < kOldestTimestampMs || sample.t_ms > kNewestTimestampMs) return false;
  }
  return true;
}

bool take_histograms(std::string_view& in, std::vector<LateHistogram>& histograms) {
  uint64_t count = 0;
  if (!take_varint(in, count) || count > in.size() / 7) return false;
  for (uint64_t i = 0; i < count; ++i) {
    LateHistogram& sample = histograms.emplace_back();
    if (!take_signed_varint(in, sample.t_ms) || !take_varint(in, sample.position) ||
        !take_signed_varint(in, sample.start_ms)) {
      return false;
    }
    sample.histogram = take_histogram(in);
    if (sample.histogram == nullptr) return false;
    if (sample.t_ms < kOldestTimestampMs || sample.t_ms > kNewestTimestampMs) return false;
  }
  return true;
}

bool take_entry(std::string_view& in, HeadGroupEntry& entry) {
  uint64_t id = 0;
  if (!take_varint(in, id) || id == 0 || id > UINT32_MAX || in.empty()) return false;
  entry.id = static_cast<SeriesId>(id);
  const auto flags = static_cast<uint8_t>(in[0]);
  in.remove_prefix(1);
  if ((flags & ~(kHasLate | kLastUnknown | kHasStarts | kLateHasStarts | kHasHistograms)) != 0) return false;
  entry.last_unknown = (flags & kLastUnknown) != 0;
  return OpenChunk::take_from(in, entry.open) && ((flags & kHasStarts) == 0 || take_starts(in, entry.starts)) &&
         ((flags & kHasLate) == 0 || take_late(in, (flags & kLateHasStarts) != 0, entry.late)) &&
         ((flags & kHasHistograms) == 0 || take_histograms(in, entry.histograms));
}

}  // namespace

void begin_head_group(std::string& out) { out.assign(1, kFormat); }

void append_head_entry(std::string& out, SeriesId id, bool last_unknown, const OpenChunk& open, std::string_view starts,
                       const std::vector<LateSample>& late, const std::vector<LateHistogram>& histograms) {
  const bool late_starts =
      std::any_of(late.begin(), late.end(), [](const LateSample& sample) { return sample.start_ms != kNoStart; });
  append_varint(out, id);
  out += static_cast<char>((late.empty() ? 0 : kHasLate) | (last_unknown ? kLastUnknown : 0) |
                           (starts.empty() ? 0 : kHasStarts) | (late_starts ? kLateHasStarts : 0) |
                           (histograms.empty() ? 0 : kHasHistograms));
  open.append_to(out);
  if (!starts.empty()) {
    append_varint(out, starts.size());
    out += starts;
  }
  if (!late.empty()) append_varint(out, late.size());
  for (const LateSample& sample : late) {
    append_signed_varint(out, sample.t_ms);
    out.append(reinterpret_cast<const char*>(&sample.v), sizeof sample.v);
    append_varint(out, sample.position);
    if (late_starts) append_signed_varint(out, sample.start_ms);
  }
  if (!histograms.empty()) append_varint(out, histograms.size());
  for (const LateHistogram& sample : histograms) {
    append_signed_varint(out, sample.t_ms);
    append_varint(out, sample.position);
    append_signed_varint(out, sample.start_ms);
    append_histogram(out, *sample.histogram);
  }
}

void end_head_group(std::string& out) { append_checksum(out); }

Result<std::vector<HeadGroupEntry>> parse_head_group(std::string_view bytes) {
  if (!take_checksum(bytes)) return fail(Status::corruption("head group: checksum does not match"));
  if (bytes.empty() || bytes[0] != kFormat) return fail(Status::unsupported("head group: format is not known"));
  bytes.remove_prefix(1);
  std::vector<HeadGroupEntry> out;
  while (!bytes.empty()) {
    if (out.size() == kGroupSeries) return fail(Status::corruption("head group: too many entries"));
    if (!take_entry(bytes, out.emplace_back())) return fail(Status::corruption("head group: entry does not read"));
  }
  return out;
}

}  // namespace tidemark::storage
