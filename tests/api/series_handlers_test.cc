#include "aggregator/api/series_handlers.h"

#include <gtest/gtest.h>

#include "tests/api/answers.h"
#include "tests/support/memory_store.h"

namespace tidemark::api {
namespace {

class SeriesHandlersTest : public ::testing::Test {
 protected:
  SeriesHandlersTest() {
    store_.add(Labels{{"__name__", "up"}, {"job", "a"}}, 1'000, 1);
    store_.add(Labels{{"__name__", "up"}, {"job", "b"}}, 2'000, 1);
    store_.add(Labels{{"__name__", "down"}, {"http.status", "500"}}, 3'000, 1);
  }

  std::string values(std::string_view name, std::string_view query = "") {
    net::Request request = request_of(query);
    request.path_params = {{"name", std::string(name)}};
    return data_of(label_values(store_, request));
  }

  testing::MemoryStore store_;
};

TEST_F(SeriesHandlersTest, ListsSeries) {
  EXPECT_EQ(data_of(series(store_, request_of("match[]=up"))),
            R"([{"__name__":"up","job":"a"},{"__name__":"up","job":"b"}])");
  EXPECT_EQ(data_of(series(store_, request_of("match[]=up&start=1.5"))), R"([{"__name__":"up","job":"b"}])");
  EXPECT_EQ(data_of(series(store_, request_of("match[]=up{job='a'}&match[]={job=~'.%2B'}"))),
            R"([{"__name__":"up","job":"a"},{"__name__":"up","job":"b"}])")
      << "each series once";
  EXPECT_EQ(data_of(series(store_, request_of("match[]=x"))), "[]");
  EXPECT_EQ(
      sent(series(store_, request_of("match[]=up&limit=1"))),
      R"(200 {"status":"success","data":[{"__name__":"up","job":"a"}],"warnings":["results truncated due to limit"]})");
  EXPECT_EQ(data_of(series(store_, request_of("match[]=up&limit=2"))),
            R"([{"__name__":"up","job":"a"},{"__name__":"up","job":"b"}])");
}

TEST_F(SeriesHandlersTest, ReadsForms) {
  net::Request request;
  request.method = "POST";
  request.headers = {{"content-type", "application/x-www-form-urlencoded"}};
  request.body = "match%5B%5D=down";
  EXPECT_EQ(data_of(series(store_, request)), R"([{"__name__":"down","http.status":"500"}])");
}

TEST_F(SeriesHandlersTest, RefusesBadSelections) {
  EXPECT_EQ(sent(series(store_, request_of(""))), bad_data("no match[] parameter provided"));
  EXPECT_EQ(sent(series(store_, request_of("match[]={}"))),
            bad_data(R"(invalid parameter \"match[]\": match[] must contain at least one non-empty matcher)"));
  EXPECT_EQ(sent(series(store_, request_of("match[]=up[5m]"))),
            bad_data(R"(invalid parameter \"match[]\": 1:3: parse error: unexpected \"[\")"));
  EXPECT_EQ(
      sent(series(store_, request_of("match[]=up&end=x"))),
      bad_data(R"(invalid parameter \"end\": invalid time value for 'end': cannot parse \"x\" to a valid timestamp)"));
}

TEST_F(SeriesHandlersTest, ListsLabelNames) {
  EXPECT_EQ(data_of(label_names(store_, request_of(""))), R"(["__name__","http.status","job"])");
  EXPECT_EQ(data_of(label_names(store_, request_of("match[]=up"))), R"(["__name__","job"])");
  EXPECT_EQ(data_of(label_names(store_, request_of("match[]=up&match[]=down"))), R"(["__name__","http.status","job"])");
  EXPECT_EQ(data_of(label_names(store_, request_of("start=9"))), "[]");
  EXPECT_EQ(
      sent(label_names(store_, request_of("limit=2"))),
      R"(200 {"status":"success","data":["__name__","http.status"],"warnings":["results truncated due to limit"]})");
}

TEST_F(SeriesHandlersTest, ListsLabelValues) {
  EXPECT_EQ(values("job"), R"(["a","b"])");
  EXPECT_EQ(values("__name__", "match[]=up{job='a'}&match[]=down"), R"(["down","up"])");
  EXPECT_EQ(values("U__http_2e_status"), R"(["500"])");
  EXPECT_EQ(values("http.status"), R"(["500"])");
  EXPECT_EQ(values("nothing"), "[]");
  EXPECT_EQ(values(""), bad_data(R"(invalid label name: \"\")"));
  EXPECT_EQ(values("a\xff"), bad_data(R"(invalid label name: \"a\\xff\")"));
}

}  // namespace
}  // namespace tidemark::api
