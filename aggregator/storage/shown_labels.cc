#include "aggregator/storage/shown_labels.h"

#include "aggregator/storage/rollup_reader.h"

namespace tidemark::storage {

Status ShownLabels::add(const Values& values, const std::vector<std::string>& names, const Roaring& suspects) {
  return add(values, names, suspects, held_back_);
}

Status ShownLabels::add(const Values& values, const std::vector<std::string>& names, const Roaring& suspects, Tier tier,
                        Window window) {
  Roaring held_back;
  Status status = add(values, names, suspects, held_back);
  if (!held_back.isEmpty()) held_back_rollups_.push_back({tier, window, std::move(held_back)});
  return status;
}

Status ShownLabels::add(const Values& values, const std::vector<std::string>& names, const Roaring& suspects,
                        Roaring& held_back) {
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
        held_back |= *ids;
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

void ShownLabels::add(LabelsView labels) {
  for (const LabelView& label : labels) {
    if (name_.empty()) {
      add(label.name);
    } else if (label.name == name_) {
      add(label.value);
    }
  }
}

Status ShownLabels::finish_rollups(const ReadParts& parts, const TombstoneSet& tombstones) {
  for (const auto& [tier, window, ids] : held_back_rollups_) {
    for (const SeriesId id : ids) {
      auto buckets = read_rollup(parts.rocks, {}, tier, window, id);
      if (!buckets && buckets.error().code() != Code::kCorruption) return buckets.error();
      if (!buckets) continue;  // A select leaves it out, with a warning.
      tombstones.subtract(tier, window, id, *buckets);
      if (buckets->empty()) continue;
      const Result<std::string> labels = parts.records.labels(id);
      if (labels) add(LabelsView(*labels));
    }
  }
  return {};
}

Status ShownLabels::finish(const ReadParts& parts, Position view, StoreSeriesSet::Range range,
                           const TombstoneSet& tombstones) {
  if (Status status = finish_rollups(parts, tombstones); !status.ok()) return status;
  if (held_back_.isEmpty() || range.min_ms > range.max_ms) return {};
  const auto set = StoreSeriesSet::make(parts, view, held_back_, range);
  if (!set) return set.error();
  while ((*set)->next()) add((*set)->labels());
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
