#include "aggregator/tsdb/batch_writer.h"

#include <fmt/format.h>

#include <utility>

namespace tidemark::tsdb {
namespace {

constexpr size_t kBatchSamples = 10'000;
constexpr size_t kSeriesKept = 100'000;

}  // namespace

void BatchWriter::series(const Labels& labels) {
  if (!series_.empty() && current_ < series_.size() && series_[current_].labels == labels) return;
  const auto found = by_labels_.find(labels.encoded());
  if (found != by_labels_.end()) {
    current_ = found->second;
    return;
  }
  if (series_.size() >= kSeriesKept && batch_.empty()) {
    series_.clear();
    by_labels_.clear();
  }
  current_ = series_.size();
  series_.push_back({labels, storage::kNoRef});
  by_labels_.emplace(labels.encoded(), current_);
}

void BatchWriter::add_to(storage::Batch& batch, size_t series, int64_t t_ms, const storage::Value& value) {
  const Series& one = series_[series];
  batch.add(one.ref, one.ref == storage::kNoRef ? one.labels.view() : LabelsView(), t_ms, value);
}

Status BatchWriter::add(int64_t t_ms, double v, int64_t start_ms) {
  series_of_.push_back(current_);
  add_to(batch_, current_, t_ms, {v, nullptr, start_ms});
  return batch_.size() >= kBatchSamples ? flush() : Status();
}

Status BatchWriter::add(int64_t t_ms, HistogramRef histogram, int64_t start_ms) {
  series_of_.push_back(current_);
  add_to(batch_, current_, t_ms, {0, histogram.get(), start_ms});
  histograms_.push_back(std::move(histogram));
  return batch_.size() >= kBatchSamples ? flush() : Status();
}

Status BatchWriter::flush() {
  if (batch_.empty()) return {};
  if (const auto committed = store_.commit(batch_); !committed) return committed.error();
  std::vector<size_t> again;
  for (size_t i = 0; i < batch_.size(); ++i) {
    Series& series = series_[series_of_[i]];
    if (batch_.outcome(i) == storage::Outcome::kUnknownRef) {
      series.ref = storage::kNoRef;
      again.push_back(i);
      continue;
    }
    count(batch_.outcome(i));
    if (batch_.ref(i) != storage::kNoRef) series.ref = batch_.ref(i);
  }
  Status status = again.empty() ? Status() : send_again(again);
  batch_.clear();
  series_of_.clear();
  histograms_.clear();
  return status;
}

// Series that have left memory since their refs were given.
Status BatchWriter::send_again(const std::vector<size_t>& samples) {
  storage::Batch batch;
  for (const size_t i : samples) add_to(batch, series_of_[i], batch_.t_ms(i), batch_.value(i));
  if (const auto committed = store_.commit(batch); !committed) return committed.error();
  for (size_t i = 0; i < batch.size(); ++i) count(batch.outcome(i));
  return {};
}

std::string describe_refusals(const storage::CommitReport& report) {
  std::string out;
  for (size_t i = 0; i < storage::kOutcomeCount; ++i) {
    const auto outcome = static_cast<storage::Outcome>(i);
    if (outcome == storage::Outcome::kAccepted || report.count[i] == 0) continue;
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", report.count[i], storage::outcome_name(outcome));
  }
  return out;
}

}  // namespace tidemark::tsdb
