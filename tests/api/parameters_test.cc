#include "aggregator/api/parameters.h"

#include <gtest/gtest.h>

namespace tidemark::api {
namespace {

std::string time_text(std::string_view text) {
  const auto ms = parse_time_ms(text);
  return ms ? std::to_string(*ms) : ms.error().message();
}

std::string step_text(std::string_view text) {
  const auto ms = parse_step_ms(text);
  return ms ? std::to_string(*ms) : ms.error().message();
}

Parameters parameters(std::string_view query) {
  net::Request request;
  request.query = net::parse_form(query);
  return Parameters(request);
}

TEST(ParametersTest, ReadsTimes) {
  EXPECT_EQ(time_text("1435781430.781"), "1435781430781");
  EXPECT_EQ(time_text("1.5e3"), "1500000");
  EXPECT_EQ(time_text("-0.0015"), "-2");
  EXPECT_EQ(time_text("2015-07-01T20:10:51.781Z"), "1435781451781");
  EXPECT_EQ(time_text("-9223309901257974"), std::to_string(kTimeMinMs)) << "Go's first time, as its clients print it";
  EXPECT_EQ(time_text("-292273086-05-16T16:47:06Z"), std::to_string(kTimeMinMs));
  EXPECT_EQ(time_text("292277025-08-18T07:12:54.999999999Z"), std::to_string(kTimeMaxMs));
  EXPECT_EQ(time_text("+Inf"), std::to_string(kTimeMaxMs));
  EXPECT_EQ(time_text("now"), "cannot parse \"now\" to a valid timestamp");
  EXPECT_EQ(time_text("NaN"), "cannot parse \"NaN\" to a valid timestamp");
  EXPECT_EQ(time_text(""), "cannot parse \"\" to a valid timestamp");
}

TEST(ParametersTest, ReadsSteps) {
  EXPECT_EQ(step_text("15"), "15000");
  EXPECT_EQ(step_text("0.001"), "1");
  EXPECT_EQ(step_text("0.29"), "290");
  EXPECT_EQ(step_text("1h30m"), "5400000");
  EXPECT_EQ(step_text("-1"), "-1000");
  EXPECT_EQ(step_text("5 min"), "cannot parse \"5 min\" to a valid duration");
  EXPECT_EQ(step_text("1e300"), "cannot parse \"1e300\" to a valid duration. It overflows int64");
}

TEST(ParametersTest, ReadsLimits) {
  EXPECT_EQ(parameters("").limit(), 0u);
  EXPECT_EQ(parameters("limit=7").limit(), 7u);
  EXPECT_EQ(parameters("limit=-1").limit().error().message, "invalid parameter \"limit\": limit must be non-negative");
  EXPECT_EQ(parameters("limit=7x").limit().error().message,
            "invalid parameter \"limit\": strconv.Atoi: parsing \"7x\": invalid syntax");
}

TEST(ParametersTest, ReadsMatchers) {
  const auto sets = parameters("match[]=up&match[]={job='a',x!='b'}").matcher_sets();
  ASSERT_TRUE(sets.has_value());
  ASSERT_EQ(sets->size(), 2u);
  EXPECT_EQ((*sets)[1].size(), 2u);
  EXPECT_EQ(parameters("match[]={x!='b'}").matcher_sets().error().message(),
            "match[] must contain at least one non-empty matcher");
  EXPECT_EQ(parameters("match[]=1").matcher_sets().error().message(), "1:1: parse error: unexpected number \"1\"");
}

TEST(ParametersTest, UnescapesLabelNames) {
  EXPECT_EQ(unescape_label_name("job"), "job");
  EXPECT_EQ(unescape_label_name("U__http_2e_status"), "http.status");
  EXPECT_EQ(unescape_label_name("U__a__b"), "a_b");
  EXPECT_EQ(unescape_label_name("U___20AC_x"), "\xe2\x82\xacx");
  for (const char* bad : {"U__a_", "U__a_zz_", "U__a_2e", "U__a_1234567_", "U__a_d800_", "U__a_110000_"})
    EXPECT_EQ(unescape_label_name(bad), bad);
}

}  // namespace
}  // namespace tidemark::api
