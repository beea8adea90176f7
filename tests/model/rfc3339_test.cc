#include "model/rfc3339.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(Rfc3339Test, Reads) {
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_rfc3339("2015-07-01T20:10:51.781Z"), 1'435'781'451'781);
  EXPECT_EQ(parse_rfc3339("2015-07-01T22:10:51.7819999+02:00"), 1'435'781'451'781);
  EXPECT_EQ(parse_rfc3339("2015-07-01T15:40:51-04:30"), 1'435'781'451'000);
  EXPECT_EQ(parse_rfc3339("1969-12-31T23:59:59.5Z"), -500);
  EXPECT_EQ(parse_rfc3339("2024-02-29T00:00:00Z"), 1'709'164'800'000);
}

TEST(Rfc3339Test, RefusesEverythingElse) {
  for (const char* text :
       {"", "2015-07-01", "2015-07-01T20:10:51", "2015-07-01 20:10:51Z", "2015-13-01T00:00:00Z", "2015-02-29T00:00:00Z",
        "2015-07-01T24:00:00Z", "2015-07-01T20:60:00Z", "2015-07-01T20:10:51.Z", "2015-07-01T20:10:51+0200",
        "2015-07-01T20:10:51Zx", "15-07-01T20:10:51Z", "2015-07-01T20:10:51+25:00"}) {
    EXPECT_EQ(parse_rfc3339(text), std::nullopt) << text;
  }
}

TEST(Rfc3339Test, PrintsLikeGo) {
  EXPECT_EQ(format_rfc3339(1'435'781'451'781), "2015-07-01T20:10:51.781Z");
  EXPECT_EQ(format_rfc3339(1'435'781'451'780), "2015-07-01T20:10:51.78Z");
  EXPECT_EQ(format_rfc3339(1'435'781'451'007), "2015-07-01T20:10:51.007Z");
  EXPECT_EQ(format_rfc3339(1'435'781'451'000), "2015-07-01T20:10:51Z");
  EXPECT_EQ(format_rfc3339(-1), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace tidemark
