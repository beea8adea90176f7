#include "aggregator/promql/classic_histogram.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>
#include <vector>

#include "aggregator/promql/label_sets.h"
#include "aggregator/promql/quantile.h"
#include "aggregator/promql/quote.h"
#include "aggregator/promql/text.h"
#include "model/number.h"

namespace tidemark::promql {
namespace {

// The buckets that differ in `le` only.
struct Histogram {
  struct BucketSeries {
    double upper_bound;
    const Column* counts;
  };
  Labels labels;
  bool drop_name = false;
  std::vector<BucketSeries> buckets;  // By bound, once all are there.
};

std::vector<Histogram> group_buckets(QueryContext& context, Matrix& input, TextOffset at) {
  static const std::array<std::string, 1> kBucket = {std::string(kBucketLabel)};
  std::vector<Histogram> histograms;
  std::unordered_map<std::string, size_t> places;
  std::string encoded;
  for (const Series& series : input.series()) {
    const std::string_view text = series.labels.get(kBucketLabel);
    const Result<double> bound = parse_float(text);
    if (!bound) {
      std::string warning =
          fmt::format("bucket label \"{}\" is missing or has a malformed value of {}", kBucketLabel, quoted(text));
      const std::string_view name = series.labels.metric_name();
      if (context.delayed_name_removal() && !name.empty()) warning += " for metric name " + quoted(name);
      context.annotations().warn(std::move(warning), at);
      continue;
    }
    drop_labels(series.labels, kBucket, encoded);
    const auto [place, is_new] = places.try_emplace(encoded, histograms.size());
    if (is_new) histograms.push_back({Labels(LabelsView(encoded)), true, {}});
    histograms[place->second].buckets.push_back({*bound, &series.column});
  }
  for (Histogram& histogram : histograms) {
    std::stable_sort(histogram.buckets.begin(), histogram.buckets.end(),
                     [](const auto& a, const auto& b) { return a.upper_bound < b.upper_bound; });
  }
  return histograms;
}

void quantiles_of(QueryContext& context, const Grid& grid, const Column& q, const Histogram& histogram, TextOffset at,
                  Column& out) {
  const std::string_view shown_name =
      context.delayed_name_removal() ? histogram.labels.metric_name() : std::string_view();
  std::vector<Bucket> buckets;
  for (size_t step = 0; step < grid.steps; ++step) {
    buckets.clear();
    for (const auto& bucket : histogram.buckets) {
      if (bucket.counts->present.get(step)) buckets.push_back({bucket.upper_bound, bucket.counts->v[step]});
    }
    if (buckets.empty()) continue;
    const BucketQuantile result = bucket_quantile(q.v[step], buckets);
    out.set(step, result.value);
    if (result.forced_monotonic) {
      const int64_t t_ms = grid.time_ms(step);
      context.annotations().forced_monotonicity(
          shown_name, {t_ms, t_ms, result.min_bound, result.max_bound, result.max_difference, 1}, at);
    }
  }
}

}  // namespace

Status histogram_quantile(QueryContext& context, const Grid& grid, const Column& q, Matrix& input, TextOffset at,
                          SeriesSink& sink) {
  CollisionCheck collisions;
  Series out;
  for (Histogram& histogram : group_buckets(context, input, at)) {
    if (Status status = context.poll(); !status.ok()) return status;
    out.column.reset(grid.steps);
    quantiles_of(context, grid, q, histogram, at, out.column);
    out.labels = context.delayed_name_removal() ? std::move(histogram.labels) : without_metadata(histogram.labels);
    out.drop_name = true;
    if (Status status = collisions.add(out.labels, out.column.present); !status.ok()) return status;
    if (Status status = sink.consume(out); !status.ok()) return status;
  }
  return {};
}

}  // namespace tidemark::promql
