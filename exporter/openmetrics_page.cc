#include "exporter/openmetrics_page.h"

#include <algorithm>
#include <cmath>

#include "exporter/text_page.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr std::string_view kTotal = "_total";

bool has_family(std::span<const Family* const> sorted, std::string_view name) {
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), name,
                                   [](const Family* family, std::string_view n) { return family->name() < n; });
  return at != sorted.end() && (*at)->name() == name;
}

struct Descriptor {
  std::string_view name;
  std::string_view type;
};

Descriptor describe(const Family& family, std::span<const Family* const> sorted) {
  std::string_view name = family.name();
  if (family.type() != MetricType::kCounter) return {name, metric_type_name(family.type())};
  if (!name.ends_with(kTotal) || name.size() == kTotal.size()) return {name, "unknown"};
  const std::string_view base = name.substr(0, name.size() - kTotal.size());
  return has_family(sorted, base) ? Descriptor{name, "unknown"} : Descriptor{base, "counter"};
}

void write_head(TextWriter& text, const Descriptor& is, std::string_view help) {
  text.room(2 * (is.name.size() + help.size() + 32));
  text.put("# TYPE ");
  text.put(is.name);
  text.put(' ');
  text.put(is.type);
  text.put('\n');
  if (help.empty()) return;
  text.put("# HELP ");
  text.put(is.name);
  text.put(' ');
  text.put_label_value(help);  // Here a double quote is escaped in HELP too.
  text.put('\n');
}

// TextWriter's put_series with the bound as a float.
void put_bounded_series(TextWriter& text, std::string_view name, const Sample& sample) {
  const LabelSet& labels = sample.labels();
  text.room(name.size() + 2 * labels.bytes() + 4 * labels.size() + 2 * TextWriter::kValueBytesMax + 64);
  const bool is_bucket = sample.part() == SamplePart::kBucket;
  text.put(name);
  text.put(is_bucket ? "_bucket{" : "{");
  for (const Label& label : labels) {
    text.put(label.name);
    text.put("=\"");
    text.put_label_value(label.value);
    text.put("\",");
  }
  text.put(is_bucket ? "le=\"" : "quantile=\"");
  text.put_value(sample.bound());
  if (std::abs(sample.bound()) < 1e21 && sample.bound() == std::trunc(sample.bound())) text.put(".0");
  text.put("\"} ");
}

std::string_view without_quotes(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
  return text;
}

// One element of Accept: "application/openmetrics-text;version=1.0.0;q=0.5".
struct Wish {
  std::string_view type;
  std::string_view version;
  double q = 1;
};

Wish read_wish(std::string_view element) {
  Wish wish;
  size_t semicolon = std::min(element.find(';'), element.size());
  wish.type = trimmed(element.substr(0, semicolon));
  while (semicolon < element.size()) {
    element.remove_prefix(semicolon + 1);
    semicolon = std::min(element.find(';'), element.size());
    const std::string_view parameter = trimmed(element.substr(0, semicolon));
    if (parameter.starts_with("version=")) wish.version = without_quotes(parameter.substr(8));
    if (parameter.starts_with("q=")) wish.q = to_double(parameter.substr(2)).value_or(0);
  }
  return wish;
}

}  // namespace

void write_openmetrics(std::string& out, const Families& families) {
  TextWriter text(out);
  std::string_view group;
  for (const Family* family : families.sorted()) {
    if (family->name() != group) write_head(text, describe(*family, families.sorted()), family->help());
    group = family->name();
    for (const Sample& sample : *family) {
      const bool bounded = sample.part() == SamplePart::kBucket || sample.part() == SamplePart::kQuantile;
      if (bounded) {
        put_bounded_series(text, family->name(), sample);
      } else {
        text.put_series(family->name(), sample);
      }
      text.put_value(sample.value());
      text.put('\n');
    }
  }
  text.room(8);
  text.put("# EOF\n");
}

bool prefers_openmetrics(std::string_view accept) {
  double openmetrics = 0;
  double other = 0;
  while (!accept.empty()) {
    const size_t comma = std::min(accept.find(','), accept.size());
    const Wish wish = read_wish(accept.substr(0, comma));
    accept.remove_prefix(std::min(comma + 1, accept.size()));
    const bool known_version = wish.version.empty() || wish.version == "1.0.0";
    if (wish.type == "application/openmetrics-text") {
      if (known_version) openmetrics = std::max(openmetrics, wish.q);
    } else if (wish.type == "text/plain" || wish.type == "text/*" || wish.type == "*/*") {
      other = std::max(other, wish.q);
    }
  }
  return openmetrics > other;
}

}  // namespace tidemark::exporter
