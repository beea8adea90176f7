#include "aggregator/remote/write_receiver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <atomic>
#include <bit>
#include <random>
#include <thread>

#include "net/client.h"
#include "net/server.h"
#include "tests/remote/fake_appender.h"
#include "tests/remote/write_request.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_logger.h"

namespace tidemark::remote {
namespace {

using testing::custom_histogram;
using ::testing::ElementsAre;
using testing::FakeAppender;
using ::testing::HasSubstr;
using testing::histogram;
using ::testing::IsEmpty;
using testing::message;
using testing::metadata;
using testing::put_bytes;
using testing::put_varint;
using testing::Request2;
using testing::series;
using testing::snap;

class WriteReceiverTest : public ::testing::Test {
 protected:
  WriteAnswer write(const std::string& body) { return receiver().receive("application/x-protobuf", "snappy", body); }
  WriteAnswer write_all(const std::vector<std::string>& all) { return write(snap(message(all))); }

  WriteReceiver& receiver() {
    if (!receiver_) receiver_ = std::make_unique<WriteReceiver>(options_, store_, clock_, logger_, registry_);
    return *receiver_;
  }
  std::string metrics() { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

  WriteReceiverOptions options_;
  FakeAppender store_;
  tidemark::testing::FakeClock clock_;
  tidemark::testing::MemoryLogger logger_;
  prometheus::Registry registry_;
  std::unique_ptr<WriteReceiver> receiver_;
};

TEST_F(WriteReceiverTest, StoresSamples) {
  const WriteAnswer answer = write_all({series({{"__name__", "up"}, {"job", "a"}}, {{1'000, 1}, {2'000, 0}}),
                                        series({{"__name__", "down"}}, {{-5, 7}})});
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.message, "");
  EXPECT_THAT(store_.samples(), ElementsAre("down -5 7", "up{job=\"a\"} 1000 1", "up{job=\"a\"} 2000 0"));
  EXPECT_EQ(store_.commits(), 1);
  EXPECT_EQ(write(snap("")).status, 204);  // No series is no mistake.
  EXPECT_EQ(store_.commits(), 1);
}

TEST_F(WriteReceiverTest, LabelsAreSortedAndEmptyValuesAbsent) {
  EXPECT_EQ(write_all({series({{"z", "1"}, {"a", ""}, {"__name__", "m"}, {"b", "2"}}, {{1, 1}})}).status, 204);
  EXPECT_THAT(store_.samples(), ElementsAre("m{b=\"2\", z=\"1\"} 1 1"));
}

TEST_F(WriteReceiverTest, BadLabelsAreRefusedAndTheRestIsStored) {
  const struct {
    testing::Pairs labels;
    std::string reason;
  } cases[] = {
      {{{"__name__", "m"}, {"a", "1"}, {"a", "2"}}, "duplicate label name \"a\""},
      {{{"__name__", "m"}, {"a", "1"}, {"a", "1"}}, "duplicate label name \"a\""},
      {{{"__name__", "m"}, {"a", "1"}, {"a", ""}}, "duplicate label name \"a\""},
      {{{"__name__", "m"}, {"", "1"}}, "empty label name"},
      {{{"a", "1"}}, "missing metric name in series {a=\"1\"}"},
      {{{"__name__", ""}}, "missing metric name in series {}"},
      {{}, "missing metric name in series {}"},
      {{{"__name__", "m"}, {"a", "\xff"}}, "not UTF-8"},
      {{{"__name__", "m"}, {"a\xc0\x80", "1"}}, "not UTF-8"},
      {{{"__name__", "m"}, {"a", std::string(200'000, 'x')}}, "bytes of labels"},
  };
  std::vector<std::string> want;
  int64_t t = 0;
  for (const auto& c : cases) {
    ++t;
    const WriteAnswer answer =
        write_all({series({{"__name__", "good"}}, {{t, 1}}), series(c.labels, {{t, 1}, {t + 1, 2}}),
                   series({{"__name__", "good"}, {"x", "y"}}, {{t, 1}})});
    EXPECT_EQ(answer.status, 400);
    EXPECT_THAT(answer.message, HasSubstr("invalid labels: "));
    EXPECT_THAT(answer.message, HasSubstr(c.reason));
    EXPECT_THAT(answer.message, HasSubstr("(2 samples)\n"));
    EXPECT_EQ(store_.samples().size(), static_cast<size_t>(2 * t));
  }
  EXPECT_THAT(metrics(), HasSubstr("tidemark_remote_write_samples_refused_total{reason=\"invalid_labels\"} 20"));
  EXPECT_THAT(metrics(), HasSubstr("tidemark_remote_write_samples_total 20"));
}

TEST_F(WriteReceiverTest, TooManyLabelsAreRefused) {
  testing::Pairs labels{{"__name__", "m"}};
  for (int i = 0; i < 256; ++i) labels.emplace_back("l" + std::to_string(i), "1");
  EXPECT_THAT(write_all({series(labels, {{1, 1}})}).message, HasSubstr("more than 256 labels"));
  labels.pop_back();
  EXPECT_EQ(write_all({series(labels, {{1, 1}})}).status, 204);
}

TEST_F(WriteReceiverTest, WhatTheStoreRefusesIsNotToBeSentAgain) {
  store_.set_oldest_ms(100);
  const WriteAnswer answer =
      write_all({series({{"__name__", "m"}}, {{99, 1}, {100, 2}}), series({{"__name__", "n"}}, {{50, 1}})});
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.message, "out of order sample: series m at timestamp 99 (2 samples)\n");
  EXPECT_THAT(store_.samples(), ElementsAre("m 100 2"));
  EXPECT_EQ(write_all({series({{"__name__", "m"}}, {{100, 2}})}).status, 204);  // Sent twice is no mistake.
}

TEST_F(WriteReceiverTest, AFailingStoreIsToBeTriedAgain) {
  const struct {
    Status failure;
    int status;
  } cases[] = {{Status::read_only("the disk is full"), 503},
               {Status::unavailable("shutting down"), 503},
               {Status::io("write failed"), 500},
               {Status::internal("oops"), 500}};
  for (const auto& c : cases) {
    store_.fail_with(c.failure);
    const WriteAnswer answer = write_all({series({{"__name__", "m"}}, {{1, 1}})});
    EXPECT_EQ(answer.status, c.status);
    EXPECT_EQ(answer.message, c.failure.message() + "\n");
  }
  EXPECT_TRUE(logger_.contains("the disk is full"));
  store_.fail_with({});
  EXPECT_EQ(write_all({series({{"__name__", "m"}}, {{1, 1}})}).status, 204);
}

TEST_F(WriteReceiverTest, HistogramsAreStoredExemplarsAreDropped) {
  const auto bits = std::bit_cast<uint64_t>(stale_nan());
  const WriteAnswer answer =
      write_all({series({{"__name__", "h"}}, {}, 0, {histogram(5, 3), custom_histogram(6)}),
                 series({{"__name__", "m"}}, {{1, 1}}, 3), series({{"__name__", "b"}}, {{1, 1}}, 0, {histogram(2, 1)}),
                 series({{"__name__", "ended"}}, {}, 0, {histogram(7, 0, std::bit_cast<double>(bits))})});
  EXPECT_EQ(answer.status, 204) << answer.message;
  EXPECT_EQ(store_.samples().size(), 3U) << "a histogram that ends a series is a marker like any";
  EXPECT_THAT(metrics(), HasSubstr("tidemark_remote_write_exemplars_dropped_total 3"));
  auto histograms = store_.histograms();
  ASSERT_EQ(histograms.size(), 3U);
  NativeHistogram whole;
  whole.integer_counts = true;
  whole.schema = 3;
  whole.zero_threshold = 0.5;
  whole.zero_count = 2;
  whole.count = 10;
  whole.sum = 12.5;
  whole.positive = {{{-1, 2}}, {1, 4}};
  whole.negative = {{{2, 1}}, {3}};
  EXPECT_TRUE(same_histogram(histograms.at("h 5"), whole));
  EXPECT_TRUE(histograms.at("h 5").integer_counts);
  EXPECT_EQ(histograms.at("h 5").reset, CounterReset::kGauge);
  EXPECT_EQ(histograms.at("b 2").reset, CounterReset::kReset);
  NativeHistogram custom;
  custom.schema = kCustomBuckets;
  custom.bounds = {1, 2};
  custom.count = 2;
  custom.sum = 4;
  custom.positive = {{{0, 1}, {1, 1}}, {0.5, 1.5}};
  EXPECT_TRUE(same_histogram(histograms.at("h 6"), custom));
  EXPECT_FALSE(histograms.at("h 6").integer_counts);
  // The same for a series whose ref is known, and for one that the store has forgotten.
  EXPECT_EQ(write_all({series({{"__name__", "h"}}, {}, 0, {histogram(8)})}).status, 204);
  store_.forget_refs();
  EXPECT_EQ(write_all({series({{"__name__", "h"}}, {}, 0, {histogram(9)})}).status, 204);
  EXPECT_EQ(store_.histograms().size(), 5U);
}

TEST_F(WriteReceiverTest, WhatIsNoHistogramIsRefused) {
  const WriteAnswer answer =
      write_all({series({{"__name__", "h"}}, {}, 0, {std::string("\x08\x01")}), series({{"__name__", "m"}}, {{1, 1}})});
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.message, "invalid native histogram: series h at timestamp 0\n");
  EXPECT_THAT(store_.samples(), ElementsAre("m 1 1"));
  std::string huge;
  std::string deltas(5000, '\0');
  put_bytes(huge, 12, deltas);
  const WriteAnswer refused =
      write_all({series({{"__name__", "h"}}, {}, 0, {huge, histogram(2)}), series({{"__name__", "m"}}, {{2, 2}})});
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.message.find("a histogram of more than 4096 buckets"), std::string::npos) << refused.message;
  EXPECT_THAT(store_.samples(), ElementsAre("m 1 1", "m 2 2")) << "it costs only its series";
}

TEST_F(WriteReceiverTest, KnownSeriesNeedNoLabelWork) {
  const auto round = [&](int64_t t) {
    return write_all({series({{"__name__", "m"}, {"a", "1"}}, {{t, 1}}),
                      series({{"__name__", "m"}, {"a", "2"}}, {{t, 2}}),
                      series({{"a", "3"}, {"__name__", "m"}}, {{t, 3}})});
  };
  for (int64_t t = 1; t <= 5; ++t) EXPECT_EQ(round(t).status, 204);
  EXPECT_EQ(store_.label_lookups(), 3);
  EXPECT_THAT(metrics(), HasSubstr("tidemark_remote_write_series_cache_hits_total 12"));
  EXPECT_THAT(metrics(), HasSubstr("tidemark_remote_write_series_cache_series 3"));

  store_.forget_refs();  // Series left memory: their labels are sent, once, and nothing is lost.
  EXPECT_EQ(round(6).status, 204);
  EXPECT_EQ(store_.label_lookups(), 6);
  EXPECT_EQ(round(7).status, 204);
  EXPECT_EQ(store_.label_lookups(), 6);
  EXPECT_EQ(store_.samples().size(), 21u);
  EXPECT_THAT(store_.samples(), ::testing::Contains("m{a=\"3\"} 7 3"));
}

TEST_F(WriteReceiverTest, ASmallCacheIsOnlySlower) {
  options_.series_cache_max = 16;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::string> all;
    for (int i = 0; i < 500; ++i) all.push_back(series({{"__name__", "m" + std::to_string(i)}}, {{round, i}}));
    EXPECT_EQ(write_all(all).status, 204);
  }
  EXPECT_EQ(store_.samples().size(), 1'500u);
  EXPECT_THAT(store_.samples(), ::testing::Contains("m499 2 499"));
}

TEST(SeriesCache, DropsWhatEndedWhenSeriesComeAndGo) {
  SeriesCache cache(1000);
  const auto known = [&](uint64_t i) {
    const SeriesKey key{i << 32, i};
    storage::SeriesRef ref = storage::kNoRef;
    cache.find(std::span(&key, 1), std::span(&ref, 1));
    return ref != storage::kNoRef;
  };
  const auto put = [&](uint64_t i) { cache.put({i << 32, i}, storage::SeriesRef{i}); };
  int64_t now_ms = 1'000'000'000'000;
  const auto hours = [&](int64_t n) { cache.age(now_ms += n * 3'600'000); };
  for (uint64_t i = 1; i <= 100; ++i) put(i);
  hours(0);
  for (int day = 0; day < 3; ++day) hours(24);
  EXPECT_EQ(cache.size(), 100u) << "all still live";
  for (uint64_t i = 101; i <= 105; ++i) put(i);
  hours(2);
  EXPECT_EQ(cache.size(), 105u) << "a few new ones";
  for (uint64_t i = 106; i <= 140; ++i) put(i);
  hours(1);
  EXPECT_TRUE(known(140));
  hours(1);
  EXPECT_EQ(cache.size(), 0u) << "many new ones: as many may have ended";
}

TEST_F(WriteReceiverTest, MetadataIsKeptWithinBounds) {
  options_.metadata_max = 2;
  options_.metadata_text_max = 5;
  EXPECT_EQ(write(snap(message({}, {metadata(1, "a", "old", ""), metadata(5, "b", "123456789", "s"),
                                    metadata(2, "c", "", ""), metadata(1, "a", "new", "u")})))
                .status,
            204);
  const auto kept = receiver().metadata();
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].metric, "a");
  EXPECT_EQ(kept[0].type, MetricType::kCounter);
  EXPECT_EQ(kept[0].help, "new");
  EXPECT_EQ(kept[0].unit, "u");
  EXPECT_EQ(kept[1].type, MetricType::kSummary);
  EXPECT_EQ(kept[1].help, "12345");
  EXPECT_THAT(metrics(), HasSubstr("tidemark_remote_write_metadata_dropped_total 1"));
}

TEST_F(WriteReceiverTest, OtherContentIsNotAccepted) {
  const std::string body = snap(message({series({{"__name__", "m"}}, {{1, 1}})}));
  const struct {
    std::string type, encoding;
    int status;
  } cases[] = {
      {"application/x-protobuf", "snappy", 204},
      {"", "", 204},
      {"application/x-protobuf;proto=prometheus.WriteRequest", "snappy", 204},
      {"application/x-protobuf; charset=x; proto=prometheus.WriteRequest", "snappy", 204},
      {"application/x-protobuf;proto=io.prometheus.write.v3.Request", "snappy", 415},
      {"application/json", "snappy", 415},
      {"application/x-protobufx", "snappy", 415},
      {"application/x-protobuf", "zstd", 415},
  };
  for (const auto& c : cases) {
    const WriteAnswer answer = receiver().receive(c.type, c.encoding, body);
    EXPECT_EQ(answer.status, c.status) << c.type << " " << c.encoding;
    EXPECT_EQ(answer.message.empty(), c.status == 204);
  }
  EXPECT_THAT(receiver().receive("application/x-protobuf;proto=io.prometheus.write.v3.Request", "snappy", body).message,
              HasSubstr("io.prometheus.write.v3.Request"));
}

TEST_F(WriteReceiverTest, LimitsHoldBeforeMemoryIsTaken) {
  options_.limits.samples_max = 10;
  std::string lie;
  testing::put_varint(lie, (32u << 20) + 1);
  lie += "garbage";
  EXPECT_EQ(write(lie).status, 413);
  std::string small_lie;
  testing::put_varint(small_lie, 30u << 20);  // Within the limit, but not with so few bytes.
  small_lie += "garbage";
  EXPECT_EQ(write(small_lie).status, 400);
  EXPECT_EQ(write(snap(std::string(33u << 20, '\0'))).status, 413);
  EXPECT_EQ(write_all({series({{"__name__", "m"}}, {{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}}),
                       series({{"__name__", "n"}}, {{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}, {6, 1}})})
                .status,
            413);
  EXPECT_THAT(store_.samples(), IsEmpty());  // Not even the first series.
}

// A long label set under many samples must not be multiplied.
TEST_F(WriteReceiverTest, ManySamplesShareTheirLabels) {
  std::vector<std::pair<int64_t, double>> samples;
  for (int i = 0; i < 100'000; ++i) samples.emplace_back(i, i);
  storage::Batch batch;
  SeriesCache cache(100);
  WriteDecoder decoder({}, cache);
  DecodedRequest request;
  const std::string body = snap(message({series({{"__name__", "m"}, {"long", std::string(100'000, 'x')}}, samples)}));
  ASSERT_TRUE(decoder.decode(WriteVersion::kV1, body, batch, request).ok());
  ASSERT_EQ(batch.size(), 100'000u);
  EXPECT_EQ(batch.labels(0).encoded().data(), batch.labels(99'999).encoded().data());
}

TEST_F(WriteReceiverTest, WhatIsMalformedStoresNothing) {
  const std::string good = series({{"__name__", "m"}}, {{1, 1}});
  const std::string whole = message({good, good});
  std::string group;
  testing::put_varint(group, 9 << 3 | 3);
  const std::vector<std::string> bodies = {
      "",
      "not snappy at all",
      whole,  // Not compressed.
      snap(whole).substr(0, 10),
      snap(whole.substr(0, whole.size() - 1)),
      snap(whole + "\x0a"),
      snap(whole + "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
      snap(whole + group),
      snap(message({good, series({{"__name__", "m"}}, {{1, 1}}) + "\x12\x05\x09"})),
      snap(message({good, "\x0a\x03\x0a\x09x"})),
      // Bad labels do not hide a malformed sample.
      snap(message({good, series({{"", "x"}}, {}) + "\x12\x02\x09\x01"})),
  };
  for (size_t i = 0; i < bodies.size(); ++i) {
    const WriteAnswer answer = write(bodies[i]);
    EXPECT_EQ(answer.status, 400) << i;
    EXPECT_FALSE(answer.message.empty()) << i;
  }
  EXPECT_THAT(store_.samples(), IsEmpty());
  EXPECT_EQ(store_.commits(), 0);
}

TEST_F(WriteReceiverTest, UnknownFieldsAreSkipped) {
  std::string extra;
  testing::put_bytes(extra, 2, "reserved");
  testing::put_varint(extra, 15 << 3 | 0);
  testing::put_varint(extra, 7);
  std::string with_extra = series({{"__name__", "m"}}, {{1, 1}});
  testing::put_bytes(with_extra, 9, "later version");
  EXPECT_EQ(write(snap(extra + message({with_extra}) + extra)).status, 204);
  EXPECT_THAT(store_.samples(), ElementsAre("m 1 1"));
}

// Whatever the bytes: an answer, valid labels in the store, no crash. The sanitizers look on.
TEST_F(WriteReceiverTest, RandomChangesNeverHarm) {
  std::string base = message({series({{"__name__", "m"}, {"a", "1"}, {"b", "22"}}, {{1, 1}, {2, 2}}, 1, {histogram(3)}),
                              series({{"__name__", "n"}, {"c", "333"}}, {{1, 1}})},
                             {metadata(1, "m", "help", "unit")});
  const uint32_t seed = 20'231'115;
  std::mt19937 random(seed);
  for (int round = 0; round < 30'000; ++round) {
    std::string changed = base;
    const int changes = 1 + static_cast<int>(random() % 4);
    for (int i = 0; i < changes; ++i) {
      const size_t at = random() % changed.size();
      switch (random() % 4) {
        case 0:
          changed[at] = static_cast<char>(random());
          break;
        case 1:
          changed[at] = static_cast<char>(changed[at] ^ (1 << (random() % 8)));
          break;
        case 2:
          changed.erase(at, 1 + random() % 8);
          break;
        default:
          changed.insert(at, changed.substr(random() % changed.size(), random() % 16));
      }
      if (changed.empty()) changed = "x";
    }
    std::string body = snap(changed);
    if (round % 4 == 0) body[random() % body.size()] ^= static_cast<char>(1 + random() % 255);  // Breaks snappy, too.
    const WriteAnswer answer = write(body);
    ASSERT_TRUE(answer.status == 204 || answer.status == 400 || answer.status == 413) << "seed " << seed;
    ASSERT_EQ(answer.message.empty(), answer.status == 204);
    ASSERT_THAT(answer.message, Not(HasSubstr("left memory twice")));
  }
}

TEST_F(WriteReceiverTest, ManySendersAtOnce) {
  receiver();
  std::atomic<int> stored{0};
  std::vector<std::thread> senders;
  for (int s = 0; s < 4; ++s) {
    senders.emplace_back([&, s] {
      for (int t = 0; t < 100; ++t) {
        if (write_all({series({{"__name__", "own"}, {"s", std::to_string(s)}}, {{t, 1}}),
                       series({{"__name__", "shared"}}, {{s * 1'000 + t, 1}})})
                .status == 204) {
          ++stored;
        }
        if (t == 50) store_.forget_refs();
      }
    });
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(stored, 400);
  EXPECT_EQ(store_.samples().size(), 800u);
}

class WriteReceiver2Test : public WriteReceiverTest {
 protected:
  WriteAnswer write2(const std::string& body) {
    return receiver().receive("application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", snap(body));
  }
};

TEST_F(WriteReceiver2Test, StoresSamplesWithTheirStartTimestamps) {
  Request2 request;
  request.add({{"__name__", "up"}, {"job", "a"}}, {{1'000, 1}, {2'000, 0}});
  request.add({{"job", "a"}, {"__name__", "hits_total"}}, {{1'000, 5, 400}, {2'000, 7, 400}, {3'000, 1, 2'500}});
  for (int i = 0; i < 2; ++i) {  // By labels, then by refs.
    const WriteAnswer answer = write2(request.message());
    EXPECT_EQ(answer.status, 204) << answer.message;
    ASSERT_TRUE(answer.written);
    EXPECT_EQ(answer.written->samples, 5u);
    EXPECT_THAT(store_.samples(),
                ElementsAre("hits_total{job=\"a\"} 1000 5", "hits_total{job=\"a\"} 2000 7",
                            "hits_total{job=\"a\"} 3000 1", "up{job=\"a\"} 1000 1", "up{job=\"a\"} 2000 0"));
    EXPECT_THAT(store_.starts(), ElementsAre("hits_total{job=\"a\"} 1000 400", "hits_total{job=\"a\"} 2000 400",
                                             "hits_total{job=\"a\"} 3000 2500"));
  }
  EXPECT_EQ(store_.label_lookups(), 5);
  store_.forget_refs();
  EXPECT_EQ(write2(request.message()).written->samples, 5u) << "sent again with labels";
  EXPECT_EQ(store_.starts().size(), 3u);
}

TEST_F(WriteReceiver2Test, StoresHistogramsWithTheirStartTimestamps) {
  std::string started = custom_histogram(2'000);
  put_varint(started, 17 << 3);
  put_varint(started, 400);
  Request2 request;
  request.add({{"__name__", "h"}}, {}, {}, {histogram(1'000), started});
  request.add({{"__name__", "up"}}, {{1'000, 1}}, {}, {histogram(3'000)});
  request.add({{"__name__", "bad"}}, {}, {}, {std::string("\x08\x01")});
  for (int i = 0; i < 2; ++i) {
    const WriteAnswer answer = write2(request.message());
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.message, "invalid native histogram: series bad at timestamp 0\n");
    EXPECT_EQ(answer.written->samples, 1u);
    EXPECT_EQ(answer.written->histograms, 3u);
  }
  store_.forget_refs();
  EXPECT_EQ(write2(request.message()).written->histograms, 3u) << "sent again with labels";
  EXPECT_THAT(store_.samples(), ElementsAre("up 1000 1"));
  EXPECT_THAT(store_.starts(), ElementsAre("h 2000 400"));
  const auto histograms = store_.histograms();
  ASSERT_EQ(histograms.size(), 3U);
  EXPECT_EQ(histograms.at("h 1000").schema, 3);
  EXPECT_EQ(histograms.at("h 2000").bounds, std::vector<double>({1, 2}));
  EXPECT_EQ(histograms.at("up 3000").sum, 12.5);
}

TEST_F(WriteReceiver2Test, KeepsWhatItIsToldOfMetrics) {
  Request2 request;
  request.add({{"__name__", "hits_total"}}, {{1'000, 5}}, {.type = 1, .help = "Hits.", .unit = "hits"});
  request.add({{"__name__", "hits_total"}, {"a", "b"}}, {{1'000, 5}}, {.type = 1, .help = "Hits.", .unit = "hits"});
  request.add({{"__name__", "other"}}, {{1'000, 5}});
  EXPECT_EQ(write2(request.message()).status, 204);
  const auto all = receiver().metadata();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].metric, "hits_total");
  EXPECT_EQ(all[0].type, MetricType::kCounter);
  EXPECT_EQ(all[0].help, "Hits.");
  EXPECT_EQ(all[0].unit, "hits");
}

// What is wrong with one series costs that one.
TEST_F(WriteReceiver2Test, RefusesBadSeriesByThemselves) {
  struct Case {
    const char* what;
    std::vector<uint32_t> refs;  // Into "", __name__, bad, a.
    bool with_sample;
    const char* message;
  };
  const Case cases[] = {
      {"reference", {1, 2, 3, 99}, true, "label reference 99 outside of the"},
      {"a known series' labels and one more", {1, 2, 99}, true, "label reference 99"},
      {"odd", {1, 2, 3}, true, "a label without a value"},
      {"no name", {3, 2}, true, "missing metric name"},
      {"twice", {1, 2, 3, 2, 3, 2}, true, "duplicate label name"},
      {"no sample", {1, 2}, false, "a time series without a sample"},
  };
  for (const Case& c : cases) {
    Request2 request;
    request.symbol("__name__");
    request.symbol("bad");
    request.symbol("a");
    request.add({{"__name__", "bad"}}, {{500, 1}});
    request.add_refs(c.refs, c.with_sample);
    request.add({{"__name__", "good"}}, {{1'000, 1}});
    const WriteAnswer answer = write2(request.message());
    EXPECT_EQ(answer.status, 400) << c.what;
    EXPECT_THAT(answer.message, HasSubstr(c.message)) << c.what;
    EXPECT_EQ(answer.written->samples, 2u) << c.what;
    EXPECT_THAT(store_.samples(), ElementsAre("bad 500 1", "good 1000 1")) << c.what;
  }
}

TEST_F(WriteReceiver2Test, MalformedOrTooLargeStoresNothing) {
  options_.limits.symbols_max = 10;
  options_.limits.samples_max = 3;
  Request2 fine;
  fine.add({{"__name__", "m"}}, {{1, 1}});
  EXPECT_EQ(write2(fine.message().substr(0, fine.message().size() - 1)).status, 400);
  Request2 symbols;
  for (int i = 0; i < 10; ++i) symbols.symbol("s" + std::to_string(i));
  EXPECT_EQ(write2(symbols.message()).status, 413);
  Request2 samples;
  samples.add({{"__name__", "m"}}, {{1, 1}, {2, 1}, {3, 1}, {4, 1}});
  EXPECT_EQ(write2(samples.message()).status, 413);
  EXPECT_THAT(store_.samples(), IsEmpty());
  EXPECT_EQ(write2("").status, 204);
  EXPECT_EQ(receiver().receive("application/x-protobuf;proto=io.prometheus.write.v3.Request", "snappy", "").status,
            415);
  EXPECT_FALSE(write_all({series({{"__name__", "up"}}, {{1'000, 1}})}).written) << "1.0 has no such headers";
}

TEST_F(WriteReceiverTest, OverHttp) {
  net::ServerOptions options;
  options.listen_addresses = {"127.0.0.1:0"};
  net::Server server(options);
  net::Server without(options);
  route_remote_write(server, &receiver());
  route_remote_write(without, nullptr);
  ASSERT_EQ(server.start(), "");
  ASSERT_EQ(without.start(), "");
  net::ClientRequest request;
  request.method = "POST";
  request.target = "/api/v1/write";
  request.headers = {{"Content-Type", "application/x-protobuf"},
                     {"Content-Encoding", "snappy"},
                     {"X-Prometheus-Remote-Write-Version", "0.1.0"}};
  request.body = snap(message({series({{"__name__", "m"}}, {{1, 1}})}));

  const auto url = [](const net::Server& s) {
    return *net::parse_url("http://127.0.0.1:" + std::to_string(s.ports()[0]));
  };
  net::Client client(url(server), {});
  auto response = client.send(request);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 204);
  EXPECT_THAT(store_.samples(), ElementsAre("m 1 1"));
  request.headers[0].second = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
  Request2 request2;
  request2.add({{"__name__", "m"}}, {{2, 2}});
  request.body = snap(request2.message());
  response = client.send(request);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 204);
  EXPECT_EQ(net::find_param(response->headers, "x-prometheus-remote-write-samples-written"), "1");
  request.headers[0].second = "application/x-protobuf";
  request.body = "not snappy";
  response = client.send(request);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 400);
  EXPECT_EQ(response->body, "corrupt snappy block in remote write body\n");

  net::Client disabled(url(without), {});
  response = disabled.send(request);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 404);
  EXPECT_EQ(response->body, "remote write receiver needs to be enabled with --web.enable-remote-write-receiver\n");
}

}  // namespace
}  // namespace tidemark::remote
