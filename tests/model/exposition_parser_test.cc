#include "model/exposition_parser.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "model/number.h"
#include "model/sample.h"

namespace tidemark {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Entry = ExpositionParser::Entry;

// A page as one line an entry: what the parser said about it.
std::vector<std::string> dump(std::string_view page, const ExpositionLimits& limits = {}) {
  std::vector<std::string> out;
  ExpositionParser parser(page, limits);
  for (;;) {
    switch (parser.next()) {
      case Entry::kSample: {
        const auto t = parser.timestamp_ms();
        out.push_back(Labels::from_pairs(parser.labels()).to_string() + " " + format_float(parser.value()) +
                      (t ? " @" + std::to_string(*t) : ""));
        break;
      }
      case Entry::kType:
        out.push_back(fmt::format("TYPE {} {}", parser.family(), metric_type_name(parser.type())));
        break;
      case Entry::kHelp:
        out.push_back(fmt::format("HELP {} [{}]", parser.family(), parser.text()));
        break;
      case Entry::kUnit:
        out.push_back(fmt::format("UNIT {} [{}]", parser.family(), parser.text()));
        break;
      case Entry::kComment:
        out.push_back(fmt::format("COMMENT [{}]", parser.text()));
        break;
      case Entry::kEnd:
        return out;
      case Entry::kError:
        out.push_back("ERROR " + parser.status().message());
        EXPECT_EQ(parser.next(), Entry::kError);
        return out;
    }
  }
}

TEST(ExpositionParser, Samples) {
  const struct {
    std::string page;
    std::string sample;
  } cases[] = {
      {"up 1\n", "up 1"},
      {"up 1", "up 1"},
      {"  up \t 1 \t\n", "up 1"},
      {"up 1 1700000000000\n", "up 1 @1700000000000"},
      {"up{} 1\n", "up 1"},
      {"up{job=\"node\"} 1\n", "up{job=\"node\"} 1"},
      {"up{job=\"node\",} 1\n", "up{job=\"node\"} 1"},
      {"up { b = \"2\" , a=\"1\" } 1 5\n", "up{a=\"1\", b=\"2\"} 1 @5"},
      {"up{a=\"1\" b=\"2\"}1\n", "up{a=\"1\", b=\"2\"} 1"},
      {"up{a=\"\"} 1\n", "up 1"},
      {"job:up:sum5m{A=\"x\"} 1\n", "job:up:sum5m{A=\"x\"} 1"},
      {":x 1\n", ":x 1"},
      {R"(up{a="q\"q",b="b\\b",c="n\nn",d="x\x"} 1)", R"(up{a="q\"q", b="b\\b", c="n\nn", d="x\\x"} 1)"},
      {"up{a=\"{}=, #\"} 1\n", "up{a=\"{}=, #\"} 1"},
      {"up{a=\"zw\xc3\xb6lf\"} 1\n", "up{a=\"zw\xc3\xb6lf\"} 1"},
      {std::string("up{a=\"x\0y\"} 1\n", 14), std::string("up{a=\"x\0y\"} 1", 13)},
      {"{\"http.requests\",\"le.gal\"=\"x\"} 1\n", "{\"http.requests\", \"le.gal\"=\"x\"} 1"},
      {"{ \"up\" } 1\n", "up 1"},
      {"{job=\"node\",\"up\"} 1\n", "up{job=\"node\"} 1"},
      {R"({"a\"b"} 1)", R"({"a\"b"} 1)"},
      {"up +Inf\n", "up +Inf"},
      {"up -inf\n", "up -Inf"},
      {"up NaN\n", "up NaN"},
      {"up -0.5e-3\n", "up -0.0005"},
      {"up +7\n", "up 7"},
      {"up .5\n", "up 0.5"},
      {"up 123456789012345\n", "up 123456789012345"},
      {"up 12345678901234567890\n", "up 12345678901234567000"},
      {"up 1e-999\n", "up 0"},
      {"up 4.9351e-05\n", "up 0.000049351"},
  };
  for (const auto& test : cases) EXPECT_THAT(dump(test.page), ElementsAre(test.sample)) << test.page;
}

TEST(ExpositionParser, Metadata) {
  EXPECT_THAT(
      dump("# HELP up Whether it is up.\n#\t TYPE up \t gauge \nup 1\n\n \t\n# HELP nohelp\n# HELP nohelp2 \n"
           "# HELP esc a\\\\b\\nc\\\"d\n# TYPE \"a.b\" counter\n# UNIT up seconds\n# UNIT ?\n#HELP x y\n#\n# hi\n"
           "# TYPE x untyped\n# TYPE y summary\n# TYPE z histogram"),
      ElementsAre("HELP up [Whether it is up.]", "TYPE up gauge", "up 1", "HELP nohelp []", "HELP nohelp2 []",
                  "HELP esc [a\\b\nc\\\"d]", "TYPE a.b counter", "UNIT up [seconds]", "COMMENT [# UNIT ?]",
                  "COMMENT [#HELP x y]", "COMMENT [#]", "COMMENT [# hi]", "TYPE x unknown", "TYPE y summary",
                  "TYPE z histogram"));
}

TEST(ExpositionParser, BadLinesNameTheirLineAndTheReason) {
  const struct {
    std::string page;
    std::string error;
  } cases[] = {
      {"a", "line 1: expected a value after the series, got the end of the line"},
      {"a 1\n\n# c\nb{\n", "line 4: expected a label name or \"}\", got the end of the line"},
      {"a{b='c'} 1\n", "line 1: expected a value in double quotes for label \"b\", got \"'c'} 1\""},
      {"a{b=\n", "line 1: expected a value in double quotes for label \"b\", got the end of the line"},
      {"a{\xff=\"foo\"} 1\n", "line 1: expected a label name or \"}\", got \"\\xff=\"foo\"} 1\""},
      {"a{b=\"\xff\"} 1\n", "line 1: the label value is not valid UTF-8"},
      {"{\"\xc0\x80\"} 1\n", "line 1: the name is not valid UTF-8"},
      {"# HELP a \xff\n", "line 1: the help text is not valid UTF-8"},
      {"a{b=\"c\n\"} 1\n", "line 1: the label value has no closing quote"},
      {"a{b=\"c\\\n", "line 1: the label value has no closing quote"},
      {"a{b=\"c\\\"", "line 1: the label value has no closing quote"},
      {"a{=\"\"} 0\n", "line 1: expected a label name or \"}\", got \"=\"\"} 0\""},
      {"a{b} 0\n", "line 1: expected \"=\" after label name \"b\", got \"} 0\""},
      {"a{1b=\"c\"} 0\n", "line 1: expected a label name or \"}\", got \"1b=\"c\"} 0\""},
      {"a{b:c=\"c\"} 0\n", "line 1: expected \"=\" after label name \"b\", got \":c=\"c\"} 0\""},
      {"a{,b=\"c\"} 0\n", "line 1: expected a label name or \"}\", got \",b=\"c\"} 0\""},
      {"a{b=\"c\",,} 0\n", "line 1: expected a label name or \"}\", got \",} 0\""},
      {"a{b=\"c\" 1\n", "line 1: expected a label name or \"}\", got \"1\""},
      {"{b=\"c\"} 1\n", "line 1: the metric has no name"},
      {"{} 1\n", "line 1: the metric has no name"},
      {"{\"\"} 1\n", "line 1: the metric's name is empty"},
      {"{\"a\",\"\"=\"x\"} 1\n", "line 1: a label's name is empty"},
      {"a{\"b\"} 1\n", "line 1: the metric has two names"},
      {"{\"a\",\"b\"} 1\n", "line 1: the metric has two names"},
      {"a{b=\"1\",c=\"2\",b=\"3\"} 1\n", "line 1: label \"b\" is given twice"},
      {"a{\"b\"=\"1\",b=\"3\"} 1\n", "line 1: label \"b\" is given twice"},
      {"a{__name__=\"b\"} 1\n", "line 1: label \"__name__\" is given twice"},
      {"a true\n", "line 1: expected a number as value, got \"true\""},
      {"a 1_2\n", "line 1: expected a number as value, got \"1_2\""},
      {"a 0x1p-3\n", "line 1: expected a number as value, got \"0x1p-3\""},
      {"a 0x10\n", "line 1: expected a number as value, got \"0x10\""},
      {"a 1e999\n", "line 1: expected a number as value, got \"1e999\""},
      {"a -1e999\n", "line 1: expected a number as value, got \"-1e999\""},
      {"a 1\r\n", "line 1: expected a number as value, got \"1\\x0d\""},
      {"a 1 \r\n", "line 1: expected a timestamp in milliseconds or the end of the line, got \"\\x0d\""},
      {"a 0 1_2\n", "line 1: expected a timestamp in milliseconds or the end of the line, got \"1_2\""},
      {"a 0 -5\n", "line 1: expected a timestamp in milliseconds or the end of the line, got \"-5\""},
      {"a 0 99999999999999999999\n",
       "line 1: expected a timestamp in milliseconds or the end of the line, got \"99999999999999999999\""},
      {"a 1 2 3\n", "line 1: expected a timestamp in milliseconds or the end of the line, got \"2 3\""},
      {"a 1 # {trace_id=\"x\"} 1\n",
       "line 1: expected a timestamp in milliseconds or the end of the line, got \"# {trace_id=\"x\"} 1\""},
      {"1a 1\n", "line 1: expected a metric name, got \"1a 1\""},
      {"a-b 1\n", "line 1: expected a number as value, got \"-b\""},
      {std::string("a\0 1\n", 5), "line 1: expected a number as value, got \"\\x00\""},
      {std::string("\0\n", 2), "line 1: expected a metric name, got \"\\x00\""},
      {"<html>\n", "line 1: expected a metric name, got \"<html>\""},
      {"\xef\xbb\xbfup 1\n", "line 1: expected a metric name, got \"\\xef\\xbb\\xbfup 1\""},
      {"# TYPE #\n", "line 1: expected a metric name after TYPE, got \"#\""},
      {"# HELP #\n", "line 1: expected a metric name after HELP, got \"#\""},
      {"# HELP a{b=\"c\"} x\n", "line 1: expected a metric name after HELP, got \"a{b=\"c\"} x\""},
      {"# TYPE a\n", "line 1: expected counter, gauge, histogram, summary or untyped, got \"\""},
      {"# TYPE a info\n", "line 1: expected counter, gauge, histogram, summary or untyped, got \"info\""},
      {"a " + std::string(60, 'x'), "line 1: expected a number as value, got \"" + std::string(40, 'x') + "...\""},
  };
  for (const auto& test : cases) {
    const std::vector<std::string> out = dump(test.page);
    ASSERT_FALSE(out.empty()) << test.page;
    EXPECT_EQ(out.back(), "ERROR " + test.error) << test.page;
  }
}

TEST(ExpositionParser, SeriesAreTheBytesOfTheLine) {
  ExpositionParser parser(" up{a=\"1\", b=\"\\\"\"} 1\nup  2\n{\"x\"}3\n");
  for (const char* want : {"up{a=\"1\", b=\"\\\"\"}", "up", "{\"x\"}"}) {
    ASSERT_EQ(parser.next(), Entry::kSample);
    EXPECT_EQ(parser.series(), want);
  }
  EXPECT_EQ(parser.line_number(), 3u);
}

TEST(ExpositionParser, BucketBoundsAreWrittenAsPrometheus3StoresThem) {
  EXPECT_THAT(
      dump("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_bucket{le=\"0.5\"} 1\n"
           "h_bucket{le=\"1000000\",x=\"a\\\\\"} 1\nh_bucket{le=\"-0\"} 1\nh_bucket{le=\"none\"} 1\n"
           "h_bucket{le=\"100000\",quantile=\"1\"} 1\nh_bucket{le=\"1e-5\"} 1\n"),
      ElementsAre("TYPE h histogram", "h_bucket{le=\"1.0\"} 1", "h_bucket{le=\"+Inf\"} 1", "h_bucket{le=\"0.5\"} 1",
                  "h_bucket{le=\"1e+06\", x=\"a\\\\\"} 1", "h_bucket{le=\"0.0\"} 1", "h_bucket{le=\"none\"} 1",
                  "h_bucket{le=\"100000.0\", quantile=\"1\"} 1", "h_bucket{le=\"1e-05\"} 1"));
  EXPECT_THAT(dump("# TYPE s summary\ns{quantile=\"1\",le=\"1\"} 1\n# TYPE c counter\nc{le=\"1\",quantile=\"1\"} 1\n"),
              ElementsAre("TYPE s summary", "s{le=\"1\", quantile=\"1.0\"} 1", "TYPE c counter",
                          "c{le=\"1\", quantile=\"1\"} 1"));
}

TEST(ExpositionParser, NaNIsTheNormalOne) {
  for (const char* page : {"a NaN\n", "a nan\n"}) {
    ExpositionParser parser(page);
    ASSERT_EQ(parser.next(), Entry::kSample);
    EXPECT_EQ(std::bit_cast<uint64_t>(parser.value()), kNormalNaNBits);
  }
}

TEST(ExpositionParser, Limits) {
  EXPECT_THAT(dump("a 1\n" + std::string(200, 'x') + " 1\n", {.line_bytes_max = 100}),
              ElementsAre("a 1", "ERROR line 2: longer than 100 bytes"));
  std::string many = "a{";
  for (int i = 0; i < 40; ++i) many += fmt::format("l{}=\"v\",", i);
  EXPECT_THAT(dump(many + "} 1", {.labels_max = 41}), ElementsAre(HasSubstr("l39=\"v\"")));
  EXPECT_THAT(dump(many + "} 1", {.labels_max = 40}), ElementsAre("ERROR line 1: more than 40 labels"));
  EXPECT_THAT(dump(many + "l7=\"x\"} 1"), ElementsAre("ERROR line 1: label \"l7\" is given twice"));
}

// Whatever the bytes: the parser ends, its views lie in the page, names are unique and text is UTF-8.
TEST(ExpositionParser, SurvivesRandomChanges) {
  const std::string page =
      "# HELP h A \\\\ histogram.\n# TYPE h histogram\nh_bucket{le=\"1\",path=\"C:\\\\x\\n\"} 7 1700000000000\n"
      "{\"a.b\",\"c d\"=\"\xe2\x82\xac\"} -1.5e-7\nup{job=\"node\",instance=\"a:1\",} NaN\n# UNIT h seconds\n";
  constexpr char kAlphabet[] =
      "{}\",\\=# \t\n\r\0\xff\xe2"
      "09eEnI+-._:aTYPHEL";
  for (uint32_t seed = 0; seed < 20'000; ++seed) {
    std::mt19937 random(seed);
    std::string text = page;
    for (uint32_t edits = 1 + random() % 8; edits > 0 && !text.empty(); --edits) {
      const size_t at = random() % text.size();
      const char c = kAlphabet[random() % sizeof kAlphabet];
      switch (random() % 4) {
        case 0:
          text[at] = c;
          break;
        case 1:
          text.insert(text.begin() + static_cast<ptrdiff_t>(at), c);
          break;
        case 2:
          text.erase(at, 1 + random() % 5);
          break;
        default:
          text.insert(at, text.substr(random() % text.size(), random() % 40));
      }
    }
    const std::vector<char> block(text.begin(), text.end());  // A sanitizer sees a read one byte behind it.
    const std::string_view copy(block.data(), block.size());
    ExpositionParser parser(copy);
    size_t entries = 0;
    for (Entry entry = parser.next(); entry != Entry::kEnd && entry != Entry::kError; entry = parser.next()) {
      ASSERT_LT(++entries, copy.size() + 1) << "seed " << seed;
      if (entry != Entry::kSample) continue;
      ASSERT_GE(parser.series().data(), copy.data()) << "seed " << seed;
      ASSERT_LE(parser.series().data() + parser.series().size(), copy.data() + copy.size()) << "seed " << seed;
      std::set<std::string_view> names;
      for (const LabelView& label : parser.labels()) {
        ASSERT_FALSE(label.name.empty()) << "seed " << seed;
        ASSERT_TRUE(names.insert(label.name).second) << "seed " << seed;
      }
      ASSERT_FALSE(parser.labels()[0].value.empty()) << "seed " << seed;
      // The series' own bytes mean the same when they are read again.
      const Labels labels = Labels::from_pairs(parser.labels());
      const std::string again = fmt::format(
          "# TYPE t {}\n{} 1", parser.type() == MetricType::kUnknown ? "untyped" : metric_type_name(parser.type()),
          parser.series());
      ExpositionParser second(again);
      ASSERT_EQ(second.next(), Entry::kType);
      ASSERT_EQ(second.next(), Entry::kSample) << "seed " << seed;
      ASSERT_EQ(Labels::from_pairs(second.labels()), labels) << "seed " << seed;
    }
    if (!parser.status().ok()) {
      ASSERT_THAT(parser.status().message(), HasSubstr("line ")) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace tidemark
