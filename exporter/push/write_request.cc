#include "exporter/push/write_request.h"

#include <snappy.h>

#include <algorithm>
#include <bit>

#include "model/labels.h"
#include "model/number.h"
#include "model/sample.h"
#include "model/varint.h"

namespace tidemark::exporter {
namespace {

constexpr char kLengthPrefixed = 2;
constexpr char field(int number, int wire_type) { return static_cast<char>(number << 3 | wire_type); }

void append_field(std::string& out, int number, std::string_view bytes) {
  out += field(number, kLengthPrefixed);
  append_prefixed(out, bytes);
}

// As Prometheus 3 stores bounds: "1" is "1.0".
std::string bound_text(double bound) {
  std::string text = format_float(bound);
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  return text;
}

}  // namespace

WriteRequestBuilder::WriteRequestBuilder(std::vector<std::pair<std::string, std::string>> labels)
    : own_labels_(std::move(labels)) {}

void WriteRequestBuilder::begin() {
  ++round_;
  samples_ = 0;
  message_.clear();
}

void WriteRequestBuilder::add_encoded(std::string_view labels, double v) {
  std::string sample;
  sample += field(1, 1);
  const auto bits = std::bit_cast<uint64_t>(v);
  for (int shift = 0; shift < 64; shift += 8) sample += static_cast<char>(bits >> shift & 0xff);
  sample += field(2, 0);
  append_varint(sample, static_cast<uint64_t>(now_ms_));
  message_ += field(1, kLengthPrefixed);
  append_varint(message_, labels.size() + 2 + sample.size());  // A sample is shorter than 128 bytes: one for its size.
  message_ += labels;
  append_field(message_, 2, sample);
  ++samples_;
}

void WriteRequestBuilder::add_series(std::string_view name, const Sample* sample, double v) {
  pairs_.clear();
  renamed_.clear();
  renamed_.reserve(64);
  pairs_.emplace_back(kMetricName, name);
  for (const auto& [own_name, own_value] : own_labels_) pairs_.emplace_back(own_name, own_value);
  const auto is_taken = [&](std::string_view label) {
    return std::any_of(pairs_.begin(), pairs_.end(), [&](const auto& pair) { return pair.first == label; });
  };
  if (sample != nullptr) {
    for (const Label& label : sample->labels()) {
      if (label.value.empty() || renamed_.size() + 1 >= renamed_.capacity()) continue;
      std::string_view shown = label.name;
      while (is_taken(shown)) shown = renamed_.emplace_back("exported_" + std::string(shown));
      pairs_.emplace_back(shown, label.value);
    }
    if (sample->part() == SamplePart::kBucket || sample->part() == SamplePart::kQuantile)
      pairs_.emplace_back(sample->part() == SamplePart::kBucket ? "le" : "quantile",
                          renamed_.emplace_back(bound_text(sample->bound())));
  }
  std::sort(pairs_.begin(), pairs_.end());
  series_.clear();
  for (const auto& [label, value] : pairs_) {
    std::string one;
    append_field(one, 1, label);
    append_field(one, 2, value);
    append_field(series_, 1, one);
  }
  const auto [at, is_new] = sent_.try_emplace(series_, round_);
  if (!is_new && at->second == round_) return;  // Given twice: a receiver would refuse the second.
  at->second = round_;
  add_encoded(series_, v);
}

WriteRequestBuilder::Request WriteRequestBuilder::build(const Families& families, int64_t now_ms) {
  begin();
  now_ms_ = now_ms;
  for (const Family* family : families.sorted()) {
    for (const Sample& sample : *family) {
      name_.assign(family->name()).append(part_suffix(sample.part()));
      add_series(name_, &sample, sample.value());
    }
  }
  add_series("up", nullptr, 1);
  for (auto at = sent_.begin(); at != sent_.end();) {
    if (at->second == round_) {
      ++at;
      continue;
    }
    add_encoded(at->first, stale_nan());
    at = sent_.erase(at);
  }
  return finish();
}

WriteRequestBuilder::Request WriteRequestBuilder::build_stale(int64_t now_ms) {
  begin();
  now_ms_ = now_ms;
  for (const auto& [labels, round] : sent_) add_encoded(labels, stale_nan());
  sent_.clear();
  return finish();
}

WriteRequestBuilder::Request WriteRequestBuilder::finish() {
  Request request;
  request.samples = samples_;
  snappy::Compress(message_.data(), message_.size(), &request.body);
  return request;
}

}  // namespace tidemark::exporter
