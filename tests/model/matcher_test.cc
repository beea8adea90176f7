#include "model/matcher.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

Matcher make(MatchOp op, std::string_view value) {
  auto matcher = Matcher::make(op, "l", value);
  EXPECT_TRUE(matcher) << value;
  return *matcher;
}

TEST(Matcher, Operators) {
  EXPECT_TRUE(make(MatchOp::kEqual, "a").matches("a"));
  EXPECT_FALSE(make(MatchOp::kEqual, "a").matches("ab"));
  EXPECT_TRUE(make(MatchOp::kNotEqual, "a").matches(""));
  EXPECT_TRUE(make(MatchOp::kRegex, "a.*").matches("a\nb"));
  EXPECT_FALSE(make(MatchOp::kRegex, "a").matches("xa"));  // Anchored.
  EXPECT_FALSE(make(MatchOp::kRegex, "b|c.").matches("bx"));
  EXPECT_TRUE(make(MatchOp::kNotRegex, "a|b").matches("c"));
  EXPECT_FALSE(make(MatchOp::kNotRegex, "a|b").matches("b"));
}

TEST(Matcher, TheEmptyValue) {
  EXPECT_TRUE(make(MatchOp::kEqual, "").matches_empty());
  EXPECT_TRUE(make(MatchOp::kNotEqual, "a").matches_empty());
  EXPECT_FALSE(make(MatchOp::kNotEqual, "").matches_empty());
  EXPECT_TRUE(make(MatchOp::kRegex, "a*").matches_empty());
  EXPECT_TRUE(make(MatchOp::kRegex, "a|").matches_empty());
  EXPECT_FALSE(make(MatchOp::kRegex, ".+").matches_empty());
}

TEST(Matcher, LiteralsAndPrefixes) {
  const auto literals = [](std::string_view value) { return make(MatchOp::kRegex, value).literals(); };
  using List = std::vector<std::string>;
  EXPECT_EQ(literals("b|a|b"), (List{"a", "b"}));
  EXPECT_EQ(literals("(a|b)"), (List{"a", "b"}));
  EXPECT_EQ(literals("abc"), (List{"abc"}));
  EXPECT_EQ(literals("a|b.*"), List{});
  EXPECT_EQ(literals("(a)|(b)"), List{});
  const auto prefix = [](std::string_view value) { return make(MatchOp::kRegex, value).prefix(); };
  EXPECT_EQ(prefix("web-.*"), "web-");
  EXPECT_EQ(prefix("webs?"), "web");
  EXPECT_EQ(prefix("webé*"), "web");
  EXPECT_EQ(prefix("a.*|b"), "");
  EXPECT_EQ(prefix("(?i)abc"), "");
}

TEST(Matcher, BadExpressionsNameThemselves) {
  const auto bad = Matcher::make(MatchOp::kRegex, "l", "a(b");
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message().find("a(b"), std::string::npos);
  EXPECT_FALSE(Matcher::make(MatchOp::kRegex, "l", "((a{1000}){1000}){1000}"));
}

TEST(Matcher, Prints) { EXPECT_EQ(Matcher::make(MatchOp::kNotRegex, "job", "a\"b")->to_string(), R"(job!~"a\"b")"); }

}  // namespace
}  // namespace tidemark
