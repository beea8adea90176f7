// Checkpointer: the one way from head to files.
//
//   for each shard: drain it, note its position P, copy it out, let it go on
//   sync the write-ahead log
//   ingest at once: sealed chunks and late samples, their postings, open chunks, and the markers "all up to P"
//   then: what is in files leaves the head; the log is trimmed below the oldest P
//
// The log is synced first because an ingest does not do it: a power cut could keep chunks and lose the records of their
// series, whose ids the next new series would then inherit. A crash before the ingest leaves all as it was, one after
// it leaves log records that the next start skips.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "aggregator/storage/head.h"
#include "aggregator/storage/ingest.h"
#include "aggregator/storage/lifetimes.h"
#include "aggregator/storage/log.h"

namespace tidemark::storage {

class Checkpointer {
 public:
  Checkpointer(Head& head, Rocks& rocks, Log& log, Health& health, Metrics& metrics, const Options& options,
               const Clock& clock, std::string ingest_dir, uint64_t generation)
      : head_(head),
        rocks_(rocks),
        log_(log),
        health_(health),
        metrics_(metrics),
        options_(options),
        clock_(clock),
        ingest_dir_(std::move(ingest_dir)),
        generation_(generation) {}

  // `generation`: of the last checkpoint in files.
  // One at a time. `seal_all`: nothing stays open. A failure turns the store read-only.
  Status run(bool seal_all);

  uint64_t head_bytes_max();

  // These series left the postings of the window: post them again when they come back. REQUIRES: no checkpoint runs.
  void not_posted(Window window, const Roaring& ids);

 private:
  Status write(bool seal_all, std::vector<ShardCopy>& copies, Position& trim_to);
  Status add_chunks(Ingest& ingest, const std::vector<ShardCopy>& copies);
  Status add_postings(Ingest& ingest, const std::vector<ShardCopy>& copies);
  using Lifetimes = std::vector<std::pair<SeriesId, Lifetime>>;  // By id.
  // `ids`: those that are not posted in the window yet; `lifetimes`: of all that got chunks in it.
  Status add_window_postings(Ingest& ingest, Window window, const Roaring& ids, const Lifetimes& lifetimes);
  Status add_lifetimes_of(Ingest& ingest, Window window, const Lifetimes& lifetimes);
  Status add_markers(Ingest& ingest, const std::vector<ShardCopy>& copies);
  Status add_hashes(Ingest& ingest, const std::vector<ShardCopy>& copies);
  Status add_open(Ingest& ingest, size_t shard, ShardCopy& copy);
  Status drop_old_generations();
  void evict_idle(const std::vector<ShardCopy>& copies);
  uint32_t idle_before_s() const;

  Head& head_;
  Rocks& rocks_;
  Log& log_;
  Health& health_;
  Metrics& metrics_;
  const Options& options_;
  const Clock& clock_;
  const std::string ingest_dir_;
  size_t chunks_sealed_ = 0;  // By the last one.
  uint64_t generation_;       // Of the checkpoint that is being made, or was made last.
  // Series whose postings of a window are in files, as far as this process knows. Only the last few windows.
  std::map<Window, Roaring> posted_;
};

}  // namespace tidemark::storage
