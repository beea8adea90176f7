#include "model/native_histogram.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "model/bucket_builder.h"
#include "model/histogram_math.h"

namespace tidemark {
namespace {

bool same_bits(double a, double b) { return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b); }

std::string go_number(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", v);
}

Status check_spans(const BucketList& list, bool first_may_be_negative) {
  uint64_t places = 0;
  int64_t end = 0;
  for (size_t i = 0; i < list.spans.size(); ++i) {
    const BucketSpan& span = list.spans[i];
    if (span.offset < 0 && !(first_may_be_negative && i == 0)) {
      return Status::invalid(fmt::format("span number {} with offset {}: histogram has a span whose offset is negative",
                                         i + 1, span.offset));
    }
    places += span.length;
    end += int64_t{span.offset} + span.length;
  }
  if (places != list.counts.size()) {
    return Status::invalid(
        fmt::format("spans need {} buckets, have {} buckets: histogram spans specify different number of buckets than "
                    "provided",
                    places, list.counts.size()));
  }
  // Beyond every bucket that a double can fall into, and within what places are computed with.
  constexpr int64_t kPlaceMax = 1 << 30;
  if (end > kPlaceMax || (!list.spans.empty() && list.spans[0].offset < -kPlaceMax)) {
    return Status::invalid("histogram has a bucket that lies beyond every number");
  }
  return {};
}

Status check_counts(const BucketList& list) {
  for (size_t i = 0; i < list.counts.size(); ++i) {
    if (!(list.counts[i] < 0)) continue;
    return Status::invalid(
        fmt::format("bucket number {} has observation count of {}: histogram has a bucket whose "
                    "observation count is negative",
                    i + 1, go_number(list.counts[i])));
  }
  return {};
}

Status check_bounds(const NativeHistogram& h) {
  double previous = -std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < h.bounds.size(); ++i) {
    const double bound = h.bounds[i];
    if (std::isnan(bound)) return Status::invalid("histogram custom bounds must not be NaN");
    if (i > 0 && bound <= previous) {
      return Status::invalid(
          fmt::format("previous bound is {:f} and current is {:f}: histogram custom bounds must be in "
                      "strictly increasing order",
                      previous, bound));
    }
    previous = bound;
  }
  if (previous == std::numeric_limits<double>::infinity()) {
    return Status::invalid("last +Inf bound must not be explicitly defined: histogram custom bounds must be finite");
  }
  if (Status status = check_spans(h.positive, false); !status.ok()) return status;
  uint64_t end = 0;
  for (const BucketSpan& span : h.positive.spans) end += static_cast<uint64_t>(span.offset) + span.length;
  if (h.bounds.size() + 1 < end) {
    return Status::invalid(
        fmt::format("only {} custom bounds defined which is insufficient to cover total span length of "
                    "{}: histogram custom bounds are too few",
                    h.bounds.size(), end));
  }
  return {};
}

Status check_custom(const NativeHistogram& h) {
  if (Status status = check_bounds(h); !status.ok()) return status.at("custom buckets");
  if (h.zero_count != 0) return Status::invalid("custom buckets: must have zero count of 0");
  if (h.zero_threshold != 0) return Status::invalid("custom buckets: must have zero threshold of 0");
  if (!h.negative.spans.empty()) return Status::invalid("custom buckets: must not have negative spans");
  if (!h.negative.empty()) return Status::invalid("custom buckets: must not have negative buckets");
  return {};
}

Status check_exponential(const NativeHistogram& h) {
  if (Status status = check_spans(h.positive, true); !status.ok()) return status.at("positive side");
  if (Status status = check_spans(h.negative, true); !status.ok()) return status.at("negative side");
  if (Status status = check_counts(h.negative); !status.ok()) return status.at("negative side");
  // Prometheus takes any threshold, and never comes back from reconciling NaN with another.
  if (!(h.zero_threshold >= 0)) {
    return Status::invalid(
        fmt::format("zero threshold is {}: it must be a number from 0 on", go_number(h.zero_threshold)));
  }
  if (h.zero_count < 0) {
    return Status::invalid(
        fmt::format("zero bucket has observation count of {}: histogram has a bucket whose observation "
                    "count is negative",
                    go_number(h.zero_count)));
  }
  if (!h.bounds.empty()) return Status::invalid("histogram with exponential schema must not have custom bounds");
  return {};
}

// Of whole numbers, which rounding cannot have put apart: all observations are in buckets, but for NaN ones.
Status check_total(const NativeHistogram& h) {
  double in_buckets = h.zero_count;
  for (const double c : h.positive.counts) in_buckets += c;
  for (const double c : h.negative.counts) in_buckets += c;
  if (std::isnan(h.sum)) {
    if (in_buckets <= h.count) return {};
    return Status::invalid(
        fmt::format("{} observations found in buckets, but the Count field is {}: histogram's "
                    "observation count should be at least the number of observations found in the "
                    "buckets",
                    go_number(in_buckets), go_number(h.count)));
  }
  if (in_buckets == h.count) return {};
  return Status::invalid(
      fmt::format("{} observations found in buckets, but the Count field is {}: histogram's "
                  "observation count should equal the number of observations found in the buckets "
                  "(in absence of NaN)",
                  go_number(in_buckets), go_number(h.count)));
}

bool same_list(const BucketList& a, const BucketList& b) {
  if (a.counts.size() != b.counts.size()) return false;
  for (size_t i = 0; i < a.counts.size(); ++i) {
    if (!same_bits(a.counts[i], b.counts[i])) return false;
  }
  if (a.spans == b.spans) return true;
  std::vector<int32_t> places;
  places.reserve(a.counts.size());
  a.for_each([&](int32_t place, double) { places.push_back(place); });
  bool same = true;
  size_t i = 0;
  b.for_each([&](int32_t place, double) { same &= places[i++] == place; });
  return same;
}

void compact_list(BucketList& list) {
  bool dense = list.spans.size() <= 1 || list.spans[1].offset > 0;
  for (const double c : list.counts) dense &= c != 0;
  for (size_t i = 0; dense && i < list.spans.size(); ++i) {
    dense = list.spans[i].length > 0 && (i == 0 || list.spans[i].offset > 0);
  }
  if (dense) return;
  BucketBuilder kept(list.counts.size());
  list.for_each([&](int32_t place, double count) {
    if (count != 0) kept.append(place, count);
  });
  list = kept.take();
}

}  // namespace

size_t NativeHistogram::bytes() const {
  const auto of = [](const BucketList& list) {
    return list.spans.capacity() * sizeof(BucketSpan) + list.counts.capacity() * sizeof(double);
  };
  return sizeof(NativeHistogram) + of(positive) + of(negative) + bounds.capacity() * sizeof(double);
}

Status validate(const NativeHistogram& h) {
  if (h.has_custom_buckets()) {
    if (Status status = check_custom(h); !status.ok()) return status;
  } else if (is_exponential_schema(h.schema)) {
    if (Status status = check_exponential(h); !status.ok()) return status;
  } else {
    return Status::invalid(
        fmt::format("histogram has an invalid schema, which must be between {} and {} for exponential "
                    "buckets, or {} for custom buckets, got schema {}",
                    kHistogramSchemaMin, kHistogramSchemaMax, kCustomBuckets, h.schema));
  }
  if (h.count < 0) {
    return Status::invalid(
        fmt::format("observation count is {}: histogram's observation count is negative", go_number(h.count)));
  }
  if (Status status = check_counts(h.positive); !status.ok()) return status.at("positive side");
  return h.integer_counts ? check_total(h) : Status();
}

bool same_histogram(const NativeHistogram& a, const NativeHistogram& b) {
  return a.schema == b.schema && same_bits(a.count, b.count) && same_bits(a.sum, b.sum) &&
         a.zero_threshold == b.zero_threshold && same_bits(a.zero_count, b.zero_count) && a.bounds == b.bounds &&
         same_list(a.negative, b.negative) && same_list(a.positive, b.positive);
}

void compact(NativeHistogram& histogram) {
  compact_list(histogram.positive);
  compact_list(histogram.negative);
}

CounterReset hint_as_stored(const NativeHistogram* previous, const NativeHistogram& current) {
  if (current.reset == CounterReset::kGauge) return CounterReset::kGauge;
  if (previous == nullptr || previous->reset == CounterReset::kGauge || current.reset == CounterReset::kReset ||
      previous->schema != current.schema || previous->zero_threshold != current.zero_threshold ||
      previous->bounds != current.bounds) {
    return CounterReset::kUnknown;
  }
  // Whatever was claimed: a histogram that lacks observations does not continue the other.
  NativeHistogram unknown = current;
  unknown.reset = CounterReset::kUnknown;
  return is_reset(*previous, unknown) ? CounterReset::kUnknown : CounterReset::kNotReset;
}

}  // namespace tidemark
