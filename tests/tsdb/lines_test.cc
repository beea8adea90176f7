// The two text forms of samples, and the reader of lines.
#include <gtest/gtest.h>

#include <bit>
#include <limits>

#include "aggregator/tsdb/json_lines.h"
#include "aggregator/tsdb/line_reader.h"
#include "aggregator/tsdb/openmetrics_lines.h"
#include "model/sample.h"
#include "tests/support/temp_dir.h"

namespace tidemark::tsdb {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

const std::vector<double>& awkward_values() {
  static const std::vector<double> kValues = {0,
                                              -0.0,
                                              1,
                                              -2.5,
                                              0.1,
                                              1e300,
                                              -1e-300,
                                              std::numeric_limits<double>::denorm_min(),
                                              std::numeric_limits<double>::max(),
                                              9007199254740993.0,
                                              1e21,
                                              kInf,
                                              -kInf,
                                              normal_nan(),
                                              stale_nan(),
                                              std::bit_cast<double>(uint64_t{0x7ff8000000000123}),
                                              std::bit_cast<double>(uint64_t{0xfff8000000000000})};
  return kValues;
}

const Labels kLabels{{"__name__", "m"}, {"a", "q\"b\\s\nl"}, {"z", "\xc3\xa4 {},="}};

TEST(JsonLines, EveryBitComesBack) {
  const std::vector<double>& v = awkward_values();
  std::vector<int64_t> t_ms;
  for (size_t i = 0; i < v.size(); ++i) t_ms.push_back(static_cast<int64_t>(i) * 1001 - 5000);
  std::string text;
  append_json_line(text, kLabels, t_ms, v);
  ASSERT_EQ(text.find('\n'), text.size() - 1);
  JsonLineParser parser;
  JsonLine line;
  const Status status = parser.parse(std::string_view(text).substr(0, text.size() - 1), line);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(line.labels, kLabels);
  EXPECT_EQ(line.t_ms, t_ms);
  ASSERT_EQ(line.v.size(), v.size());
  for (size_t i = 0; i < v.size(); ++i)
    EXPECT_EQ(std::bit_cast<uint64_t>(line.v[i]), std::bit_cast<uint64_t>(v[i])) << i;
}

TEST(JsonLines, WritesWhatVictoriaMetricsReads) {
  std::string text;
  append_json_line(text, Labels{{"__name__", "up"}, {"job", "node"}},
                   std::vector<int64_t>{1700000000000, 1700000015000}, std::vector<double>{1, -kInf});
  EXPECT_EQ(
      text,
      R"({"metric":{"__name__":"up","job":"node"},"values":[1,"-Infinity"],"timestamps":[1700000000000,1700000015000]})"
      "\n");
}

TEST(JsonLines, HistogramsThatAreNoneAreRefused) {
  JsonLineParser parser;
  JsonLine line;
  const auto parse = [&](const std::string& histograms) {
    return parser.parse(R"({"metric":{"a":"b"},"timestamps":[1],"histograms":)" + histograms + "}", line).message();
  };
  EXPECT_EQ(parse(R"([{"schema":0,"x":[]}])"), "");
  ASSERT_EQ(line.histograms.size(), 1U);
  EXPECT_TRUE(line.histograms[0]->integer_counts);
  EXPECT_EQ(parse(R"([{"positive":{"spans":[[-1,1]],"counts":[2]},"count":2,"gauge":true}])"), "");
  EXPECT_EQ(line.histograms[0]->reset, CounterReset::kGauge);
  EXPECT_EQ(line.histograms[0]->positive.counts, std::vector<double>{2});
  for (const char* bad :
       {"7", "[7]", "[{}{}]", R"([{"schema":0.5}])", R"([{"schema":99}])", R"([{"schema":3000000000}])",
        R"([{"gauge":1}])", R"([{"bounds":1}])", R"([{"count":"x"}])", R"([{"positive":[]}])",
        R"([{"positive":{"spans":[[0]],"counts":[1]}}])", R"([{"positive":{"spans":[[0,1,2]],"counts":[1]}}])",
        R"([{"positive":{"spans":[[0,-1]],"counts":[1]}}])",
        R"([{"positive":{"spans":[[0,4000000000]],"counts":[1]}}])", R"([{"positive":{"spans":[[0,1]],"counts":[1]}}])",
        R"([{},{}])", R"([{}],"values":[1])"}) {
    EXPECT_NE(parse(bad), "") << bad;
  }
}

TEST(JsonLines, ReadsAnyOrderAndOtherMembers) {
  JsonLineParser parser;
  JsonLine line;
  ASSERT_TRUE(
      parser.parse(R"( {"timestamps":[5], "x":{"y":[1,{}]}, "values":[null], "metric":{"b":"\u00e4","a":"1"}} )", line)
          .ok());
  EXPECT_EQ(line.labels, (Labels{{"a", "1"}, {"b", "\xc3\xa4"}}));
  EXPECT_EQ(std::bit_cast<uint64_t>(line.v.at(0)), kNormalNaNBits);
}

TEST(JsonLines, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "not a JSON object"},
      {"[1]", "not a JSON object"},
      {R"({"metric":{"a":"b"},"values":[1],"timestamps":[1]} x)", "JSON object"},
      {R"({"metric":{"a":"b"},"values":[1],"timestamps":[1)", ""},
      {R"({"values":[1],"timestamps":[1]})", "no \"metric\""},
      {R"({"metric":{},"values":[1],"timestamps":[1]})", "has no labels"},
      {R"({"metric":["a"],"values":[1],"timestamps":[1]})", "must be an object"},
      {R"({"metric":{"a":1},"values":[1],"timestamps":[1]})", "label \"a\" must be a string"},
      {R"({"metric":{"a":"b"},"values":[1,2],"timestamps":[1]})", "2 values and 1 timestamps"},
      {R"({"metric":{"a":"b"},"values":[true],"timestamps":[1]})", "a value must be a number"},
      {R"({"metric":{"a":"b"},"values":["NaN:7ff0000000000000"],"timestamps":[1]})", "a value must be a number"},
      {R"({"metric":{"a":"b"},"values":[1],"timestamps":[1.5]})", "whole number of milliseconds"},
      {R"({"metric":{"a":"b"},"values":1,"timestamps":[1]})", "must be an array"},
      {R"({"metric":{"a":"b"},"values":[1],"timestamps":[1],"starts":[1,2]})", "2 starts and 1 timestamps"},
      {R"({"metric":{"a":"b"},"values":[1],"timestamps":[1],"starts":7})", "\"starts\" must be an array"},
  };
  JsonLineParser parser;
  JsonLine line;
  for (const auto& [text, message] : cases) {
    const Status status = parser.parse(text, line);
    EXPECT_FALSE(status.ok()) << text;
    EXPECT_NE(status.message().find(message), std::string::npos) << text << ": " << status.message();
  }
}

TEST(OpenMetricsLines, EverythingButNaNPayloadsComesBack) {
  for (const double v : awkward_values()) {
    for (const int64_t t_ms :
         {int64_t{0}, int64_t{1}, int64_t{-1500}, int64_t{1700000000123}, int64_t{-62135596800000}}) {
      std::string text;
      append_openmetrics_line(text, kLabels, t_ms, v);
      text.pop_back();
      OpenMetricsParser parser;
      ASSERT_EQ(parser.parse(text), OpenMetricsParser::Entry::kSample) << text << parser.status().message();
      EXPECT_EQ(parser.labels(), kLabels);
      EXPECT_EQ(parser.t_ms(), t_ms);
      const uint64_t bits = v != v ? kNormalNaNBits : std::bit_cast<uint64_t>(v);
      EXPECT_EQ(std::bit_cast<uint64_t>(parser.value()), bits) << text;
    }
  }
}

TEST(OpenMetricsLines, Table) {
  const std::tuple<const char*, const char*, int64_t, double> cases[] = {
      {"up 1 2", "up", 2000, 1},
      {"up{} 1 2.0005", "up", 2001, 1},
      {"up{a=\"}\"} +Inf 1e3", "up{a=\"}\"}", 1'000'000, kInf},
      {"{\"a.b\",c=\"d\"} 1 2", "{\"a.b\", c=\"d\"}", 2000, 1},
      {"x_total{a=\"b\"} 17 1 # {trace=\"x\"} 0.5 1.5", "x_total{a=\"b\"}", 1000, 17},
  };
  for (const auto& [text, labels, t_ms, v] : cases) {
    OpenMetricsParser parser;
    ASSERT_EQ(parser.parse(text), OpenMetricsParser::Entry::kSample) << text << parser.status().message();
    EXPECT_EQ(parser.labels().to_string(), labels);
    EXPECT_EQ(parser.t_ms(), t_ms) << text;
    EXPECT_EQ(parser.value(), v);
  }
  const std::pair<const char*, const char*> wrong[] = {
      {"up 1", "expected a timestamp"},
      {"up 1 # {a=\"b\"} 1", "expected a timestamp"},
      {"up{a=\"b 1 2", "stays open"},
      {"up x 2", "expected a value, got \"x\""},
      {"up 1 2 3", "expected the end of the line"},
      {"up 1 NaN", "timestamp in seconds"},
      {"up 1 1700000000000", "timestamp in seconds"},  // Milliseconds: the year 55840.
      {"up{a=b} 1 2", ""},
      {"1up 1 2", ""},
  };
  for (const auto& [text, message] : wrong) {
    OpenMetricsParser parser;
    EXPECT_EQ(parser.parse(text), OpenMetricsParser::Entry::kError) << text;
    EXPECT_NE(parser.status().message().find(message), std::string::npos) << text << ": " << parser.status().message();
  }
  OpenMetricsParser parser;
  EXPECT_EQ(parser.parse("# HELP up x"), OpenMetricsParser::Entry::kNothing);
  EXPECT_EQ(parser.parse("# EOF"), OpenMetricsParser::Entry::kEnd);
  EXPECT_EQ(parser.parse("up 1 2"), OpenMetricsParser::Entry::kError);
}

TEST(LineReader, LinesOfAnyLengthUpToItsBound) {
  const testing::TempDir dir;
  const std::string long_line(600'000, 'x');
  const std::string path = dir.write("f", "a\n\n" + long_line + "\nlast");
  auto reader = LineReader::open(path, 1 << 20);
  ASSERT_TRUE(reader);
  std::vector<std::string> lines;
  std::string_view line;
  while (reader->next(line)) lines.emplace_back(line);
  EXPECT_TRUE(reader->status().ok());
  EXPECT_EQ(lines, (std::vector<std::string>{"a", "", long_line, "last"}));
  EXPECT_EQ(reader->place(), path + ":4");

  auto bounded = LineReader::open(path, 1000);
  ASSERT_TRUE(bounded);
  size_t count = 0;
  while (bounded->next(line)) ++count;
  EXPECT_EQ(count, 2u);
  EXPECT_EQ(bounded->status().message(), path + ":3: longer than 1000 bytes");
  EXPECT_FALSE(LineReader::open(dir.file("none"), 1));
}

}  // namespace
}  // namespace tidemark::tsdb
