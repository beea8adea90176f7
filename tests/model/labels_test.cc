#include "model/labels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "model/varint.h"

namespace tidemark {
namespace {

TEST(Labels, SortsDropsEmptyAndLetsTheLastWin) {
  const Labels labels{{"b", "2"}, {"a", "1"}, {"empty", ""}, {"b", "3"}};
  EXPECT_EQ(labels, (Labels{{"a", "1"}, {"b", "3"}}));
  EXPECT_EQ(labels.size(), 2u);
  EXPECT_EQ(labels.get("b"), "3");
  EXPECT_EQ(labels.get("empty"), "");
  EXPECT_TRUE(is_valid_encoding(labels.encoded()));
}

TEST(Labels, PrintsAsPrometheusDoes) {
  const auto check = [](const Labels& labels, std::string_view want) { EXPECT_EQ(labels.to_string(), want); };
  check({}, "{}");
  check({{"__name__", "up"}}, "up");
  check({{"__name__", "up"}, {"job", "a"}, {"instance", "h:1"}}, R"(up{instance="h:1", job="a"})");
  check({{"job", "a\"\\\n"}}, R"({job="a\"\\\n"})");
  check({{"__name__", "a.b"}, {"x.y", "1"}}, R"({"a.b", "x.y"="1"})");
}

TEST(Labels, OrderIsPairByPair) {
  std::vector<Labels> sorted{{}, {{"a", "1"}}, {{"a", "1"}, {"b", "1"}}, {{"a", "10"}}, {{"a", "2"}}, {{"b", "1"}}};
  std::vector<Labels> shuffled = sorted;
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937(1));
  std::sort(shuffled.begin(), shuffled.end());
  EXPECT_EQ(shuffled, sorted);
}

TEST(Labels, BuilderEdits) {
  LabelsBuilder builder(Labels{{"a", "1"}, {"c", "3"}});
  builder.set("b", "2");
  builder.set("a", "9");
  builder.set("c", "");
  builder.erase("absent");
  EXPECT_EQ(builder.get("b"), "2");
  EXPECT_EQ(builder.build(), (Labels{{"a", "9"}, {"b", "2"}}));
}

TEST(Labels, BadEncodingsAreRefused) {
  const auto encode = [](std::initializer_list<std::pair<std::string, std::string>> pairs) {
    std::string out;
    for (const auto& [name, value] : pairs) append_encoded_label(out, name, value);
    return out;
  };
  EXPECT_TRUE(is_valid_encoding(""));
  EXPECT_TRUE(is_valid_encoding(encode({{"a", "1"}, {"b", "2"}})));
  EXPECT_FALSE(is_valid_encoding(encode({{"b", "1"}, {"a", "2"}})));
  EXPECT_FALSE(is_valid_encoding(encode({{"a", "1"}, {"a", "2"}})));
  EXPECT_FALSE(is_valid_encoding(encode({{"", "1"}})));
  EXPECT_FALSE(is_valid_encoding(encode({{"a", ""}})));
  const std::string good = encode({{"name", "value"}, {"other", "thing"}});
  for (size_t cut = 1; cut < good.size(); ++cut) {
    const bool between_pairs = cut == encode({{"name", "value"}}).size();
    EXPECT_EQ(is_valid_encoding(good.substr(0, cut)), between_pairs) << cut;
  }
  EXPECT_FALSE(is_valid_encoding(std::string(9, '\xff') + "\x01"));
}

TEST(Labels, IterationOverDamagedBytesEnds) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    size_t count = 0;
    for ([[maybe_unused]] const LabelView& label : LabelsView(bytes)) ASSERT_LE(++count, bytes.size());
  }
}

TEST(Varint, RoundTripsAndRefusesCutBytes) {
  for (const int64_t v : {INT64_MIN, int64_t{-1}, int64_t{0}, int64_t{1}, int64_t{127}, int64_t{128}, INT64_MAX}) {
    std::string bytes;
    append_signed_varint(bytes, v);
    int64_t got = 0;
    std::string_view in = bytes;
    ASSERT_TRUE(take_signed_varint(in, got));
    EXPECT_EQ(got, v);
    EXPECT_TRUE(in.empty());
    in = std::string_view(bytes).substr(0, bytes.size() - 1);
    EXPECT_FALSE(take_signed_varint(in, got));
  }
}

}  // namespace
}  // namespace tidemark
