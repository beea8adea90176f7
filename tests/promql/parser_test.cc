#include "aggregator/promql/parser.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "aggregator/promql/functions.h"
#include "aggregator/promql/pretty_printer.h"
#include "aggregator/promql/printer.h"

namespace tidemark::promql {
namespace {

constexpr ParserOptions kAll{true, true, true};

// The printed tree, or the message.
std::string parsed(std::string_view text, const ParserOptions& options = kAll) {
  const auto expr = parse_expression(text, options);
  return expr ? to_string(**expr) : expr.error().message();
}

// Prefix notation: shows how operators were grouped.
std::string grouped(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kBinary: {
      const auto& binary = as<BinaryExpr>(expr);
      return "(" + std::string(binary_op_text(binary.op)) + " " + grouped(*binary.lhs) + " " + grouped(*binary.rhs) +
             ")";
    }
    case ExprKind::kUnary:
      return std::string(as<UnaryExpr>(expr).negate ? "(neg " : "(pos ") + grouped(*as<UnaryExpr>(expr).expr) + ")";
    case ExprKind::kParen:
      return grouped(*as<ParenExpr>(expr).expr);
    default:
      return to_string(expr);
  }
}

std::string grouped(std::string_view text) {
  const auto expr = parse_expression(text, kAll);
  return expr ? grouped(**expr) : expr.error().message();
}

TEST(ParserTest, GroupsByPrecedence) {
  EXPECT_EQ(grouped("a + b * c"), "(+ a (* b c))");
  EXPECT_EQ(grouped("a * b + c"), "(+ (* a b) c)");
  EXPECT_EQ(grouped("a - b - c"), "(- (- a b) c)");
  EXPECT_EQ(grouped("a ^ b ^ c"), "(^ a (^ b c))");
  EXPECT_EQ(grouped("a atan2 b % c"), "(% (atan2 a b) c)");
  EXPECT_EQ(grouped("a or b and c unless d"), "(or a (unless (and b c) d))");
  EXPECT_EQ(grouped("a and b == c + d"), "(and a (== b (+ c d)))");
  EXPECT_EQ(grouped("a < b >= c"), "(>= (< a b) c)");
  EXPECT_EQ(grouped("a </ b + c >/ d"), "(>/ (</ a (+ b c)) d)");
  EXPECT_EQ(grouped("(a + b) * c"), "(* (+ a b) c)");
}

TEST(ParserTest, SignsBindLooserThanPowers) {
  EXPECT_EQ(grouped("-1 ^ 2"), "(neg (^ 1 2))");
  EXPECT_EQ(grouped("-a ^ 2 * 3"), "(* (neg (^ a 2)) 3)");
  EXPECT_EQ(grouped("2 ^ -1 * 3"), "(* (^ 2 -1) 3)");
  EXPECT_EQ(grouped("-a * b"), "(* (neg a) b)");
  EXPECT_EQ(grouped("a - -b"), "(- a (neg b))");
  EXPECT_EQ(grouped("+-a"), "(pos (neg a))");
  EXPECT_EQ(grouped("--1"), "1");
}

TEST(ParserTest, ModifiersBindTightest) {
  EXPECT_EQ(grouped("a + b offset 5m"), "(+ a b offset 5m)");
  EXPECT_EQ(grouped("a ^ b @ 10"), "(^ a b @ 10.000)");
  EXPECT_EQ(grouped("-a offset 5m"), "(neg a offset 5m)");
  EXPECT_EQ(grouped("a offset 100 + 2"), "(+ a offset 1m40s 2)");
  EXPECT_EQ(grouped("a offset -2 ^ 2"), "(^ a offset -2s 2)");
  EXPECT_EQ(grouped("a offset step() * 0"), "(* a offset step() 0)");
  EXPECT_EQ(grouped("a offset (100 + 2)"), "a offset (100 + 2)");
}

TEST(ParserTest, PrintsCanonicalText) {
  const struct {
    const char* input;
    const char* want;
  } cases[] = {
      // Literals.
      {"1", "1"},
      {"+5.5", "5.5"},
      {"-.5", "-0.5"},
      {"1e3", "1000"},
      {"1e-7", "0.0000001"},
      {"1e22", "10000000000000000000000"},
      {"123456789.125", "123456789.125"},
      {"0x1f", "31"},
      {"010", "8"},
      {"09", "9"},
      {"1_000", "1000"},
      {"iNf", "+Inf"},
      {"-inf", "-Inf"},
      {"nan", "NaN"},
      {"5m", "5m"},
      {"90m", "1h30m"},
      {"-1h", "-1h"},
      {"'a\"b\\n'", "\"a\\\"b\\n\""},
      {"`a\\b`", "\"a\\\\b\""},
      // Selectors.
      {"foo", "foo"},
      {"foo{}", "foo"},
      {"foo:bar_1{a='b',}", "foo:bar_1{a=\"b\"}"},
      {"foo{b!='2', a=~\"x.*\", c!~`y`}", "foo{a=~\"x.*\",b!=\"2\",c!~\"y\"}"},
      {"{__name__='x'}", "{__name__=\"x\"}"},
      {"{'a.b', 'l.x'='v', y='\xe2\x82\xac'}", "{\"l.x\"=\"v\",__name__=\"a.b\",y=\"\xe2\x82\xac\"}"},
      {"{sum='1', by='2', on='3', nan='4'}", "{by=\"2\",nan=\"4\",on=\"3\",sum=\"1\"}"},
      {"sum + by + offset + start + end + step + fill + anchored",
       "sum + by + offset + start + end + step + fill + anchored"},
      {"foo[5m]", "foo[5m]"},
      {"foo [ 300 ]", "foo[5m]"},
      {"foo offset 1h", "foo offset 1h"},
      {"foo OFFSET -1h", "foo offset -1h"},
      {"foo[5m] offset 1w @ 1.5", "foo[5m] @ 1.500 offset 1w"},
      {"foo @ start() offset 5m", "foo @ start() offset 5m"},
      {"foo @ end()", "foo @ end()"},
      {"foo @ -10", "foo @ -10.000"},
      {"foo[5m] anchored", "foo[5m] anchored"},
      {"foo smoothed", "foo smoothed"},
      {"foo[5m:30s]", "foo[5m:30s]"},
      {"foo[5m:] offset 5m", "foo[5m:] offset 5m"},
      {"(a + b)[1h:1m] @ end()", "(a + b)[1h:1m] @ end()"},
      {"rate(foo[1m])[10m:5s]", "rate(foo[1m])[10m:5s]"},
      {"foo[min_of(step(), 5m) * 2:(1m)]", "foo[min_of(step(), 5m) * 2:(1m)]"},
      {"foo[-(1m) + 5m]", "foo[-(1m) + 5m]"},
      // Aggregations.
      {"sum(a)", "sum(a)"},
      {"sum by () (a)", "sum(a)"},
      {"SUM BY (x, y,) (a)", "sum by (x, y) (a)"},
      {"avg(a) without (x)", "avg without (x) (a)"},
      {"sum without () (a)", "sum without () (a)"},
      {"sum by (\"a.b\", group_left, bool, on) (a)", "sum by (\"a.b\", group_left, bool, on) (a)"},
      {"topk(3, a)", "topk(3, a)"},
      {"quantile by (x) (0.9, a)", "quantile by (x) (0.9, a)"},
      {"count_values('v', a)", "count_values(\"v\", a)"},
      {"limit_ratio(0.5, a)", "limit_ratio(0.5, a)"},
      // Calls.
      {"time()", "time()"},
      {"hour()", "hour()"},
      {"round(a, 5)", "round(a, 5)"},
      {"label_join(a, 'x', ',')", "label_join(a, \"x\", \",\")"},
      {"label_join(a, 'x', ',', 'b', 'c', 'd')", "label_join(a, \"x\", \",\", \"b\", \"c\", \"d\")"},
      {"histogram_quantile(0.9, sum by (le) (rate(a[5m])))", "histogram_quantile(0.9, sum by (le) (rate(a[5m])))"},
      {"info(a, {b=\"\"})", "info(a, {b=\"\"})"},
      {"start() + end() + step() + range()", "start() + end() + step() + range()"},
      // Matching.
      {"a + on (x) b", "a + on (x) b"},
      {"a + on () b", "a + on () b"},
      {"a + ignoring () b", "a + b"},
      {"a == bool ignoring(x) group_left b", "a == bool ignoring (x) group_left () b"},
      {"a * on(x) group_right(y, z) b", "a * on (x) group_right (y, z) b"},
      {"a + fill(-1) b", "a + fill (-1) b"},
      {"a + fill(1000000) b", "a + fill (1e+06) b"},
      {"a + on(x) fill_right(1) fill_left(2) b", "a + on (x) fill_left (2) fill_right (1) b"},
      {"1 > bool 2", "1 > bool 2"},
      {"inf ^ inf", "Inf ^ +Inf"},
      {"a and on(x) b", "a and on (x) b"},
      {"# comment\na # more\n+ b", "a + b"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(parsed(c.input), c.want) << c.input;
    EXPECT_EQ(parsed(c.want), c.want) << "printed text must parse to the same tree";
  }
}

TEST(ParserTest, SaysWhereAndWhatIsWrong) {
  const struct {
    const char* input;
    const char* want;
  } cases[] = {
      // Syntax.
      {"", "unknown position: parse error: no expression found in input"},
      {"# nothing\n", "1:1: parse error: no expression found in input"},
      {"1 +", "1:4: parse error: unexpected end of input"},
      {"a b", "1:3: parse error: unexpected identifier \"b\""},
      {"a 12345678901234", "1:3: parse error: unexpected number \"1234567890\"..."},
      {"a 'x'", "1:3: parse error: unexpected string \"'x'\""},
      {"a\n+\n * b", "3:2: parse error: unexpected <op:*>"},
      {"bool", "1:1: parse error: unexpected <bool>"},
      {"a + sum +", "1:10: parse error: unexpected end of input"},
      {"a:b(c)", "1:4: parse error: unexpected \"(\""},
      {"sum(a b)", "1:7: parse error: unexpected identifier \"b\" in aggregation"},
      {"sum(rate(a[5m]) by (x))", "1:17: parse error: unexpected <by> in aggregation"},
      {"sum by x (a)", "1:8: parse error: unexpected identifier \"x\" in grouping opts, expected \"(\""},
      {"sum by (x y) (a)", "1:11: parse error: unexpected identifier \"y\" in grouping opts, expected \",\" or \")\""},
      {"sum by (1) (a)", "1:9: parse error: unexpected number \"1\" in grouping opts, expected label"},
      {"sum by ('') (a)", "1:9: parse error: invalid label name for grouping: \"\""},
      {"sum by (x) a", "1:12: parse error: unexpected identifier \"a\" in aggregation"},
      {"a{b}", "1:4: parse error: unexpected \"}\" in label matching, expected label matching operator"},
      {"a{b=c}", "1:5: parse error: unexpected identifier \"c\" in label matching, expected string"},
      {"a{b='c' d='e'}", "1:9: parse error: unexpected identifier \"d\" in label matching, expected \",\" or \"}\""},
      {"a{,}", "1:3: parse error: unexpected \",\" in label matching, expected identifier or \"}\""},
      {"a[]",
       "1:3: parse error: unexpected \"]\" in subquery or range selector, expected number, duration, step(), or "
       "range()"},
      {"a[5m,]", "1:5: parse error: unexpected \",\" in subquery or range, expected \":\" or \"]\""},
      {"a[5m:1m,]", "1:8: parse error: unexpected \",\" in subquery selector, expected \"]\""},
      {"a[5m:*]",
       "1:6: parse error: unexpected <op:*> in subquery selector, expected number, duration, step(), range(), or "
       "\"]\""},
      {"a offset b",
       "1:10: parse error: unexpected identifier \"b\" in offset, expected number, duration, step(), or range()"},
      {"a @ b", "1:5: parse error: unexpected identifier \"b\" in @, expected timestamp"},
      {"a @ start", "1:10: parse error: unexpected end of input in @, expected timestamp"},
      {"a + group_left b", "1:5: parse error: unexpected <group_left>"},
      {"abs(a,)", "1:6: parse error: trailing commas not allowed in function call args"},
      // Values.
      {"1e999", "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"1e999\": value out of range"},
      {"1h1h", "1:1: parse error: not a valid duration string: \"1h1h\""},
      {"1hs", "1:1: parse error: unknown unit \"hs\" in duration \"1hs\""},
      {"300y", "1:1: parse error: duration out of range"},
      {"a[0]", "1:3: parse error: duration must be greater than 0"},
      {"a[1/0]", "1:4: parse error: division by zero"},
      {"a @ Inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"},
      {"a{b=~'['}", "1:3: parse error: regular expression \"[\": missing ]: ["},
      // What may follow what.
      {"a offset 1m[5m]", "1:12: parse error: no offset modifiers allowed before range"},
      {"a @ 1 [5m]", "1:7: parse error: no @ modifiers allowed before range"},
      {"abs(a)[5m]", "1:7: parse error: ranges only allowed for vector selectors"},
      {"a offset 1m offset 2m", "1:1: parse error: offset may not be set multiple times"},
      {"a @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times"},
      {"abs(a) offset 1m",
       "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a "
       "subquery"},
      {"1 @ 1",
       "1:1: parse error: @ modifier must be preceded by an instant vector selector or range vector selector or a "
       "subquery"},
      {"a[5m:] anchored", "1:1: parse error: anchored modifier is not supported for subqueries"},
      {"a anchored smoothed", "1:1: parse error: anchored and smoothed modifiers cannot be used together"},
      {"sum() by (x)", "1:1: parse error: no arguments for aggregate expression provided"},
      {"topk(a)", "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1"},
      {"1 + foo(a)", "1:5: parse error: unknown function with name \"foo\""},
      // Types.
      {"rate(a)", "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"},
      {"sum(a[5m])", "1:5: parse error: expected type instant vector in aggregation expression, got range vector"},
      {"topk(a, b)", "1:6: parse error: expected type scalar in aggregation parameter, got instant vector"},
      {"count_values(1, a)", "1:14: parse error: expected type string in aggregation parameter, got scalar"},
      {"abs(a, b)", "1:1: parse error: expected 1 argument(s) in call to \"abs\", got 2"},
      {"hour(a, b)", "1:1: parse error: expected at most 1 argument(s) in call to \"hour\", got 2"},
      {"label_join(a)", "1:1: parse error: expected at least 3 argument(s) in call to \"label_join\", got 1"},
      {"label_join(a, 'x', ',', 1)",
       "1:25: parse error: expected type string in call to function \"label_join\", got scalar"},
      {"info(a, b)", "1:9: parse error: expected label selectors only, got vector selector instead"},
      {"'a' + b", "1:1: parse error: binary expression must contain only scalar and instant vector types"},
      {"a + b[5m]", "1:5: parse error: binary expression must contain only scalar and instant vector types"},
      {"-'a'",
       "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got "
       "\"string\""},
      {"1 == 2", "1:3: parse error: comparisons between scalars must use BOOL modifier"},
      {"a + bool b", "1:3: parse error: bool modifier can only be used on comparison operators"},
      {"a and 1", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"},
      {"a + on(x) 1", "1:1: parse error: vector matching only allowed between instant vectors"},
      {"a + fill(1) 1", "1:1: parse error: filling in missing series only allowed between instant vectors"},
      {"a or on(x) group_left b", "1:1: parse error: no grouping allowed for \"or\" operation"},
      {"a or fill(1) b", "1:1: parse error: filling in missing series not allowed for set operators"},
      {"a + on(x) group_left(x) b", "1:3: parse error: label \"x\" must not occur in ON and GROUP clause at once"},
      {"1[5m:]", "1:1: parse error: subquery is only allowed on instant vector, got scalar instead"},
      {"{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
      {"a + {b=~'.*'}", "1:5: parse error: vector selector must contain at least one non-empty matcher"},
      {"a{__name__='b'}", "1:1: parse error: metric name must not be set twice: \"a\" or \"b\""},
  };
  for (const auto& c : cases) {
    const auto expr = parse_expression(c.input, kAll);
    ASSERT_FALSE(expr.has_value()) << c.input;
    EXPECT_EQ(expr.error().code(), Code::kInvalid);
    EXPECT_EQ(expr.error().message(), c.want) << c.input;
  }
}

TEST(ParserTest, ExperimentsMustBeEnabled) {
  const ParserOptions none;
  EXPECT_EQ(parsed("limitk(1, a)", none),
            "1:1: parse error: limitk() is experimental and must be enabled with "
            "--enable-feature=promql-experimental-functions");
  EXPECT_EQ(parsed("mad_over_time(a[5m])", none), "1:1: parse error: function \"mad_over_time\" is not enabled");
  EXPECT_EQ(parsed("a + fill(1) b", none), "1:1: parse error: binop fill modifiers are experimental and not enabled");
  EXPECT_EQ(parsed("a[5m] smoothed", none), "1:1: parse error: smoothed modifier is experimental and not enabled");
  EXPECT_EQ(parsed("a[5m + step()]", none), "a[5m + step()]") << "no longer one";
  EXPECT_EQ(parsed("a offset -5m + fill", none), "a offset -5m + fill");
}

TEST(ParserTest, NodesKnowTheirPlaceAndType) {
  const auto expr = parse_expression("sum by (x) (rate(a{b='c'}[5m] offset 1m)) > 2", kAll);
  ASSERT_TRUE(expr.has_value());
  const auto& binary = as<BinaryExpr>(**expr);
  EXPECT_EQ(binary.span, (Span{0, 45}));
  EXPECT_EQ(binary.type, ValueType::kVector);
  EXPECT_FALSE(binary.matching.has_value()) << "one side is a scalar";
  const auto& aggregate = as<AggregateExpr>(*binary.lhs);
  EXPECT_EQ(aggregate.span, (Span{0, 41}));
  const auto& call = as<CallExpr>(*aggregate.expr);
  EXPECT_EQ(call.function, find_function("rate"));
  const auto& matrix = as<MatrixSelector>(*call.args[0]);
  EXPECT_EQ(matrix.span, (Span{17, 39}));
  EXPECT_EQ(matrix.type, ValueType::kMatrix);
  EXPECT_EQ(matrix.range.ms, 300'000);
  EXPECT_EQ(matrix.vector->time.offset.ms, 60'000);
  ASSERT_EQ(matrix.vector->matchers.size(), 2u);
  EXPECT_EQ(matrix.vector->matchers.back(), Matcher::equal(kMetricName, "a"));

  const auto sets = parse_expression("a unless b");
  EXPECT_EQ(as<BinaryExpr>(**sets).matching->cardinality, MatchCardinality::kManyToMany);
}

TEST(ParserTest, BoundsDepthAndLength) {
  const auto repeated = [](size_t count, std::string_view piece) {
    std::string out;
    for (size_t i = 0; i < count; ++i) out += piece;
    return out;
  };
  const std::string nested = ": parse error: expression is nested too deep: at most 256 levels";
  EXPECT_EQ(parsed(repeated(200, "(") + "a" + repeated(200, ")")), repeated(200, "(") + "a" + repeated(200, ")"));
  EXPECT_EQ(parsed(repeated(100'000, "(")), "1:257" + nested);
  EXPECT_EQ(parsed(repeated(100'000, "-") + "a"), "1:257" + nested);
  EXPECT_EQ(parsed(repeated(50'000, "a^") + "a"), "1:513" + nested);
  EXPECT_EQ(parsed(repeated(50'000, "abs(")), "1:1025" + nested);
  EXPECT_EQ(parsed("a[" + repeated(50'000, "(")), "1:258" + nested);
  EXPECT_EQ(parsed("a" + repeated(999, " or a")), "a" + repeated(999, " or a"));
  EXPECT_EQ(parsed("a" + repeated(50'000, "+a")),
            "1:1: parse error: expression is too deep: at most 1000 operators in a chain");
  EXPECT_EQ(parsed("a" + repeated(5'000, "[5m:]")),
            "1:1: parse error: expression is too deep: at most 1000 operators in a chain");
  EXPECT_EQ(parsed(std::string(300 << 10, ' ') + "a"),
            "1:1: parse error: expression of 307201 bytes is too long: at most 262144");
  EXPECT_EQ(parsed("a{" + repeated(1001, "b=~'.x',") + "}"),
            "1:8003: parse error: too many regular expressions: at most 1000 in a query");
}

TEST(ParserTest, ParsesSelectors) {
  const auto matchers = parse_selector("up{job=~'a|b',}");
  ASSERT_TRUE(matchers.has_value());
  ASSERT_EQ(matchers->size(), 2u);
  EXPECT_EQ((*matchers)[0].to_string(), "job=~\"a|b\"");
  EXPECT_EQ((*matchers)[1].to_string(), "__name__=\"up\"");
  EXPECT_TRUE(parse_selector("{}").has_value()) << "whether that may be is the caller's business";
  EXPECT_EQ(parse_selector("up[5m]").error().message(), "1:3: parse error: unexpected \"[\"");
  EXPECT_EQ(parse_selector("1").error().message(), "1:1: parse error: unexpected number \"1\"");
  EXPECT_EQ(parse_selector("").error().message(), "unknown position: parse error: unexpected end of input");
}

// Whatever comes in, the answer is a tree that prints and parses to itself, or a message with a place.
TEST(ParserTest, SurvivesGarbage) {
  static constexpr std::string_view kPieces[] = {
      "a",    "sum",    "by",   "(",    ")",        "{",    "}",  "[",          "]",      ",",    ":",
      "=",    "=~",     "!",    "'x'",  "\"",       "`",    "5m", "1",          "0x",     "e",    ".",
      "+",    "-",      "^",    "*",    "==",       "bool", "on", "group_left", "offset", "@",    "start",
      "step", "rate",   "topk", "fill", "anchored", "#",    "\n", " ",          "and",    "\xff", "\xe2\x82\xac",
      "\\",   "min_of", "inf",  "_"};
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 30'000; ++i) {
    std::string text;
    const size_t pieces = 1 + random() % 16;
    for (size_t n = 0; n < pieces; ++n) {
      text += kPieces[random() % std::size(kPieces)];
      if (random() % 3 == 0) text += ' ';
    }
    const auto expr = parse_expression(text, kAll);
    if (expr) {
      const std::string printed = to_string(**expr);
      ASSERT_EQ(parsed(printed), printed) << text;
    } else {
      ASSERT_NE(expr.error().message().find(": parse error: "), std::string::npos) << text;
    }
  }
}

TEST(PrettyPrinter, BreaksWhatIsTooLongForALine) {
  const auto pretty = [](std::string_view text) {
    const auto expr = parse_expression(text, kAll);
    const std::string out = expr ? to_pretty_string(**expr).value_or("too long") : expr.error().message();
    EXPECT_EQ(parsed(out), parsed(text));
    return out;
  };
  EXPECT_EQ(pretty("sum(rate(x[5m])) by (a)"), "sum by (a) (rate(x[5m]))");
  const std::string a = "metric_a{instance=\"some-host-name:9100\",job=\"a_job_of_that_name\"}";
  const std::string b = "metric_b{instance=\"some-host-name:9100\",job=\"a_job_of_that_name\"}";
  EXPECT_EQ(pretty(a + " / on (instance) group_left () " + b), "  " + a + "\n/ on (instance) group_left ()\n  " + b);
  EXPECT_EQ(pretty("quantile without (job) (0.9, (" + a + " - -" + b + "))"),
            "quantile without (job) (\n  0.9,\n  (\n      " + a + "\n    -\n      -" + b + "\n  )\n)");
  EXPECT_EQ(pretty("clamp_max(rate(" + a + "[5m]) + rate(" + b + "[5m]), 7)"),
            "clamp_max(\n    rate(" + a + "[5m])\n  +\n    rate(" + b + "[5m]),\n  7\n)");
  EXPECT_EQ(pretty("max_over_time(sum(" + a + ")[1h:1m] @ end() offset 1w) > bool " + b),
            "  max_over_time(\nsum(" + a + ")[1h:1m] @ end() offset 1w\n  )\n> bool\n  " + b);
  EXPECT_EQ(pretty("-sum by (a) (" + a + " + " + b + ")"), "-sum by (a) (\n    " + a + "\n  +\n    " + b + "\n)");
  EXPECT_EQ(pretty("inf ^ (" + a + " - " + b + ")"), "  Inf\n^\n  (\n      " + a + "\n    -\n      " + b + "\n  )");
  // A subquery that fits begins its line without blanks.
  EXPECT_EQ(pretty("max_over_time(" + a + "[1h:]) + min_over_time(" + a + "[1h:])"),
            "  max_over_time(" + a + "[1h:])\n+\n  min_over_time(" + a + "[1h:])");
  EXPECT_EQ(pretty("max_over_time(max_over_time(" + a + "[1m])[1h:]) + 1"),
            "  max_over_time(\nmax_over_time(" + a + "[1m])[1h:]\n  )\n+\n  1");
}

TEST(PrettyPrinter, IsBounded) {
  std::string deep = "label_join(x, \"a\", \"\"";
  for (int i = 0; i < 6'000; ++i) deep += ",\"b\"";
  deep += ')';
  for (int i = 0; i < 900; ++i) deep += "+1";
  const auto expr = parse_expression(deep, kAll);
  ASSERT_TRUE(expr) << expr.error().message();
  const auto out = to_pretty_string(**expr);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code(), Code::kLimit);
}

}  // namespace
}  // namespace tidemark::promql
