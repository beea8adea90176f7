#include "tests/promql/promqltest/custom_buckets.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "model/bucket_builder.h"
#include "model/number.h"

namespace tidemark::promqltest {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

struct Classic {
  std::map<double, double> buckets;  // Upper bound to the count up to it.
  std::optional<double> count;
  double sum = 0;
};

Result<NativeHistogram> convert(Classic classic) {
  if (!classic.count) classic.count = classic.buckets.empty() ? 0 : classic.buckets.rbegin()->second;
  if (classic.buckets.empty() || classic.buckets.rbegin()->first != kInf) classic.buckets[kInf] = *classic.count;
  NativeHistogram h;
  h.schema = kCustomBuckets;
  h.count = *classic.count;
  h.sum = classic.sum;
  BucketBuilder buckets;
  double below = 0;
  int32_t place = 0;
  for (const auto& [bound, count] : classic.buckets) {
    if (count < below) return fail(Status::invalid(fmt::format("count is not cumulative: {} < {}", count, below)));
    buckets.append(place++, count - below);
    below = count;
    if (bound != kInf) h.bounds.push_back(bound);
  }
  if (h.count != below) return fail(Status::invalid(fmt::format("count mismatch: {} != {}", h.count, below)));
  h.positive = buckets.take();
  compact(h);
  return h;
}

using ByTime = std::map<int64_t, Classic>;

template <class Set>
void collect(const SeriesLine& line, int64_t gap_ms, ByTime& histograms, Set set) {
  for (size_t i = 0; i < line.values.size(); ++i) {
    if (line.values[i].kind != Value::Kind::kFloat) continue;
    set(histograms[static_cast<int64_t>(i) * gap_ms], line.values[i].number);
  }
}

}  // namespace

Result<std::vector<ConvertedSeries>> convert_classic_histograms(const Load& load) {
  std::map<Labels, ByTime> found;
  for (const SeriesLine& line : load.series) {
    const std::string_view name = line.labels.metric_name();
    const auto base = [&](std::string_view suffix) -> ByTime& {
      LabelsBuilder builder(line.labels);
      builder.set(kMetricName, name.substr(0, name.size() - suffix.size()));
      builder.erase(kBucketLabel);
      return found[builder.build()];
    };
    if (name.ends_with("_bucket")) {
      const auto bound = parse_float(line.labels.get(kBucketLabel));
      if (!bound || std::isnan(*bound)) continue;
      collect(line, load.gap_ms, base("_bucket"), [&](Classic& c, double v) { c.buckets.emplace(*bound, v); });
    } else if (name.ends_with("_count")) {
      collect(line, load.gap_ms, base("_count"), [](Classic& c, double v) { c.count = v; });
    } else if (name.ends_with("_sum")) {
      collect(line, load.gap_ms, base("_sum"), [](Classic& c, double v) { c.sum = v; });
    }
  }
  std::vector<ConvertedSeries> series;
  for (auto& [labels, histograms] : found) {
    ConvertedSeries& out = series.emplace_back();
    out.labels = labels;
    for (auto& [t_ms, classic] : histograms) {
      auto histogram = convert(std::move(classic));
      if (!histogram) return fail(histogram.error().at(labels.to_string()));
      out.samples.push_back({t_ms, std::make_shared<NativeHistogram>(std::move(*histogram))});
    }
  }
  return series;
}

}  // namespace tidemark::promqltest
