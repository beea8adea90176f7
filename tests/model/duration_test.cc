#include "model/duration.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(Duration, Parses) {
  const auto check = [](std::string_view text, int64_t want) {
    const auto got = parse_duration_ms(text);
    ASSERT_TRUE(got) << text << ": " << got.error().message();
    EXPECT_EQ(*got, want) << text;
  };
  check("0", 0);
  check("15s", 15'000);
  check("1h30m", 5'400'000);
  check("500ms", 500);
  check("1y2w3d4h5m6s7ms", (((365 + 14 + 3) * 24LL + 4) * 3600 + 5 * 60 + 6) * 1000 + 7);
  check("0s", 0);
}

TEST(Duration, Refuses) {
  for (const char* text :
       {"", "1", "s", "5 min", "1m1h", "1s1s", "-5m", "1.5h", "300y", "99999999999999999999s", "5M"}) {
    EXPECT_FALSE(parse_duration_ms(text)) << text;
  }
}

TEST(Duration, FormatReadsBack) {
  EXPECT_EQ(format_duration_ms(0), "0s");
  EXPECT_EQ(format_duration_ms(90'000), "1m30s");
  EXPECT_EQ(format_duration_ms(7 * 86'400'000LL), "1w");
  EXPECT_EQ(format_duration_ms(8 * 86'400'000LL), "8d");
  for (const int64_t ms : {1LL, 999LL, 60'000LL, 3'600'001LL, 15 * 86'400'000LL, 400 * 86'400'000LL}) {
    EXPECT_EQ(*parse_duration_ms(format_duration_ms(ms)), ms) << ms;
  }
}

}  // namespace
}  // namespace tidemark
