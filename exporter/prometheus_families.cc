#include "exporter/prometheus_families.h"

#include <cmath>

namespace tidemark::exporter {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

MetricType from_prometheus(prometheus::MetricType type) {
  switch (type) {
    case prometheus::MetricType::Counter:
      return MetricType::kCounter;
    case prometheus::MetricType::Gauge:
      return MetricType::kGauge;
    case prometheus::MetricType::Summary:
      return MetricType::kSummary;
    case prometheus::MetricType::Histogram:
      return MetricType::kHistogram;
    case prometheus::MetricType::Untyped:
      break;
  }
  return MetricType::kUnknown;
}

prometheus::MetricType to_prometheus(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return prometheus::MetricType::Counter;
    case MetricType::kGauge:
      return prometheus::MetricType::Gauge;
    case MetricType::kSummary:
      return prometheus::MetricType::Summary;
    case MetricType::kHistogram:
      return prometheus::MetricType::Histogram;
    case MetricType::kUnknown:
      break;
  }
  return prometheus::MetricType::Untyped;
}

void append_metric(Family& to, const ClientMetric& metric, const LabelSet& labels) {
  switch (to.type()) {
    case MetricType::kCounter:
      return to.add(metric.counter.value, labels);
    case MetricType::kGauge:
      return to.add(metric.gauge.value, labels);
    case MetricType::kUnknown:
      return to.add(metric.untyped.value, labels);
    case MetricType::kSummary:
      for (const auto& q : metric.summary.quantile) to.add(q.value, labels, SamplePart::kQuantile, q.quantile);
      to.add(metric.summary.sample_sum, labels, SamplePart::kSum);
      return to.add(static_cast<double>(metric.summary.sample_count), labels, SamplePart::kCount);
    case MetricType::kHistogram: {
      const auto count = static_cast<double>(metric.histogram.sample_count);
      double last_bound = -INFINITY;
      for (const auto& bucket : metric.histogram.bucket) {
        last_bound = bucket.upper_bound;
        to.add(static_cast<double>(bucket.cumulative_count), labels, SamplePart::kBucket, last_bound);
      }
      if (last_bound != INFINITY) to.add(count, labels, SamplePart::kBucket, INFINITY);
      to.add(metric.histogram.sample_sum, labels, SamplePart::kSum);
      return to.add(count, labels, SamplePart::kCount);
    }
  }
}

// Puts a sample into `metrics`: a metric of its own, or the next part of the last one, which its count ends.
void put_sample(MetricType type, const Sample& sample, bool begins, std::vector<ClientMetric>& metrics) {
  if (begins) {
    ClientMetric& metric = metrics.emplace_back();
    for (const Label& label : sample.labels()) {
      auto& to = metric.label.emplace_back();
      to.name = label.name;
      to.value = label.value;
    }
  }
  ClientMetric& metric = metrics.back();
  const bool histogram = type == MetricType::kHistogram;
  const auto count = [&] { return static_cast<uint64_t>(std::max(sample.value(), 0.0)); };
  switch (sample.part()) {
    case SamplePart::kValue:
      if (type == MetricType::kCounter) metric.counter.value = sample.value();
      if (type == MetricType::kGauge) metric.gauge.value = sample.value();
      if (type == MetricType::kUnknown) metric.untyped.value = sample.value();
      return;
    case SamplePart::kBucket: {
      auto& bucket = metric.histogram.bucket.emplace_back();
      bucket.cumulative_count = count();
      bucket.upper_bound = sample.bound();
      return;
    }
    case SamplePart::kQuantile: {
      auto& quantile = metric.summary.quantile.emplace_back();
      quantile.quantile = sample.bound();
      quantile.value = sample.value();
      return;
    }
    case SamplePart::kSum:
      (histogram ? metric.histogram.sample_sum : metric.summary.sample_sum) = sample.value();
      return;
    case SamplePart::kCount:
      (histogram ? metric.histogram.sample_count : metric.summary.sample_count) = count();
  }
}

}  // namespace

void append_prometheus(Families& out, std::span<const MetricFamily> families) {
  std::vector<Label> labels;
  for (const MetricFamily& family : families) {
    Family& to = out.add_family(family.name, from_prometheus(family.type), family.help);
    for (const ClientMetric& metric : family.metric) {
      labels.clear();
      for (const auto& label : metric.label) labels.push_back({label.name, label.value});
      append_metric(to, metric, out.add_labels(labels));
    }
  }
}

std::vector<MetricFamily> to_prometheus(const Families& families) {
  std::vector<MetricFamily> out;
  out.reserve(families.sorted().size());
  for (const Family* family : families.sorted()) {
    MetricFamily& to = out.emplace_back();
    to.name = family->name();
    to.help = family->help();
    to.type = to_prometheus(family->type());
    bool begins = true;
    for (const Sample& sample : *family) {
      put_sample(family->type(), sample, begins, to.metric);
      begins = sample.part() == SamplePart::kValue || sample.part() == SamplePart::kCount;
    }
  }
  return out;
}

}  // namespace tidemark::exporter
