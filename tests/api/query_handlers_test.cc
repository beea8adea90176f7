#include "aggregator/api/query_handlers.h"

#include <gtest/gtest.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <limits>
#include <random>

#include "aggregator/api/result_json.h"
#include "aggregator/promql/helpers.h"
#include "tests/api/answers.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"

namespace tidemark::api {
namespace {

class QueryHandlersTest : public ::testing::Test {
 protected:
  QueryHandlersTest() : engine_(store_, promql::EngineOptions{}, clock_, registry_) {
    for (int i = 0; i <= 4; ++i) {
      store_.add(Labels{{"__name__", "up"}, {"job", "a"}}, i * 15'000, i);
      store_.add(Labels{{"__name__", "up"}, {"job", "b\"\n"}}, i * 15'000, 0.5);
    }
  }

  std::string instant(std::string_view query_string) { return sent(query(engine_, clock_, request_of(query_string))); }
  std::string range(std::string_view query_string) { return sent(query_range(engine_, request_of(query_string))); }

  testing::MemoryStore store_;
  testing::FakeClock clock_{60'000};
  prometheus::Registry registry_;
  promql::Engine engine_;
};

TEST_F(QueryHandlersTest, AnswersInstantQueries) {
  EXPECT_EQ(instant("query=up{job=\"a\"}"),
            R"(200 {"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a"},)"
            R"("value":[60,"4"]}]}})")
      << "at the clock's time";
  EXPECT_EQ(instant("query=up{job!=\"a\"}&time=15.001"),
            R"(200 {"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up",)"
            R"("job":"b\"\n"},"value":[15.001,"0.5"]}]}})");
  EXPECT_EQ(instant("query=1/0&time=1970-01-01T00:00:01.5Z"),
            R"(200 {"status":"success","data":{"resultType":"scalar","result":[1.500,"+Inf"]}})");
  EXPECT_EQ(instant("query=1.5e-7&time=1"),
            R"(200 {"status":"success","data":{"resultType":"scalar","result":[1,"0.00000015"]}})");
  EXPECT_EQ(instant("query='a'&time=1"), R"(200 {"status":"success","data":{"resultType":"string","result":[1,"a"]}})");
  EXPECT_EQ(instant("query=up{job=\"a\"}[20s]&time=30"),
            R"(200 {"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"a"},)"
            R"("values":[[15,"1"],[30,"2"]]}]}})");
  EXPECT_EQ(instant("query=nothing"), R"(200 {"status":"success","data":{"resultType":"vector","result":[]}})");
}

TEST_F(QueryHandlersTest, AnswersRangeQueries) {
  EXPECT_EQ(range("query=up{job=\"a\"}&start=0&end=60&step=30s"),
            R"(200 {"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"a"},)"
            R"("values":[[0,"0"],[30,"2"],[60,"4"]]}]}})");
  EXPECT_EQ(range("query=sum(up)&start=0&end=0.5&step=0.5"),
            R"(200 {"status":"success","data":{"resultType":"matrix","result":[{"metric":{},)"
            R"("values":[[0,"0.5"],[0.500,"0.5"]]}]}})");
}

class LongAnswersTest : public QueryHandlersTest {
 protected:
  LongAnswersTest() {
    for (int i = 0; i < 1'000; ++i) {
      store_.add(Labels{{"__name__", "many"}, {"i", std::to_string(i)}}, 0, i + 0.123456789);
    }
  }
  // Of some 6 MB.
  net::Response response() {
    net::Response out;
    respond(query_range(engine_, request_of("query=many&start=0&end=299&step=1&stats=true")), out);
    return out;
  }
};

TEST_F(LongAnswersTest, AreSentInPieces) {
  net::Response answer = response();
  EXPECT_EQ(answer.status, 200);
  ASSERT_NE(answer.rest, nullptr);
  constexpr size_t kAtMost = (size_t{1} << 20) + 1'000;
  EXPECT_LT(answer.body.size(), kAtMost);
  std::string whole = answer.body;
  for (net::More more = net::More::kYes; more == net::More::kYes;) {
    std::string piece;
    more = answer.rest(piece);
    ASSERT_NE(more, net::More::kCutOff);
    EXPECT_LT(piece.size(), kAtMost);
    whole += piece;
  }
  promql::QueryOptions options;
  options.stats = promql::WantedStats::kTotals;
  const auto result = engine_.range("many", 0, 299'000, 1'000, options);
  ASSERT_TRUE(result);
  std::string data;
  append_query_data(data, *result);
  EXPECT_GT(data.size(), size_t{5} << 20);
  EXPECT_TRUE(whole == R"({"status":"success","data":)" + data + "}");
}

TEST_F(LongAnswersTest, GoOnBeingQueriesUntilTheyAreSent) {
  {
    const net::Response answer = response();
    ASSERT_EQ(engine_.active().size(), 1u);
    EXPECT_EQ(engine_.active()[0].state, promql::ActiveQuery::State::kSending);
    EXPECT_GT(engine_.active()[0].bytes, 1'000u * 300 * sizeof(Sample));
  }
  EXPECT_TRUE(engine_.active().empty());

  const net::Response killed = response();
  std::string piece;
  EXPECT_EQ(killed.rest(piece), net::More::kYes);
  EXPECT_TRUE(engine_.kill(engine_.active().at(0).id));
  EXPECT_EQ(killed.rest(piece), net::More::kCutOff);

  const net::Response late = response();
  clock_.advance_ms(119'000);
  EXPECT_EQ(late.rest(piece), net::More::kYes);
  clock_.advance_ms(2'000);
  EXPECT_EQ(late.rest(piece), net::More::kCutOff);
}

TEST_F(QueryHandlersTest, TellsWhatAQueryTook) {
  const auto stats_of = [&](std::string_view how) {
    const std::string all = range("query=sum_over_time(up{job=\"a\"}[30s])&start=30&end=60&step=15" + std::string(how));
    const size_t at = all.find(R"("stats")");
    return at == std::string::npos ? std::string() : all.substr(at);
  };
  EXPECT_EQ(stats_of(""), "");
  const std::string timings =
      R"("stats":{"timings":{"evalTotalTime":0,"resultSortTime":0,"queryPreparationTime":0,"innerEvalTime":0,)"
      R"("execQueueTime":0,"execTotalTime":0},"samples":{)";
  const std::string deprecated =
      R"("warnings":["value \"1\" for parameter \"stats\" is deprecated and will be rejected in the next major release, )"
      R"(use \"true\" or \"all\""])";
  EXPECT_NE(stats_of("&stats=1").find(deprecated), std::string::npos);
  EXPECT_NE(instant("query=1&stats=1").find(deprecated), std::string::npos);
  for (const char* how : {"&stats=true", "&stats=all"})
    EXPECT_EQ(stats_of(how).find("warnings"), std::string::npos) << how;
  const std::string totals = stats_of("&stats=true");
  EXPECT_EQ(totals.substr(0, totals.find(R"("peakSamples")")),
            timings + R"("totalQueryableSamples":6,"samplesRead":4,)");
  const std::string all = stats_of("&stats=all");
  EXPECT_EQ(all.substr(0, all.find(R"("peakSamples")")),
            timings + R"("totalQueryableSamplesPerStep":[[30,2],[45,2],[60,2]],"totalQueryableSamples":6,)"
                      R"("samplesReadPerStep":[[30,2],[45,1],[60,1]],"samplesRead":4,)");
  EXPECT_NE(all.find(R"("peakSamples":)"), std::string::npos);
}

TEST_F(QueryHandlersTest, CutsToTheLimit) {
  EXPECT_EQ(instant("query=up&time=0&limit=1"),
            R"(200 {"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a"},)"
            R"("value":[0,"0"]}]},"warnings":["results truncated due to limit"]})");
  EXPECT_EQ(instant("query=1&time=0&limit=1"),
            R"(200 {"status":"success","data":{"resultType":"scalar","result":[0,"1"]}})");
}

TEST_F(QueryHandlersTest, HonoursLookback) {
  EXPECT_EQ(instant("query=up{job=\"a\"}&time=100&lookback_delta=10s"),
            R"(200 {"status":"success","data":{"resultType":"vector","result":[]}})");
}

TEST_F(QueryHandlersTest, SaysWhatIsWrongWithARequest) {
  EXPECT_EQ(instant("query=up{"),
            bad_data(R"(invalid parameter \"query\": 1:4: parse error: unexpected end of input inside braces)"));
  EXPECT_EQ(instant(""),
            bad_data(R"(invalid parameter \"query\": unknown position: parse error: no expression found in input)"));
  EXPECT_EQ(instant("query=1&time=x"), bad_data(R"(invalid parameter \"time\": invalid time value for 'time': cannot )"
                                                R"(parse \"x\" to a valid timestamp)"));
  EXPECT_EQ(instant("query=1&timeout=x"),
            bad_data(R"(invalid parameter \"timeout\": cannot parse \"x\" to a valid duration)"));
  EXPECT_EQ(instant("query=1&lookback_delta=x"),
            bad_data(R"(error parsing lookback delta duration: cannot parse \"x\" to a valid duration)"));
  EXPECT_EQ(instant("query=1&max_source_resolution=x"),
            bad_data(R"(invalid parameter \"max_source_resolution\": cannot parse \"x\" to a valid duration)"));
  EXPECT_EQ(instant("query=1&max_source_resolution=-5"),
            bad_data(R"(invalid parameter \"max_source_resolution\": must not be negative)"));
  for (const char* good : {"0s", "5m", "3600", "auto"}) {
    EXPECT_EQ(instant("query=1&time=1&max_source_resolution=" + std::string(good)), instant("query=1&time=1")) << good;
  }
  EXPECT_EQ(range("query=1&end=1&step=1"),
            bad_data(R"(invalid parameter \"start\": cannot parse \"\" to a valid timestamp)"));
  EXPECT_EQ(range("query=1&start=2&end=1&step=1"),
            bad_data(R"(invalid parameter \"end\": end timestamp must not be before start time)"));
  EXPECT_EQ(
      range("query=1&start=0&end=1&step=0"),
      bad_data(R"(invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a )"
               R"(positive integer)"));
  EXPECT_EQ(range("query=1&start=0&end=11001&step=1"),
            bad_data("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution "
                     "(?step=XX)"));
  EXPECT_EQ(range("query=1&start=0&end=11000&step=1").substr(0, 3), "200");
  EXPECT_EQ(range("query=up[5m]&start=0&end=1&step=1").substr(0, 3), "400");
}

TEST(QueryExemplarsTest, FindsNoneAndChecksTheRequest) {
  const auto asked = [](std::string_view query_string) { return sent(query_exemplars(request_of(query_string))); };
  EXPECT_EQ(asked("query=up&start=1&end=2"), R"(200 {"status":"success","data":[]})");
  EXPECT_EQ(asked("query=limitk(1,up)"), R"(200 {"status":"success","data":[]})") << "experimental ones too";
  for (const char* no_selector : {"1", "time()", "vector(1)%2B-(2)", "'a'"})
    EXPECT_EQ(asked("query=" + std::string(no_selector)), "204 ") << no_selector;
  for (const char* selector : {"quantile(scalar(a),vector(1))", "-(vector(1)%2Ba)", "rate(a[1m])", "abs(a)[1m:]"})
    EXPECT_EQ(asked("query=" + std::string(selector)), asked("query=up")) << selector;
  EXPECT_EQ(asked(""), bad_data("unknown position: parse error: no expression found in input"));
  EXPECT_EQ(asked("query=up{"), bad_data("1:4: parse error: unexpected end of input inside braces"));
  EXPECT_EQ(asked("query=up&start=2&end=1"), bad_data("end timestamp must not be before start timestamp"));
  EXPECT_EQ(asked("query=up&end=x"),
            bad_data(R"(invalid parameter \"end\": invalid time value for 'end': cannot parse \"x\" to a valid )"
                     R"(timestamp)"));
}

TEST_F(QueryHandlersTest, ExecutionErrorsAreNotTheRequestsFault) {
  EXPECT_EQ(instant("query=up%2Bon()up&time=0").substr(0, 52),
            R"(422 {"status":"error","errorType":"execution","error)");
}

TEST(OutcomeTest, EveryCodeHasItsTypeAndHttpStatus) {
  const struct {
    Status status;
    const char* want;
  } cases[] = {
      {Status::invalid("m"), R"(400 {"status":"error","errorType":"bad_data","error":"m"})"},
      {Status::unsupported("m"), R"(400 {"status":"error","errorType":"bad_data","error":"m"})"},
      {Status::execution("m"), R"(422 {"status":"error","errorType":"execution","error":"m"})"},
      {Status::limit("m"), R"(422 {"status":"error","errorType":"execution","error":"m"})"},
      {Status::timeout("m"), R"(503 {"status":"error","errorType":"timeout","error":"m"})"},
      {Status::canceled("m"), R"(499 {"status":"error","errorType":"canceled","error":"m"})"},
      {Status::unavailable("m"), R"(503 {"status":"error","errorType":"unavailable","error":"m"})"},
      {Status::not_found("m"), R"(404 {"status":"error","errorType":"not_found","error":"m"})"},
      {Status::io("m"), R"(500 {"status":"error","errorType":"internal","error":"m"})"},
      {Status::corruption("m"), R"(500 {"status":"error","errorType":"internal","error":"m"})"},
  };
  for (const auto& c : cases) EXPECT_EQ(sent(refuse(error_of(c.status))), c.want);
}

TEST(OutcomeTest, WarningsAndInfosFollowTheData) {
  Answer answer;
  answer.body += "[]";
  answer.warnings = {"w"};
  answer.infos = {"i", "j"};
  EXPECT_EQ(sent(answer), R"(200 {"status":"success","data":[],"warnings":["w"],"infos":["i","j"]})");
}

TEST(ResultJsonTest, PrintsValuesLikePrometheus) {
  promql::QueryResult result;
  result.type = promql::ResultType::kMatrix;
  constexpr double kInf = std::numeric_limits<double>::infinity();
  result.series.push_back({Labels{}, {{-1, -kInf}, {1'435'781'430'781, normal_nan()}, {1'000'050, 1e21}, {7, 1e-7}}});
  std::string out;
  append_query_data(out, result);
  EXPECT_EQ(out, R"({"resultType":"matrix","result":[{"metric":{},"values":[[-0.001,"-Inf"],[1435781430.781,"NaN"],)"
                 R"([1000.050,"1e+21"],[0.007,"1e-07"]]}]})");
}

TEST(ResultJsonTest, PrintsHistogramsLikePrometheus) {
  auto histogram = std::make_shared<NativeHistogram>();
  histogram->count = 42;
  histogram->sum = 34.5;
  histogram->zero_threshold = 0.25;
  histogram->zero_count = 3;
  histogram->positive = {{{-1, 1}, {1, 2}}, {12, 21, 0}};
  histogram->negative = {{{0, 1}}, {6}};
  promql::QueryResult result;
  result.series.push_back({Labels{}, {}, {{1500, histogram}}});
  std::string out;
  append_query_data(out, result);
  const std::string printed = R"({"count":"42","sum":"34.5","buckets":[[1,"-1","-0.5","6"],[3,"-0.25","0.25","3"],)"
                              R"([0,"0.25","0.5","12"],[0,"1","2","21"]]})";
  EXPECT_EQ(out, R"({"resultType":"vector","result":[{"metric":{},"histogram":[1.500,)" + printed + "]}]}");
  result.type = promql::ResultType::kMatrix;
  out.clear();
  append_query_data(out, result);
  EXPECT_EQ(out, R"({"resultType":"matrix","result":[{"metric":{},"histograms":[[1.500,)" + printed + "]]}]}");
  result.series[0].samples.push_back({1, 2});
  histogram->positive.clear();
  histogram->negative.clear();
  histogram->zero_count = 0;
  out.clear();
  append_query_data(out, result);
  EXPECT_EQ(out, R"({"resultType":"matrix","result":[{"metric":{},"values":[[0.001,"2"]],"histograms":)"
                 R"([[1.500,{"count":"42","sum":"34.5"}]]}]})");
}

// With the engine's helpers or without, whatever the pieces: the same text.
TEST(ResultJsonTest, ManySeriesAreEncodedByManyThreads) {
  std::mt19937_64 random(5);
  prometheus::Gauge busy;
  promql::Helpers helpers(3, busy);
  const auto histogram = std::make_shared<NativeHistogram>();
  for (const size_t points_max : {2, 700, 6000}) {
    promql::QueryResult result;
    result.type = promql::ResultType::kMatrix;
    for (int i = 0; i < 300; ++i) {
      promql::ResultSeries series{Labels{{"series", std::to_string(i)}}, {}};
      for (size_t n = random() % (random() % 10 == 0 ? points_max : points_max / 10 + 1); n > 0; --n) {
        series.samples.push_back({static_cast<int64_t>(random() >> 24), static_cast<double>(random()) / 1000});
      }
      if (random() % 5 == 0) series.histograms.push_back({1500, histogram});
      result.series.push_back(std::move(series));
    }
    std::string want;
    append_query_data(want, result);
    result.helpers = &helpers;
    for (const size_t bytes : {size_t{1000}, size_t{100'000}, size_t{1} << 20, SIZE_MAX}) {
      std::string got;
      ResultEncoder encoder(result);
      for (bool done = false; !done;) {
        std::string piece;
        done = encoder.write(piece, bytes);
        ASSERT_TRUE(done || piece.size() >= bytes);
        ASSERT_LT(piece.size() / 2, std::max<size_t>(bytes, 10'000));
        got += piece;
      }
      ASSERT_TRUE(got == want) << points_max << " points, pieces of " << bytes;
    }
  }
}

}  // namespace
}  // namespace tidemark::api
