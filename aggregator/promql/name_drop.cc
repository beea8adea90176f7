#include "aggregator/promql/name_drop.h"

#include <string_view>

#include "aggregator/promql/label_sets.h"

namespace tidemark::promql {

Status NameDrop::drop(Series& series, bool whole) {
  series.drop_name = true;
  if (delayed_) return {};
  split_metadata(series.labels, metadata_, others_);
  if (!begun_) shared_ = metadata_;
  begun_ = true;
  Status status;
  if (have_ == Have::kSomeLabels) {
    mixed_ |= metadata_ != shared_;
  } else if (!mixed_ && metadata_ == shared_) {
    status = note(series, whole);
  } else {
    if (!mixed_) status = compare_noted();
    if (!status.ok()) return status;
    const LabelsView others(others_);
    status = whole ? collisions_.add_whole(others) : collisions_.add(others, series.column.all_present());
  }
  // Messages about histograms name the metric.
  if (!metadata_.empty() && !(unseen_ && series.column.histograms.empty())) series.labels.assign(LabelsView(others_));
  return status;
}

Status NameDrop::note(const Series& series, bool whole) {
  noted_labels_ += others_;
  noted_.push_back({noted_labels_.size(), whole, whole ? Presence() : series.column.all_present()});
  return charges_.add(others_.size() + sizeof(Noted) + series.column.steps() / 8);
}

Status NameDrop::compare_noted() {
  mixed_ = true;
  size_t begin = 0;
  for (const Noted& one : noted_) {
    const LabelsView labels(std::string_view(noted_labels_).substr(begin, one.end - begin));
    Status status = one.whole ? collisions_.add_whole(labels) : collisions_.add(labels, one.present);
    if (!status.ok()) return status;
    begin = one.end;
  }
  noted_ = {};
  noted_labels_ = {};
  return {};
}

}  // namespace tidemark::promql
