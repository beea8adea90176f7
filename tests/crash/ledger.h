// Ledger: what the store has acknowledged, sample by sample, and whether a store holds just that.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "aggregator/storage/batch.h"
#include "aggregator/storage/store.h"
#include "tests/crash/op_stream.h"

namespace tidemark::crash {

class Ledger {
 public:
  // As the store is to do it: of samples at one time, the later accepted one counts.
  void apply(const Op& op);
  // What the store is to answer for a sample, before it is applied.
  storage::Outcome expected(const LedgerSample& sample) const;

  // What of the store's content differs, or "": every sample of the raw tier from the first day on that retention must
  // have kept, and of all time the number and sum of each series' floats, by way of each rollup and without.
  std::string difference(storage::Store& store, int64_t now_ms) const;

  size_t series_count() const { return series_.size(); }
  size_t sample_count() const { return sample_count_; }

 private:
  std::string raw_difference(storage::Store& store, int64_t min_ms) const;
  std::string total_difference(storage::Store& store, int64_t now_ms, int64_t resolution_ms) const;

  std::map<uint32_t, std::map<int64_t, double>> series_;
  size_t sample_count_ = 0;
};

}  // namespace tidemark::crash
