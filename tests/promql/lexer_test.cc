#include "aggregator/promql/lexer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tidemark::promql {
namespace {

// Every token's text, "!" and the message for an error.
std::vector<std::string> texts(std::string_view input) {
  std::vector<std::string> out;
  Lexer lexer(input);
  for (;;) {
    const Token token = lexer.next();
    if (token.kind == TokenKind::kEof) return out;
    out.push_back((token.kind == TokenKind::kError ? "!" : "") + std::string(token.text));
    if (token.kind == TokenKind::kError) return out;
  }
}

TokenKind first_kind(std::string_view input) { return Lexer(input).next().kind; }

using Texts = std::vector<std::string>;

TEST(LexerTest, CutsOperatorsAndSkipsBlanksAndComments) {
  EXPECT_EQ(texts("a==b!=c<=d>=e</f>/g"),
            (Texts{"a", "==", "b", "!=", "c", "<=", "d", ">=", "e", "</", "f", ">/", "g"}));
  EXPECT_EQ(texts("a # b ' { [\n\t+\r\n-c#"), (Texts{"a", "+", "-", "c"}));
  EXPECT_EQ(texts("foo{ # x\n a =~ 'b' , c!~`d`}"), (Texts{"foo", "{", "a", "=~", "'b'", ",", "c", "!~", "`d`", "}"}));
  EXPECT_EQ(texts(""), Texts{});
}

TEST(LexerTest, TellsWordsApart) {
  EXPECT_EQ(first_kind("SuM"), TokenKind::kSum);
  EXPECT_EQ(first_kind("sums"), TokenKind::kIdentifier);
  EXPECT_EQ(first_kind("job:up:sum"), TokenKind::kMetricIdentifier);
  EXPECT_EQ(first_kind(":up"), TokenKind::kMetricIdentifier);
  EXPECT_EQ(first_kind("NaN"), TokenKind::kNumber);
  EXPECT_EQ(first_kind("fill (1)"), TokenKind::kFill);
  EXPECT_EQ(first_kind("fill + 1"), TokenKind::kIdentifier);
  EXPECT_EQ(first_kind("count_values_of_everything"), TokenKind::kIdentifier);
}

TEST(LexerTest, TellsNumbersFromDurations) {
  for (const char* number : {"1", "1.5", ".5", "1e3", "1E-3", "0x1fA", "1_000", "1.", "0x_1", "Inf"})
    EXPECT_EQ(first_kind(number), TokenKind::kNumber) << number;
  for (const char* duration : {"5m", "1h30m", "500ms", "1y2w3d", "5hs"})
    EXPECT_EQ(first_kind(duration), TokenKind::kDuration) << duration;
  EXPECT_EQ(texts("1__0"), Texts{"!bad number or duration syntax: \"1__\""});
  EXPECT_EQ(texts("1h2y"), Texts{"!bad number or duration syntax: \"1h2\""});
}

TEST(LexerTest, NamesWhatItCannotRead) {
  const struct {
    const char* input;
    const char* last;
    uint32_t start;
  } cases[] = {
      {"a $", "!unexpected character: '$'", 2},
      {"a \xff", "!unexpected character: '\ufffd'", 2},
      {"a\x01", "!unexpected character: '\\x01'", 1},
      {"a ! b", "!unexpected character after '!': ' '", 2},
      {"!", "!unexpected character after '!': '\ufffd'", 0},
      {"{a!", "!unexpected character after '!' inside braces: '\ufffd'", 2},
      {"{{", "!unexpected left brace '{'", 1},
      {"'a", "!unterminated quoted string", 0},
      {"'a\nb'", "!unterminated quoted string", 0},
      {"`a\nb", "!unterminated raw string", 0},
      {"'\\", "!escape sequence not terminated", 0},
      {"'\\q'", "!unknown escape sequence U+0071 'q'", 0},
      {"'\\\"'", "!unknown escape sequence U+0022 '\"'", 0},
      {"'\\xg0'", "!illegal character U+0067 'g' in escape sequence", 0},
      {"'\\400'", "!escape sequence is an invalid Unicode code point", 0},
      {"'\\ud800'", "!escape sequence is an invalid Unicode code point", 0},
      {"'\\Uffffffff'", "!escape sequence is an invalid Unicode code point", 0},
      {"'\xff'", "!invalid UTF-8 rune", 0},
      {"(", "!unclosed left parenthesis", 1},
      {"())", "!unexpected right parenthesis ')'", 3},
      {"a[5m", "!unclosed left bracket", 4},
      {"a[", "!unexpected end of input in duration expression", 2},
      {"a[[", "!unexpected character in duration expression: '['", 2},
      {"a[5m[", "!unexpected left bracket '['", 4},
      {"a[5m:1m:", "!unexpected colon ':'", 7},
      {"a[:", "!unexpected colon before duration in duration expression", 3},
      {"a[5m x", "!unexpected character: 'x', expected ':'", 5},
      {"a]", "!unexpected right bracket ']'", 1},
  };
  for (const auto& c : cases) {
    Lexer lexer(c.input);
    Token token = lexer.next();
    while (token.kind != TokenKind::kError && token.kind != TokenKind::kEof) token = lexer.next();
    ASSERT_EQ(token.kind, TokenKind::kError) << c.input;
    EXPECT_EQ("!" + std::string(token.text), c.last) << c.input;
    EXPECT_EQ(token.start, c.start) << c.input;
    EXPECT_EQ(lexer.next().text, token.text) << "the error comes again";
  }
}

}  // namespace
}  // namespace tidemark::promql
