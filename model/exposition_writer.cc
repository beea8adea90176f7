#include "model/exposition_writer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "model/number.h"

namespace tidemark {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

std::string_view type_name(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Gauge:
      return "gauge";
    case MetricType::Summary:
      return "summary";
    case MetricType::Histogram:
      return "histogram";
    case MetricType::Untyped:
      return "untyped";
  }
  return "untyped";
}

// HELP knows two escapes, a label value a third one for the quote it stands in.
void append_escaped(std::string& out, std::string_view text, bool in_quotes) {
  size_t clean = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '\\' && c != '\n' && !(in_quotes && c == '"')) continue;
    out.append(text, clean, i - clean);
    out += '\\';
    out += c == '\n' ? 'n' : c;
    clean = i + 1;
  }
  out.append(text, clean);
}

void append_integer(std::string& out, int64_t v) {
  char digits[20];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, v);
  out.append(digits, end);
}

// Nearly all values are whole numbers, and to_chars takes a third of the time for those. 2^53: all are exact below it.
void append_value(std::string& out, double v) {
  if (std::abs(v) < 0x1p53 && v == std::trunc(v) && !(v == 0 && std::signbit(v))) {
    append_integer(out, static_cast<int64_t>(v));
  } else {
    append_float(out, v);
  }
}

class GroupWriter {
 public:
  GroupWriter(std::string& out, std::string_view name) : out_(out), name_(name) {}

  void write(const ClientMetric& metric, MetricType type) {
    switch (type) {
      case MetricType::Counter:
        return line("", metric, metric.counter.value);
      case MetricType::Gauge:
        return line("", metric, metric.gauge.value);
      case MetricType::Untyped:
        return line("", metric, metric.untyped.value);
      case MetricType::Summary:
        for (const auto& q : metric.summary.quantile) line("", metric, q.value, "quantile", q.quantile);
        line("_sum", metric, metric.summary.sample_sum);
        return line("_count", metric, static_cast<double>(metric.summary.sample_count));
      case MetricType::Histogram:
        return write_histogram(metric);
    }
  }

 private:
  void write_histogram(const ClientMetric& metric) {
    const auto& histogram = metric.histogram;
    double last_bound = -INFINITY;
    for (const auto& bucket : histogram.bucket) {
      line("_bucket", metric, static_cast<double>(bucket.cumulative_count), "le", bucket.upper_bound);
      last_bound = bucket.upper_bound;
    }
    // Readers need the bucket that holds everything; not every source of families adds it.
    if (last_bound != INFINITY) line("_bucket", metric, static_cast<double>(histogram.sample_count), "le", INFINITY);
    line("_sum", metric, histogram.sample_sum);
    line("_count", metric, static_cast<double>(histogram.sample_count));
  }

  void line(std::string_view suffix, const ClientMetric& metric, double v, std::string_view extra_name = {},
            double extra_value = 0) {
    out_ += name_;
    out_ += suffix;
    char before = '{';
    for (const auto& label : metric.label) {
      out_ += before;
      out_ += label.name;
      out_ += "=\"";
      append_escaped(out_, label.value, true);
      out_ += '"';
      before = ',';
    }
    if (!extra_name.empty()) {
      out_ += before;
      out_ += extra_name;
      out_ += "=\"";
      append_value(out_, extra_value);
      out_ += '"';
      before = ',';
    }
    if (before == ',') out_ += '}';
    out_ += ' ';
    append_value(out_, v);
    if (metric.timestamp_ms != 0) {
      out_ += ' ';
      append_integer(out_, metric.timestamp_ms);
    }
    out_ += '\n';
  }

  std::string& out_;
  const std::string_view name_;
};

void write_head(std::string& out, const MetricFamily& family) {
  if (!family.help.empty()) {
    out += "# HELP ";
    out += family.name;
    out += ' ';
    append_escaped(out, family.help, false);
    out += '\n';
  }
  out += "# TYPE ";
  out += family.name;
  out += ' ';
  out += type_name(family.type);
  out += '\n';
}

}  // namespace

void write_exposition(std::string& out, std::span<const MetricFamily> families) {
  std::vector<const MetricFamily*> sorted;
  sorted.reserve(families.size());
  for (const MetricFamily& family : families) {
    if (!family.metric.empty()) sorted.push_back(&family);
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const MetricFamily* a, const MetricFamily* b) { return a->name < b->name; });
  const MetricFamily* group = nullptr;
  for (const MetricFamily* family : sorted) {
    if (group == nullptr || group->name != family->name) {
      group = family;
      write_head(out, *family);
    } else if (group->type != family->type) {
      continue;
    }
    GroupWriter writer(out, family->name);
    for (const ClientMetric& metric : family->metric) writer.write(metric, family->type);
  }
}

}  // namespace tidemark
