#include "tests/promql/promqltest/histogram_literal.h"

#include <fmt/format.h>

#include <array>
#include <utility>
#include <vector>

#include "model/number.h"

namespace tidemark::promqltest {
namespace {

constexpr std::array<std::string_view, 4> kHints = {"unknown", "reset", "not_reset", "gauge"};

void skip_blanks(std::string_view& text) { text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size())); }

// Up to a blank, or what ends a list or the whole.
std::string_view take_token(std::string_view& text) {
  const std::string_view token = text.substr(0, text.find_first_of(" \t]}"));
  text.remove_prefix(token.size());
  return token;
}

bool take_list(std::string_view& text, std::vector<double>& out) {
  if (!text.starts_with('[')) return false;
  text.remove_prefix(1);
  for (;;) {
    skip_blanks(text);
    if (text.starts_with(']')) break;
    const auto number = parse_float(take_token(text));
    if (!number) return false;
    out.push_back(*number);
  }
  text.remove_prefix(1);
  return true;
}

class Reader {
 public:
  Result<HistogramLiteral> read(std::string_view& text) {
    if (!text.starts_with("{{")) return fail(Status::invalid("a histogram begins with {{"));
    text.remove_prefix(2);
    for (;;) {
      skip_blanks(text);
      if (text.starts_with("}}")) break;
      const size_t colon = text.find(':');
      if (colon == std::string_view::npos) return fail(Status::invalid("a histogram's parts are key:value"));
      const std::string_view key = text.substr(0, colon);
      text.remove_prefix(colon + 1);
      if (!value(key, text)) return fail(Status::invalid(fmt::format("bad {} of a histogram", key)));
    }
    text.remove_prefix(2);
    NativeHistogram& h = literal_.histogram;
    if (!h.positive.counts.empty()) h.positive.spans = {{offset_, static_cast<uint32_t>(h.positive.counts.size())}};
    if (!h.negative.counts.empty()) h.negative.spans = {{n_offset_, static_cast<uint32_t>(h.negative.counts.size())}};
    return std::move(literal_);
  }

 private:
  bool value(std::string_view key, std::string_view& text) {
    NativeHistogram& h = literal_.histogram;
    if (key == "buckets") return take_list(text, h.positive.counts);
    if (key == "n_buckets") return take_list(text, h.negative.counts);
    if (key == "custom_values") return take_list(text, h.bounds);
    const std::string_view token = take_token(text);
    if (key == "counter_reset_hint") return hint(token);
    const auto number = parse_float(token);
    if (!number) return false;
    if (key == "schema") {
      h.schema = static_cast<int32_t>(*number);
    } else if (key == "sum") {
      h.sum = *number;
    } else if (key == "count") {
      h.count = *number;
    } else if (key == "z_bucket") {
      h.zero_count = *number;
    } else if (key == "z_bucket_w") {
      h.zero_threshold = *number;
    } else if (key == "offset") {
      offset_ = static_cast<int32_t>(*number);
    } else if (key == "n_offset") {
      n_offset_ = static_cast<int32_t>(*number);
    } else {
      return false;
    }
    return true;
  }

  bool hint(std::string_view name) {
    for (size_t i = 0; i < kHints.size(); ++i) {
      if (kHints[i] != name) continue;
      literal_.histogram.reset = static_cast<CounterReset>(i);
      literal_.hint_given = true;
      return true;
    }
    return false;
  }

  HistogramLiteral literal_;
  int32_t offset_ = 0;
  int32_t n_offset_ = 0;
};

void append_list(std::string& out, std::string_view key, const std::vector<double>& list) {
  out += fmt::format(" {}:[", key);
  for (size_t i = 0; i < list.size(); ++i) out += (i == 0 ? "" : " ") + format_float(list[i]);
  out += ']';
}

void append_side(std::string& out, const BucketList& list, std::string_view prefix) {
  if (list.empty()) return;
  int32_t first = 0;
  std::vector<double> counts;
  list.for_each([&](int32_t place, double count) {
    if (counts.empty()) first = place;
    counts.resize(static_cast<size_t>(place - first));
    counts.push_back(count);
  });
  if (first != 0) out += fmt::format(" {}offset:{}", prefix, first);
  append_list(out, fmt::format("{}buckets", prefix), counts);
}

}  // namespace

Result<HistogramLiteral> take_histogram(std::string_view& text) { return Reader().read(text); }

std::string histogram_literal(const NativeHistogram& h) {
  std::string out = "{{";
  if (h.schema != 0) out += fmt::format("schema:{} ", h.schema);
  out += fmt::format("count:{} sum:{}", format_float(h.count), format_float(h.sum));
  if (h.zero_count != 0) out += " z_bucket:" + format_float(h.zero_count);
  if (h.zero_threshold != 0) out += " z_bucket_w:" + format_float(h.zero_threshold);
  if (h.has_custom_buckets()) append_list(out, "custom_values", h.bounds);
  if (h.reset != CounterReset::kUnknown) {
    out += fmt::format(" counter_reset_hint:{}", kHints[static_cast<size_t>(h.reset)]);
  }
  append_side(out, h.positive, "");
  append_side(out, h.negative, "n_");
  return out + "}}";
}

}  // namespace tidemark::promqltest
