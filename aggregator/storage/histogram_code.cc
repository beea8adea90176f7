#include "aggregator/storage/histogram_code.h"

#include <bit>
#include <limits>
#include <memory>

#include "aggregator/storage/log_value.h"
#include "model/varint.h"

namespace tidemark::storage {
namespace {

constexpr uint8_t kHintMask = 3;
constexpr uint8_t kInteger = 4;
constexpr uint8_t kZeroBucket = 8;
constexpr uint8_t kNegative = 16;
constexpr uint8_t kBounds = 32;

bool is_zero(double v) { return std::bit_cast<uint64_t>(v) == 0; }

uint8_t flags_of(const NativeHistogram& h) {
  return static_cast<uint8_t>((h.integer_counts ? kInteger : 0) |
                              (is_zero(h.zero_threshold) && is_zero(h.zero_count) ? 0 : kZeroBucket) |
                              (h.negative.spans.empty() ? 0 : kNegative) | (h.bounds.empty() ? 0 : kBounds));
}

void append_spans(std::string& out, const BucketList& list) {
  append_varint(out, list.spans.size());
  for (const BucketSpan& span : list.spans) {
    append_signed_varint(out, span.offset);
    append_varint(out, span.length);
  }
}

bool take_spans(std::string_view& in, BucketList& list) {
  uint64_t spans = 0;
  // Two bytes are the least one takes, so memory stays in proportion.
  if (!take_varint(in, spans) || spans > in.size() / 2) return false;
  list.spans.resize(spans);
  uint64_t buckets = 0;
  for (BucketSpan& span : list.spans) {
    int64_t offset = 0;
    uint64_t length = 0;
    if (!take_signed_varint(in, offset) || !take_varint(in, length)) return false;
    if (offset < INT32_MIN || offset > INT32_MAX || length > kHistogramBucketsMax) return false;
    span = {static_cast<int32_t>(offset), static_cast<uint32_t>(length)};
    buckets += length;
    if (buckets > kHistogramBucketsMax) return false;
  }
  list.counts.assign(buckets, 0);
  return true;
}

void append_layout(std::string& out, const NativeHistogram& h, uint8_t flags) {
  append_signed_varint(out, h.schema);
  if ((flags & kZeroBucket) != 0) append_log_value(out, h.zero_threshold);
  append_spans(out, h.positive);
  if ((flags & kNegative) != 0) append_spans(out, h.negative);
  if ((flags & kBounds) == 0) return;
  append_varint(out, h.bounds.size());
  for (const double bound : h.bounds) append_log_value(out, bound);
}

bool take_layout(std::string_view& in, NativeHistogram& h, uint8_t flags) {
  int64_t schema = 0;
  if (!take_signed_varint(in, schema) || schema < INT32_MIN || schema > INT32_MAX) return false;
  h.schema = static_cast<int32_t>(schema);
  if ((flags & kZeroBucket) != 0 && !take_log_value(in, h.zero_threshold)) return false;
  if (!take_spans(in, h.positive)) return false;
  if ((flags & kNegative) != 0 && !take_spans(in, h.negative)) return false;
  if ((flags & kBounds) == 0) return true;
  uint64_t bounds = 0;
  if (!take_varint(in, bounds) || bounds > in.size() || bounds > kHistogramBucketsMax) return false;
  h.bounds.resize(bounds);
  for (double& bound : h.bounds) {
    if (!take_log_value(in, bound)) return false;
  }
  return true;
}

bool take_counts(std::string_view& in, BucketList& list) {
  if (list.counts.size() > in.size()) return false;
  for (double& count : list.counts) {
    if (!take_log_value(in, count)) return false;
  }
  return true;
}

}  // namespace

Status check_histogram(const NativeHistogram& h) {
  if (Status status = validate(h); !status.ok()) return status;
  const size_t buckets = h.positive.counts.size() + h.negative.counts.size();
  if (buckets > kHistogramBucketsMax || h.bounds.size() > kHistogramBucketsMax ||
      h.positive.spans.size() > kHistogramBucketsMax || h.negative.spans.size() > kHistogramBucketsMax) {
    return Status::invalid("histogram has more than " + std::to_string(kHistogramBucketsMax) + " buckets");
  }
  return {};
}

void append_histogram(std::string& out, const NativeHistogram& h) {
  const uint8_t flags = flags_of(h);
  out += static_cast<char>(flags | static_cast<uint8_t>(h.reset));
  append_layout(out, h, flags);
  append_log_value(out, h.count);
  if ((flags & kZeroBucket) != 0) append_log_value(out, h.zero_count);
  append_log_value(out, h.sum);
  for (const double count : h.positive.counts) append_log_value(out, count);
  for (const double count : h.negative.counts) append_log_value(out, count);
}

HistogramRef take_histogram(std::string_view& in) {
  if (in.empty()) return nullptr;
  std::string_view rest = in.substr(1);
  const auto flags = static_cast<uint8_t>(in[0]);
  if ((flags & ~(kHintMask | kInteger | kZeroBucket | kNegative | kBounds)) != 0) return nullptr;
  auto h = std::make_shared<NativeHistogram>();
  h->reset = static_cast<CounterReset>(flags & kHintMask);
  h->integer_counts = (flags & kInteger) != 0;
  if (!take_layout(rest, *h, flags) || !take_log_value(rest, h->count)) return nullptr;
  if ((flags & kZeroBucket) != 0 && !take_log_value(rest, h->zero_count)) return nullptr;
  if (!take_log_value(rest, h->sum) || !take_counts(rest, h->positive) || !take_counts(rest, h->negative)) {
    return nullptr;
  }
  if (!check_histogram(*h).ok()) return nullptr;
  in = rest;
  return h;
}

void append_histogram_layout(std::string& out, const NativeHistogram& h) {
  const auto flags = static_cast<uint8_t>(flags_of(h) | kZeroBucket);
  out += static_cast<char>(flags);
  append_layout(out, h, flags);
}

bool take_histogram_layout(std::string_view& in, NativeHistogram& h) {
  if (in.empty()) return false;
  std::string_view rest = in.substr(1);
  const auto flags = static_cast<uint8_t>(in[0]);
  if ((flags & ~(kInteger | kZeroBucket | kNegative | kBounds)) != 0) return false;
  h = {};
  h.integer_counts = (flags & kInteger) != 0;
  if (!take_layout(rest, h, flags)) return false;
  in = rest;
  return true;
}

bool same_layout(const NativeHistogram& a, const NativeHistogram& b) {
  return a.schema == b.schema && a.integer_counts == b.integer_counts &&
         std::bit_cast<uint64_t>(a.zero_threshold) == std::bit_cast<uint64_t>(b.zero_threshold) &&
         a.positive.spans == b.positive.spans && a.negative.spans == b.negative.spans && a.bounds == b.bounds;
}

}  // namespace tidemark::storage
