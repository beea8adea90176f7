// FakeAppender: a store in a map, with refs it can forget and samples it can refuse.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "aggregator/storage/appender.h"
#include "model/mutex.h"
#include "model/native_histogram.h"

namespace tidemark::remote::testing {

class FakeAppender final : public storage::Appender {
 public:
  Result<storage::CommitReport> commit(storage::Batch& batch) override {
    const MutexLock lock(mu_);
    ++commits_;
    if (!failure_.ok()) return fail(failure_);
    storage::CommitReport report;
    for (size_t i = 0; i < batch.size(); ++i) {
      const storage::Outcome outcome = add(batch, i);
      batch.set_outcome(i, outcome);
      ++report.count[static_cast<size_t>(outcome)];
    }
    return report;
  }

  void fail_with(Status status) {
    const MutexLock lock(mu_);
    failure_ = std::move(status);
  }
  void forget_refs() {
    const MutexLock lock(mu_);
    refs_.clear();
    by_labels_.clear();
  }
  // Samples older than this are out of order.
  void set_oldest_ms(int64_t oldest_ms) {
    const MutexLock lock(mu_);
    oldest_ms_ = oldest_ms;
  }

  // "{labels} t v" of everything stored, sorted.
  std::vector<std::string> samples() {
    const MutexLock lock(mu_);
    std::vector<std::string> out;
    for (const auto& [key, v] : samples_) {
      out.push_back(key.first + " " + std::to_string(key.second) + " " + std::to_string(static_cast<int64_t>(v)));
    }
    return out;
  }
  // "{labels} t start" of those with a start timestamp, sorted.
  std::vector<std::string> starts() {
    const MutexLock lock(mu_);
    std::vector<std::string> out;
    for (const auto& [key, start_ms] : starts_) {
      out.push_back(key.first + " " + std::to_string(key.second) + " " + std::to_string(start_ms));
    }
    return out;
  }
  // By "{labels} t".
  std::map<std::string, NativeHistogram> histograms() {
    const MutexLock lock(mu_);
    return histograms_;
  }
  int commits() {
    const MutexLock lock(mu_);
    return commits_;
  }
  int label_lookups() {
    const MutexLock lock(mu_);
    return label_lookups_;
  }

 private:
  storage::Outcome add(storage::Batch& batch, size_t i) TM_REQUIRES(mu_) {
    std::string labels;
    if (batch.ref(i) != storage::kNoRef) {
      const auto at = refs_.find(batch.ref(i));
      if (at == refs_.end()) return storage::Outcome::kUnknownRef;
      labels = at->second;
    } else {
      if (batch.labels(i).empty() || !is_valid_encoding(batch.labels(i).encoded())) {
        return storage::Outcome::kInvalidLabels;
      }
      labels = batch.labels(i).to_string();
      ++label_lookups_;
      if (!by_labels_.contains(labels)) {
        by_labels_[labels] = storage::SeriesRef{next_ref_++};
        refs_[by_labels_[labels]] = labels;
      }
      batch.set_ref(i, by_labels_[labels]);
    }
    if (batch.t_ms(i) < oldest_ms_) return storage::Outcome::kOutOfOrder;
    if (const NativeHistogram* const histogram = batch.value(i).histogram; histogram != nullptr) {
      if (!validate(*histogram).ok()) return storage::Outcome::kInvalidHistogram;
      const bool added = histograms_.insert_or_assign(labels + " " + std::to_string(batch.t_ms(i)), *histogram).second;
      if (batch.value(i).start_ms != kNoStart) starts_[{labels, batch.t_ms(i)}] = batch.value(i).start_ms;
      return added ? storage::Outcome::kAccepted : storage::Outcome::kDuplicate;
    }
    const auto [at, added] = samples_.emplace(std::pair(labels, batch.t_ms(i)), batch.value(i).number);
    if (added && batch.value(i).start_ms != kNoStart) starts_[at->first] = batch.value(i).start_ms;
    return added ? storage::Outcome::kAccepted : storage::Outcome::kDuplicate;
  }

  Mutex mu_;
  Status failure_ TM_GUARDED_BY(mu_);
  int64_t oldest_ms_ TM_GUARDED_BY(mu_) = INT64_MIN;
  uint64_t next_ref_ TM_GUARDED_BY(mu_) = 1;
  std::map<storage::SeriesRef, std::string> refs_ TM_GUARDED_BY(mu_);
  std::map<std::string, storage::SeriesRef> by_labels_ TM_GUARDED_BY(mu_);
  std::map<std::pair<std::string, int64_t>, double> samples_ TM_GUARDED_BY(mu_);
  std::map<std::pair<std::string, int64_t>, int64_t> starts_ TM_GUARDED_BY(mu_);
  std::map<std::string, NativeHistogram> histograms_ TM_GUARDED_BY(mu_);
  int commits_ TM_GUARDED_BY(mu_) = 0;
  int label_lookups_ TM_GUARDED_BY(mu_) = 0;
};

}  // namespace tidemark::remote::testing
