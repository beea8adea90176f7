#include "model/group_reference.h"

#include <gtest/gtest.h>

#include <string>

namespace tidemark {
namespace {

// "name/number/bytes", or "" where there is none.
std::string read(std::string_view text) {
  const auto reference = group_reference_at(text);
  if (!reference) return "";
  return std::string(reference->name) + "/" + std::to_string(reference->number) + "/" +
         std::to_string(reference->bytes);
}

TEST(GroupReference, NumbersAndNames) {
  EXPECT_EQ(read("1-"), "1/1/1");
  EXPECT_EQ(read("{12}x"), "12/12/4");
  EXPECT_EQ(read("name."), "name/-1/4");
  EXPECT_EQ(read("{name}"), "name/-1/6");
  EXPECT_EQ(read("0"), "0/0/1");
}

TEST(GroupReference, TheLongestNameCounts) {
  EXPECT_EQ(read("1x"), "1x/-1/2");
  EXPECT_EQ(read("1\u00e9."), "1\u00e9/-1/3");
  EXPECT_EQ(read("{1\u00df}"), "1\u00df/-1/5");
  EXPECT_EQ(read("1\u0663"), "1\u0663/-1/3") << "an Arabic digit";
  EXPECT_EQ(read("1\u20ac"), "1/1/1") << "a Euro is no letter";
  EXPECT_EQ(read("1\xc3"), "1/1/1") << "half a character";
}

TEST(GroupReference, WhatIsNoNumberIsAName) {
  EXPECT_EQ(read("01"), "01/-1/2");
  EXPECT_EQ(read("999999999"), "999999999/999999999/9");
  EXPECT_EQ(read("1000000000"), "1000000000/-1/10");
}

TEST(GroupReference, NoneAtAll) {
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(read("-1"), "");
  EXPECT_EQ(read("{}"), "");
  EXPECT_EQ(read("{1"), "");
  EXPECT_EQ(read("{1-}"), "");
}

}  // namespace
}  // namespace tidemark
