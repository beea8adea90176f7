#include "aggregator/storage/packed_ints.h"

#include <algorithm>

#include "aggregator/storage/packed_ints_plan.h"
#include "model/varint.h"

namespace tidemark::storage {
namespace {

constexpr uint8_t kMore = 0x80;
constexpr uint8_t kPatched = 0x04;
constexpr uint8_t kSlopeShift = 3;

// The residuals of `x`, which is the segment's numbers.
void residuals_of(const IntSegment& segment, std::span<const int64_t> x, std::vector<uint64_t>& out) {
  out.resize(x.size());
  const auto first = static_cast<uint64_t>(segment.first);
  const auto slope = static_cast<uint64_t>(segment.slope);
  const auto bend = static_cast<uint64_t>(segment.bend);
  const auto at = [&](size_t i) { return static_cast<uint64_t>(x[i]); };
  uint64_t rise = 0;
  switch (segment.mode) {
    case IntMode::kFrame:
      for (size_t i = 0; i < x.size(); ++i) out[i] = at(i) - first;
      break;
    case IntMode::kLine:
      for (size_t i = 0; i < x.size(); ++i) {
        out[i] = at(i) - first - static_cast<uint64_t>(static_cast<int64_t>(rise) >> segment.slope_bits);
        rise += slope;
      }
      break;
    case IntMode::kSteps:
      for (size_t i = 1; i < x.size(); ++i) out[i] = at(i) - at(i - 1) - slope;
      break;
    case IntMode::kBends:
      for (size_t i = 2; i < x.size(); ++i) out[i] = at(i) - 2 * at(i - 1) + at(i - 2) - bend;
      break;
  }
}

// Takes what does not fit the packing out of the residuals.
std::string take_patches(const IntSegment& segment, std::vector<uint64_t>& residuals) {
  std::string out;
  const uint64_t max = packing_max(segment.packing);
  size_t from = 0;
  for (size_t i = segment.unpacked(); i < residuals.size(); ++i) {
    if (residuals[i] <= max) continue;
    append_varint(out, i - from);
    append_signed_varint(out, static_cast<int64_t>(residuals[i]));
    residuals[i] = 0;
    from = i + 1;
  }
  return out;
}

void append_segment(const PlannedSegment& plan, bool more, int64_t expected, std::span<const int64_t> x,
                    std::vector<uint64_t>& residuals, std::string& out) {
  const IntSegment& segment = plan.segment;
  residuals_of(segment, x, residuals);
  std::string patches;
  if (plan.patched) patches = take_patches(segment, residuals);
  auto kind = static_cast<uint8_t>(static_cast<unsigned>(segment.mode) | (segment.slope_bits / 4U << kSlopeShift));
  if (!patches.empty()) kind |= kPatched;
  out += static_cast<char>(segment.packing | (more ? kMore : 0));
  out += static_cast<char>(kind);
  if (more) append_varint(out, segment.count / kBlock);
  append_signed_varint(out,
                       static_cast<int64_t>(static_cast<uint64_t>(segment.first) - static_cast<uint64_t>(expected)));
  if (segment.mode != IntMode::kFrame) append_signed_varint(out, segment.slope);
  if (segment.mode == IntMode::kBends) append_signed_varint(out, segment.bend);
  if (!patches.empty()) append_prefixed(out, patches);
  BitWriter bits(out);
  for (size_t i = std::min(segment.unpacked(), x.size()), end = 0; i < x.size(); i = end) {
    end = std::min(x.size(), i / kBlock * kBlock + kBlock);
    pack(segment.packing, std::span(residuals).subspan(i, end - i), bits);
  }
  bits.finish();
}

}  // namespace

void append_packed_ints(std::span<const int64_t> numbers, std::string& out) {
  const std::vector<PlannedSegment> plans = plan_ints(numbers);
  std::vector<uint64_t> residuals;
  int64_t expected = 0;
  for (const PlannedSegment& plan : plans) {
    append_segment(plan, &plan != &plans.back(), expected, numbers.subspan(plan.begin, plan.segment.count), residuals,
                   out);
    expected = plan.segment.end();
  }
}

}  // namespace tidemark::storage
