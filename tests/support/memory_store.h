// MemoryStore: a store of nothing but a map, for tests of what reads from one and writes to one. A sample at a known
// timestamp replaces the one there. Thread-safe, but a querier sees the store as it is, not a snapshot.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "aggregator/storage/appender.h"
#include "aggregator/storage/querier.h"
#include "model/mutex.h"

namespace tidemark::testing {

class MemoryStore final : public storage::Appender, public storage::Queryable {
 public:
  struct Stored {
    double v = 0;
    int64_t start_ms = kNoStart;
    HistogramRef histogram = nullptr;  // When set, instead of v.
  };
  using Samples = std::map<int64_t, Stored>;

  void add(const Labels& labels, int64_t t_ms, double v, int64_t start_ms = kNoStart) {
    const MutexLock lock(mu_);
    series_[labels][t_ms] = {v, start_ms};
  }
  void add(const Labels& labels, int64_t t_ms, HistogramRef histogram, int64_t start_ms = kNoStart) {
    const MutexLock lock(mu_);
    series_[labels][t_ms] = {0, start_ms, std::move(histogram)};
  }
  void clear() {
    const MutexLock lock(mu_);
    series_.clear();
  }

  // Takes labels only: every ref is unknown to it.
  Result<storage::CommitReport> commit(storage::Batch& batch) override {
    storage::CommitReport report;
    for (size_t i = 0; i < batch.size(); ++i) {
      storage::Outcome outcome = storage::Outcome::kAccepted;
      if (batch.labels(i).empty()) {
        outcome = storage::Outcome::kUnknownRef;
      } else if (const NativeHistogram* histogram = batch.value(i).histogram; histogram != nullptr) {
        if (validate(*histogram).ok()) {
          add(Labels(batch.labels(i)), batch.t_ms(i), std::make_shared<const NativeHistogram>(*histogram),
              batch.value(i).start_ms);
        } else {
          outcome = storage::Outcome::kInvalidHistogram;
        }
      } else {
        add(Labels(batch.labels(i)), batch.t_ms(i), batch.value(i).number, batch.value(i).start_ms);
      }
      batch.set_outcome(i, outcome);
      ++report.count[static_cast<size_t>(outcome)];
    }
    return report;
  }

  Result<std::unique_ptr<storage::Querier>> querier() override {
    return std::unique_ptr<storage::Querier>(std::make_unique<MemoryQuerier>(*this));
  }

 private:
  struct Read {
    std::vector<Sample> samples;
    std::vector<int64_t> start_ms;
    std::vector<HistogramSample> histograms;
    std::vector<int64_t> histogram_start_ms;
  };
  using Selected = std::vector<std::pair<Labels, Read>>;

  class Reader final : public storage::SampleReader {
   public:
    void reset(const Read* read) {
      read_ = read;
      next_ = 0;
      next_histogram_ = 0;
    }
    size_t next(std::span<int64_t> t_ms, std::span<double> v) override {
      const size_t n = std::min(t_ms.size(), read_->samples.size() - next_);
      starts_ = std::span(read_->start_ms).subspan(next_, n);
      for (size_t i = 0; i < n; ++i, ++next_) {
        t_ms[i] = read_->samples[next_].t_ms;
        v[i] = read_->samples[next_].v;
      }
      return n;
    }
    std::span<const int64_t> starts() const override { return starts_; }
    size_t next_histograms(std::span<int64_t> t_ms, std::span<HistogramRef> histograms) override {
      const size_t n = std::min(t_ms.size(), read_->histograms.size() - next_histogram_);
      histogram_starts_ = std::span(read_->histogram_start_ms).subspan(next_histogram_, n);
      for (size_t i = 0; i < n; ++i, ++next_histogram_) {
        t_ms[i] = read_->histograms[next_histogram_].t_ms;
        histograms[i] = read_->histograms[next_histogram_].histogram;
      }
      return n;
    }
    std::span<const int64_t> histogram_starts() const override { return histogram_starts_; }
    Status status() const override { return {}; }

   private:
    const Read* read_ = nullptr;
    std::span<const int64_t> starts_;
    std::span<const int64_t> histogram_starts_;
    size_t next_ = 0;
    size_t next_histogram_ = 0;
  };

  class Set final : public storage::SeriesSet {
   public:
    explicit Set(Selected selected) : selected_(std::move(selected)) {}
    bool next() override {
      if (next_ == selected_.size()) return false;
      reader_.reset(&selected_[next_++].second);
      return true;
    }
    LabelsView labels() const override { return selected_[next_ - 1].first; }
    storage::SampleReader& samples() override { return reader_; }
    Status status() const override { return {}; }

   private:
    const Selected selected_;
    size_t next_ = 0;
    Reader reader_;
  };

  class MemoryQuerier final : public storage::Querier {
   public:
    explicit MemoryQuerier(MemoryStore& store) : store_(store) {}

    std::unique_ptr<storage::SeriesSet> select(const std::vector<Matcher>& matchers, int64_t min_ms, int64_t max_ms,
                                               const storage::SelectHints& hints, bool) override {
      Selected selected = store_.read(matchers, min_ms, max_ms);
      if (hints.labels) {
        for (auto& [labels, samples] : selected) labels = only(labels, *hints.labels);
      }
      return std::make_unique<Set>(std::move(selected));
    }
    Result<std::vector<std::string>> label_names(const std::vector<Matcher>& matchers, int64_t min_ms, int64_t max_ms,
                                                 size_t limit) override {
      std::set<std::string> names;
      for (const auto& [labels, samples] : store_.read(matchers, min_ms, max_ms)) {
        for (const LabelView label : labels) names.emplace(label.name);
      }
      return first(names, limit);
    }
    Result<std::vector<std::string>> label_values(std::string_view name, const std::vector<Matcher>& matchers,
                                                  int64_t min_ms, int64_t max_ms, size_t limit) override {
      std::set<std::string> values;
      for (const auto& [labels, samples] : store_.read(matchers, min_ms, max_ms)) {
        if (labels.has(name)) values.emplace(labels.get(name));
      }
      return first(values, limit);
    }

   private:
    static Labels only(const Labels& labels, const std::vector<std::string>& names) {
      std::vector<LabelView> kept;
      for (const LabelView label : labels) {
        if (std::find(names.begin(), names.end(), label.name) != names.end()) kept.push_back(label);
      }
      return Labels::from_pairs(std::move(kept));
    }
    static std::vector<std::string> first(const std::set<std::string>& all, size_t limit) {
      std::vector<std::string> out(all.begin(), all.end());
      if (limit != 0 && out.size() > limit) out.resize(limit);
      return out;
    }

    MemoryStore& store_;
  };

  Selected read(const std::vector<Matcher>& matchers, int64_t min_ms, int64_t max_ms) {
    const MutexLock lock(mu_);
    Selected selected;
    for (const auto& [labels, samples] : series_) {
      if (!matches_all(matchers, labels)) continue;
      Read inside = read_of(samples, min_ms, max_ms);
      if (!inside.samples.empty() || !inside.histograms.empty()) selected.emplace_back(labels, std::move(inside));
    }
    return selected;
  }

  // Hints depend on what stands before, in the range or not.
  static Read read_of(const Samples& samples, int64_t min_ms, int64_t max_ms) {
    Read read;
    HistogramRef previous;
    for (const auto& [t_ms, stored] : samples) {
      const bool inside = t_ms >= min_ms && t_ms <= max_ms;
      if (inside && stored.histogram == nullptr) {
        read.samples.push_back({t_ms, stored.v});
        read.start_ms.push_back(stored.start_ms);
      } else if (inside) {
        auto histogram = std::make_shared<NativeHistogram>(*stored.histogram);
        histogram->reset = hint_as_stored(previous.get(), *stored.histogram);
        read.histograms.push_back({t_ms, std::move(histogram)});
        read.histogram_start_ms.push_back(stored.start_ms);
      }
      previous = stored.histogram;
    }
    return read;
  }

  Mutex mu_;
  std::map<Labels, Samples> series_ TM_GUARDED_BY(mu_);
};

}  // namespace tidemark::testing
