// The arena behind a page, and the page it becomes.
#include "exporter/family.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "exporter/prometheus_families.h"
#include "exporter/text_page.h"

namespace tidemark::exporter::testing {
namespace {

std::string text_of(Families& families) {
  families.seal();
  std::string out;
  write_text(out, families);
  return out;
}

TEST(Families, FillsFamiliesSideBySideAndSortsThem) {
  Families families;
  auto& b = add_gauge(families, "b", "Second.");
  auto& a = add_counter(families, "a", "First.");
  add_gauge(families, "empty", "Not shown.");
  for (int i = 0; i < 2; ++i) {
    const std::string device = "d" + std::to_string(i);
    add_sample(b, i, {{"device", device}});
    add_sample(a, i + 0.5, {{"device", device}, {"kind", ""}});
  }
  EXPECT_EQ(text_of(families),
            "# HELP a First.\n# TYPE a counter\na{device=\"d0\",kind=\"\"} 0.5\na{device=\"d1\",kind=\"\"} 1.5\n"
            "# HELP b Second.\n# TYPE b gauge\nb{device=\"d0\"} 0\nb{device=\"d1\"} 1\n");
}

TEST(Families, GroupsOneNameAndLeavesOutWhatContradictsIt) {
  Families families;
  add_sample(add_gauge(families, "x", "One."), 1, {{"n", "1"}});
  add_sample(add_gauge(families, "m", ""), 7);
  add_sample(add_counter(families, "x", "Other type."), 2, {{"n", "2"}});
  add_sample(add_gauge(families, "x", "Same type."), 3, {{"n", "3"}});
  EXPECT_EQ(text_of(families), "# TYPE m gauge\nm 7\n# HELP x One.\n# TYPE x gauge\nx{n=\"1\"} 1\nx{n=\"3\"} 3\n");
}

TEST(Families, EscapesAndPrintsEveryValue) {
  Families families;
  auto& odd = add_untyped(families, "odd", "back\\slash\nnew \"line\"");
  add_sample(odd, NAN, {{"v", "a\"b\\c\nd"}});
  for (const double v : {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), -0.0, 1e21,
                         5e-324, 9007199254740993.0})
    add_sample(odd, v);
  EXPECT_EQ(text_of(families),
            "# HELP odd back\\\\slash\\nnew \"line\"\n# TYPE odd untyped\nodd{v=\"a\\\"b\\\\c\\nd\"} NaN\nodd +Inf\n"
            "odd -Inf\nodd -0\nodd 1e+21\nodd 5e-324\nodd 9007199254740992\n");
}

TEST(Families, RollsBackToAMark) {
  Families families;
  add_sample(add_gauge(families, "kept", ""), 1, {{"l", "v"}});
  const auto mark = families.mark();
  auto& dropped = add_gauge(families, "dropped", "");
  for (int i = 0; i < 1000; ++i) add_sample(dropped, i, {{"l", std::string(100, 'x')}});
  families.rollback(mark);
  add_sample(add_gauge(families, "later", ""), 2, {{"l", "w"}});
  EXPECT_EQ(text_of(families), "# TYPE kept gauge\nkept{l=\"v\"} 1\n# TYPE later gauge\nlater{l=\"w\"} 2\n");
  EXPECT_EQ(families.sample_count(), 2u);
}

TEST(Families, IsTheSameAfterClearWhateverCameBefore) {
  Families families;
  const auto fill = [&](int samples) {
    families.clear();
    auto& z = add_gauge(families, "z", "");
    auto& y = add_gauge(families, samples % 2 == 0 ? "y" : "zz", "");
    for (int i = 0; i < samples; ++i) {
      add_sample(z, i, {{"l", std::to_string(i)}});
      add_sample(y, i, {{"l", std::string(300, 'y')}});
    }
    return text_of(families);
  };
  const std::string small = fill(3);
  const std::string large = fill(20'000);
  EXPECT_EQ(fill(3), small);
  EXPECT_EQ(fill(4).find("# TYPE y"), 0u);
  EXPECT_EQ(fill(20'000), large);
}

TEST(Families, TakesALabelLargerThanABlock) {
  Families families;
  const std::string value(200'000, '"');
  add_sample(add_gauge(families, "x", ""), 1, {{"l", value}});
  EXPECT_EQ(text_of(families).size(), 2 * value.size() + std::string("# TYPE x gauge\nx{l=\"\"} 1\n").size());
}

TEST(PrometheusFamilies, ComeInAndGoOutWhole) {
  std::vector<prometheus::MetricFamily> in(2);
  in[0].name = "h";
  in[0].type = prometheus::MetricType::Histogram;
  for (const char* path : {"/a", "/b"}) {
    auto& metric = in[0].metric.emplace_back();
    metric.label = {{"path", path}};
    metric.histogram.bucket = {{2, 0.5}};
    metric.histogram.sample_sum = 1.25;
    metric.histogram.sample_count = 3;
  }
  in[1].name = "s";
  in[1].type = prometheus::MetricType::Summary;
  auto& summary = in[1].metric.emplace_back().summary;
  summary.quantile = {{0.99, 7}};
  summary.sample_sum = 8;
  summary.sample_count = 2;
  Families families;
  append_prometheus(families, in);
  EXPECT_EQ(text_of(families),
            "# TYPE h histogram\nh_bucket{path=\"/a\",le=\"0.5\"} 2\nh_bucket{path=\"/a\",le=\"+Inf\"} 3\n"
            "h_sum{path=\"/a\"} 1.25\nh_count{path=\"/a\"} 3\nh_bucket{path=\"/b\",le=\"0.5\"} 2\n"
            "h_bucket{path=\"/b\",le=\"+Inf\"} 3\nh_sum{path=\"/b\"} 1.25\nh_count{path=\"/b\"} 3\n"
            "# TYPE s summary\ns{quantile=\"0.99\"} 7\ns_sum 8\ns_count 2\n");
  const auto out = to_prometheus(families);
  ASSERT_EQ(out.size(), 2u);
  ASSERT_EQ(out[0].metric.size(), 2u);
  EXPECT_EQ(out[0].metric[1].label[0].value, "/b");
  EXPECT_EQ(out[0].metric[1].histogram.bucket.size(), 2u);
  EXPECT_EQ(out[0].metric[1].histogram.sample_count, 3u);
  EXPECT_EQ(out[1].metric[0].summary.quantile[0].value, 7);
}

}  // namespace
}  // namespace tidemark::exporter::testing
