#include "model/labels.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "model/varint.h"

namespace tidemark {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_classic(std::string_view name, bool colons) {
  if (name.empty() || is_digit(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_letter(c) || is_digit(c) || (colons && c == ':'); });
}

// Label values as the exposition format and Prometheus' String() escape them.
void append_quoted(std::string& out, std::string_view value) {
  out += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  out += '"';
}

auto position(const std::vector<std::pair<std::string, std::string>>& pairs, std::string_view name) {
  return std::lower_bound(pairs.begin(), pairs.end(), name,
                          [](const auto& pair, std::string_view wanted) { return pair.first < wanted; });
}

}  // namespace

void LabelsView::Iterator::decode() {
  // Nearly all: both lengths are a byte. A byte of 0x80 or more is a long length's first, and never fits below.
  const size_t left = rest_.size();
  if (left >= 2) [[likely]] {
    const size_t name = static_cast<unsigned char>(rest_[0]);
    const size_t value_at = 2 + name;
    if (name < 0x80 && value_at <= left) [[likely]] {
      const size_t value = static_cast<unsigned char>(rest_[1 + name]);
      if (value < 0x80 && value <= left - value_at) [[likely]] {
        current_ = {{rest_.data() + 1, name}, {rest_.data() + value_at, value}};
        taken_ = value_at + value;
        return;
      }
    }
  }
  std::string_view in = rest_;
  if (!in.empty() && take_prefixed(in, current_.name) && take_prefixed(in, current_.value)) {
    taken_ = rest_.size() - in.size();
  } else {
    rest_ = {};
    current_ = {};
    taken_ = 0;
  }
}

size_t LabelsView::size() const {
  size_t texts = 0;
  for (std::string_view rest = encoded_; !rest.empty(); ++texts) {
    uint64_t bytes = 0;
    if (!take_varint(rest, bytes) || bytes > rest.size()) break;
    rest.remove_prefix(bytes);
  }
  return texts / 2;
}

std::string_view LabelsView::get(std::string_view name) const {
  for (const LabelView& label : *this) {
    if (label.name == name) return label.value;
    if (label.name > name) break;
  }
  return {};
}

uint64_t LabelsView::hash() const { return XXH3_64bits(encoded_.data(), encoded_.size()); }

std::string LabelsView::to_string() const {
  std::string out;
  const std::string_view metric = metric_name();
  const bool plain_metric = is_classic_metric_name(metric);
  if (plain_metric) out += metric;
  if (plain_metric && size() == 1) return out;
  out += '{';
  bool first = true;
  if (!metric.empty() && !plain_metric) {
    append_quoted(out, metric);
    first = false;
  }
  for (const LabelView& label : *this) {
    if (label.name == kMetricName) continue;
    if (!first) out += ", ";
    first = false;
    if (is_classic_label_name(label.name)) {
      out += label.name;
    } else {
      append_quoted(out, label.name);
    }
    out += '=';
    append_quoted(out, label.value);
  }
  out += '}';
  return out;
}

std::strong_ordering operator<=>(LabelsView a, LabelsView b) {
  auto i = a.begin();
  auto j = b.begin();
  for (; i != a.end() && j != b.end(); ++i, ++j) {
    if (const auto order = i->name <=> j->name; std::is_neq(order)) return order;
    if (const auto order = i->value <=> j->value; std::is_neq(order)) return order;
  }
  return (i != a.end()) <=> (j != b.end());
}

bool is_valid_encoding(std::string_view bytes) {
  std::string_view previous;
  while (!bytes.empty()) {
    std::string_view name;
    std::string_view value;
    if (!take_prefixed(bytes, name) || !take_prefixed(bytes, value)) return false;
    if (value.empty() || name <= previous) return false;  // The first name is compared with "": it is not empty.
    previous = name;
  }
  return true;
}

void append_encoded_label(std::string& encoded, std::string_view name, std::string_view value) {
  constexpr size_t kShort = 64;
  if (name.size() < kShort && value.size() < kShort) {  // Appended at once: whole sets are put together of many.
    char bytes[2 * kShort];
    bytes[0] = static_cast<char>(name.size());
    std::memcpy(bytes + 1, name.data(), name.size());
    bytes[1 + name.size()] = static_cast<char>(value.size());
    std::memcpy(bytes + 2 + name.size(), value.data(), value.size());
    encoded.append(bytes, 2 + name.size() + value.size());
    return;
  }
  append_prefixed(encoded, name);
  append_prefixed(encoded, value);
}

Labels::Labels(std::initializer_list<LabelView> pairs) : Labels(from_pairs(pairs)) {}

Labels Labels::from_pairs(std::vector<LabelView> pairs) {
  std::stable_sort(pairs.begin(), pairs.end(), [](const LabelView& a, const LabelView& b) { return a.name < b.name; });
  Labels labels;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const bool overridden = i + 1 < pairs.size() && pairs[i + 1].name == pairs[i].name;
    if (!overridden && !pairs[i].value.empty()) append_encoded_label(labels.encoded_, pairs[i].name, pairs[i].value);
  }
  return labels;
}

void LabelsBuilder::reset(LabelsView base) {
  pairs_.clear();
  for (const LabelView& label : base) pairs_.emplace_back(label.name, label.value);
}

void LabelsBuilder::set(std::string_view name, std::string_view value) {
  if (value.empty()) return erase(name);
  const auto at = pairs_.begin() + (position(pairs_, name) - pairs_.cbegin());
  if (at != pairs_.end() && at->first == name) {
    at->second.assign(value);
  } else {
    pairs_.emplace(at, name, value);
  }
}

void LabelsBuilder::erase(std::string_view name) {
  const auto at = position(pairs_, name);
  if (at != pairs_.end() && at->first == name) pairs_.erase(at);
}

std::string_view LabelsBuilder::get(std::string_view name) const {
  const auto at = position(pairs_, name);
  return at != pairs_.end() && at->first == name ? std::string_view(at->second) : std::string_view();
}

Labels LabelsBuilder::build() const {
  Labels labels;
  for (const auto& [name, value] : pairs_) append_encoded_label(labels.encoded_, name, value);
  return labels;
}

bool is_classic_metric_name(std::string_view name) { return is_classic(name, true); }
bool is_classic_label_name(std::string_view name) { return is_classic(name, false); }

}  // namespace tidemark
