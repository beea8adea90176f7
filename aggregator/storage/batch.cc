#include "aggregator/storage/batch.h"

namespace tidemark::storage {

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kAccepted:
      return "accepted";
    case Outcome::kOverwrote:
      return "overwrote";
    case Outcome::kDuplicate:
      return "duplicate";
    case Outcome::kOutOfOrder:
      return "out_of_order";
    case Outcome::kTooOld:
      return "too_old";
    case Outcome::kTooNew:
      return "too_new";
    case Outcome::kUnknownRef:
      return "unknown_ref";
    case Outcome::kInvalidLabels:
      return "invalid_labels";
    case Outcome::kSeriesLimit:
      return "series_limit";
    case Outcome::kUnreadable:
      return "unreadable";
    case Outcome::kInvalidHistogram:
      return "invalid_histogram";
  }
  return "unknown";
}

size_t Batch::add(SeriesRef ref, LabelsView labels, int64_t t_ms, const Value& value) {
  const std::string_view encoded = labels.encoded();
  // Samples of one series come one after the other: their labels are kept once, whatever a peer sends.
  const bool repeated = !entries_.empty() && this->labels(entries_.size() - 1) == labels;
  const size_t offset = repeated ? entries_.back().labels_offset : label_bytes_.size();
  entries_.push_back(
      {ref, t_ms, value, static_cast<uint32_t>(offset), static_cast<uint32_t>(encoded.size()), Outcome::kAccepted});
  if (!repeated) label_bytes_ += encoded;
  return entries_.size() - 1;
}

void Batch::clear() {
  entries_.clear();
  label_bytes_.clear();
}

}  // namespace tidemark::storage
