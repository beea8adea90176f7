#include "aggregator/storage/shown_labels.h"

namespace tidemark::storage {

Status ShownLabels::add(const Values& values, const std::vector<std::string>& names, const Roaring& suspects) {
  Status failed;
  const auto visit_values = [&](std::string_view name) {
    return values(name, [&](std::string_view value, const std::function<Result<Roaring>()>& read) {
      const std::string_view text = name_.empty() ? name : value;
      if (shown_.contains(text)) return !name_.empty();  // One value is enough for a name.
      const Result<Roaring> ids = read();
      if (!ids) {
        failed = ids.error();
        return false;
      }
      if (ids->isSubset(suspects)) {
        held_back_ |= *ids;
        return true;
      }
      shown_.emplace(text);
      return !name_.empty();
    });
  };
  if (!name_.empty()) {
    const Status status = visit_values(name_);
    return status.ok() ? failed : status;
  }
  for (const std::string& name : names) {
    if (Status status = visit_values(name); !status.ok()) return status;
    if (!failed.ok()) return failed;
  }
  return {};
}

Status ShownLabels::finish(const ReadParts& parts, Position view, StoreSeriesSet::Range range) {
  if (held_back_.isEmpty() || range.min_ms > range.max_ms) return {};
  const auto set = StoreSeriesSet::make(parts, view, held_back_, range);
  if (!set) return set.error();
  while ((*set)->next()) {
    for (const LabelView& label : (*set)->labels()) {
      if (name_.empty()) {
        add(label.name);
      } else if (label.name == name_) {
        add(label.value);
      }
    }
  }
  return (*set)->status();
}

std::vector<std::string> ShownLabels::take(size_t limit) const {
  std::vector<std::string> out;
  for (const std::string& one : shown_) {
    if (limit != 0 && out.size() == limit) break;
    out.push_back(one);
  }
  return out;
}

}  // namespace tidemark::storage
