#include "aggregator/promql/histogram_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "aggregator/promql/label_sets.h"
#include "aggregator/promql/polled_sort.h"
#include "aggregator/promql/quote.h"
#include "model/number.h"

namespace tidemark::promql {
namespace {

std::string for_metric(const QueryContext& context, LabelsView labels) {
  const std::string_view name = shown_name(context, labels);
  return name.empty() ? std::string() : " for metric name " + quoted(name);
}

class Splitter {
 public:
  Splitter(QueryContext& context, size_t steps, TextOffset at)
      : context_(context), pace_(context), charges_(context), steps_(steps), at_(at) {}

  Status add(const Series& series) {
    if (Status status = pace_.turn(kSeriesWork); !status.ok()) return status;
    if (!series.column.histograms.empty()) input_.native.push_back({&series, series.column.histograms.present});
    return series.column.present.any() ? add_bucket(series) : Status();
  }

  Result<HistogramInput> finish() {
    for (ClassicHistogram& histogram : input_.classic) {
      if (Status status = pace_.turn(kSeriesWork); !status.ok()) return fail(std::move(status));
      const auto less = [](const auto& a, const auto& b) { return a.upper_bound < b.upper_bound; };
      if (Status status = polled_stable_sort(context_, histogram.buckets, less); !status.ok()) {
        return fail(std::move(status));
      }
    }
    for (HistogramInput::Native& native : input_.native) {
      const auto found = places_.find(native.series->labels.encoded());
      if (found != places_.end()) part(native, input_.classic[found->second]);
    }
    return std::move(input_);
  }

 private:
  Status add_bucket(const Series& series) {
    static const std::array<std::string, 1> kBucket = {std::string(kBucketLabel)};
    const std::string_view text = series.labels.get(kBucketLabel);
    const Result<double> bound = parse_float(text);
    if (!bound) {
      context_.annotations().warn(fmt::format("bucket label \"{}\" is missing or has a malformed value of {}{}",
                                              kBucketLabel, quoted(text), for_metric(context_, series.labels)),
                                  at_);
      return {};
    }
    drop_labels(series.labels, kBucket, encoded_);
    const auto [place, is_new] = places_.try_emplace(encoded_, input_.classic.size());
    if (is_new) input_.classic.push_back({Labels(LabelsView(encoded_)), {}, Presence(steps_)});
    input_.classic[place->second].buckets.push_back({*bound, &series.column});
    constexpr size_t kHistogramBytes = sizeof(ClassicHistogram) + 96;  // With the map's node.
    return charges_.add(2 * sizeof(ClassicHistogram::BucketSeries) +
                        (is_new ? kHistogramBytes + 2 * encoded_.size() + steps_ / 8 : 0));
  }

  void part(HistogramInput::Native& native, ClassicHistogram& classic) {
    Presence buckets(steps_);
    for (const auto& bucket : classic.buckets) buckets.add(bucket.counts->present);
    bool both = false;
    for (size_t w = 0; w < buckets.word_count(); ++w) {
      const uint64_t conflict = buckets.word(w) & native.usable.word(w);
      both |= conflict != 0;
      native.usable.word(w) &= ~conflict;
      classic.excluded.word(w) |= conflict;
    }
    if (!both) return;
    context_.annotations().warn(
        "vector contains a mix of classic and native histograms" + for_metric(context_, classic.labels), at_);
  }

  QueryContext& context_;
  Pace pace_;
  SmallCharges charges_;
  const size_t steps_;
  const TextOffset at_;
  HistogramInput input_;
  std::unordered_map<std::string, size_t> places_;  // Encoded labels without `le`, to a place in input_.classic.
  std::string encoded_;
};

}  // namespace

void ClassicHistogram::buckets_at(size_t step, std::vector<Bucket>& out) const {
  out.clear();
  if (excluded.get(step)) return;
  for (const BucketSeries& bucket : buckets) {
    if (bucket.counts->present.get(step)) out.push_back({bucket.upper_bound, bucket.counts->v[step]});
  }
}

Result<HistogramInput> split_histograms(QueryContext& context, const Matrix& input, size_t steps, TextOffset at) {
  Splitter splitter(context, steps, at);
  for (const Series& series : input.series()) {
    if (Status status = splitter.add(series); !status.ok()) return fail(std::move(status));
  }
  return splitter.finish();
}

std::string_view shown_name(const QueryContext& context, LabelsView labels) {
  return context.delayed_name_removal() ? labels.metric_name() : std::string_view();
}

}  // namespace tidemark::promql
