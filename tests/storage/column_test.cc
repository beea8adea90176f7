// The columnar codec: what goes in comes out bit by bit, whatever it is, in whatever spans it is read; sizes are as
// promised; and no bytes do harm.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "aggregator/storage/chunk_codec.h"
#include "aggregator/storage/column_chunk.h"
#include "aggregator/storage/packing.h"

namespace tidemark::storage {
namespace {

using Random = std::mt19937_64;

constexpr double kInf = std::numeric_limits<double>::infinity();

double uniform(Random& random, double from, double to) {
  return std::uniform_real_distribution<double>(from, to)(random);
}

// A way to make a column of values. Called once a column; what it returns, once a value.
struct ValueShape {
  const char* name;
  std::function<std::function<double()>(Random&)> make;
};

template <typename F>
std::function<double()> counter(F next) {
  return [v = 0.0, next]() mutable { return v = next(v); };
}

const std::vector<ValueShape>& value_shapes() {
  static const std::vector<ValueShape> shapes = {
      {"integer counter",
       [](Random& r) {
         const auto rate = 1 + r() % 1000;
         return counter([&r, rate](double v) { return v + static_cast<double>(rate + r() % rate); });
       }},
      {"counter with resets",
       [](Random& r) {
         return counter([&r](double v) { return r() % 50 == 0 ? 0 : v + static_cast<double>(r() % 64); });
       }},
      {"counter that mostly rests",
       [](Random& r) {
         return counter([&r](double v) { return r() % 20 == 0 ? v + static_cast<double>(r() % 100'000) : v; });
       }},
      {"decimal counter",
       [](Random& r) {
         const double scale = std::pow(10, 1 + static_cast<double>(r() % 3));
         return [&r, scale, units = 0.0]() mutable {
           units += static_cast<double>(r() % 300);
           return units / scale;
         };
       }},
      {"sum of decimals, rounded at each step",
       [](Random& r) { return counter([&r](double v) { return v + 0.01 * static_cast<double>(r() % 30); }); }},
      {"gauge in cents", [](Random& r) { return [&r] { return std::round(uniform(r, -500, 500) * 100) / 100; }; }},
      {"gauge in pages",
       [](Random& r) {
         const double base = static_cast<double>(r() % 100'000);
         return [&r, base] { return (base + static_cast<double>(r() % 50)) * 4096; };
       }},
      {"constant",
       [](Random& r) {
         const double v = r() % 2 == 0 ? static_cast<double>(r() % 1'000'000) : uniform(r, -1e9, 1e9);
         return [v] { return v; };
       }},
      {"noisy float", [](Random& r) { return counter([&r](double v) { return v + uniform(r, -1, 1); }); }},
      {"single precision",
       [](Random& r) { return [&r] { return static_cast<double>(static_cast<float>(uniform(r, 20, 30))); }; }},
      {"alternating signs", [](Random& r) { return [v = uniform(r, 1, 100)]() mutable { return v = -v; }; }},
      {"huge range", [](Random& r) { return [&r] { return std::pow(10, uniform(r, -300, 300)); }; }},
      {"many digits",
       [](Random& r) { return [&r] { return static_cast<double>(r() % 9'007'199'254'740'993) / 1000; }; }},
      {"nanoseconds",
       [](Random& r) { return counter([&r](double v) { return 1.7e18 + v / 2 + uniform(r, 0, 1e10); }); }},
      {"integers around 2^51", [](Random& r) { return [&r] { return 0x1p51 + static_cast<double>(r() % 5) - 2; }; }},
      {"integers around 2^53", [](Random& r) { return [&r] { return 0x1p53 + static_cast<double>(r() % 64) - 32; }; }},
      {"any bits", [](Random& r) { return [&r] { return std::bit_cast<double>(r()); }; }},
      {"specials",
       [](Random& r) {
         return [&r] {
           const double values[] = {
               0.0,     -0.0,  kInf, -kInf, stale_nan(), normal_nan(), 5e-324,
               -5e-324, 1e308, 1,    -1e15, 0.1,         2.5e-310,     std::bit_cast<double>(0xfff8dead0000beef)};
           return values[r() % std::size(values)];
         };
       }},
      {"decimals with exceptions",
       [](Random& r) {
         return [&r] {
           const auto dice = r() % 100;
           if (dice == 0) return stale_nan();
           if (dice == 1) return kInf;
           if (dice == 2) return -0.0;
           if (dice == 3) return uniform(r, 0, 1);
           if (dice == 4) return std::nextafter(17.25, r() % 2 == 0 ? kInf : -kInf);
           return static_cast<double>(r() % 10'000) / 100;
         };
       }},
      {"few different", [](Random& r) { return [&r] { return r() % 3 == 0 ? 1.0 / 3 : 2.0 / 7; }; }}};
  return shapes;
}

struct TimeShape {
  const char* name;
  std::function<int64_t(Random&, size_t)> step_ms;
};

const std::vector<TimeShape>& time_shapes() {
  static const std::vector<TimeShape> shapes = {
      {"15 s", [](Random&, size_t) { return 15'000; }},
      {"333 ms", [](Random&, size_t) { return 333; }},
      {"jitter", [](Random& r, size_t) { return 15'000 + static_cast<int64_t>(r() % 11) - 5; }},
      {"missed scrapes", [](Random& r, size_t) { return r() % 40 == 0 ? 45'000 : 15'000; }},
      {"two rates", [](Random&, size_t i) { return i < 100 ? 15'000 : 60'000; }},
      {"irregular", [](Random& r, size_t) { return 1 + static_cast<int64_t>(r() % 100'000); }},
      {"huge gaps", [](Random& r, size_t) { return int64_t{1} << (r() % 40); }}};
  return shapes;
}

std::vector<double> make_values(const ValueShape& shape, Random& random, size_t count) {
  const auto next = shape.make(random);
  std::vector<double> out(count);
  for (double& v : out) v = next();
  return out;
}

std::vector<int64_t> make_times(const TimeShape& shape, Random& random, size_t count) {
  std::vector<int64_t> out;
  int64_t t_ms = static_cast<int64_t>(random() % 2'000'000'000'000) - 100'000'000'000;
  for (size_t i = 0; i < count; ++i) {
    out.push_back(t_ms);
    t_ms += shape.step_ms(random, i);
  }
  return out;
}

bool same_bits(std::span<const double> a, std::span<const double> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](double x, double y) { return std::bit_cast<uint64_t>(x) == std::bit_cast<uint64_t>(y); });
}

// Reads in spans of changing length up to `room_max`. Empty when the bytes are no chunk.
struct Columns {
  std::vector<int64_t> t_ms;
  std::vector<double> v;
  bool ok = false;
};

Columns drain(ColumnDecoder& decoder, Random& random, size_t room_max) {
  Columns out;
  std::vector<int64_t> t_ms(room_max);
  std::vector<double> v(room_max);
  for (;;) {
    const size_t room = 1 + random() % room_max;
    const size_t count = decoder.next(std::span(t_ms).first(room), std::span(v).first(room));
    if (count == 0) break;
    out.t_ms.insert(out.t_ms.end(), t_ms.begin(), t_ms.begin() + static_cast<std::ptrdiff_t>(count));
    out.v.insert(out.v.end(), v.begin(), v.begin() + static_cast<std::ptrdiff_t>(count));
  }
  out.ok = decoder.ok();
  return out;
}

TEST(Packing, EveryNumberComesBackInEveryPacking) {
  Random random(7);
  for (unsigned code = 0; code < kPackings; ++code) {
    const auto packing = static_cast<uint8_t>(code);
    const uint64_t max = packing_max(packing);
    for (size_t count = 1; count <= kBlock; ++count) {
      std::vector<uint64_t> numbers(count);
      for (uint64_t& number : numbers)
        number = random() % 3 == 0 || max == UINT64_MAX ? max - random() % 2 % (max + 1 == 0 ? 2 : max + 1)
                                                        : random() % (max + 1);
      std::string bytes;
      BitWriter writer(bytes);
      writer.put(5, 3);  // Blocks begin anywhere in a byte.
      pack(packing, numbers, writer);
      pack(packing, numbers, writer);
      writer.finish();
      ASSERT_EQ(bytes.size(), (3 + 2 * packed_bits(packing, count) + 7) / 8) << code;
      const std::string exactly(bytes.data(), bytes.size());
      for (const size_t bit : {size_t{3}, 3 + packed_bits(packing, count)}) {
        std::vector<uint64_t> read(kBlock);
        unpack(packing, exactly, bit, count, read.data());
        read.resize(count);
        ASSERT_EQ(read, numbers) << "packing " << code << ", " << count << " numbers";
      }
    }
  }
}

// Words that lie next to a multiple of a power of the limit, where a digit is decided by the last bits.
TEST(Packing, DigitsBehindWhichAllAreLeastOrGreatest) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  Random random(seed);
  for (unsigned code = 65; code < kPackings; ++code) {
    const auto packing = static_cast<uint8_t>(code);
    const uint64_t max = packing_max(packing);
    for (size_t kept = 0; kept <= kBlock; ++kept) {
      for (const uint64_t rest : {uint64_t{0}, max}) {
        std::vector<uint64_t> numbers(kBlock, rest);
        for (size_t i = 0; i < kept; ++i) numbers[i] = random() % 2 == 0 ? max - rest : random() % (max + 1);
        std::string bytes;
        BitWriter writer(bytes);
        pack(packing, numbers, writer);
        writer.finish();
        std::vector<uint64_t> read(kBlock);
        unpack(packing, bytes, 0, kBlock, read.data());
        ASSERT_EQ(read, numbers) << "packing " << code << ", " << kept << " before " << rest;
      }
    }
  }
}

TEST(Packing, TheCheapestHoldsTheGreatestNumber) {
  for (uint64_t max = 0; max < 5000; ++max) {
    const uint8_t code = packing_for(max);
    ASSERT_GE(packing_max(code), max);
    ASSERT_LE(packed_bits(code, kBlock), kBlock * static_cast<size_t>(std::bit_width(max)));
  }
  EXPECT_EQ(packing_for(UINT64_MAX), 64);
  EXPECT_LT(packed_bits(packing_for(16), kBlock), kBlock * 42 / 10);  // 17 values: 4.09 bits each.
}

TEST(PackedInts, AnyIntegersInAnyOrder) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int round = 0; round < 3000; ++round) {
    std::vector<int64_t> numbers(1 + random() % 700);
    const auto shape = random() % 6;
    const auto slope = static_cast<int64_t>(random() >> (random() % 64));
    const auto noise = (random() >> (random() % 64)) | 1;
    int64_t x = static_cast<int64_t>(random() >> (random() % 64));
    for (size_t i = 0; i < numbers.size(); ++i) {
      const auto r = static_cast<int64_t>(random() % noise);
      const auto at = static_cast<uint64_t>(x) + static_cast<uint64_t>(slope) * i;
      if (shape == 0) numbers[i] = r;
      if (shape == 1) numbers[i] = static_cast<int64_t>(at + static_cast<uint64_t>(r));
      if (shape == 2) numbers[i] = x = static_cast<int64_t>(static_cast<uint64_t>(x) + static_cast<uint64_t>(r));
      if (shape == 3)
        numbers[i] = static_cast<int64_t>(i * i * static_cast<uint64_t>(slope) + static_cast<uint64_t>(r));
      if (shape == 4) numbers[i] = i % 100 < 50 ? r : static_cast<int64_t>(at);
      if (shape == 5) numbers[i] = random() % 50 == 0 ? static_cast<int64_t>(random()) : r;
    }
    std::string bytes;
    append_packed_ints(numbers, bytes);
    const std::string exactly = bytes;
    bytes += "behind";
    std::string_view rest = bytes;
    ASSERT_TRUE(skip_packed_ints(rest, numbers.size()));
    ASSERT_EQ(rest, "behind");
    for (const bool skipping : {false, true}) {
      IntReader reader(skipping ? std::string_view(bytes) : std::string_view(exactly), numbers.size());
      int64_t block[kBlock];
      size_t at = 0;
      while (at < numbers.size()) {
        if (skipping && random() % 2 == 0) {
          const size_t count = reader.skip();
          ASSERT_GT(count, 0U);
          at += count;
          continue;
        }
        const size_t count = reader.next(block);
        ASSERT_GT(count, 0U);
        for (size_t i = 0; i < count; ++i)
          ASSERT_EQ(block[i], numbers[at + i]) << "shape " << shape << " at " << at + i;
        at += count;
      }
      ASSERT_EQ(reader.next(block), 0U);
      ASSERT_TRUE(reader.ok());
      ASSERT_EQ(reader.rest(), skipping ? "behind" : "");
    }
  }
}

TEST(Columns, EveryShapeAtEveryLengthComesBackBitByBit) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  Random random(seed);
  for (size_t count = 1; count <= kChunkSamplesMax; ++count) {
    for (const ValueShape& shape : value_shapes()) {
      const TimeShape& time_shape = time_shapes()[random() % time_shapes().size()];
      SCOPED_TRACE(std::string(shape.name) + ", " + time_shape.name + ", " + std::to_string(count) + " samples");
      const auto t_ms = make_times(time_shape, random, count);
      const auto v = make_values(shape, random, count);
      std::string payload;
      append_columns(t_ms, v, payload);
      ASSERT_EQ(columns_last_ms(payload, t_ms.front(), static_cast<uint32_t>(count)), t_ms.back());
      const std::string exactly(payload.data(), payload.size());
      ColumnDecoder decoder(exactly, t_ms.front(), static_cast<uint32_t>(count));
      const Columns read = drain(decoder, random, 1 + random() % 200);
      ASSERT_TRUE(read.ok);
      ASSERT_EQ(read.t_ms, t_ms);
      ASSERT_TRUE(same_bits(read.v, v));
    }
  }
}

TEST(Columns, SkippingEndsBeforeTheTimeAskedFor) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int round = 0; round < 3000; ++round) {
    const size_t count = 1 + random() % kChunkSamplesMax;
    const auto t_ms = make_times(time_shapes()[random() % time_shapes().size()], random, count);
    const auto v = make_values(value_shapes()[random() % value_shapes().size()], random, count);
    std::string payload;
    append_columns(t_ms, v, payload);
    ColumnDecoder decoder(payload, t_ms.front(), static_cast<uint32_t>(count));
    const int64_t from_ms = random() % 8 == 0 ? static_cast<int64_t>(random())
                                              : t_ms[random() % count] + static_cast<int64_t>(random() % 3) - 1;
    decoder.skip_to(from_ms);
    const Columns read = drain(decoder, random, 100);
    ASSERT_TRUE(read.ok);
    ASSERT_FALSE(read.v.empty());
    const size_t skipped = count - read.v.size();
    ASSERT_TRUE(skipped == 0 || t_ms[skipped - 1] < from_ms);
    ASSERT_EQ(read.t_ms, std::vector<int64_t>(t_ms.begin() + static_cast<std::ptrdiff_t>(skipped), t_ms.end()));
    ASSERT_TRUE(same_bits(read.v, std::span(v).subspan(skipped)));
    const bool regular = payload[0] % 2 != 0;
    if (regular && from_ms > t_ms.front() && from_ms <= t_ms.back()) {
      ASSERT_LE(from_ms - read.t_ms.front(), static_cast<int64_t>(kBlock) * (t_ms[1] - t_ms[0]));
    }
  }
}

TEST(Columns, StandAloneColumnsOfAnyLengthLieBehindEachOther) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int round = 0; round < 300; ++round) {
    const size_t count = 1 + random() % (random() % 10 == 0 ? 5000 : 300);
    const auto t_ms = make_times(time_shapes()[random() % (time_shapes().size() - 1)], random, count);
    std::vector<std::vector<double>> columns;
    std::string bytes;
    append_times(t_ms, bytes);
    for (int c = 0; c < 6; ++c) {
      columns.push_back(make_values(value_shapes()[random() % value_shapes().size()], random, count));
      append_values(columns.back(), bytes);
    }
    std::string_view in = bytes;
    std::vector<int64_t> t_read(count);
    ASSERT_TRUE(take_times(in, t_read));
    ASSERT_EQ(t_read, t_ms);
    for (const auto& column : columns) {
      std::vector<double> v_read(count);
      ASSERT_TRUE(take_values(in, v_read));
      ASSERT_TRUE(same_bits(v_read, column));
    }
    ASSERT_TRUE(in.empty());
  }
}

size_t bytes_of(const std::vector<double>& v) {
  std::string out;
  append_values(v, out);
  return out.size();
}

TEST(Columns, SizesAreAsPromised) {
  Random random(3);
  std::vector<int64_t> t_ms;
  for (int i = 0; i < 512; ++i) t_ms.push_back(1'700'000'000'000 + i * 15'000);
  std::string times;
  append_chunk_times(t_ms, times);
  EXPECT_LE(times.size(), 2U);
  for (int i = 200; i < 512; ++i) t_ms[static_cast<size_t>(i)] += 30'000;
  times.clear();
  append_chunk_times(t_ms, times);
  EXPECT_LE(times.size(), 24U) << "two missed scrapes";

  EXPECT_LE(bytes_of(std::vector<double>(512, 1234.5)), 6U);
  std::vector<double> line;
  for (int i = 0; i < 512; ++i) line.push_back(1e6 + i * 17);
  EXPECT_LE(bytes_of(line), 9U);
  std::vector<double> noise;
  for (int i = 0; i < 512; ++i) noise.push_back(1e6 + i * 33.0 + static_cast<double>(random() % 33));
  EXPECT_LE(bytes_of(noise), 512U * 52 / 80 + 12) << "33 values are 5.04 bits";
  noise[100] = stale_nan();
  noise[300] = 1.0 / 3;
  EXPECT_LE(bytes_of(noise), 512U * 52 / 80 + 12 + 16) << "two exceptions";
  for (size_t i = 400; i < 512; ++i) noise[i] -= noise[399];
  EXPECT_LE(bytes_of(noise), 512U * 52 / 80 + 100) << "a reset";
  std::vector<double> pages;
  for (int i = 0; i < 512; ++i) pages.push_back(static_cast<double>(random() % 16) * 4096 + 1e9 * 4096);
  EXPECT_LE(bytes_of(pages), 256U + 14);
  std::vector<double> single;
  for (int i = 0; i < 512; ++i) single.push_back(static_cast<float>(uniform(random, 32, 64)));
  EXPECT_LE(bytes_of(single), 512U * 23 / 8 + 16) << "single precision has 23 bits";
}

// Any bytes: an end or an error, never more than was asked for, never a byte from outside (the sanitizers look).
void expect_harmless(std::string_view bytes, int64_t first_ms, uint32_t count, Random& random) {
  const std::string exactly(bytes);  // Its own allocation, so that reading behind it shows.
  ColumnDecoder decoder(exactly, first_ms, count);
  if (random() % 4 == 0) decoder.skip_to(first_ms + static_cast<int64_t>(random() % 10'000'000));
  const Columns read = drain(decoder, random, 1 + random() % 150);
  ASSERT_LE(read.v.size(), count);
  if (read.ok) {
    for (size_t i = 1; i < read.t_ms.size(); ++i) ASSERT_LT(read.t_ms[i - 1], read.t_ms[i]);
  }
  std::string_view in = exactly;
  std::vector<double> v(std::min<uint32_t>(count, 2000));
  take_values(in, v);
  in = exactly;
  std::vector<int64_t> t_ms(std::min<uint32_t>(count, 2000));
  take_times(in, t_ms);
}

TEST(ColumnDamage, EveryTruncationIsAnError) {
  Random random(11);
  for (const ValueShape& shape : value_shapes()) {
    for (const TimeShape& time_shape : time_shapes()) {
      SCOPED_TRACE(std::string(shape.name) + ", " + time_shape.name);
      const size_t count = 1 + random() % 150;
      const auto t_ms = make_times(time_shape, random, count);
      std::string payload;
      append_columns(t_ms, make_values(shape, random, count), payload);
      for (size_t cut = 0; cut <= payload.size() + 1; ++cut) {
        const std::string bytes = cut <= payload.size() ? payload.substr(0, cut) : payload + "x";
        ColumnDecoder decoder(bytes, t_ms.front(), static_cast<uint32_t>(count));
        ASSERT_EQ(drain(decoder, random, 100).ok, cut == payload.size()) << cut << " of " << payload.size();
      }
    }
  }
}

TEST(ColumnDamage, FlippedBitsDoNoHarm) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int round = 0; round < 30'000; ++round) {
    const size_t count = 1 + random() % 150;
    const auto t_ms = make_times(time_shapes()[random() % time_shapes().size()], random, count);
    std::string payload;
    append_columns(t_ms, make_values(value_shapes()[random() % value_shapes().size()], random, count), payload);
    for (size_t n = 1 + random() % 3; n > 0; --n) {
      const size_t at = random() % 2 == 0 ? random() % payload.size() : random() % std::min<size_t>(12, payload.size());
      payload[at] ^= static_cast<char>(1 << random() % 8);
    }
    if (random() % 4 == 0) payload.resize(random() % (payload.size() + 1));
    const auto told = random() % 3 == 0 ? static_cast<uint32_t>(random() % 70'000) : static_cast<uint32_t>(count);
    expect_harmless(payload, random() % 4 == 0 ? static_cast<int64_t>(random()) : t_ms.front(), told, random);
  }
}

TEST(ColumnDamage, RandomBytesDoNoHarm) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int round = 0; round < 100'000; ++round) {
    std::string bytes(random() % 60, 0);
    for (char& byte : bytes) byte = static_cast<char>(random() % 3 == 0 ? random() % 8 : random());
    expect_harmless(bytes, static_cast<int64_t>(random()), static_cast<uint32_t>(random() % 600), random);
  }
}

TEST(ChunkCodec, BothCodecsAreRead) {
  const std::vector<int64_t> t_ms = {1000, 2000, 3500};
  const std::vector<double> v = {1, 2.5, stale_nan()};
  const std::string columns = make_chunk(t_ms, v);
  XorState state;
  std::string stream(3 * kXorSlackBytes, 0);
  for (size_t i = 0; i < t_ms.size(); ++i) {
    xor_append(state, reinterpret_cast<uint8_t*>(stream.data()), t_ms[i], v[i]);
  }
  const std::string_view payload = std::string_view(stream).substr(0, state.byte_count());
  const std::string gorilla = encode_chunk({Codec::kXor, SampleKind::kFloat, 3, 1000, 3500, payload});
  for (const std::string& bytes : {columns, gorilla}) {
    const auto chunk = parse_chunk(bytes);
    ASSERT_TRUE(chunk) << chunk.error().message();
    EXPECT_EQ(chunk->count, 3U);
    EXPECT_EQ(chunk->first_ms, 1000);
    EXPECT_EQ(chunk->last_ms, 3500);
    ChunkDecoder decoder(*chunk);
    std::vector<int64_t> t_read(3);
    std::vector<double> v_read(3);
    ASSERT_EQ(decoder.next(t_read, v_read), 3U);
    EXPECT_EQ(t_read, t_ms);
    EXPECT_TRUE(same_bits(v_read, v));
    EXPECT_EQ(decoder.next(t_read, v_read), 0U);
    EXPECT_TRUE(decoder.ok());
  }
  EXPECT_LT(columns.size(), 60U);
}

}  // namespace
}  // namespace tidemark::storage
