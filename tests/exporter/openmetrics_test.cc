// OpenMetrics: the page, and who gets it.
#include "exporter/openmetrics_page.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tidemark::exporter::testing {
namespace {

TEST(OpenMetrics, KeepsEverySamplesName) {
  Families families;
  add_sample(add_counter(families, "a_total", "Say \"what\"\nand \\why."), 1, {{"x", "1\n"}});
  add_sample(add_counter(families, "b", "A counter without the suffix."), 2);
  add_sample(add_counter(families, "c_total", "One whose family is another."), 3);
  add_sample(add_gauge(families, "c", ""), 4);
  add_sample(add_untyped(families, "d", ""), 5);
  auto& histogram = families.add_family("h", MetricType::kHistogram, "");
  const LabelSet labels = families.add_labels({{"y", "2"}});
  histogram.add(1, labels, SamplePart::kBucket, 0.25);
  histogram.add(2, labels, SamplePart::kBucket, 1);
  histogram.add(3, labels, SamplePart::kBucket, INFINITY);
  histogram.add(4.5, labels, SamplePart::kSum);
  histogram.add(3, labels, SamplePart::kCount);
  auto& summary = families.add_family("s", MetricType::kSummary, "");
  summary.add(7, LabelSet(), SamplePart::kQuantile, 0.5);
  summary.add(8, LabelSet(), SamplePart::kSum);
  families.seal();
  std::string out;
  write_openmetrics(out, families);
  EXPECT_EQ(out,
            "# TYPE a counter\n# HELP a Say \\\"what\\\"\\nand \\\\why.\na_total{x=\"1\\n\"} 1\n"
            "# TYPE b unknown\n# HELP b A counter without the suffix.\nb 2\n"
            "# TYPE c gauge\nc 4\n"
            "# TYPE c_total unknown\n# HELP c_total One whose family is another.\nc_total 3\n"
            "# TYPE d unknown\nd 5\n"
            "# TYPE h histogram\nh_bucket{y=\"2\",le=\"0.25\"} 1\nh_bucket{y=\"2\",le=\"1.0\"} 2\n"
            "h_bucket{y=\"2\",le=\"+Inf\"} 3\nh_sum{y=\"2\"} 4.5\nh_count{y=\"2\"} 3\n"
            "# TYPE s summary\ns{quantile=\"0.5\"} 7\ns_sum 8\n# EOF\n");
}

TEST(OpenMetrics, GoesToWhoPrefersIt) {
  const auto f = [](const char* accept, bool want) { EXPECT_EQ(prefers_openmetrics(accept), want) << accept; };
  f("", false);
  f("*/*", false);
  f("text/plain", false);
  f("application/openmetrics-text", true);
  f("application/openmetrics-text; version=1.0.0, text/plain;version=0.0.4;q=0.5", true);
  f("application/openmetrics-text;version=0.0.1", false);
  f("application/openmetrics-text;version=\"1.0.0\";q=0.2,text/plain;q=0.3", false);
  // Prometheus 2.42, and 3 with its escaping.
  f("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    true);
  f("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;"
    "q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    true);
  f(";;,,q=;version", false);
  f("application/openmetrics-text;q=nonsense", false);
}

}  // namespace
}  // namespace tidemark::exporter::testing
