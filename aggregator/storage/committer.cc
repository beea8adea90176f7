#include "aggregator/storage/committer.h"

#include <algorithm>

namespace tidemark::storage {
namespace {

bool labels_are_valid(LabelsView labels) {
  const std::string_view encoded = labels.encoded();
  if (encoded.empty() || encoded.size() > kLabelSetBytesMax || !is_valid_encoding(encoded)) return false;
  size_t count = 0;
  for (const LabelView& label : labels) {
    if (++count > kLabelsMax || label.name.size() > kLabelNameBytesMax || label.value.size() > kLabelValueBytesMax) {
      return false;
    }
  }
  return true;
}

// Keeps the shards entered, whatever happens.
class ShardsEntered {
 public:
  ShardsEntered(Head& head, const std::vector<std::vector<uint32_t>>& by_shard) : head_(head), by_shard_(by_shard) {
    for_each([](HeadShard& shard) { shard.enter(); });
  }
  ~ShardsEntered() {
    for_each([](HeadShard& shard) { shard.leave(); });
  }
  ShardsEntered(const ShardsEntered&) = delete;
  ShardsEntered& operator=(const ShardsEntered&) = delete;

 private:
  template <class Do>
  void for_each(Do act) {
    for (size_t i = 0; i < by_shard_.size(); ++i) {
      if (!by_shard_[i].empty()) act(head_.shard(i));
    }
  }

  Head& head_;
  const std::vector<std::vector<uint32_t>>& by_shard_;
};

}  // namespace

Result<CommitReport> Committer::commit(Batch& batch) {
  if (batch.empty()) return CommitReport{};
  const auto failed = [this](Status status) {
    metrics_.commit_failures.Increment();
    return fail(std::move(status));
  };
  if (Status status = log_.wait_for_room(); !status.ok()) return failed(status);

  const int64_t now_ms = clock_.now_ms();
  AppendRules rules;
  rules.now_s = static_cast<uint32_t>(std::clamp<int64_t>(now_ms / 1000, 1, UINT32_MAX));
  const int64_t retention_ms = retention_.raw_ms();
  rules.min_ms = head_.oldest_kept_ms.load(std::memory_order_acquire);
  if (retention_ms > 0) rules.min_ms = std::max(rules.min_ms, now_ms - retention_ms);
  rules.out_of_order_ms = options_.out_of_order_ms;
  rules.max_ms = std::min(kNewestTimestampMs, now_ms + options_.future_tolerance_ms);

  if (Status status = resolve(batch, rules); !status.ok()) return failed(status);
  std::vector<std::vector<uint32_t>> by_shard(head_.shard_count());
  for (uint32_t i = 0; i < batch.size(); ++i) {
    if (batch.outcome(i) == Outcome::kAccepted) by_shard[ref_series(batch.ref(i)) % by_shard.size()].push_back(i);
  }

  Position tied_to = 0;
  if (Status status = write(batch, rules, by_shard, tied_to); !status.ok()) {
    // Readers must never see what may not be in the log, nor what came after it: nothing more is published, so nothing
    // more is taken.
    health_.fail(status);
    head_.order().fail();
    log_.wake();
    return failed(status);
  }
  metrics_.commits.Increment();
  return report(batch);
}

Status Committer::resolve(Batch& batch, const AppendRules& rules) {
  std::vector<Unknown> asked;
  for (uint32_t i = 0; i < batch.size(); ++i) {
    batch.set_outcome(i, Outcome::kAccepted);
    if (batch.ref(i) != kNoRef) continue;
    if (!labels_are_valid(batch.labels(i))) {
      batch.set_outcome(i, Outcome::kInvalidLabels);
      continue;
    }
    // No series is made for a sample that is refused.
    const Outcome outcome = rules.judge(batch.value(i), batch.t_ms(i));
    batch.set_outcome(i, outcome);
    if (outcome == Outcome::kAccepted) asked.push_back({i, batch.labels(i).hash()});
  }
  if (asked.empty()) return {};
  std::vector<Unknown> unknown;
  {
    SeriesIndex& index = head_.index();
    const MutexLock lock(index.mutex());
    for (const Unknown& one : asked) {
      if (const auto found = index.find(one.hash, batch.labels(one.sample), rules.now_s)) {
        batch.set_ref(one.sample, make_ref(found->id, found->slot));
      } else {
        unknown.push_back(one);
      }
    }
  }
  return unknown.empty() ? Status() : create(batch, unknown, rules.now_s);
}

Status Committer::create(Batch& batch, const std::vector<Unknown>& unknown, uint32_t now_s) {
  SeriesIndex& index = head_.index();
  struct Known {
    SeriesId id = 0;
    int64_t last_ms = INT64_MIN;
    bool unreadable = false;
  };
  std::vector<Known> known(unknown.size());
  for (;;) {
    const uint64_t generation = head_.records_generation.load();
    bool all_active = false;
    {
      const MutexLock lock(index.mutex());
      all_active = index.size() + 1 == head_.next_id.load();
    }
    // While every series ever created is active, none can be on disk only.
    if (!all_active) {
      SeriesRecords::Lookup lookup(records_);
      FileLookup files(rocks_);
      const int64_t newest_ms = head_.newest_ms.load();
      for (size_t i = 0; i < unknown.size(); ++i) {
        known[i] = {};
        const auto id = lookup.find(unknown[i].hash, batch.labels(unknown[i].sample));
        if (!id && id.error().code() == Code::kCorruption) {
          rocks_.report_damage("looking up a series", id.error().message());
          known[i].unreadable = true;  // Under a new id it might be there twice.
          continue;
        }
        if (!id) return id.error();
        if (!*id) continue;
        known[i].id = **id;
        // Whatever it had before, a sample newer than all there is follows it.
        known[i].last_ms = newest_ms;
        const int64_t t_ms = batch.t_ms(unknown[i].sample);
        if (t_ms > newest_ms || t_ms < kOldestTimestampMs) continue;
        const auto last_ms = files.last_ms(**id, t_ms, newest_ms);
        if (!last_ms) return last_ms.error();
        known[i].last_ms = *last_ms;
      }
    }
    const MutexLock lock(index.mutex());
    // Retention removed records meanwhile: perhaps one of those just found.
    if (generation != head_.records_generation.load()) continue;
    for (size_t i = 0; i < unknown.size(); ++i) {
      const LabelsView labels = batch.labels(unknown[i].sample);
      // Another commit, or a sample before this one, may have been quicker.
      if (const auto found = index.find(unknown[i].hash, labels, now_s)) {
        batch.set_ref(unknown[i].sample, make_ref(found->id, found->slot));
        continue;
      }
      if (known[i].unreadable) {
        batch.set_outcome(unknown[i].sample, Outcome::kUnreadable);
        continue;
      }
      // A record on its way out is none: the series starts anew.
      if (head_.doomed.contains(known[i].id)) known[i] = {};
      const bool returns = known[i].id != 0;
      if (index.size() >= options_.series_max || (!returns && head_.next_id.load() == UINT32_MAX)) {
        batch.set_outcome(unknown[i].sample, Outcome::kSeriesLimit);
        continue;
      }
      const SeriesId id = returns ? known[i].id : head_.next_id.fetch_add(1);
      const uint32_t slot = head_.shard_of(id).add_series(id, known[i].last_ms, returns, now_s);
      index.add(id, slot, unknown[i].hash, labels, now_s);
      if (!returns) head_.unhashed.emplace_back(unknown[i].hash, id);
      batch.set_ref(unknown[i].sample, make_ref(id, slot));
      (returns ? metrics_.series_returned : metrics_.series_created).Increment();
    }
    metrics_.series.Set(static_cast<double>(index.size()));
    metrics_.series_ids_left.Set(static_cast<double>(UINT32_MAX - head_.next_id.load()));
    return {};
  }
}

Status Committer::write(Batch& batch, const AppendRules& given, const std::vector<std::vector<uint32_t>>& by_shard,
                        Position& tied_to) {
  AppendResult result;
  AppendRules rules = given;
  {
    const ShardsEntered entered(head_, by_shard);
    rules.position = head_.order().begin();
    rules.oldest_view = head_.order().oldest_view();
    result.accepted.reserve(batch.size());
    for (size_t i = 0; i < by_shard.size(); ++i) {
      if (!by_shard[i].empty()) head_.shard(i).append(batch, by_shard[i], rules, result);
    }
    if (Status status = append_undecided(batch, rules, result); !status.ok()) return status;
    if (!result.accepted.empty() || !result.histograms.empty()) {
      rocksdb::WriteBatch writes;
      std::sort(result.undefined.begin(), result.undefined.end());
      result.undefined.erase(std::unique(result.undefined.begin(), result.undefined.end()), result.undefined.end());
      for (const SeriesId id : result.undefined) {
        const MutexLock lock(head_.index().mutex());
        const std::string labels = head_.index().encoded_labels(id);
        records_.define(writes, id, LabelsView(labels));
      }
      std::string record;
      encode_log_record(result.accepted, result.histograms, record);
      if (Status status = log_.append(writes, rules.position, record); !status.ok()) return status;
      if (!result.undefined.empty()) {
        std::vector<SeriesRef> refs;
        for (size_t s = 0; s < by_shard.size(); ++s) {
          refs.clear();
          for (const uint32_t i : by_shard[s]) {
            if (std::binary_search(result.undefined.begin(), result.undefined.end(), ref_series(batch.ref(i)))) {
              refs.push_back(batch.ref(i));
            }
          }
          if (!refs.empty()) head_.shard(s).set_defined(refs);
        }
      }
    }
  }
  int64_t newest_ms = INT64_MIN;
  for (const LogSample& sample : result.accepted) newest_ms = std::max(newest_ms, sample.t_ms);
  for (const LogHistogram& sample : result.histograms) newest_ms = std::max(newest_ms, sample.t_ms);
  head_.raise_newest_ms(newest_ms);
  tied_to = result.tied_to;
  head_.order().finish(rules.position, tied_to);
  if (!head_.order().wait_published(std::max(rules.position, tied_to))) return health_.status();
  return {};
}

Status Committer::append_undecided(Batch& batch, const AppendRules& rules, AppendResult& result) {
  if (result.undecided.empty()) return {};
  std::vector<uint32_t> samples = std::move(result.undecided);
  // By series and time, so that each chunk in files is read once; those at one time stay in their order.
  std::stable_sort(samples.begin(), samples.end(), [&](uint32_t a, uint32_t b) {
    const SeriesId series_a = ref_series(batch.ref(a));
    const SeriesId series_b = ref_series(batch.ref(b));
    return series_a != series_b ? series_a < series_b : batch.t_ms(a) < batch.t_ms(b);
  });
  // No delete comes between: it waits for us to leave the shards.
  FileLookup files(rocks_, tombstones_.now());
  std::vector<std::vector<InFiles>> by_shard(head_.shard_count());
  for (const uint32_t sample : samples) {
    const SeriesId series = ref_series(batch.ref(sample));
    auto found = files.find(series, batch.t_ms(sample));
    if (!found) return found.error();
    by_shard[series % by_shard.size()].push_back({sample, found->v_bits, std::move(found->histogram)});
  }
  for (size_t i = 0; i < by_shard.size(); ++i) {
    if (!by_shard[i].empty()) head_.shard(i).append_late(batch, by_shard[i], rules, result);
  }
  metrics_.late_samples.Increment(static_cast<double>(samples.size()));
  return {};
}

CommitReport Committer::report(const Batch& batch) {
  CommitReport report;
  for (size_t i = 0; i < batch.size(); ++i) ++report.count[static_cast<size_t>(batch.outcome(i))];
  metrics_.samples.Increment(static_cast<double>(report.accepted()));
  metrics_.duplicates.Increment(static_cast<double>(report.of(Outcome::kDuplicate)));
  metrics_.overwrites.Increment(static_cast<double>(report.of(Outcome::kOverwrote)));
  for (size_t i = 0; i < kOutcomeCount; ++i) {
    if (metrics_.refused[i] != nullptr && report.count[i] > 0) {
      metrics_.refused[i]->Increment(static_cast<double>(report.count[i]));
    }
  }
  return report;
}

}  // namespace tidemark::storage
