// The rewrite of closed windows: same samples before and after, fewer chunks, and work that neither a crash nor late
// chunks can lose.
#include "aggregator/storage/window_rewrite.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/storage/damage.h"
#include "tests/storage/store_fixture.h"
#include "tests/storage/windows_fixture.h"
#include "tests/support/eventually.h"

namespace tidemark::storage {
namespace {

class WindowRewrite : public WindowsFixture {
 protected:
  WindowRewriter make(size_t samples_in_piece) {
    WindowRewriter::Limits limits;
    limits.samples_in_piece = samples_in_piece;
    return {*rocks_, metrics_, logger_, clock_, dir_.file("rewrite"), limits, tombstones_};
  }
  // Long after kDay, with newer samples elsewhere.
  static WindowRewriter::Bounds after() { return {kDay - 10, kDayMs + 3 * kWindowMs, kDayMs + 2 * kWindowMs}; }

  size_t run(WindowRewriter& rewriter) {
    size_t pieces = 0;
    while (rewriter.step(after())) ++pieces;
    return pieces;
  }

  static std::vector<Sample> steady(int64_t from_ms, size_t count, double v) {
    std::vector<Sample> out;
    for (size_t i = 0; i < count; ++i) out.push_back({from_ms + static_cast<int64_t>(i) * 15'000, v});
    return out;
  }
};

std::vector<ReadChunk> shape(const std::vector<std::array<int64_t, 3>>& first_last_count) {
  std::vector<ReadChunk> out;
  for (const auto& [first, last, count] : first_last_count) {
    out.push_back({first, last, static_cast<uint32_t>(count), Codec::kXor, 1, ""});
  }
  return out;
}

TEST(RunToRewrite, TakesWhatFewerChunksCanHold) {
  struct Case {
    const char* what;
    std::vector<std::array<int64_t, 3>> chunks;
    size_t begin;
    size_t end;
  };
  const Case cases[] = {
      {"nothing", {}, 0, 0},
      {"one short chunk", {{0, 9, 10}}, 0, 0},
      {"two short ones", {{0, 9, 10}, {10, 19, 10}}, 0, 2},
      {"full ones and the day's last", {{0, 9, 512}, {10, 19, 512}, {20, 29, 128}}, 0, 0},
      {"a short one between full ones", {{0, 9, 512}, {10, 19, 100}, {20, 29, 512}}, 0, 0},
      {"two short ones among full ones", {{0, 9, 512}, {10, 19, 9}, {20, 29, 512}, {30, 39, 9}, {40, 49, 512}}, 1, 4},
      {"nearly full ones", {{0, 9, 500}, {10, 19, 500}, {20, 29, 500}}, 0, 0},
      {"an overlap of full ones", {{0, 9, 512}, {10, 20, 512}, {20, 29, 512}}, 1, 3},
      {"one within a long one", {{0, 90, 512}, {10, 19, 4}, {20, 29, 4}, {91, 99, 512}}, 0, 3},
  };
  for (const Case& c : cases) {
    const ChunkRun run = run_to_rewrite(shape(c.chunks));
    EXPECT_EQ(run.begin, c.begin) << c.what;
    EXPECT_EQ(run.end, c.end) << c.what;
  }
}

TEST_F(WindowRewrite, MergesShortChunks) {
  std::vector<Chunk> chunks;
  for (size_t i = 0; i < 20; ++i) {
    chunks.push_back({7, 100 + i, steady(kDayMs + static_cast<int64_t>(i) * 1'500'000, 100, 1.5)});
  }
  ingest(chunks);
  const Bits before = samples_of(7);
  WindowRewriter rewriter = make(1'000'000);
  EXPECT_EQ(run(rewriter), 1u);
  EXPECT_EQ(samples_of(7), before);
  const auto after = chunks_of(7);
  ASSERT_EQ(after.size(), 4u);  // 2000 samples.
  for (const ReadChunk& chunk : after) EXPECT_EQ(chunk.version, 119u);
  EXPECT_EQ(metrics_.rewrite_chunks_before.Value(), 20);
  EXPECT_EQ(metrics_.rewrite_chunks_after.Value(), 4);
  EXPECT_EQ(run(rewriter), 0u) << "done is done";
}

TEST_F(WindowRewrite, LeavesOpenWindowsAlone) {
  ingest({{1, 1, steady(kDayMs, 10, 1)}, {1, 2, steady(kDayMs + 600'000, 10, 1)}});
  WindowRewriter rewriter = make(1'000'000);
  const int64_t end_ms = kDayMs + kWindowMs;
  EXPECT_FALSE(rewriter.step({kDay, end_ms + 3'599'999, end_ms + 9})) << "samples may be under way";
  EXPECT_FALSE(rewriter.step({kDay, end_ms + 9'000'000, end_ms - 1})) << "holds the newest sample";
  EXPECT_FALSE(rewriter.step({kDay + 1, end_ms + 9'000'000, end_ms})) << "retention is about to drop it";
  EXPECT_TRUE(rewriter.step({kDay, end_ms + 3'600'000, end_ms}));
  EXPECT_EQ(chunks_of(1).size(), 1u);
}

TEST_F(WindowRewrite, LateChunksAreMergedOnce) {
  ingest({{1, 1, steady(kDayMs, 512, 1)}, {2, 1, steady(kDayMs, 512, 1)}, {3, 1, steady(kDayMs, 512, 1)}});
  WindowRewriter rewriter = make(1'000'000);
  EXPECT_EQ(run(rewriter), 1u);
  EXPECT_EQ(metrics_.rewrite_series.Value(), 0);
  // One overwrites, one is between, one series is new.
  ingest({{1, 50, {{kDayMs + 15'000, 9}}}, {3, 51, {{kDayMs + 1, 8}}}, {9, 52, steady(kDayMs, 5, 2)}});
  EXPECT_EQ(run(rewriter), 1u);
  EXPECT_EQ(metrics_.rewrite_series.Value(), 2);
  EXPECT_EQ(chunks_of(1).size(), 1u);
  EXPECT_EQ(samples_of(1)[kDayMs + 15'000], std::bit_cast<uint64_t>(9.0));
  EXPECT_EQ(chunks_of(1)[0].version, 50u);
  EXPECT_EQ(chunks_of(2)[0].version, 1u);
  EXPECT_EQ(samples_of(3).size(), 513u);
  EXPECT_TRUE(read_dirty(*rocks_, kDay)->isEmpty());
  EXPECT_EQ(run(rewriter), 0u);
}

TEST_F(WindowRewrite, GoesOnAfterACrash) {
  std::vector<Chunk> chunks;
  for (SeriesId id = 1; id <= 40; ++id) {
    for (size_t i = 0; i < 6; ++i) {
      chunks.push_back({id, i + 1, steady(kDayMs + static_cast<int64_t>(i) * 1'500'000, 100, id)});
    }
  }
  ingest(chunks);
  size_t pieces = 0;
  for (bool more = true; more;) {
    // Each piece by a process of its own.
    open();
    WindowRewriter rewriter = make(2'000);
    more = rewriter.step(after());
    if (more) ++pieces;
    if (pieces == 3) ingest({{1, 9, {{kDayMs + 1, 5}}}, {40, 9, {{kDayMs + 1, 5}}}});  // Behind the work and before it.
  }
  EXPECT_GE(pieces, 10u);
  EXPECT_LE(pieces, 30u);
  for (SeriesId id = 1; id <= 40; ++id) {
    EXPECT_EQ(samples_of(id).size(), id == 1 || id == 40 ? 601u : 600u) << id;
    EXPECT_EQ(chunks_of(id).size(), 2u) << id;
  }
}

TEST_F(WindowRewrite, WhatWasReplacedLeavesTheDiskAfterARestartToo) {
  std::mt19937_64 random(1);
  std::vector<Chunk> chunks;
  for (SeriesId id = 1; id <= 50; ++id) {
    for (size_t i = 0; i < 5; ++i) {
      std::vector<Sample> samples = steady(kDayMs + static_cast<int64_t>(i) * 1'500'000, 100, 0);
      for (Sample& sample : samples) sample.v = std::bit_cast<double>(random() >> 2);
      chunks.push_back({id, i + 1, samples});
    }
  }
  ingest(chunks);
  // Killed before anything was compacted.
  open(OpenMode::kServeFrugally);
  WindowRewriter before = make(1'000'000);
  EXPECT_EQ(run(before), 1u);
  const uint64_t bytes = rocks_->disk_bytes();
  open();
  WindowRewriter rewriter = make(1'000'000);
  EXPECT_EQ(run(rewriter), 0u);
  EXPECT_TRUE(testing::eventually([&] { return rocks_->disk_bytes() < bytes * 6 / 10; }))
      << rocks_->disk_bytes() << " of " << bytes;
}

TEST_F(WindowRewrite, UnreadableChunksStayToBeFound) {
  ingest({{1, 1, steady(kDayMs, 10, 1)},
          {1, 2, steady(kDayMs + 600'000, 10, 1)},
          {2, 1, steady(kDayMs, 10, 1)},
          {2, 2, steady(kDayMs + 600'000, 10, 1)}});
  const std::string key = chunk_key({Tier::kRaw, kDay, 1, kDayMs, 1});
  ASSERT_TRUE(rocks_->db().Put(rocksdb::WriteOptions(), rocks_->family(Family::kChunks), key, "garbage").ok());
  WindowRewriter rewriter = make(1'000'000);
  EXPECT_EQ(run(rewriter), 1u);
  EXPECT_EQ(chunks_of(1).size(), 1u);
  EXPECT_EQ(chunks_of(2).size(), 1u);
  EXPECT_EQ(metrics_.corruptions.Value(), 1);
  std::string value;
  EXPECT_TRUE(rocks_->db().Get(rocksdb::ReadOptions(), rocks_->family(Family::kChunks), key, &value).ok());
}

// Chunks that do not read, and the list of series by which they could be passed over does not, either.
TEST_F(WindowRewrite, ADayThatDamageKeepsFromBeingFinishedCountsAsDone) {
  ingest({{1, 1, steady(kDayMs, 10, 1)}, {1, 2, steady(kDayMs + 600'000, 10, 1)}});
  ingest({{2, 1, steady(kDayMs + kWindowMs, 10, 1)}, {2, 2, steady(kDayMs + kWindowMs + 600'000, 10, 1)}});
  const std::string key = all_postings_key(Tier::kRaw, kDay);
  ASSERT_TRUE(rocks_->db().Put(rocksdb::WriteOptions(), rocks_->family(Family::kPostings), key, "garbage").ok());
  std::string file;
  std::vector<rocksdb::LiveFileMetaData> files;
  rocks_->db().GetLiveFilesMetaData(&files);
  for (const auto& one : files) {
    if (one.column_family_name == "chunks" && parse_window(one.smallestkey) == kDay) file = one.db_path + one.name;
  }
  ASSERT_FALSE(file.empty());
  rocks_.reset();
  testing::flip_byte(file, 9);
  open();
  WindowRewriter rewriter = make(1'000'000);
  const WindowRewriter::Bounds bounds{kDay, kDayMs + 5 * kWindowMs, kDayMs + 5 * kWindowMs, 0};
  for (int round = 0; round < 3; ++round) {
    EXPECT_FALSE(*WindowRewriter::is_done(*rocks_, kDay, 0)) << round;
    while (rewriter.step(bounds)) {
    }
  }
  EXPECT_EQ(metrics_.rewrite_failures.Value(), 3);
  EXPECT_TRUE(logger_.contains("a day cannot be finished for damage"));
  EXPECT_TRUE(*WindowRewriter::is_done(*rocks_, kDay, 0));
  EXPECT_TRUE(*WindowRewriter::is_done(*rocks_, kDay + 1, 0)) << "the others are not kept waiting";
  EXPECT_EQ(chunks_of(2, kDay + 1).size(), 1u);
  while (rewriter.step(bounds)) {
  }
  EXPECT_EQ(metrics_.rewrite_failures.Value(), 3) << "not again and again";
}

TEST_F(WindowRewrite, SubtractsWhatWasDeleted) {
  ingest({{1, 1, steady(kDayMs, 512, 1)}, {1, 9, steady(kDayMs + 512 * 15'000, 100, 1)}, {2, 1, steady(kDayMs, 9, 1)}});
  // Not of version 9, which came after the delete.
  bury({{kDay, 5}, kDayMs, kDayMs + kWindowMs - 1, Roaring::bitmapOf(2, 1, 2)});
  WindowRewriter rewriter = make(1'000'000);
  EXPECT_EQ(run(rewriter), 1u);
  EXPECT_EQ(samples_of(1).size(), 100u);
  EXPECT_EQ(chunks_of(1).size(), 1u);
  EXPECT_EQ(chunks_of(2).size(), 0u);
  EXPECT_TRUE(tombstones_.now()->empty());
  Tombstones stored(metrics_);
  ASSERT_TRUE(stored.load(*rocks_, logger_).ok());
  EXPECT_TRUE(stored.now()->empty());
}

TEST_F(WindowRewrite, TombstonesStayUntilAllTheirSeriesAreDone) {
  std::vector<Chunk> chunks;
  for (SeriesId id = 1; id <= 40; ++id) chunks.push_back({id, 1, steady(kDayMs, 100, id)});
  ingest(chunks);
  bury({{kDay, 5}, kDayMs + 15'000, kDayMs + 30'000, Roaring::bitmapOf(2, 3, 38)});
  WindowRewriter rewriter = make(400);
  ASSERT_TRUE(rewriter.step(after()));
  EXPECT_EQ(samples_of(3).size(), 98u);
  EXPECT_EQ(samples_of(38).size(), 100u);
  EXPECT_EQ(tombstones_.now()->size(), 1u);
  open();
  Tombstones stored(metrics_);
  ASSERT_TRUE(stored.load(*rocks_, logger_).ok());
  ASSERT_EQ(stored.now()->size(), 1u);
  EXPECT_TRUE(stored.now()->covers(38, kDayMs + 15'000, 4));
  EXPECT_FALSE(stored.now()->covers(38, kDayMs + 15'000, 5));
  EXPECT_FALSE(stored.now()->covers(38, kDayMs + 31'000, 4));
  EXPECT_FALSE(stored.now()->covers(4, kDayMs + 15'000, 4));
  WindowRewriter again = make(400);
  run(again);
  EXPECT_EQ(samples_of(38).size(), 98u);
  EXPECT_TRUE(tombstones_.now()->empty());
}

// What was deleted of a series with a chunk that does not read is still in its other chunks.
TEST_F(WindowRewrite, TombstonesOfWhatDoesNotReadStayOverARestart) {
  ingest({{1, 1, steady(kDayMs, 10, 1)}, {1, 2, steady(kDayMs + 600'000, 10, 1)}, {2, 1, steady(kDayMs, 10, 1)}});
  const std::string key = chunk_key({Tier::kRaw, kDay, 1, kDayMs + 600'000, 2});
  ASSERT_TRUE(rocks_->db().Put(rocksdb::WriteOptions(), rocks_->family(Family::kChunks), key, "garbage").ok());
  bury({{kDay, 7}, kDayMs, kDayMs + 300'000, Roaring::bitmapOf(1, 1)});
  bury({{kDay, 8}, kDayMs, kDayMs + 300'000, Roaring::bitmapOf(1, 2)});
  WindowRewriter before = make(1'000'000);
  run(before);
  ASSERT_EQ(tombstones_.now()->of(kDay).size(), 1u);
  WindowRewriter rewriter = make(1'000'000);
  ingest({{2, 9, {{kDayMs + 1, 5}}}});
  EXPECT_LT(run(rewriter), 5u);
  EXPECT_EQ(tombstones_.now()->of(kDay).size(), 1u);
  EXPECT_EQ(run(rewriter), 0u);
}

// Against the naive rule: of all samples at a time, the one of the latest version counts.
TEST_F(WindowRewrite, KeepsWhatAModelKeeps) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::map<SeriesId, std::map<int64_t, std::pair<Position, double>>> model;
  Position version = 0;
  for (int round = 0; round < 12; ++round) {
    std::vector<Chunk> chunks;
    for (SeriesId id = 1; id <= 30; ++id) {
      if (random() % 3 == 0) continue;
      Chunk chunk{id, ++version, {}};
      const size_t count = 1 + random() % (random() % 4 == 0 ? 512 : 60);
      int64_t t_ms = kDayMs + static_cast<int64_t>(random() % 40'000'000 / 15'000 * 15'000);
      for (size_t i = 0; i < count; ++i) {
        const double v = random() % 20 == 0 ? stale_nan() : static_cast<double>(random() % 1000) / 10;
        chunk.samples.push_back({t_ms, v});
        model[id][t_ms] = {version, v};
        t_ms += 15'000 * static_cast<int64_t>(1 + random() % 3);
      }
      chunks.push_back(std::move(chunk));
    }
    ingest(chunks);
    if (random() % 2 == 0) {
      WindowRewriter rewriter = make(1 + random() % 20'000);
      run(rewriter);
    }
  }
  WindowRewriter rewriter = make(5'000);
  run(rewriter);
  for (const auto& [id, samples] : model) {
    Bits want;
    for (const auto& [t_ms, sample] : samples) want[t_ms] = std::bit_cast<uint64_t>(sample.second);
    EXPECT_EQ(samples_of(id), want) << id;
    const auto chunks = chunks_of(id);
    EXPECT_EQ(chunks.size(), (want.size() + kChunkSamplesMax - 1) / kChunkSamplesMax) << id;
    for (size_t i = 1; i < chunks.size(); ++i) EXPECT_GT(chunks[i].first_ms, chunks[i - 1].last_ms) << id;
  }
}

class RewriteInStore : public StoreFixture {};

TEST_F(RewriteInStore, RestartsLeaveNoShortChunksForGood) {
  const Labels labels{{"__name__", "up"}};
  for (int restart = 0; restart < 5; ++restart) {
    open();
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(append(labels, clock_.now_ms(), i), Outcome::kAccepted);
      clock_.advance_ms(15'000);
    }
    close();
  }
  open();
  const Content before = read_all();
  EXPECT_EQ(before.begin()->second.size(), 50u);
  clock_.advance_ms(2 * kWindowMs);
  append({{"__name__", "later"}}, clock_.now_ms(), 1);
  store_->set_retention(options_.retention_ms, 0);  // Wakes the thread.
  ASSERT_TRUE(testing::eventually([&] { return metric("tidemark_storage_rewrite_windows_total") == 1; }));
  EXPECT_EQ(metric("tidemark_storage_rewrite_chunks_replaced_total"), 5);
  EXPECT_EQ(metric("tidemark_storage_rewrite_chunks_written_total"), 1);
  Content after = read_all();
  after.erase(Labels{{"__name__", "later"}}.view().to_string());
  EXPECT_EQ(after, before);
}

}  // namespace
}  // namespace tidemark::storage
