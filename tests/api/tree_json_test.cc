#include "aggregator/api/tree_json.h"

#include <gtest/gtest.h>

#include "aggregator/promql/parser.h"

namespace tidemark::api {
namespace {

std::string tree(std::string_view text) {
  constexpr promql::ParserOptions kAll{true, true, true};
  const auto expr = promql::parse_expression(text, kAll);
  if (!expr) return expr.error().message();
  std::string out;
  append_tree(out, **expr);
  return out;
}

// The vector selector `a`, of which it is enough to see once what it looks like.
constexpr std::string_view kA =
    R"({"anchored":false,"matchers":[{"name":"__name__","type":"=","value":"a"}],"name":"a","offset":0,)"
    R"("offsetExpr":null,"smoothed":false,"startOrEnd":null,"timestamp":null,"type":"vectorSelector"})";

std::string with_a(std::string text) {
  for (size_t at = text.find("$a"); at != std::string::npos; at = text.find("$a", at)) text.replace(at, 2, kA);
  return text;
}

TEST(TreeJson, WritesEveryKindOfNode) {
  const struct {
    std::string_view text;
    std::string_view want;
  } cases[] = {
      {"1e9", R"({"type":"numberLiteral","val":"1000000000"})"},
      {"5m", R"({"type":"numberLiteral","val":"300"})"},
      {"-Inf", R"({"type":"numberLiteral","val":"-Inf"})"},
      {R"("\"x")", R"({"type":"stringLiteral","val":"\"x"})"},
      {"(+a)", R"({"expr":{"expr":$a,"op":"+","type":"unaryExpr"},"type":"parenExpr"})"},
      {R"(a{b!~"c.*",d!="e"} @ 1.5 offset -5m)",
       R"({"anchored":false,"matchers":[{"name":"b","type":"!~","value":"c.*"},{"name":"d","type":"!=","value":"e"},)"
       R"({"name":"__name__","type":"=","value":"a"}],"name":"a","offset":-300000,"offsetExpr":null,"smoothed":false,)"
       R"("startOrEnd":null,"timestamp":1500,"type":"vectorSelector"})"},
      {R"({"a.b"}[1h] smoothed @ end())",
       R"({"anchored":false,"matchers":[{"name":"__name__","type":"=","value":"a.b"}],"name":"","offset":0,)"
       R"("offsetExpr":null,"range":3600000,"rangeExpr":null,"smoothed":true,"startOrEnd":"end","timestamp":null,)"
       R"("type":"matrixSelector"})"},
      {"a[1h:1m] @ start() offset 1s",
       R"({"expr":$a,"offset":1000,"offsetExpr":null,"range":3600000,"rangeExpr":null,"startOrEnd":"start",)"
       R"("step":60000,"stepExpr":null,"timestamp":null,"type":"subquery"})"},
      {"a < bool 1", R"({"bool":true,"lhs":$a,"matching":null,"op":"<","rhs":{"type":"numberLiteral","val":"1"},)"
                     R"("type":"binaryExpr"})"},
      {"a unless a", R"({"bool":false,"lhs":$a,"matching":{"card":"many-to-many","fillValues":{"lhs":null,"rhs":null},)"
                     R"("include":[],"labels":[],"on":false},"op":"unless","rhs":$a,"type":"binaryExpr"})"},
      {"a + on (x, y) group_left (z) fill_right (0.5) a",
       R"({"bool":false,"lhs":$a,"matching":{"card":"many-to-one","fillValues":{"lhs":null,"rhs":0.5},)"
       R"("include":["z"],"labels":["x","y"],"on":true},"op":"+","rhs":$a,"type":"binaryExpr"})"},
      {"topk without (x) (3, a)",
       R"({"expr":$a,"grouping":["x"],"op":"topk","param":{"type":"numberLiteral","val":"3"},"type":"aggregation",)"
       R"("without":true})"},
      {"count(a)", R"({"expr":$a,"grouping":[],"op":"count","param":null,"type":"aggregation","without":false})"},
      {"round(a)", R"({"args":[$a],"func":{"argTypes":["vector","scalar"],"name":"round","returnType":"vector",)"
                   R"("variadic":1},"type":"call"})"},
      {"time()",
       R"({"args":[],"func":{"argTypes":[],"name":"time","returnType":"scalar","variadic":0},"type":"call"})"},
  };
  for (const auto& [text, want] : cases) EXPECT_EQ(tree(text), with_a(std::string(want))) << text;
}

// What stands for `range` and `rangeExpr` of a[...].
std::string range_of(std::string_view duration) {
  const std::string all = tree("a[" + std::string(duration) + "]");
  const size_t begin = all.find(R"("range":)");
  const size_t end = all.find(R"(,"smoothed")");
  return begin == std::string::npos || end == std::string::npos ? all : all.substr(begin, end - begin);
}

TEST(TreeJson, WritesDurationsThatDependOnTheQuery) {
  const struct {
    std::string_view duration;
    std::string_view want;
  } cases[] = {
      {"step()", R"("range":0,"rangeExpr":{"lhs":null,"op":"step","rhs":null,"type":"durationExpr","wrapped":false})"},
      {"(5m)", R"("range":0,"rangeExpr":{"lhs":null,"op":"+","rhs":{"duration":true,"type":"numberLiteral",)"
               R"("val":"300"},"type":"durationExpr","wrapped":true})"},
      {"-(3)", R"("range":0,"rangeExpr":{"lhs":null,"op":"-","rhs":{"lhs":null,"op":"+","rhs":{"duration":false,)"
               R"("type":"numberLiteral","val":"3"},"type":"durationExpr","wrapped":true},"type":"durationExpr",)"
               R"("wrapped":false})"},
      {"(1m*2)", R"("range":0,"rangeExpr":{"lhs":{"duration":true,"type":"numberLiteral","val":"60"},"op":"*",)"
                 R"("rhs":{"duration":false,"type":"numberLiteral","val":"2"},"type":"durationExpr","wrapped":true})"},
      {"max_of(range(), 7)",
       R"("range":0,"rangeExpr":{"lhs":{"lhs":null,"op":"range","rhs":null,"type":"durationExpr","wrapped":false},)"
       R"("op":"max_of","rhs":{"duration":false,"type":"numberLiteral","val":"7"},"type":"durationExpr",)"
       R"("wrapped":false})"},
  };
  for (const auto& [duration, want] : cases) EXPECT_EQ(range_of(duration), want) << duration;
}

}  // namespace
}  // namespace tidemark::api
