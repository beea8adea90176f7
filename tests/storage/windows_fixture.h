// WindowsFixture: chunks in files without a store around them, for what works on closed windows.
#pragma once

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <bit>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "aggregator/storage/chunk_merge.h"
#include "aggregator/storage/data_dir.h"
#include "aggregator/storage/ingest.h"
#include "aggregator/storage/lifetimes.h"
#include "aggregator/storage/metrics.h"
#include "aggregator/storage/postings.h"
#include "aggregator/storage/rocks.h"
#include "aggregator/storage/tombstones.h"
#include "aggregator/storage/window_marks.h"
#include "model/sample.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_logger.h"
#include "tests/support/temp_dir.h"

namespace tidemark::storage {

inline constexpr Window kDay = 19'000;
inline constexpr int64_t kDayMs = window_start_ms(kDay);

// A series' samples by time, as bits, so that NaNs compare.
using Bits = std::map<int64_t, uint64_t>;

class WindowsFixture : public ::testing::Test {
 protected:
  struct Chunk {
    SeriesId id;
    Position version;
    std::vector<Sample> samples;  // Of one window.
  };

  WindowsFixture() {
    options_.path = dir_.file("data");
    open();
  }

  void open(OpenMode mode = OpenMode::kServe) {
    rocks_.reset();
    const auto dir = prepare_data_dir(options_.path);
    ASSERT_TRUE(dir);
    auto rocks = Rocks::open(*dir, options_, logger_, mode);
    ASSERT_TRUE(rocks) << rocks.error().message();
    rocks_ = std::move(*rocks);
  }

  // As a checkpoint does: chunks, the postings of all their series, dirty marks.
  void ingest(const std::vector<Chunk>& chunks) {
    auto ingest = Ingest::begin(*rocks_, dir_.file("ingest"));
    ASSERT_TRUE(ingest);
    std::map<std::string, std::string> values;
    std::map<Window, Roaring> series;
    for (const Chunk& chunk : chunks) {
      std::vector<int64_t> t_ms;
      std::vector<double> v;
      for (const Sample& sample : chunk.samples) {
        t_ms.push_back(sample.t_ms);
        v.push_back(sample.v);
      }
      const Window window = window_of(t_ms.front());
      values[chunk_key({Tier::kRaw, window, chunk.id, t_ms.front(), chunk.version})] = make_chunk(t_ms, v);
      series[window].add(chunk.id);
    }
    ASSERT_TRUE((*ingest)->next_file(Family::kChunks).ok());
    for (const auto& [key, value] : values) ASSERT_TRUE((*ingest)->put(key, value).ok());
    const Status marks = add_dirty_marks(*rocks_, **ingest, series);
    ASSERT_TRUE(marks.ok()) << marks.message();
    for (const auto& [window, ids] : series) {
      std::map<std::string, Roaring> postings;
      for (const SeriesId id : ids) postings[postings_key(Tier::kRaw, window, "id", std::to_string(id))].add(id);
      ASSERT_TRUE((*ingest)->next_file(Family::kPostings).ok());
      ASSERT_TRUE((*ingest)->merge(all_postings_key(Tier::kRaw, window), encode_postings(ids)).ok());
      const std::map<SeriesId, Lifetime> lifetimes{{ids.minimum(), Lifetime{0, 1}}};
      ASSERT_TRUE((*ingest)->merge(lifetimes_key(Tier::kRaw, window, 0), encode_lifetimes(lifetimes)).ok());
      for (const auto& [key, some] : postings) ASSERT_TRUE((*ingest)->merge(key, encode_postings(some)).ok());
    }
    const Status status = (*ingest)->commit();
    ASSERT_TRUE(status.ok()) << status.message();
  }

  // As a delete does, but for the log.
  void bury(Tombstone tombstone) {
    rocksdb::WriteBatch batch;
    const auto family = rocks_->family(Family::kPostings);
    ASSERT_TRUE(batch.Put(family, tombstone_key(tombstone.key), encode_tombstone(tombstone)).ok());
    ASSERT_TRUE(add_dirty_marks(*rocks_, batch, {{tombstone.key.window, tombstone.ids}}).ok());
    ASSERT_TRUE(rocks_->db().Write(rocksdb::WriteOptions(), &batch).ok());
    std::vector<Tombstone> one;
    one.push_back(std::move(tombstone));
    tombstones_.add(std::move(one));
  }

  // Chunks of a series in the order of their keys.
  std::vector<ReadChunk> chunks_of(SeriesId id, Window window = kDay) {
    std::vector<ReadChunk> out;
    const std::unique_ptr<rocksdb::Iterator> at(
        rocks_->db().NewIterator(rocksdb::ReadOptions(), rocks_->family(Family::kChunks)));
    const std::string prefix = chunk_series_prefix(Tier::kRaw, window, id);
    for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next()) {
      const auto key = parse_chunk_key(view(at->key()));
      const auto chunk = parse_chunk(view(at->value()));
      if (!chunk) continue;
      out.push_back(
          {chunk->first_ms, chunk->last_ms, chunk->count, chunk->codec, key->version, std::string(chunk->payload)});
    }
    return out;
  }

  Bits samples_of(SeriesId id, Window window = kDay) {
    ChunkMerge merge;
    merge.reset(chunks_of(id, window), INT64_MIN, INT64_MAX);
    Bits out;
    std::vector<int64_t> t_ms(100);
    std::vector<double> v(100);
    while (const size_t count = merge.next(t_ms, v)) {
      for (size_t i = 0; i < count; ++i) out[t_ms[i]] = std::bit_cast<uint64_t>(v[i]);
    }
    EXPECT_TRUE(merge.status().ok());
    return out;
  }

  testing::TempDir dir_;
  testing::FakeClock clock_;
  testing::MemoryLogger logger_;
  prometheus::Registry registry_;
  Metrics metrics_{registry_};
  Tombstones tombstones_{metrics_};
  Options options_;
  std::unique_ptr<Rocks> rocks_;
};

}  // namespace tidemark::storage
