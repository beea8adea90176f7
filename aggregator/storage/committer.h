// Committer: the way of a batch into the store.
//
//   wait for room in the log  ->  find or create the series of what can be taken
//   ->  enter the shards touched, in rising order
//   ->  take a position  ->  decide and append, still hidden (asking the files about late samples)
//   ->  write log record and new series in one batch
//   ->  leave the shards  ->  publish, in order
//
// What depends on the clock or on what is there already is decided before the log is written, so a replay has nothing
// to decide. Thread-safe: any number of commits at once.
#pragma once

#include <vector>

#include "aggregator/storage/file_lookup.h"
#include "aggregator/storage/head.h"
#include "aggregator/storage/log.h"
#include "aggregator/storage/retention_settings.h"
#include "aggregator/storage/series_records.h"

namespace tidemark::storage {

class Committer {
 public:
  Committer(Head& head, Rocks& rocks, Log& log, SeriesRecords& records, Health& health, Metrics& metrics,
            const Options& options, const Clock& clock, const RetentionSettings& retention,
            const Tombstones& tombstones)
      : head_(head),
        rocks_(rocks),
        log_(log),
        records_(records),
        health_(health),
        metrics_(metrics),
        options_(options),
        clock_(clock),
        retention_(retention),
        tombstones_(tombstones) {}

  Result<CommitReport> commit(Batch& batch);

 private:
  struct Unknown {
    uint32_t sample;
    uint64_t hash;
  };

  // Gives each sample a ref, or an outcome other than kAccepted.
  Status resolve(Batch& batch, const AppendRules& rules);
  Status create(Batch& batch, const std::vector<Unknown>& unknown, uint32_t now_s);
  Status write(Batch& batch, const AppendRules& rules, const std::vector<std::vector<uint32_t>>& by_shard,
               Position& tied_to);
  Status append_undecided(Batch& batch, const AppendRules& rules, AppendResult& result);
  CommitReport report(const Batch& batch);

  Head& head_;
  Rocks& rocks_;
  Log& log_;
  SeriesRecords& records_;
  Health& health_;
  Metrics& metrics_;
  const Options& options_;
  const Clock& clock_;
  const RetentionSettings& retention_;
  const Tombstones& tombstones_;
};

}  // namespace tidemark::storage
