// Power cuts: what was not synced is gone, in several ways, and the store opens again with what its sync policy
// promises. A failure names the seed; TIDEMARK_TEST_SEED=<seed> starts with it, TIDEMARK_TEST_LONG=<n> runs n times as
// many rounds.
#include <filesystem>
#include <set>

#include "tests/storage/fault_fixture.h"

namespace tidemark::storage {
namespace {

using testing::FaultFs;

class PowerTest : public FaultFixture {
 protected:
  struct Batches {
    uint64_t first = 0;
    uint64_t acknowledged = 0;  // One more than the last of them; the one after it may be there too.
    uint64_t durable = 0;       // Those before it must be there.
  };

  // Writes batches from `next` on until the power goes, and returns how far they were acknowledged.
  uint64_t write_until_cut(uint64_t next) {
    while (commit_batch(next)) ++next;
    EXPECT_TRUE(fs_->frozen()) << "a commit failed by itself";
    return next;
  }

  void cut_and_open(const FaultFs::Cut& cut) {
    fs_->freeze();
    drop();
    fs_->power_cut(random_, cut);
    open();
  }

  FaultFs::Cut random_cut() { return {random_() % 2 == 0, random_() % 3 == 0, random_() % 2 == 0}; }

  // Each of the batches is there whole or not at all. Only when an earlier batch is lost that named a series first, a
  // later one may lack that series: its samples have no name any more. Everything else is as it was, `model_`, which
  // becomes what was found.
  void check(const Content& found, const Batches& batches) {
    Content rest = found;
    std::set<uint64_t> nameless;
    for (uint64_t b = batches.first; b <= batches.acknowledged; ++b) {
      size_t there = 0;
      size_t excused = 0;
      const std::vector<uint64_t> series = series_of_batch(b);
      for (const uint64_t s : series) {
        const std::string text = numbered_series(s).to_string();
        const auto column = rest.find(text);
        const auto sample = column == rest.end() ? Column::iterator() : column->second.find(time_of_batch(b));
        if (column == rest.end() || sample == column->second.end()) {
          excused += nameless.contains(s) ? 1 : 0;
          continue;
        }
        EXPECT_EQ(sample->second, std::bit_cast<uint64_t>(value_in_batch(s, b))) << text << " in batch " << b;
        ++there;
        column->second.erase(sample);
        if (column->second.empty()) rest.erase(column);
      }
      if (b < batches.durable) {
        EXPECT_EQ(there, series.size()) << "of batch " << b << ", which must not be lost";
      } else if (there != 0) {
        EXPECT_EQ(there + excused, series.size()) << "of batch " << b << ", which is there in part";
      } else {
        for (const uint64_t s : series) {
          if (!model_.contains(numbered_series(s).to_string())) nameless.insert(s);
        }
      }
    }
    expect_same_content(rest, model_);
    model_ = found;
  }

  // Cuts the power again and again, at random points. `durable` says how many of the acknowledged batches must be
  // there.
  template <class Durable>
  void cut_often(int times, Durable durable) {
    SCOPED_TRACE("seed " + std::to_string(seed_));
    open();
    Batches batches;
    for (int round = 0; round < times && !HasFailure(); ++round) {
      SCOPED_TRACE("round " + std::to_string(round));
      fs_->freeze_at(fs_->changes() + 1 + random_() % 300);
      batches.acknowledged = write_until_cut(batches.first);
      batches.durable = durable(batches);
      cut_and_open(random_cut());
      if (HasFatalFailure()) return;
      check(read_all(), batches);
      batches.first = batches.acknowledged + 1;
    }
    EXPECT_GT(model_.size(), 20u);
  }

  Content model_;
};

TEST_F(PowerTest, SyncAlwaysLosesNothingThatWasAcknowledged) {
  options_.sync = SyncPolicy::kAlways;
  cut_often(rounds(40), [](const Batches& batches) { return batches.acknowledged; });
}

TEST_F(PowerTest, SyncNeverLosesWholeBatchesOfThoseSinceTheLastStart) {
  options_.sync = SyncPolicy::kNever;
  cut_often(rounds(40), [](const Batches& batches) { return batches.first; });
}

// The clock is the test's, so a second of commits is a number of commits; the syncs' own half second is real.
TEST_F(PowerTest, SyncIntervalLosesAtMostASecondOfAcknowledgedCommitsWhenSyncsAreSlow) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  options_.sync = SyncPolicy::kInterval;
  options_.log_bytes_max = 50'000;
  fs_->set_before_sync([this] { clock_.advance_ms(400); });
  open();
  Batches batches;
  for (int round = 0; round < rounds(5) && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    fs_->freeze_at(fs_->changes() + 20 + random_() % 150);
    std::vector<int64_t> acknowledged_ns;
    int64_t last_began_ns = 0;
    for (uint64_t b = batches.first;; ++b) {
      clock_.advance_ms(50);
      const int64_t began_ns = clock_.monotonic_ns();
      if (!commit_batch(b)) break;
      last_began_ns = began_ns;
      acknowledged_ns.push_back(clock_.monotonic_ns());
    }
    batches.acknowledged = batches.durable = batches.first;
    for (const int64_t ns : acknowledged_ns) {
      ++batches.acknowledged;
      if (ns < last_began_ns - 1'000'000'000) batches.durable = batches.acknowledged;
    }
    cut_and_open(random_cut());
    if (HasFatalFailure()) return;
    check(read_all(), batches);
    batches.first = batches.acknowledged + 1;
  }
}

// RocksDB's list of files gets a new length and not all of what was written, which RocksDB takes for damage.
TEST_F(PowerTest, TheListOfFilesMayBeTornWhileItIsSynced) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  options_.sync = SyncPolicy::kAlways;
  open();
  Batches batches;
  for (int round = 0; round < rounds(15) && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    fs_->fail({1 + random_() % 20, false, FaultFs::Error::kPower, FaultFs::kSync, "/MANIFEST"});
    batches.acknowledged = batches.durable = write_until_cut(batches.first);
    cut_and_open({true, true, random_() % 2 == 0});
    if (HasFatalFailure()) return;
    check(read_all(), batches);
    batches.first = batches.acknowledged + 1;
  }
}

// New series come right before the checkpoint, which is cut at every one of its changes to files.
TEST_F(PowerTest, ACheckpointMayBeCutAnywhere) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  options_.log_bytes_max = 1 << 20;
  constexpr uint64_t kBatches = 12;
  const auto changes_of_a_checkpoint = [this](uint64_t cut_at) {
    options_.path = dir_.file("data" + std::to_string(cut_at));
    model_.clear();
    open();
    for (uint64_t b = 0; b < kBatches; ++b) EXPECT_TRUE(commit_batch(b));
    const uint64_t before = fs_->changes();
    if (cut_at != 0) fs_->freeze_at(before + cut_at);
    const Status closed = store_->close();
    EXPECT_TRUE(closed.ok() || cut_at != 0) << closed.message();
    return fs_->changes() - before;
  };
  const uint64_t changes = changes_of_a_checkpoint(0);
  drop();
  EXPECT_GT(changes, 20u);
  const uint64_t step = rounds(1) > 1 ? 1 : 3;
  for (uint64_t cut_at = 1 + random_() % step; cut_at <= changes && !HasFailure(); cut_at += step) {
    SCOPED_TRACE("cut at change " + std::to_string(cut_at) + " of " + std::to_string(changes));
    options_.sync = random_() % 2 == 0 ? SyncPolicy::kAlways : SyncPolicy::kNever;
    changes_of_a_checkpoint(cut_at);
    cut_and_open(random_cut());
    if (HasFatalFailure()) return;
    const uint64_t durable = options_.sync == SyncPolicy::kAlways ? kBatches : 0;
    check(read_all(), {0, kBatches - 1, durable});
    // Ids of series that were lost are not given to others.
    EXPECT_TRUE(commit_batch(kBatches + 40));
    drop();
    open();
    check(read_all(), {kBatches + 40, kBatches + 40, kBatches + 41});
    drop();
    std::filesystem::remove_all(options_.path);
  }
}

}  // namespace
}  // namespace tidemark::storage
