// FaultFixture: a store over a file system that fails when told to (fault_fs.h), and seeds that are printed.
#pragma once

#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <string>

#include "tests/storage/fault_fs.h"
#include "tests/storage/numbered_batches.h"
#include "tests/storage/store_fixture.h"

namespace tidemark::storage {

class FaultFixture : public StoreFixture {
 protected:
  FaultFixture() {
    options_.env = env_.get();
    options_.retention_ms = int64_t{3650} * 86'400'000;
    options_.reopen_after_ms = 3'600'000;  // Not of its own accord.
    options_.log_bytes_max = 2500;         // A checkpoint every few batches.
    if (const char* seed = std::getenv("TIDEMARK_TEST_SEED")) seed_ = std::strtoull(seed, nullptr, 10);
    random_.seed(seed_);
  }
  // The store closes its files before the file system below it goes.
  void TearDown() override { store_.reset(); }

  // `short_form` in a usual run, TIMES times as many where TIDEMARK_TEST_LONG=TIMES asks for it.
  static int rounds(int short_form) {
    const char* times = std::getenv("TIDEMARK_TEST_LONG");
    return times == nullptr ? short_form : short_form * std::max(1, std::atoi(times));
  }

  // Commits batch b at its time. False when the store did not take it.
  bool commit_batch(uint64_t b) {
    clock_.set_now_ms(time_of_batch(b));
    Batch batch;
    fill_batch(b, batch);
    const auto report = store_->commit(batch);
    if (!report) return false;
    EXPECT_EQ(report->accepted(), batch.size());
    return true;
  }

  // A whole life of a store, `live(fault)`, for some of the changes it makes to files, each time with that change
  // failing; for every one where TIDEMARK_TEST_LONG is set. `live` returns how many there were.
  void fail_each_change(bool lasting, testing::FaultFs::Error error,
                        const std::function<uint64_t(const testing::FaultFs::Fault&)>& live) {
    const uint64_t changes = live({UINT64_MAX, false, error});
    EXPECT_GT(changes, 40u);
    const uint64_t step = std::getenv("TIDEMARK_TEST_LONG") != nullptr ? 1 : changes / 8;
    for (uint64_t at = 1 + random_() % step; at < changes && !HasFailure(); at += step) {
      SCOPED_TRACE("seed " + std::to_string(seed_) + ", change " + std::to_string(at) + " of about " +
                   std::to_string(changes));
      live({at, lasting, error});
    }
  }

  const std::shared_ptr<testing::FaultFs> fs_ = std::make_shared<testing::FaultFs>(dir_.file("attic"));
  const std::unique_ptr<rocksdb::Env> env_ = testing::make_fault_env(fs_);
  uint64_t seed_ = std::random_device{}();
  std::mt19937_64 random_;
};

}  // namespace tidemark::storage
