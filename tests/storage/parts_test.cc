// Keys, the order of commits, the series index, postings values, and the merge of chunks.
#include <gtest/gtest.h>

#include <thread>

#include "aggregator/storage/checkpoint_pace.h"
#include "aggregator/storage/checkpoint_record.h"
#include "aggregator/storage/chunk_codec.h"
#include "aggregator/storage/chunk_merge.h"
#include "aggregator/storage/commit_order.h"
#include "aggregator/storage/head_group.h"
#include "aggregator/storage/head_shard.h"
#include "aggregator/storage/keys.h"
#include "aggregator/storage/lifetimes.h"
#include "aggregator/storage/open_chunk.h"
#include "aggregator/storage/postings.h"
#include "aggregator/storage/series_index.h"

namespace tidemark::storage {
namespace {

// A load, then none: once, some seconds after it. Bytes a second for so many seconds.
TEST(CheckpointPace, IsDueWhenTheLogHasBecomeSlow) {
  struct Phase {
    int seconds;
    uint64_t bytes_a_second;
    int due;
  };
  struct Case {
    const char* what;
    uint64_t head_bytes;
    std::vector<Phase> phases;
  };
  const uint64_t kMB = 1 << 20;
  const std::vector<Case> cases{
      {"under load only the bound asks for one", 20 * kMB, {{3600, 9 * kMB, 0}}},
      {"a load that ends", 20 * kMB, {{100, 5 * kMB, 0}, {7, 0, 0}, {3, 0, 1}, {3600, 0, 0}}},
      {"what follows it may be slow", 20 * kMB, {{100, 100'000, 0}, {20, 1000, 1}, {600, 1000, 0}}},
      {"a steady scrape, every ten minutes", 20 * kMB, {{590, 19'000, 0}, {20, 19'000, 1}, {580, 19'000, 0}}},
      {"a log that is nothing", 20 * kMB, {{100, 10'000, 0}, {1000, 0, 0}}},
      {"a log that is nothing beside its head", 320 * kMB, {{19, kMB, 0}, {1000, 0, 0}}},
      {"bursts", 20 * kMB, {{2, kMB, 0}, {58, 0, 1}, {2, kMB, 0}, {58, 0, 0}, {2, kMB, 0}, {58, 0, 0}}},
  };
  for (const Case& one : cases) {
    CheckpointPace pace;
    int64_t now_ns = 1;
    uint64_t appended = 0;
    uint64_t log = 0;
    for (const Phase& phase : one.phases) {
      int due = 0;
      for (int i = 0; i < phase.seconds; ++i) {
        appended += phase.bytes_a_second;
        log = (log + phase.bytes_a_second) % (32 * kMB);  // Its bound.
        now_ns += CheckpointPace::kLookNs;
        if (!pace.due(now_ns, appended, log, one.head_bytes)) continue;
        ++due;
        log = 0;
      }
      EXPECT_EQ(due, phase.due) << one.what << ", " << phase.bytes_a_second << " bytes a second";
    }
  }
}

TEST(Keys, SortAsNumbersDo) {
  const int64_t day = 86'400'000;
  const std::vector<ChunkKey> rising{
      {Tier::kRaw, window_of(-2 * day), 9, -2 * day + 5, 1},
      {Tier::kRaw, window_of(-1), 1, -1, 7},
      {Tier::kRaw, window_of(0), 1, 0, 9},
      {Tier::kRaw, window_of(5), 1, 5, 1},
      {Tier::kRaw, window_of(5), 1, 5, 256},
      {Tier::kRaw, window_of(5), 2, 1, 1},
      {Tier::kRaw, window_of(5), 300, 1, 1},
      {Tier::kRaw, window_of(day), 1, day, 1},
  };
  for (size_t i = 0; i < rising.size(); ++i) {
    EXPECT_EQ(parse_chunk_key(chunk_key(rising[i])), rising[i]) << i;
    if (i > 0) {
      EXPECT_LT(chunk_key(rising[i - 1]), chunk_key(rising[i])) << i;
    }
  }
  EXPECT_EQ(chunk_key(rising[0]).size(), 21u);
  EXPECT_FALSE(parse_chunk_key("short"));
  // Of a damaged file: no window that anybody meant, but a number.
  static_assert(window_start_ms(Tier::k1h, INT32_MAX) == int64_t{INT32_MAX} * 8 * kWindowMs);
  const std::string damaged = "\x02\x92" + std::string(19, '\xff');
  ASSERT_TRUE(parse_chunk_key(damaged));
  EXPECT_EQ(chunk_key(*parse_chunk_key(damaged)), damaged);
  EXPECT_EQ(window_of(-1), -1);
  EXPECT_EQ(window_of(-day), -1);
  EXPECT_EQ(window_of(day - 1), 0);
}

TEST(Keys, PostingsHoldAnyName) {
  const std::string names[] = {"a", std::string("a\0b", 3), std::string("a\0\0", 3), "ab", "\xff\xff"};
  for (const std::string& name : names) {
    for (const std::string& value : {std::string("v"), std::string("\0v", 2), std::string("\xff")}) {
      const auto pair = parse_postings_key(postings_key(Tier::kRaw, 3, name, value));
      ASSERT_TRUE(pair);
      EXPECT_EQ(pair->name, name);
      EXPECT_EQ(pair->value, value);
    }
    for (const std::string& other : names) {
      if (name == other) continue;
      EXPECT_FALSE(postings_key(Tier::kRaw, 3, other, "v").starts_with(postings_name_prefix(Tier::kRaw, 3, name)));
    }
  }
  EXPECT_FALSE(parse_postings_key(all_postings_key(Tier::kRaw, 3)));
}

TEST(CheckpointRecord, ComesBackAndRefusesDamage) {
  const Marker marker{12, 34, 56, -78, 90};
  const std::string bytes = encode_marker(marker);
  const auto read = parse_marker(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->position, 12u);
  EXPECT_EQ(read->next_id, 34u);
  EXPECT_EQ(read->next_position, 56u);
  EXPECT_EQ(read->newest_ms, -78);
  EXPECT_EQ(read->generation, 90u);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string bad = bytes;
    bad[i] = static_cast<char>(bad[i] ^ 4);
    EXPECT_FALSE(parse_marker(bad)) << i;
  }
}

TEST(CommitOrder, PublishesInOrder) {
  CommitOrder order(10);
  const Position a = order.begin();
  const Position b = order.begin();
  EXPECT_EQ(a, 11u);
  order.finish(b, 0);
  EXPECT_EQ(order.open_view(), 10u) << "b waits for a";
  order.finish(a, 0);
  EXPECT_TRUE(order.wait_published(b));
  EXPECT_EQ(order.open_view(), 12u);
  EXPECT_EQ(order.oldest_view(), 10u);
  order.close_view(10);
  EXPECT_EQ(order.oldest_view(), 12u);
}

TEST(CommitOrder, NoViewComesBetweenTiedCommits) {
  CommitOrder order(0);
  const Position a = order.begin();
  const Position b = order.begin();
  const Position c = order.begin();
  order.finish(a, c);
  EXPECT_EQ(order.open_view(), 0u);
  order.finish(b, 0);
  EXPECT_EQ(order.open_view(), 0u);
  order.finish(c, 0);
  EXPECT_EQ(order.open_view(), 3u);
}

TEST(CommitOrder, AFailureReleasesWhoWaits) {
  CommitOrder order(0);
  order.begin();
  const Position b = order.begin();
  order.finish(b, 0);
  std::thread waiter([&] { EXPECT_FALSE(order.wait_published(b)); });
  order.fail();
  waiter.join();
}

// What a reader of [0, 1000] sees.
std::optional<HeadCopy> copy_of(HeadShard& shard, SeriesId id, uint32_t slot, Position view) {
  HeadCopy out;
  if (!shard.copy(id, slot, 0, 1000, view, out)) return std::nullopt;
  return out;
}

// Two commits write a series in the other order than their positions: whoever comes second must be seen with the other.
TEST(HeadShard, TiesACommitToALaterOneThatWasQuicker) {
  HeadShard shard(0);
  const uint32_t slot = shard.add_series(1, INT64_MIN, true, 1);
  const auto append = [&](Position position, int64_t t_ms, double v) {
    Batch batch;
    batch.add(make_ref(1, slot), {}, t_ms, v);
    AppendResult result;
    const uint32_t samples[] = {0};
    shard.append(batch, samples, {0, 1000, position, 0, 60}, result);
    return std::pair(batch.outcome(0), result.tied_to);
  };
  EXPECT_EQ(append(2, 10, 1), (std::pair(Outcome::kAccepted, Position{0})));
  EXPECT_EQ(append(1, 10, 1), (std::pair(Outcome::kDuplicate, Position{2}))) << "it is there only once 2 is logged";
  EXPECT_EQ(append(1, 20, 2), (std::pair(Outcome::kAccepted, Position{2})));
  EXPECT_EQ(append(3, 30, 3), (std::pair(Outcome::kAccepted, Position{0})));
  EXPECT_EQ(copy_of(shard, 1, slot, 3)->visible_until_ms, INT64_MAX);
  EXPECT_EQ(copy_of(shard, 1, slot, 2)->visible_until_ms, 20);
  EXPECT_TRUE(copy_of(shard, 1, slot, 0)->chunks.empty());
  EXPECT_EQ(copy_of(shard, 1, slot, 0)->open.count, 0u);
  EXPECT_FALSE(copy_of(shard, 2, slot, 3)) << "the slot is another series'";
}

// While files are asked about its late sample, a series may leave memory and another take its slot.
TEST(HeadShard, ALateSampleFindsItsSeriesGone) {
  HeadShard shard(0);
  const uint32_t slot = shard.add_series(7, 1000, true, 60);
  Batch batch;
  batch.add(make_ref(7, slot), {}, 500, 1);
  AppendResult result;
  const uint32_t samples[] = {0};
  const AppendRules rules{.max_ms = 1000, .position = 1, .now_s = 60};
  shard.append(batch, samples, rules, result);
  ASSERT_EQ(result.undecided.size(), 1u);
  ASSERT_TRUE(shard.remove_idle(7, slot, 1'000'000));
  ASSERT_EQ(shard.add_series(8, INT64_MIN, true, 60), slot);
  const InFiles in_files[] = {{0, std::nullopt, nullptr}};
  shard.append_late(batch, in_files, rules, result);
  EXPECT_EQ(batch.outcome(0), Outcome::kUnknownRef);
  EXPECT_TRUE(result.accepted.empty());
  EXPECT_TRUE(copy_of(shard, 8, slot, 3)->late.empty());
}

TEST(HeadShard, CountsAHistogramThatTookAnothersPlaceOnce) {
  HeadShard shard(0);
  const uint32_t slot = shard.add_series(7, INT64_MIN, true, 60);
  NativeHistogram first;
  first.count = 1;
  first.zero_count = 1;
  NativeHistogram second = first;
  second.sum = 5;
  Batch batch;
  for (const NativeHistogram* histogram : {&first, &second}) {
    batch.add(make_ref(7, slot), {}, 500, Value{.histogram = histogram});
  }
  AppendResult result;
  const uint32_t samples[] = {0, 1};
  shard.append(batch, samples, {.max_ms = 1000, .position = 1, .now_s = 60}, result);
  for (const uint32_t i : result.undecided) {
    const InFiles in_files[] = {{i, std::nullopt, nullptr}};
    shard.append_late(batch, in_files, {.max_ms = 1000, .position = 1, .now_s = 60}, result);
  }
  EXPECT_EQ(batch.outcome(1), Outcome::kOverwrote);
  SealPolicy policy;
  policy.all = true;
  const ShardCopy copy = shard.checkpoint(policy, [] { return Position{1}; });
  shard.checkpoint_done(copy);
  EXPECT_EQ(shard.head_bytes(), 0u);
}

TEST(HeadShard, NothingOfASeriesWithoutARecordIsReplayedToAnother) {
  HeadShard shard(0);
  const uint32_t lost = shard.add_series(1, INT64_MIN, true, 1);
  shard.discard(lost);
  const uint32_t slot = shard.add_series(2, INT64_MIN, true, 1);
  const std::vector<HeadShard::Replayed> samples{{.slot = lost, .v = 1, .t_ms = 10, .position = 1},
                                                 {.slot = slot, .v = 2, .t_ms = 20, .position = 1}};
  shard.replay(samples, {});
  const auto copy = copy_of(shard, 2, slot, 100);
  ASSERT_TRUE(copy);
  EXPECT_EQ(copy->open.count, 1u);
  EXPECT_EQ(copy->open.first_ms, 20);
  EXPECT_EQ(shard.oldest_ms(), 20);
}

// What a replay finds out of order is late; the later position wins.
TEST(HeadShard, ReplaysInAnyOrder) {
  HeadShard shard(0);
  const uint32_t slot = shard.add_series(1, INT64_MIN, true, 1);
  Position position = 0;
  for (const int64_t t_ms : {10, 30, 20, 30, 5, 40, 20}) {
    ++position;
    const HeadShard::Replayed sample{
        .slot = slot, .v = static_cast<double>(position), .t_ms = t_ms, .position = position};
    shard.replay(std::span(&sample, 1), {});
  }
  const auto copy = copy_of(shard, 1, slot, 100);
  ASSERT_TRUE(copy);
  const OwnedChunk& chunk = copy->open;
  ChunkDecoder decoder(chunk.view());
  std::vector<int64_t> t_ms(10);
  std::vector<double> v(10);
  ASSERT_EQ(decoder.next(t_ms, v), 3u);
  t_ms.resize(3);
  EXPECT_EQ(t_ms, (std::vector<int64_t>{10, 30, 40}));
  EXPECT_EQ(copy->late, (std::vector<LateSample>{{5, 5, 5}, {20, 7, 7}, {30, 4, 4}}));
}

// What an earlier checkpoint took must go, and nothing that came since.
TEST(LateSamples, GiveUpWhatWasCopiedOnly) {
  LateSamples late;
  for (const LateSample& sample : std::vector<LateSample>{{10, 1, 1}, {5, 1, 2}, {20, 1, 3}, {10, 2, 3}})
    late.add(sample);
  late.add({10, 4, 3});
  ASSERT_EQ(late.find(10)->v, 4);
  EXPECT_EQ(late.find(11), nullptr);
  const auto copied = late.copy(20, 3);
  EXPECT_EQ(copied, (std::vector<LateSample>{{5, 1, 2}, {10, 1, 1}, {10, 4, 3}}));
  late.add({10, 5, 7});
  late.add({4, 1, 8});
  late.remove(copied);
  EXPECT_EQ(late.all(), (std::vector<LateSample>{{4, 1, 8}, {10, 5, 7}, {20, 1, 3}}));
  EXPECT_EQ(newest_of(late.all(), 7, 0, 15), (std::vector<LateSample>{{10, 5, 7}}));
}

TEST(HeadGroup, ComesBackAndRefusesDamage) {
  OpenChunk open;
  for (int i = 0; i < 140; ++i) open.append(1000 + i * 15, i * 0.5);
  const std::vector<LateSample> late{{-7, 1.5, 3}, {500, 2.5, 1, -90}};
  StartRuns starts;
  for (int i = 0; i < 140; ++i) starts.append(1000 + i * 15, i < 70 ? 900 : 985 + i * 15);
  NativeHistogram histogram;
  histogram.count = 3;
  histogram.positive = {{{-2, 2}}, {1, 2}};
  const std::vector<LateHistogram> histograms{{60, std::make_shared<const NativeHistogram>(histogram), 4, 50},
                                              {70, std::make_shared<const NativeHistogram>(histogram), 5, kNoStart}};
  std::string bytes;
  begin_head_group(bytes);
  append_head_entry(bytes, 9, false, OpenChunk(77, 5), {}, {}, histograms);
  append_head_entry(bytes, 4'000'000'000, true, open, starts.encode(), late, {});
  end_head_group(bytes);
  const auto read = parse_head_group(bytes);
  ASSERT_TRUE(read) << read.error().message();
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[0].id, 9u);
  EXPECT_TRUE((*read)[0].open.empty());
  EXPECT_EQ((*read)[0].open.last_ms(), 77);
  EXPECT_EQ((*read)[0].open.last_bits(), 5u);
  EXPECT_EQ((*read)[1].id, 4'000'000'000);
  EXPECT_TRUE((*read)[1].last_unknown);
  EXPECT_EQ((*read)[1].open.copy().payload, open.copy().payload);
  EXPECT_EQ((*read)[1].open.first_ms(), 1000);
  EXPECT_EQ((*read)[1].late, late);
  ASSERT_EQ((*read)[0].histograms.size(), 2u);
  EXPECT_EQ((*read)[0].histograms[0].t_ms, 60);
  EXPECT_EQ((*read)[0].histograms[0].start_ms, 50);
  EXPECT_EQ((*read)[0].histograms[1].position, 5u);
  EXPECT_TRUE(same_histogram(*(*read)[0].histograms[1].histogram, histogram));
  EXPECT_TRUE((*read)[1].histograms.empty());
  EXPECT_TRUE((*read)[0].starts.empty());
  EXPECT_EQ((*read)[1].starts.encode(), starts.encode());
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string bad = bytes;
    bad[i] = static_cast<char>(bad[i] ^ 4);
    EXPECT_FALSE(parse_head_group(bad)) << i;
    // Also with a checksum that fits, nothing reads beyond the end.
    std::string cut = bytes.substr(0, i);
    append_checksum(cut);
    static_cast<void>(parse_head_group(cut));
  }
}

TEST(SeriesIndex, FindsAddsAndRemovesAlsoWhenHashesCollide) {
  SeriesIndex index;
  const MutexLock lock(index.mutex());
  const Labels a{{"__name__", "m"}, {"x", "1"}};
  const Labels b{{"__name__", "m"}, {"x", "2"}};
  const Labels c{{"__name__", "m"}, {"y", "1"}};
  index.add(5, 0, 77, a, 1);
  index.add(7, 1, 77, b, 1);
  index.add(6, 2, 77, c, 1);  // A returning series has a lower id.
  EXPECT_EQ(index.find(77, a, 1)->id, 5u);
  EXPECT_EQ(index.find(77, b, 1)->id, 7u);
  EXPECT_EQ(index.find(77, c, 9)->id, 6u);
  EXPECT_EQ(index.last_asked_s(6), 9u);
  EXPECT_EQ(index.encoded_labels(7), b.encoded());
  EXPECT_EQ(index.match({Matcher::equal("__name__", "m")})->cardinality(), 3u);
  index.remove(5);  // The one in the main table: another must take its place.
  EXPECT_FALSE(index.find(77, a, 1));
  EXPECT_EQ(index.find(77, b, 1)->id, 7u);
  EXPECT_EQ(index.find(77, c, 1)->id, 6u);
  EXPECT_EQ(index.label_values("x"), std::vector<std::string>{"2"});
  index.remove(7);
  index.remove(6);
  EXPECT_EQ(index.size(), 0u);
  EXPECT_TRUE(index.label_names().empty());
  EXPECT_TRUE(index.match({Matcher::equal("__name__", "m")})->isEmpty());
}

TEST(Postings, UniteAndReportWhatDoesNotRead) {
  Roaring a;
  a.add(1);
  a.add(70'000);
  Roaring b;
  b.addRange(2, 5000);
  const auto united = parse_postings(encode_postings(a) + encode_postings(b));
  ASSERT_TRUE(united);
  EXPECT_EQ(*united, a | b);
  EXPECT_TRUE(parse_postings("")->isEmpty());
  EXPECT_FALSE(parse_postings("\x20 cut off"));
  EXPECT_FALSE(parse_postings(encode_postings(a) + std::string("\x03xyz")));
  const std::string good = encode_postings(b);
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 4);
    EXPECT_FALSE(parse_postings(bad)) << "byte " << i;
  }
}

TEST(Lifetimes, UniteAndReportWhatDoesNotRead) {
  EXPECT_EQ(lifetime_of(1, kWindowMs - 5, kWindowMs + 61'000).first, 0) << "what lies before counts as the beginning";
  EXPECT_EQ(lifetime_of(1, kWindowMs - 5, kWindowMs + 61'000).last, 1);
  const uint32_t base = 7 * kLifetimeBlock;
  const std::string values = encode_lifetimes({{base + 3, {10, 20}}, {base + 1023, {0, 1439}}}) +
                             encode_lifetimes({{base, {5, 5}}, {base + 3, {30, 31}}});
  for (const std::string& value : {values, join_lifetimes(values)}) {
    LifetimeBlock block;
    ASSERT_TRUE(add_lifetimes(value, block));
    EXPECT_EQ(block[3].first, 10);
    EXPECT_EQ(block[3].last, 31);
    EXPECT_EQ(block[0].last, 5);
    EXPECT_EQ(block[1023].last, 1439);
    EXPECT_FALSE(block[1].known());
  }
  EXPECT_LT(join_lifetimes(values).size(), values.size());
  LifetimeBlock block;
  EXPECT_FALSE(add_lifetimes(values.substr(0, values.size() - 1), block));
  EXPECT_EQ(join_lifetimes("\x05" + values), "\x05" + values) << "what does not read is kept for a reader to see";
}

ReadChunk chunk_of(const std::vector<Sample>& samples, Position version) {
  OpenChunk open;
  for (const Sample& sample : samples) open.append(sample.t_ms, sample.v);
  OwnedChunk chunk = open.take();
  return {chunk.first_ms, chunk.last_ms, chunk.count, Codec::kPieces, version, std::move(chunk.payload)};
}

TEST(ChunkMerge, MergesByTimeAndTheLaterVersionWins) {
  struct Case {
    const char* what;
    std::vector<ReadChunk> chunks;
    std::vector<Sample> want;
  };
  const Case cases[] = {
      {"apart", {chunk_of({{30, 3}}, 1), chunk_of({{10, 1}, {20, 2}}, 2)}, {{10, 1}, {20, 2}, {30, 3}}},
      {"twice the same", {chunk_of({{10, 1}, {20, 2}}, 1), chunk_of({{10, 1}, {20, 2}}, 9)}, {{10, 1}, {20, 2}}},
      {"interleaved", {chunk_of({{10, 1}, {30, 3}}, 1), chunk_of({{20, 2}}, 2)}, {{10, 1}, {20, 2}, {30, 3}}},
      {"one replaced",
       {chunk_of({{10, 1}, {20, 2}, {30, 3}}, 5), chunk_of({{20, 9}}, 6), chunk_of({{20, 8}}, 4)},
       {{10, 1}, {20, 9}, {30, 3}}},
      {"replaced and put back",
       {chunk_of({{20, 2}}, 4), chunk_of({{10, 1}, {20, 9}}, 5), chunk_of({{20, 2}}, 6)},
       {{10, 1}, {20, 2}}},
      {"bounds", {chunk_of({{1, 1}, {10, 1}, {40, 4}, {41, 4}}, 1)}, {{10, 1}, {40, 4}}},
  };
  for (const Case& c : cases) {
    for (const size_t step : {1, 2, 100}) {
      ChunkMerge merge;
      merge.reset(c.chunks, 10, 40);
      for (int pass = 0; pass < 2; ++pass) {
        std::vector<int64_t> t_ms(step);
        std::vector<double> v(step);
        size_t at = 0;
        while (const size_t count = merge.next(t_ms, v)) {
          for (size_t i = 0; i < count; ++i, ++at) {
            ASSERT_LT(at, c.want.size()) << c.what;
            EXPECT_EQ(t_ms[i], c.want[at].t_ms) << c.what;
            EXPECT_EQ(v[i], c.want[at].v) << c.what;
          }
        }
        EXPECT_EQ(at, c.want.size()) << c.what;
        EXPECT_TRUE(merge.status().ok());
        merge.rewind();
      }
    }
  }
}

}  // namespace
}  // namespace tidemark::storage
