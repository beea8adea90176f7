// FakeAppender: a store of thirty lines. Keeps every sample by series, hands out refs, and fails when told to.
#pragma once

#include <fmt/format.h>

#include <map>
#include <string>
#include <vector>

#include "aggregator/storage/appender.h"
#include "model/mutex.h"
#include "model/number.h"
#include "model/sample.h"

namespace tidemark::testing {

// Thread-safe.
class FakeAppender final : public storage::Appender {
 public:
  Result<storage::CommitReport> commit(storage::Batch& batch) override {
    const MutexLock lock(mu_);
    ++commits_;
    if (failing_) return fail(Status::read_only("the disk is full"));
    storage::CommitReport report;
    for (size_t i = 0; i < batch.size(); ++i) {
      auto index = static_cast<size_t>(batch.ref(i));
      if (batch.ref(i) == storage::kNoRef) {
        ++labels_seen_;
        const std::string name = batch.labels(i).to_string();
        if (!by_name_.contains(name)) {
          names_.push_back(name);
          by_name_[name] = names_.size();
        }
        index = by_name_[name];
      }
      const bool known = index > forgotten_ || batch.ref(i) == storage::kNoRef;
      const auto outcome = known ? storage::Outcome::kAccepted : storage::Outcome::kUnknownRef;
      if (known) {
        samples_[names_[index - 1]].push_back({batch.t_ms(i), batch.value(i).number});
        batch.set_ref(i, storage::SeriesRef{index});
      }
      batch.set_outcome(i, outcome);
      ++report.count[static_cast<size_t>(outcome)];
    }
    return report;
  }

  // "1@1000 2@2000 stale@3000": times less `from_ms`. "" when the series never was.
  std::string series(const std::string& name, int64_t from_ms = 0) {
    const MutexLock lock(mu_);
    std::string out;
    for (const Sample& sample : samples_[name]) {
      out += fmt::format("{}{}@{}", out.empty() ? "" : " ", is_stale(sample.v) ? "stale" : format_float(sample.v),
                         sample.t_ms - from_ms);
    }
    return out;
  }
  std::string last(const std::string& name) {
    const std::string all = series(name);
    const std::string last = all.substr(all.rfind(' ') + 1);
    return last.substr(0, last.find('@'));
  }
  size_t count(const std::string& name) {
    const MutexLock lock(mu_);
    return samples_[name].size();
  }
  // Names of all series but the report series, sorted.
  std::vector<std::string> scraped_series() {
    const MutexLock lock(mu_);
    std::vector<std::string> out;
    for (const auto& [name, samples] : samples_) {
      if (!samples.empty() && !name.starts_with("up{") && !name.starts_with("scrape_")) out.push_back(name);
    }
    return out;
  }

  void set_failing(bool failing) {
    const MutexLock lock(mu_);
    failing_ = failing;
  }
  void forget_refs() {
    const MutexLock lock(mu_);
    forgotten_ = names_.size();
  }
  size_t labels_seen() {  // Samples that came with labels instead of a ref.
    const MutexLock lock(mu_);
    return labels_seen_;
  }
  size_t commits() {
    const MutexLock lock(mu_);
    return commits_;
  }

 private:
  Mutex mu_;
  bool failing_ TM_GUARDED_BY(mu_) = false;
  size_t commits_ TM_GUARDED_BY(mu_) = 0;
  size_t labels_seen_ TM_GUARDED_BY(mu_) = 0;
  size_t forgotten_ TM_GUARDED_BY(mu_) = 0;  // Refs up to this one are unknown.
  std::vector<std::string> names_ TM_GUARDED_BY(mu_);
  std::map<std::string, size_t> by_name_ TM_GUARDED_BY(mu_);
  std::map<std::string, std::vector<Sample>> samples_ TM_GUARDED_BY(mu_);
};

}  // namespace tidemark::testing
