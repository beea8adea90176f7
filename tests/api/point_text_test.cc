// Points of one series after the other, whole and in pieces, against their parts written alone.
#include "aggregator/api/point_text.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "aggregator/api/json_writer.h"

namespace tidemark::api {
namespace {

std::string alone(const std::vector<Sample>& samples) {
  std::string out;
  JsonWriter json(out);
  for (const Sample& sample : samples) {
    json.begin_array().timestamp(sample.t_ms).float_string(sample.v).end_array();
  }
  return out;
}

TEST(PointText, TimesOfOneSeriesDoNotShowInTheNext) {
  std::mt19937_64 random(1);
  PointsWriter points;
  for (int series = 0; series < 40; ++series) {
    std::vector<Sample> samples(random() % 3'000);
    const int64_t start_ms = series % 4 == 0 ? -1'500 : 1'700'000'000'000 + static_cast<int64_t>(random() % 2'000);
    for (size_t i = 0; i < samples.size(); ++i) {
      const double values[] = {static_cast<double>(random() % 1'000) / 8, std::bit_cast<double>(random()), -0.0, 1e-320,
                               std::numeric_limits<double>::max()};
      samples[i] = {start_ms + static_cast<int64_t>(i) * (series % 3 == 0 ? 15'000 : 777), values[random() % 5]};
    }
    const std::string want = alone(samples);
    std::string whole;
    size_t next = 0;
    ASSERT_TRUE(points.write(whole, samples, next, std::numeric_limits<size_t>::max()));
    ASSERT_EQ(whole, want);
    std::string joined;
    std::string piece;
    next = 0;
    while (!points.write(piece, samples, next, 1'000)) {
      ASSERT_GE(piece.size(), 1'000u);
      ASSERT_LT(piece.size(), 1'000 + kPointBytesMax);
      joined += piece;
      piece.clear();
    }
    ASSERT_EQ(joined + piece, want);
  }
}

TEST(PointText, Timestamps) {
  const auto text = [](int64_t t_ms) {
    char buffer[kTimestampBytesMax];
    return std::string(buffer, write_timestamp(buffer, t_ms));
  };
  EXPECT_EQ(text(0), "0");
  EXPECT_EQ(text(1'435'781'430'781), "1435781430.781");
  EXPECT_EQ(text(-1), "-0.001");
  EXPECT_EQ(text(-1'020), "-1.020");
  EXPECT_EQ(text(std::numeric_limits<int64_t>::min()), "-9223372036854775.808");
  EXPECT_EQ(text(std::numeric_limits<int64_t>::max()), "9223372036854775.807");
}

}  // namespace
}  // namespace tidemark::api
