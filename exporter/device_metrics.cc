#include "exporter/device_metrics.h"

#include "model/utf8.h"

namespace tidemark::exporter {
namespace {

bool is_word(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

}  // namespace

AttributeTable::AttributeTable(std::span<const Attribute> attributes, Families& out) : attributes_(attributes) {
  families_.reserve(attributes.size());
  for (const Attribute& one : attributes) families_.push_back(&add_family(out, one.family, one.type, one.help));
}

void AttributeTable::add(const Directory& device, const LabelSet& labels) {
  for (size_t i = 0; i < attributes_.size(); ++i) {
    if (const auto v = device.number(attributes_[i].file)) families_[i]->add(*v / attributes_[i].divisor, labels);
  }
}

void LabelMap::set(std::string_view name, std::string_view value) {
  labels_.insert_or_assign(std::string(name), valid_utf8(value));
}

void LabelMap::set_from(std::string_view name, const Directory& device, const std::string& file) {
  const auto text = device.text(file);
  if (text && !text->empty()) set(name, *text);
}

std::span<const Label> LabelMap::labels() {
  views_.clear();
  for (const auto& [name, value] : labels_) views_.push_back({name, value});
  return views_;
}

Family& FamilySet::find(std::string_view name, MetricType type, std::string_view help) {
  const auto found = families_.find(name);
  if (found != families_.end()) return *found->second;
  Family& family = add_family(out_, name, type, help);
  families_.emplace(name, &family);
  return family;
}

std::string metric_name_part(std::string_view name) {
  std::string out;
  bool replacing = false;
  for (const char c : name) {
    if (!is_word(c)) {
      while (!replacing && out.ends_with('_')) out.pop_back();
      if (!replacing) out += '_';
      replacing = true;
    } else if (c != '_' || !replacing) {
      out += c;
      replacing = false;
    }
  }
  return out;
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  bool in_malformed = false;
  while (!text.empty()) {
    const size_t bytes = utf8_sequence_length(text);
    if (bytes > 0) out.append(text.substr(0, bytes));
    if (bytes == 0 && !in_malformed) out += "\xEF\xBF\xBD";
    in_malformed = bytes == 0;
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  return out;
}

}  // namespace tidemark::exporter
