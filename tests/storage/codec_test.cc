// Chunks, open chunks and log records: what goes in comes out bit by bit, and damaged bytes never pass for right.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <random>

#include "aggregator/storage/chunk_codec.h"
#include "aggregator/storage/keys.h"
#include "aggregator/storage/log_record.h"
#include "aggregator/storage/open_chunk.h"
#include "aggregator/storage/xor_chunk.h"

namespace tidemark::storage {
namespace {

struct Samples {
  std::vector<int64_t> t_ms;
  std::vector<uint64_t> bits;
  bool operator==(const Samples&) const = default;
};

constexpr double kInf = std::numeric_limits<double>::infinity();

double special(std::mt19937_64& random) {
  const double values[] = {0,
                           -0.0,
                           kInf,
                           -kInf,
                           stale_nan(),
                           normal_nan(),
                           std::bit_cast<double>(0xfff8dead0000beefULL),
                           std::numeric_limits<double>::denorm_min(),
                           std::numeric_limits<double>::max(),
                           1,
                           1e15,
                           0.1,
                           123456.789};
  return values[random() % std::size(values)];
}

// Within one window.
Samples random_samples(std::mt19937_64& random, size_t count) {
  Samples out;
  int64_t t_ms = static_cast<int64_t>(random() % 40'000) * kWindowMs + static_cast<int64_t>(random() % 7'000'000);
  const auto shape = random() % 5;
  double v = static_cast<double>(random() % 1000);
  for (size_t i = 0; i < count; ++i) {
    const bool odd = random() % 8 == 0;
    t_ms += odd ? static_cast<int64_t>(random() % 120'000) + 1 : 15'000 + static_cast<int64_t>(random() % 3);
    if (shape == 0) v += static_cast<double>(random() % 100);
    if (shape == 1) v = std::bit_cast<double>(random());
    if (shape == 2) v = special(random);
    if (shape == 3) v = static_cast<double>(random() % 10'000) / 100;
    out.t_ms.push_back(t_ms);
    out.bits.push_back(std::bit_cast<uint64_t>(v));
  }
  return out;
}

OpenChunk open_chunk_of(const Samples& samples) {
  OpenChunk chunk;
  for (size_t i = 0; i < samples.t_ms.size(); ++i)
    chunk.append(samples.t_ms[i], std::bit_cast<double>(samples.bits[i]));
  return chunk;
}

// As one XOR stream.
std::string xor_stream_of(const Samples& samples) {
  std::string out(samples.t_ms.size() * 19 + kXorSlackBytes, '\0');
  XorState state;
  for (size_t i = 0; i < samples.t_ms.size(); ++i) {
    xor_append(state, reinterpret_cast<uint8_t*>(out.data()), samples.t_ms[i], std::bit_cast<double>(samples.bits[i]));
  }
  out.resize(state.byte_count());
  return out;
}

ChunkView xor_view(const Samples& samples, std::string_view stream) {
  return {Codec::kXor,          SampleKind::kFloat,  static_cast<uint32_t>(samples.t_ms.size()),
          samples.t_ms.front(), samples.t_ms.back(), stream};
}

// Nothing when the bytes are not a stream.
std::optional<Samples> decode(const ChunkView& chunk, size_t step) {
  ChunkDecoder decoder(chunk);
  std::vector<int64_t> t_ms(step);
  std::vector<double> v(step);
  Samples out;
  while (const size_t count = decoder.next(t_ms, v)) {
    for (size_t i = 0; i < count; ++i) {
      out.t_ms.push_back(t_ms[i]);
      out.bits.push_back(std::bit_cast<uint64_t>(v[i]));
    }
  }
  if (!decoder.ok()) return std::nullopt;
  return out;
}

TEST(Codec, EveryDoubleComesBackBitByBit) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2000; ++round) {
    const Samples samples = random_samples(random, 1 + random() % kChunkSamplesMax);
    OpenChunk open = open_chunk_of(samples);
    EXPECT_EQ(open.last_ms(), samples.t_ms.back());
    const OwnedChunk sealed = open.take();
    EXPECT_TRUE(open.empty());
    ASSERT_EQ(decode(sealed.view(), 1 + random() % 600), samples);
    const std::string bytes = encode_chunk(xor_view(samples, xor_stream_of(samples)));
    const auto parsed = parse_chunk(bytes);
    ASSERT_TRUE(parsed) << parsed.error().message();
    EXPECT_EQ(parsed->first_ms, samples.t_ms.front());
    EXPECT_EQ(parsed->last_ms, samples.t_ms.back());
    ASSERT_EQ(decode(*parsed, 1 + random() % 600), samples);

    std::vector<double> values;
    for (const uint64_t bits : samples.bits) values.push_back(std::bit_cast<double>(bits));
    const std::string made = make_chunk(samples.t_ms, values);
    const auto whole = parse_chunk(made);
    ASSERT_TRUE(whole) << whole.error().message();
    ASSERT_EQ(decode(*whole, 1 + random() % 600), samples);
  }
}

TEST(Codec, ASteadyScrapeCostsTwoBitsASampleAndLessInPieces) {
  Samples samples;
  OpenChunk chunk;
  for (int i = 0; i < 512; ++i) {
    samples.t_ms.push_back(1'700'000'000'000 + i * 15'000);
    samples.bits.push_back(std::bit_cast<uint64_t>(42.0));
    chunk.append(samples.t_ms.back(), 42);
  }
  EXPECT_LE(xor_stream_of(samples).size(), 512 * 2 / 8 + 12);
  EXPECT_LE(chunk.copy().payload.size(), 512 / 64 * 16);
}

TEST(Codec, ACopyOfTheNewestLeavesOlderPiecesOut) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 500; ++round) {
    const Samples samples = random_samples(random, 1 + random() % kChunkSamplesMax);
    const OpenChunk open = open_chunk_of(samples);
    const size_t from = random() % samples.t_ms.size();
    const OwnedChunk some = open.copy(samples.t_ms[from]);
    const size_t left_out = samples.t_ms.size() - some.count;
    ASSERT_EQ(left_out, from / kPieceSamples * kPieceSamples);
    EXPECT_EQ(some.first_ms, samples.t_ms[left_out]);
    EXPECT_EQ(some.last_ms, samples.t_ms.back());
    Samples want;
    want.t_ms.assign(samples.t_ms.begin() + static_cast<ptrdiff_t>(left_out), samples.t_ms.end());
    want.bits.assign(samples.bits.begin() + static_cast<ptrdiff_t>(left_out), samples.bits.end());
    ASSERT_EQ(decode(some.view(), 1 + random() % 600), want);
  }
}

TEST(Codec, AnOpenChunkGoesOnWhereItWasSaved) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 500; ++round) {
    const Samples samples = random_samples(random, 2 + random() % 300);
    const size_t half = 1 + random() % (samples.t_ms.size() - 1);
    OpenChunk chunk;
    for (size_t i = 0; i < samples.t_ms.size(); ++i) {
      if (i == half) {
        std::string bytes;
        chunk.append_to(bytes);
        std::string_view rest = bytes;
        ASSERT_TRUE(OpenChunk::take_from(rest, chunk));
        ASSERT_TRUE(rest.empty());
      }
      chunk.append(samples.t_ms[i], std::bit_cast<double>(samples.bits[i]));
    }
    const OwnedChunk whole = chunk.copy();
    EXPECT_EQ(whole.payload, open_chunk_of(samples).copy().payload);
    ASSERT_EQ(decode(whole.view(), 100), samples);
  }
}

TEST(Codec, DamagedChunksAreErrors) {
  std::mt19937_64 random(1);
  const Samples samples = random_samples(random, 60);
  const std::string good = encode_chunk(xor_view(samples, xor_stream_of(samples)));
  for (size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      EXPECT_FALSE(parse_chunk(bad)) << "byte " << i << " bit " << bit;
    }
    EXPECT_FALSE(parse_chunk(std::string_view(good).substr(0, i))) << "cut at " << i;
  }
}

// Behind a checksum that happens to fit: no crash, no endless loop, never more samples than the header says.
TEST(Codec, ADecoderSurvivesAnyBytes) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20'000; ++round) {
    OwnedChunk chunk = open_chunk_of(random_samples(random, 1 + random() % 200)).take();
    for (size_t n = random() % 4; n > 0; --n) {
      chunk.payload[random() % chunk.payload.size()] ^= static_cast<char>(1 << random() % 8);
    }
    if (random() % 3 == 0) chunk.payload.resize(random() % (chunk.payload.size() + 1));
    if (random() % 3 == 0) chunk.count = static_cast<uint32_t>(random() % 70'000);
    const auto decoded = decode(chunk.view(), 16);
    if (decoded) {
      EXPECT_LE(decoded->t_ms.size(), chunk.count);
    }
  }
}

TEST(Codec, AStreamWithBytesTooManyIsAnError) {
  OpenChunk open;
  for (int i = 0; i < 10; ++i) open.append(i * 1000, i);
  OwnedChunk chunk = open.take();
  chunk.payload += 'x';
  EXPECT_FALSE(decode(chunk.view(), 100));
}

std::vector<LogSample> random_log(std::mt19937_64& random) {
  std::vector<LogSample> out;
  for (size_t n = random() % 200; n > 0; --n) {
    LogSample sample;
    sample.series = static_cast<SeriesId>(1 + random() % (random() % 2 == 0 ? 100 : 4'000'000'000));
    sample.t_ms = static_cast<int64_t>(random() % 4'000'000'000'000) - 1'000'000'000;
    sample.v = random() % 2 == 0 ? special(random) : static_cast<double>(random() % 100'000) / 1000;
    if (random() % 4 == 0) sample.start_ms = sample.t_ms - static_cast<int64_t>(random() % 100'000) - 1;
    if (sample.start_ms == kNoStart) sample.start_ms = 1;
    out.push_back(sample);
  }
  return out;
}

TEST(LogRecord, ComesBackAsItWas) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  std::string bytes;
  std::vector<LogSample> read;
  std::vector<LogHistogram> histograms;
  for (int round = 0; round < 2000; ++round) {
    const std::vector<LogSample> samples = random_log(random);
    encode_log_record(samples, {}, bytes);
    const Status status = decode_log_record(bytes, read, histograms);
    ASSERT_TRUE(status.ok()) << status.message();
    ASSERT_EQ(read.size(), samples.size());
    for (size_t i = 0; i < read.size(); ++i) {
      EXPECT_EQ(read[i].series, samples[i].series);
      EXPECT_EQ(read[i].t_ms, samples[i].t_ms);
      EXPECT_EQ(read[i].start_ms, samples[i].start_ms);
      EXPECT_EQ(std::bit_cast<uint64_t>(read[i].v), std::bit_cast<uint64_t>(samples[i].v));
    }
  }
}

TEST(LogRecord, TakesAboutFiveBytesASample) {
  std::vector<LogSample> samples;
  for (int i = 0; i < 10'000; ++i) samples.push_back({static_cast<SeriesId>(i + 1), 1'700'000'000'000, i * 1.25, 0});
  std::string bytes;
  encode_log_record(samples, {}, bytes);
  EXPECT_LT(bytes.size(), samples.size() * 6);
}

TEST(LogRecord, DamageIsAnError) {
  std::mt19937_64 random(2);
  std::vector<LogSample> samples = random_log(random);
  samples.resize(20, {7, 1000, 0.5, 0});
  std::string good;
  encode_log_record(samples, {}, good);
  std::vector<LogSample> read;
  std::vector<LogHistogram> histograms;
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    EXPECT_FALSE(decode_log_record(bad, read, histograms).ok()) << i;
    EXPECT_FALSE(decode_log_record(std::string_view(good).substr(0, i), read, histograms).ok()) << i;
    // The same damage behind a checksum that fits: an error or some samples, never more than bytes could hold.
    bad.resize(bad.size() - 4);
    append_checksum(bad);
    if (decode_log_record(bad, read, histograms).ok()) {
      EXPECT_LE(read.size(), bad.size());
    }
  }
}

}  // namespace
}  // namespace tidemark::storage
