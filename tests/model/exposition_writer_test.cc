#include "model/exposition_writer.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tidemark {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

ClientMetric gauge(double v, std::vector<ClientMetric::Label> labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = v;
  return metric;
}

std::string written(std::vector<MetricFamily> families) {
  std::string out;
  write_exposition(out, families);
  return out;
}

TEST(ExpositionWriter, FormatsValues) {
  const auto check = [](double v, std::string_view want) {
    EXPECT_EQ(written({{"m", "", MetricType::Gauge, {gauge(v)}}}), "# TYPE m gauge\nm " + std::string(want) + "\n");
  };
  check(0, "0");
  check(-0.0, "-0");
  check(-3, "-3");
  check(0.25, "0.25");
  check(9007199254740991, "9007199254740991");
  check(1e300, "1e+300");
  check(NAN, "NaN");
  check(INFINITY, "+Inf");
  check(-INFINITY, "-Inf");
}

TEST(ExpositionWriter, EscapesHelpAndLabelValues) {
  EXPECT_EQ(written({{"m", "a \"b\"\\c\nd", MetricType::Gauge, {gauge(1, {{"x", "q\"\\\n"}, {"y", ""}})}}}),
            "# HELP m a \"b\"\\\\c\\nd\n# TYPE m gauge\nm{x=\"q\\\"\\\\\\n\",y=\"\"} 1\n");
}

TEST(ExpositionWriter, SortsFamiliesAndKeepsTheOrderOfSamples) {
  EXPECT_EQ(written({{"b", "", MetricType::Gauge, {gauge(1, {{"x", "2"}}), gauge(2, {{"x", "1"}})}},
                     {"a", "", MetricType::Gauge, {gauge(3)}}}),
            "# TYPE a gauge\na 3\n# TYPE b gauge\nb{x=\"2\"} 1\nb{x=\"1\"} 2\n");
}

TEST(ExpositionWriter, WritesOneGroupForANameAndLeavesOutWhatContradictsIt) {
  EXPECT_EQ(written({{"b", "one", MetricType::Gauge, {gauge(1, {{"x", "1"}})}},
                     {"a", "", MetricType::Gauge, {gauge(3)}},
                     {"b", "two", MetricType::Gauge, {gauge(2, {{"x", "2"}})}},
                     {"b", "three", MetricType::Untyped, {gauge(4, {{"x", "3"}})}}}),
            "# TYPE a gauge\na 3\n# HELP b one\n# TYPE b gauge\nb{x=\"1\"} 1\nb{x=\"2\"} 2\n");
}

TEST(ExpositionWriter, LeavesOutFamiliesWithoutSamples) {
  EXPECT_EQ(written({{"m", "help", MetricType::Gauge, {}}}), "");
  EXPECT_EQ(written({}), "");
}

TEST(ExpositionWriter, WritesTimestampsWhenThereAre) {
  ClientMetric metric = gauge(1);
  metric.timestamp_ms = 1'700'000'000'000;
  EXPECT_EQ(written({{"m", "", MetricType::Gauge, {metric}}}), "# TYPE m gauge\nm 1 1700000000000\n");
}

TEST(ExpositionWriter, WritesCountersAndUntyped) {
  ClientMetric metric;
  metric.counter.value = 5;
  metric.untyped.value = 6;
  EXPECT_EQ(written({{"a", "", MetricType::Counter, {metric}}, {"b", "", MetricType::Untyped, {metric}}}),
            "# TYPE a counter\na 5\n# TYPE b untyped\nb 6\n");
}

TEST(ExpositionWriter, WritesHistogramsWithTheBucketOfEverything) {
  ClientMetric metric;
  metric.label = {{"x", "1"}};
  metric.histogram.sample_count = 3;
  metric.histogram.sample_sum = 1.5;
  metric.histogram.bucket = {{1, 0.1}, {2, 1}};
  const std::string want =
      "# TYPE h histogram\nh_bucket{x=\"1\",le=\"0.1\"} 1\nh_bucket{x=\"1\",le=\"1\"} 2\n"
      "h_bucket{x=\"1\",le=\"+Inf\"} 3\nh_sum{x=\"1\"} 1.5\nh_count{x=\"1\"} 3\n";
  EXPECT_EQ(written({{"h", "", MetricType::Histogram, {metric}}}), want);
  metric.histogram.bucket.push_back({3, INFINITY});
  EXPECT_EQ(written({{"h", "", MetricType::Histogram, {metric}}}), want);
}

TEST(ExpositionWriter, WritesSummaries) {
  ClientMetric metric;
  metric.summary.sample_count = 2;
  metric.summary.sample_sum = 0.5;
  metric.summary.quantile = {{0.5, 0.25}, {1, NAN}};
  EXPECT_EQ(written({{"s", "", MetricType::Summary, {metric}}}),
            "# TYPE s summary\ns{quantile=\"0.5\"} 0.25\ns{quantile=\"1\"} NaN\ns_sum 0.5\ns_count 2\n");
}

}  // namespace
}  // namespace tidemark
