// Making rollups of closed days: what is in files after a pass, in pieces, over crashes, and in how many bytes.
#include "aggregator/storage/rollup_writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "aggregator/storage/rollup_chunk.h"
#include "aggregator/storage/window_index.h"
#include "aggregator/storage/window_rewrite.h"
#include "tests/storage/windows_fixture.h"

namespace tidemark::storage {
namespace {

constexpr uint64_t kBothTiers = tier_bit(Tier::k5m) | tier_bit(Tier::k1h);

class RollupWriting : public WindowsFixture {
 protected:
  // Returns how many pieces there were.
  size_t run(size_t samples_in_piece, uint64_t tiers) {
    WindowRewriter::Limits limits;
    limits.samples_in_piece = samples_in_piece;
    WindowRewriter rewriter(*rocks_, metrics_, logger_, clock_, dir_.file("rewrite"), limits, tombstones_);
    size_t pieces = 0;
    while (rewriter.step(bounds(tiers))) ++pieces;
    return pieces;
  }
  static WindowRewriter::Bounds bounds(uint64_t tiers) {
    return {kDay - 10, kDayMs + 20 * kWindowMs, kDayMs + 19 * kWindowMs, tiers};
  }

  std::vector<Bucket> buckets(Tier tier, Window day, SeriesId id) {
    const Window window = window_of_day(tier, day);
    const std::string key = chunk_key({tier, window, id, window_start_ms(tier, window), 0});
    std::string value;
    if (!rocks_->db().Get(rocksdb::ReadOptions(), rocks_->family(Family::kChunks), key, &value).ok()) return {};
    auto out = parse_rollup(value);
    EXPECT_TRUE(out);
    return out ? *out : std::vector<Bucket>{};
  }

  Roaring named(Tier tier, Window day, const std::string& value) {
    WindowIndex index(*rocks_, nullptr, tier);
    return *index.match(window_of_day(tier, day), {*Matcher::make(MatchOp::kEqual, "id", value)});
  }

  // Chunks of 100 samples a minute apart.
  static std::vector<Chunk> minutes(SeriesId id, Window day, size_t chunks) {
    std::vector<Chunk> out;
    for (size_t c = 0; c < chunks; ++c) {
      Chunk chunk{id, c + 1, {}};
      for (size_t i = 0; i < 100; ++i) {
        const auto minute = static_cast<int64_t>(c * 100 + i);
        chunk.samples.push_back({window_start_ms(day) + minute * 60'000, static_cast<double>(id + minute % 7)});
      }
      out.push_back(std::move(chunk));
    }
    return out;
  }

  static int64_t samples_in(const std::vector<Bucket>& buckets) {
    int64_t count = 0;
    for (const Bucket& b : buckets) count += b.count;
    return count;
  }
};

TEST_F(RollupWriting, AWindowOfSeveralDaysKeepsTheOthers) {
  const Window first = first_day(Tier::k1h, window_of_day(Tier::k1h, kDay)) + 1;
  for (Window day = first; day < first + 3; ++day) ingest(minutes(1, day, 2));
  run(1'000'000, kBothTiers);
  EXPECT_EQ(samples_in(buckets(Tier::k1h, first, 1)), 600);
  EXPECT_EQ(samples_in(buckets(Tier::k5m, first + 1, 1)), 200);
  // A late sample in the middle day changes that day only.
  const auto before = buckets(Tier::k1h, first, 1);
  ingest({{1, 99, {{window_start_ms(first + 1) + 1, 1000}}}});
  EXPECT_EQ(run(1'000'000, kBothTiers), 1u);
  const auto after = buckets(Tier::k1h, first, 1);
  EXPECT_EQ(samples_in(after), 601);
  ASSERT_EQ(after.size(), before.size());
  for (size_t i = 0; i < after.size(); ++i) {
    const bool same_day = window_of(after[i].last_ms) == first + 1;
    EXPECT_TRUE(same_day || after[i].count == before[i].count) << i;
  }
}

TEST_F(RollupWriting, ASeriesWithoutABucketLeavesThePostingsAndComesBack) {
  std::vector<Chunk> chunks = minutes(1, kDay, 2);
  for (Chunk& chunk : minutes(2, kDay, 2)) chunks.push_back(std::move(chunk));
  ingest(chunks);
  // Records, since postings are found by labels.
  for (const SeriesId id : {1, 2}) {
    const Labels labels{{"id", std::to_string(id)}};
    ASSERT_TRUE(rocks_->db()
                    .Put(rocksdb::WriteOptions(), rocks_->family(Family::kSeries), series_key(id),
                         slice(labels.view().encoded()))
                    .ok());
  }
  const auto check = [&](const char* when, bool there) {
    SCOPED_TRACE(when);
    for (const Tier tier : {Tier::kRaw, Tier::k5m, Tier::k1h}) {
      WindowIndex index(*rocks_, nullptr, tier);
      EXPECT_EQ(index.all(window_of_day(tier, kDay))->contains(2), there);
      EXPECT_EQ(named(tier, kDay, "2").contains(2), there);
      EXPECT_TRUE(index.all(window_of_day(tier, kDay))->contains(1));
      EXPECT_TRUE(named(tier, kDay, "1").contains(1));
    }
  };
  // In the very pass that makes the rollups.
  bury({{kDay, 50}, kDayMs, kDayMs + kWindowMs - 1, Roaring::bitmapOf(1, 2)});
  run(1'000'000, kBothTiers);
  check("deleted before it was folded", false);
  ingest({{2, 99, {{kDayMs + 5, 1}}}});
  run(1'000'000, kBothTiers);
  check("came back", true);
  bury({{kDay, 100}, kDayMs, kDayMs + kWindowMs - 1, Roaring::bitmapOf(1, 2)});
  run(1'000'000, kBothTiers);
  check("deleted after it was folded", false);
  for (const Tier tier : {Tier::kRaw, Tier::k5m, Tier::k1h}) {
    EXPECT_TRUE(WindowIndex(*rocks_, nullptr, tier).unposted(window_of_day(tier, kDay))->contains(2));
  }
}

TEST_F(RollupWriting, APassOverCrashesMissesNothing) {
  std::vector<Chunk> chunks;
  for (SeriesId id = 1; id <= 50; ++id) {
    for (Chunk& chunk : minutes(id, kDay, 5)) chunks.push_back(std::move(chunk));
  }
  ingest(chunks);
  size_t pieces = 0;
  for (bool more = true; more; ++pieces) {
    open();  // As after a crash: what the last process had in memory is gone.
    WindowRewriter::Limits limits;
    limits.samples_in_piece = 3'000;
    WindowRewriter rewriter(*rocks_, metrics_, logger_, clock_, dir_.file("rewrite"), limits, tombstones_);
    more = rewriter.step(bounds(kBothTiers));
    // Meanwhile a series that was not there comes late, and one that is already done gets a sample.
    if (pieces == 2) ingest({{70, 9, {{kDayMs + 5, 1}}}, {2, 9, {{kDayMs + 5, 1}}}});
  }
  EXPECT_GT(pieces, 8u);
  EXPECT_TRUE(*WindowRewriter::is_done(*rocks_, kDay, kBothTiers));
  for (SeriesId id = 1; id <= 50; ++id) {
    for (const Tier tier : kRollupTiers) {
      EXPECT_EQ(samples_in(buckets(tier, kDay, id)), id == 2 ? 501 : 500) << id;
      EXPECT_TRUE(named(tier, kDay, std::to_string(id)).contains(id));
    }
    EXPECT_EQ(chunks_of(id).size(), 1u) << "rewritten in the same pass";
  }
  EXPECT_EQ(samples_in(buckets(Tier::k5m, kDay, 70)), 1);
  EXPECT_TRUE(named(Tier::k5m, kDay, "70").contains(70));
  std::string value;
  const std::string lifetimes = lifetimes_key(Tier::k5m, kDay, 0);
  EXPECT_TRUE(
      rocks_->db().Get(rocksdb::ReadOptions(), rocks_->family(Family::kPostings), lifetimes, &value).IsNotFound());
}

TEST_F(RollupWriting, TiersWantedLaterAreMadeLater) {
  ingest(minutes(1, kDay, 2));
  run(1'000'000, 0);
  EXPECT_TRUE(*WindowRewriter::is_done(*rocks_, kDay, 0));
  EXPECT_FALSE(*WindowRewriter::is_done(*rocks_, kDay, tier_bit(Tier::k1h)));
  EXPECT_EQ(run(1'000'000, tier_bit(Tier::k1h)), 1u);
  EXPECT_EQ(samples_in(buckets(Tier::k1h, kDay, 1)), 200);
  EXPECT_TRUE(buckets(Tier::k5m, kDay, 1).empty());
  EXPECT_EQ(run(1'000'000, kBothTiers), 1u);
  EXPECT_EQ(samples_in(buckets(Tier::k5m, kDay, 1)), 200);
  EXPECT_EQ(run(1'000'000, 0), 0u) << "what is there already is kept as it is";
}

TEST_F(RollupWriting, WhatIsDeletedGoesFromRollupsToo) {
  ingest(minutes(1, kDay, 2));
  ingest(minutes(2, kDay, 1));
  run(1'000'000, kBothTiers);
  ingest({{1, 50, {{kDayMs + 1, 1}}}});
  bury({{kDay, 40}, kDayMs, kDayMs + kWindowMs - 1, Roaring::bitmapOf(2, 1, 2)});
  run(1'000'000, kBothTiers);
  EXPECT_EQ(samples_in(buckets(Tier::k5m, kDay, 1)), 1);
  EXPECT_TRUE(buckets(Tier::k5m, kDay, 2).empty());
  EXPECT_TRUE(buckets(Tier::k1h, kDay, 2).empty());
}

// A day at 15 s of what a host exports: 50 % counters with a jittering rate, 30 % constants, 12 % gauges of whole
// numbers, 5 % counters of hundredths, 3 % gauges of hundredths on a slow wave: roughly as in the load generator.
std::vector<Sample> host_series(size_t i, Window day) {
  std::mt19937_64 random(i);
  const auto rate = static_cast<double>(1 + random() % 40);
  const auto base = static_cast<double>(random() % 100'000);
  const size_t kind = i % 100;
  std::vector<Sample> out;
  for (int64_t step = 0; step < 5'760; ++step) {
    const auto at = static_cast<double>(step);
    const auto noise = static_cast<double>(random() % 1'000) / 1'000;
    double v = base;
    if (kind < 50) {
      v += rate * at + std::floor(noise * rate);
    } else if (kind < 62) {
      v += static_cast<double>((step / 3) % 40) + std::floor(noise * 16);
    } else if (kind < 67) {
      v += std::round(rate * at + noise * rate) * 0.01;
    } else if (kind < 70) {
      v = std::round((40 + 12 * std::sin(at / 40) + noise) * 100) / 100;
    }
    out.push_back({window_start_ms(day) + 7'000 + step * 15'000, v});
  }
  return out;
}

TEST_F(RollupWriting, CostsAQuarterOfTheRawBytes) {
  const Window first = first_day(Tier::k1h, window_of_day(Tier::k1h, kDay));
  constexpr Window kDays = 8;
  constexpr SeriesId kSeries = 100;
  for (Window day = first; day < first + kDays; ++day) {
    std::vector<Chunk> chunks;
    for (SeriesId id = 1; id <= kSeries; ++id) {
      const std::vector<Sample> samples = host_series(id, day);
      for (size_t at = 0; at < samples.size(); at += kChunkSamplesMax) {
        const size_t end = std::min(samples.size(), at + kChunkSamplesMax);
        chunks.push_back(
            {id,
             at + 1,
             {samples.begin() + static_cast<ptrdiff_t>(at), samples.begin() + static_cast<ptrdiff_t>(end)}});
      }
    }
    ingest(chunks);
  }
  run(10'000'000, kBothTiers);
  // Keys and values, as they lie in the chunks family.
  uint64_t bytes[3] = {};
  const std::unique_ptr<rocksdb::Iterator> at(
      rocks_->db().NewIterator(rocksdb::ReadOptions(), rocks_->family(Family::kChunks)));
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    bytes[static_cast<size_t>(at->key()[0])] += at->key().size() + at->value().size();
  }
  // 0.65 bytes a sample is what the columnar codec makes of such data; with another codec raw bytes may be more.
  constexpr double kSamples = 5'760.0 * kSeries * kDays;
  const double raw = std::min(static_cast<double>(bytes[0]), 0.65 * kSamples);
  EXPECT_LE(static_cast<double>(bytes[1] + bytes[2]), 0.25 * raw);
  EXPECT_LE(static_cast<double>(bytes[2]), 0.03 * raw);
  std::printf("raw %.3f B/sample, 5m %.1f %%, 1h %.1f %%\n", static_cast<double>(bytes[0]) / kSamples,
              100 * static_cast<double>(bytes[1]) / raw, 100 * static_cast<double>(bytes[2]) / raw);
}

}  // namespace
}  // namespace tidemark::storage
