#include "aggregator/promql/quote.h"

#include <gtest/gtest.h>

namespace tidemark::promql {
namespace {

using namespace std::string_literals;

TEST(QuoteTest, EscapesWhatCannotBePrinted) {
  EXPECT_EQ(promql::quoted("a\"b\\c\n\t\x7f"), R"("a\"b\\c\n\t\x7f")");
  EXPECT_EQ(promql::quoted("\xff\xc3"), R"("\xff\xc3")");
  EXPECT_EQ(promql::quoted("h\u00e9\u65e5"), "\"h\u00e9\u65e5\"");
  EXPECT_EQ(promql::quoted("\u200b\ufeff"), R"("\u200b\ufeff")");
  EXPECT_EQ(quoted_char("'"), R"('\'')");
  EXPECT_EQ(quoted_char("\""), "'\"'");
}

TEST(QuoteTest, UnquotesEveryKindOfString) {
  EXPECT_EQ(unquote(R"("a\"\\\n\x41\101\u00e9\U0001F600")"), "a\"\\\nAA\u00e9\U0001F600");
  EXPECT_EQ(unquote(R"('\'"')"), "'\"");
  EXPECT_EQ(unquote(R"(`\n"'`)"), R"(\n"')");
  EXPECT_EQ(unquote(R"("\xff\0001")"), "\xff\0"s + "1");
  EXPECT_EQ(unquote("''"), "");
}

TEST(QuoteTest, QuotedTextReadsBack) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  all += "\u0080\u2028\U0010ffff";
  EXPECT_EQ(unquote(promql::quoted(all)), all);
}

}  // namespace
}  // namespace tidemark::promql
