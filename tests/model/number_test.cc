#include "model/number.h"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <random>

#include "model/sample.h"

namespace tidemark {
namespace {

TEST(Number, Parses) {
  const auto check = [](std::string_view text, double want) {
    const auto got = parse_float(text);
    ASSERT_TRUE(got) << text;
    EXPECT_EQ(std::bit_cast<uint64_t>(*got), std::bit_cast<uint64_t>(want)) << text << " is " << *got;
  };
  check("1", 1);
  check("+1.5e3", 1500);
  check("-0", -0.0);
  check(".5", 0.5);
  check("0x1p-2", 0.25);
  check("0x1F", 31);
  check("inf", INFINITY);
  check("+Inf", INFINITY);
  check("-INF", -INFINITY);
  check("NaN", normal_nan());
  check("1e400", INFINITY);
  check("-1e400", -INFINITY);
  check("1e-400", 0);
  check("0.1", 0.1);
}

TEST(Number, Refuses) {
  for (const char* text :
       {"", "+", "-", "x", "1x", "1 ", " 1", "--1", "+-1", "1_0", "-NaN", "infi", "nan(1)", "0x", "e5"}) {
    EXPECT_FALSE(parse_float(text)) << text;
  }
}

TEST(Number, FormatsAsGoDoes) {
  const auto check = [](double v, std::string_view want) { EXPECT_EQ(format_general_float(v), want); };
  check(0, "0");
  check(-0.0, "-0");
  check(0.1, "0.1");
  check(999999.5, "999999.5");
  check(1e6, "1e+06");
  check(-1234567.5, "-1.2345675e+06");
  check(1e-4, "0.0001");
  check(0.00001, "1e-05");
  check(INFINITY, "+Inf");
  check(-INFINITY, "-Inf");
  check(NAN, "NaN");
}

TEST(Number, Formats) {
  const auto check = [](double v, std::string_view want) { EXPECT_EQ(format_float(v), want); };
  check(0, "0");
  check(-0.0, "-0");
  check(1, "1");
  check(0.1, "0.1");
  check(100000000, "100000000");
  check(1e20, "100000000000000000000");
  check(9007199254740992, "9007199254740992");
  check(1.2345678901234567e19, "12345678901234567000");
  check(-1180591620717411.2e5, "-118059162071741120000");
  check(1e21, "1e+21");
  check(1e-6, "0.000001");
  check(1e-7, "1e-07");
  check(INFINITY, "+Inf");
  check(-INFINITY, "-Inf");
  check(NAN, "NaN");
  check(stale_nan(), "NaN");
}

std::string fixed_float(double v) {
  std::string out;
  append_fixed_float(out, v);
  return out;
}

TEST(Number, EveryFormattedValueReadsBack) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    const double v = std::bit_cast<double>(random());
    if (std::isnan(v)) continue;
    EXPECT_EQ(*parse_float(format_float(v)), v) << format_float(v);
    const std::string fixed = fixed_float(v);
    EXPECT_EQ(*parse_float(fixed), v) << fixed;
    EXPECT_EQ(fixed.find('e'), std::string::npos) << fixed;
    EXPECT_LE(fixed.size(), 350u);
  }
}

// Numbers with few digits are written another way than others; the text must be the same.
TEST(Number, TheShortestTextWhateverTheNumberOfDigits) {
  std::mt19937_64 random(4);
  const auto shortest = [](double v) {
    char buffer[64];
    return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::fixed).ptr);
  };
  for (int i = 0; i < 20'000; ++i) {
    const auto digits = static_cast<double>(random() % 2'000'000'000'000'000 >> (random() % 50));
    const double powers[] = {1, 10, 100, 1000, 10'000};
    const double v = (random() % 2 == 0 ? 1 : -1) * (digits + 1) / powers[random() % 5];
    if (std::fabs(v) < 1e-6) continue;
    EXPECT_EQ(format_float(v), shortest(v));
    EXPECT_EQ(format_float(std::nextafter(v, 0)), shortest(std::nextafter(v, 0)));
    const double anywhere = std::ldexp(1 + static_cast<double>(random() % (1ULL << 52)) * 0x1p-52,
                                       static_cast<int>(random() % 62) - 14);  // All places in front and behind.
    EXPECT_EQ(format_float(anywhere), shortest(anywhere));
  }
}

TEST(Number, FixedHasNoExponent) {
  EXPECT_EQ(fixed_float(1.5e-7), "0.00000015");
  EXPECT_EQ(fixed_float(-1e21), "-1000000000000000000000");
  EXPECT_EQ(fixed_float(1.2345678901234566e25), "12345678901234566000000000");
  EXPECT_EQ(fixed_float(0.25), "0.25");
  EXPECT_EQ(fixed_float(-INFINITY), "-Inf");
  EXPECT_EQ(fixed_float(std::numeric_limits<double>::denorm_min()), "0." + std::string(323, '0') + "5");
}

}  // namespace
}  // namespace tidemark
