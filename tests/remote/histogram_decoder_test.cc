#include "aggregator/remote/histogram_decoder.h"

#include <gtest/gtest.h>

#include "tests/remote/write_request.h"

namespace tidemark::remote {
namespace {

using testing::histogram;
using testing::put_bytes;
using testing::span;

NativeHistogram read(const std::string& message) {
  const auto sent = read_histogram(message, 4096);
  EXPECT_TRUE(sent);
  return sent ? *sent->histogram : NativeHistogram();
}

TEST(HistogramDecoder, AFinerResolutionThanOursIsReduced) {
  for (const int32_t schema : {8, 9, 20, 38, 39, 52}) {
    const NativeHistogram h = read(histogram(1, 0, 12.5, schema));
    EXPECT_EQ(h.schema, 8) << schema;
    EXPECT_TRUE(validate(h).ok()) << schema;
    EXPECT_EQ(h.count, 10) << schema;
  }
  // Of schema 9, (base^-2, base^-1] and (base^-1, 1] are one bucket of schema 8, and (base, base^2] is in the next.
  const NativeHistogram h = read(histogram(1, 0, 12.5, 9));
  EXPECT_EQ(h.positive.spans, (std::vector<BucketSpan>{{0, 1}}));
  EXPECT_EQ(h.positive.counts, std::vector<double>{5});
  EXPECT_EQ(h.negative.spans, (std::vector<BucketSpan>{{1, 1}}));
  EXPECT_EQ(h.negative.counts, std::vector<double>{3});
}

TEST(HistogramDecoder, WhatCannotBeReducedIsLeftToTheStoreToRefuse) {
  const auto refused = [](const std::string& message) { return !validate(read(message)).ok(); };
  EXPECT_TRUE(refused(histogram(1, 0, 12.5, 53)));
  EXPECT_TRUE(refused(histogram(1, 0, 12.5, -5)));
  std::string missing = histogram(1, 0, 12.5, 20);
  put_bytes(missing, 11, span(5, 1));
  EXPECT_TRUE(refused(missing)) << "a bucket without a count";
  for (const int32_t offset : {INT32_MAX, INT32_MIN}) {
    std::string far = histogram(1, 0, 12.5, 52);
    put_bytes(far, 11, span(offset, 0));
    EXPECT_TRUE(refused(far)) << "places that no number has";
  }
}

TEST(HistogramDecoder, BucketsAreCountedBeforeTheyAreKept) {
  EXPECT_FALSE(read_histogram(histogram(1), 0));
  EXPECT_FALSE(read_histogram(histogram(1), 1));
  EXPECT_TRUE(read_histogram(histogram(1), 2));
}

}  // namespace
}  // namespace tidemark::remote
