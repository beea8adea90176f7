// Templates: what Prometheus rule files write, what comes out, and what is refused.
#include "alerting/template.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace tidemark::alerting {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

class TemplateTest : public ::testing::Test {
 protected:
  std::string expand(std::string_view text, double value = 0) {
    const auto parsed = Template::parse("t", text);
    if (!parsed) return "parse: " + parsed.error().message();
    TemplateData data;
    data.labels = labels_;
    data.value = value;
    data.external_labels = external_;
    data.external_url = "http://tide:9090";
    data.now_ms = 1'700'000'000'500;
    data.query = &query_;
    return parsed->expand(data);
  }

  const Labels labels_{{"instance", "web-1.example.com:9100"}, {"job", "node"}, {"cluster", "eu"}};
  const Labels external_{{"region", "north"}};
  int queries_ = 0;
  const QueryFunction query_ = [this](std::string_view expression, int64_t t_ms) -> Result<promql::QueryResult> {
    ++queries_;
    EXPECT_EQ(t_ms, 1'700'000'000'500);
    promql::QueryResult result;
    result.t_ms = t_ms;
    if (expression == "bad") return fail(Status::invalid("1:1: parse error: bad"));
    if (expression == "none") return result;
    result.series.push_back({Labels{{"__name__", "up"}, {"instance", "b"}}, {{t_ms, 2}}});
    result.series.push_back({Labels{{"__name__", "up"}, {"instance", "a"}}, {{t_ms, 1.5}}});
    return result;
  };
};

TEST_F(TemplateTest, Expands) {
  const struct {
    const char* text;
    double value;
    const char* want;
  } kCases[] = {
      {"", 0, ""},
      {"plain } text {", 0, "plain } text {"},
      {"{{ $labels.instance }} of {{$labels.job}}", 0, "web-1.example.com:9100 of node"},
      {"{{ .Labels.job }} {{ .Value }} {{ .ExternalLabels.region }} {{ $externalLabels.region }}", 2,
       "node 2 north north"},
      {"{{ $externalURL }} {{ externalURL }} {{ .ExternalURL }}", 0,
       "http://tide:9090 http://tide:9090 http://tide:9090"},
      {"[{{ $labels.nope }}]", 0, "[]"},
      {"{{ $value }}", 100000, "100000"},
      {"{{ $value }}", 1048576, "1.048576e+06"},
      {"{{ $value }}", 0.1, "0.1"},
      {"{{ $value }}", 0.00001, "1e-05"},
      {"{{ $value }}", kInf, "+Inf"},
      {"{{ $value }}", -kInf, "-Inf"},
      {"{{ $value }}", std::numeric_limits<double>::quiet_NaN(), "NaN"},
      {"{{ printf \"%.2f\" $value }}", 3.14159, "3.14"},
      {"{{ $value | printf \"%.2f\" }}", 2.5, "2.50"},
      {"{{ printf \"%0.0f\" $value }}", 2.4, "2"},
      {"{{ printf \"%.4g\" $value  }}", 123456, "1.235e+05"},
      {"a {{- \" b \" -}} c", 0, "a b c"},
      {"a\n{{- /* gone */ -}}\n b", 0, "ab"},
      {"a {{/* gone */}} b", 0, "a  b"},
      {"x {{ with $labels.cluster -}} on {{ . }} {{- end }} y", 0, "x on eu y"},
      {"{{ with $labels.nope }}a{{ else }}b{{ end }}", 0, "b"},
      {"{{ if gt $value 10.0 }}big{{ else if gt $value 5 }}middle{{ else }}small{{ end }}", 7, "middle"},
      {"{{ if and (eq $labels.job \"node\" ) (not false) }}yes{{ end }}", 0, "yes"},
      {"{{ $x := $value }}{{ $x = 3 }}{{ $x }}", 1, "3"},
      {"{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $y := 5 }}{{ end }}{{ $x }}", 0, "2"},
      {"{{ range $k, $v := $labels }}{{ $k }}={{ $v }};{{ end }}", 0,
       "cluster=eu;instance=web-1.example.com:9100;job=node;"},
      {"{{ `raw \"text\"` }} {{ \"esc\\t\\\"\\u00e4\" }} {{ 'a' }}", 0, "raw \"text\" esc\t\"\xc3\xa4 97"},
      {"{{ len $labels }} {{ index $labels \"job\" }}", 0, "3 node"},
      {"{{ $labels }}", 0, "map[cluster:eu instance:web-1.example.com:9100 job:node]"},
      {"{{ true }} {{ 1.5 }} {{ -3 }}", 0, "true 1.5 -3"},
      {"{{ print 1 2 \"x\" 3 }}", 0, "1 2x3"},
  };
  for (const auto& c : kCases) EXPECT_EQ(expand(c.text, c.value), c.want) << c.text;
}

TEST_F(TemplateTest, Functions) {
  const struct {
    const char* text;
    const char* want;
  } kCases[] = {
      {"{{ 0.0 | humanize }} {{ 1234567.0 | humanize }} {{ 0.00012 | humanize }} {{ -1500.0 | humanize }}",
       "0 1.235M 120u -1.5k"},
      {"{{ 1.0 | humanize }} {{ 999 | humanize }} {{ \"1000\" | humanize }}", "1 999 1k"},
      {"{{ 0 | humanize1024 }} {{ 1048576.0 | humanize1024 }} {{ 1500 | humanize1024 }}", "0 1Mi 1.465ki"},
      {"{{ 0 | humanizeDuration }} {{ 12.345678 | humanizeDuration }} {{ 3661 | humanizeDuration }}",
       "0s 12.35s 1h 1m 1s"},
      {"{{ \"43200\" | humanizeDuration }} {{ 90000 | humanizeDuration }} {{ -61 | humanizeDuration }}",
       "12h 0m 0s 1d 1h 0m 0s -1m 1s"},
      {"{{ 0.001 | humanizeDuration }} {{ .0000015 | humanizeDuration }}", "1ms 1.5us"},
      {"{{ 0.1234567 | humanizePercentage }} {{ 2 | humanizePercentage }}", "12.35% 200%"},
      {"{{ 1435065584.128 | humanizeTimestamp }}", "2015-06-23 13:19:44.128 +0000 UTC"},
      {"{{ 0 | humanizeTimestamp }}", "1970-01-01 00:00:00 +0000 UTC"},
      {"{{ \"aa bb CC\" | title }} {{ \"aB\" | toUpper }} {{ \"aB\" | toLower }}", "Aa Bb CC AB ab"},
      {"{{ reReplaceAll \"(.*)b\" \"x${1}y$1y\" \"aab b\" }}", "xaab y"},
      {"{{ reReplaceAll \"a(?P<n>.)\" \"${n}1$$\" \"abac\" }}", "b1$c1$"},
      {"{{ reReplaceAll \"x*\" \"-\" \"abc\" }}", "-a-b-c-"},
      {"{{ reReplaceAll \"x*\" \"-\" \"axb\" }}", "-a-b-"},
      {"{{ reReplaceAll \"a\" \"$1\" \"abc\" }}", "bc"},
      {"{{ reReplaceAll \"(a)\" \"$1é${1ß}$01-\" \"abc\" }}", "-bc"},
      {"{{ match \"a+\" \"baab\" }} {{ match \"^a\" \"ba\" }}", "true false"},
      {"{{ $labels.instance | stripPort }} {{ $labels.instance | stripDomain }}", "web-1.example.com web-1:9100"},
      {"{{ \"[::1]:80\" | stripPort }} {{ \"10.0.0.1:80\" | stripDomain }}", "::1 10.0.0.1:80"},
      {"{{ \"1h30m\" | parseDuration }} {{ now }}", "5400 1.7000000005e+09"},
      {"{{ \"a b/c\" | urlquery }}", "a+b%2Fc"},
      {"{{ lt 1 2 }} {{ le 2 2 }} {{ ge 1 2.5 }} {{ ne \"a\" \"b\" }} {{ eq 3 1 2 3 }}", "true true false true true"},
      {"{{ or \"\" \"x\" }} {{ and 1 0 }}", "x 0"},
      {"{{ query \"up\" | first | value }} {{ query \"up\" | first | label \"instance\" }}", "2 b"},
      {"{{ range query \"up\" | sortByLabel \"instance\" }}{{ .Labels.instance }}={{ .Value }} {{ end }}",
       "a=1.5 b=2 "},
      {"{{ range $i, $s := query \"up\" }}{{ $i }}{{ $s.Labels.instance }}{{ end }}", "0b1a"},
      {"{{ (query \"up\" | first).Value }}", "2"},
      {"{{ range query \"none\" }}x{{ else }}nothing{{ end }}", "nothing"},
      {"{{ with query \"up\" }}{{ . | first | value | humanize }}{{ end }}", "2"},
  };
  for (const auto& c : kCases) EXPECT_EQ(expand(c.text), c.want) << c.text;
}

TEST_F(TemplateTest, Printf) {
  const struct {
    const char* text;
    const char* want;
  } kCases[] = {
      {R"({{ printf "%s-%v-%d-%q" "a" true 5 "q\"" }})", R"(a-true-5-"q\"")"},
      {R"({{ printf "%5.1f|%-6s|%05d|%+d" 2.25 "ab" 42 7 }})", "  2.2|ab    |00042|+7"},
      {R"({{ printf "%x %X %o %c" 255 255 8 65 }})", "ff FF 10 A"},
      {R"({{ printf "%e %g %g %v" 12345.678 1e6 0.5 1e21 }})", "1.234568e+04 1e+06 0.5 1e+21"},
      {R"({{ printf "%.3s|%6.2s|" "abcdef" "xyz" }})", "abc|    xy|"},
      {R"({{ printf "100%%" }})", "100%"},
      {R"({{ printf "%d" 1.5 }})", "%!d(float64=1.5)"},
      {R"({{ printf "%s" 3.0 }})", "%!s(float64=3)"},
      {R"({{ printf "%s %s" "a" }})", "a %!s(MISSING)"},
      {R"({{ printf "a" 3 "b" }})", "a%!(EXTRA int=3, string=b)"},
      {R"({{ printf "%" }})", "%!(NOVERB)"},
      {R"({{ printf "%.1f" "x" }})", "%!f(string=x)"},
  };
  for (const auto& c : kCases) EXPECT_EQ(expand(c.text), c.want) << c.text;
}

TEST_F(TemplateTest, RefusesWhatIsNotATemplate) {
  const struct {
    const char* text;
    const char* message;
  } kCases[] = {
      {"{{ $labels.a", "template: t:1: unclosed action"},
      {"a\n{{ nope 1 }}", "template: t:2: function \"nope\" not defined"},
      {"{{ $x }}", "template: t:1: undefined variable \"$x\""},
      {"{{ if true }}{{ $y := 1 }}{{ end }}{{ $y }}", "template: t:1: undefined variable \"$y\""},
      {"{{ if true }}", "template: t:1: unexpected EOF"},
      {"{{ end }}", "template: t:1: unexpected {{end}}"},
      {"{{ if }}a{{ end }}", "template: t:1: missing value for if"},
      {"{{ }}", "template: t:1: missing value for command"},
      {"{{ 1 | }}", "template: t:1: empty command"},
      {"{{ 1 | 2 }}", "template: t:1: only a function takes arguments or stands behind \"|\""},
      {"{{ \"abc }}", "template: t:1: unterminated quoted string"},
      {"{{ (1 }}", "template: t:1: unexpected \"}}\" in parentheses"},
      {"{{ define \"x\" }}{{ end }}", "template: t:1: {{define}} is not supported in rules"},
      {"{{/* a }}", "template: t:1: unclosed comment"},
      {"{{ 1 ; }}", "template: t:1: unexpected character \";\" in action"},
      {"{{ 1x }}", "template: t:1: bad number syntax: \"1x\""},
  };
  for (const auto& c : kCases) EXPECT_EQ(expand(c.text), "parse: " + std::string(c.message)) << c.text;
}

TEST_F(TemplateTest, AFailureShowsInTheText) {
  const std::string prefix = "<error expanding template: error executing template t: template: t:";
  const struct {
    const char* text;
    const char* message;
  } kCases[] = {
      {"{{ query \"none\" | first | value }}", "1:18: error calling first: first() called on vector with no elements>"},
      {"\n{{ query \"bad\" }}", "2:3: error calling query: 1:1: parse error: bad>"},
      {"{{ \"x\" | humanize }}", "1:9: error calling humanize: parsing \"x\": invalid syntax>"},
      {"{{ .Nope }}", "1:3: can't evaluate field Nope in type struct>"},
      {"{{ $value.x }}", "1:3: can't evaluate field x in type float64>"},
      {"{{ humanize }}", "1:3: wrong number of args for humanize: want 1 got 0>"},
      {"{{ match \"(\" \"a\" }}", "1:3: error calling match: missing ): (>"},
      {"{{ gt \"a\" 1 }}", "1:3: error calling gt: incompatible types for comparison>"},
      {"{{ 1e300 | humanizeTimestamp }}",
       "1:11: error calling humanizeTimestamp: 1e+300 cannot be represented as a nanoseconds timestamp since it "
       "overflows int64>"},
  };
  for (const auto& c : kCases) EXPECT_EQ(expand(c.text), prefix + c.message) << c.text;
}

TEST_F(TemplateTest, IsBounded) {
  // Doubling a variable, output, steps, queries and nesting all end in an error instead of memory or time.
  std::string doubling = "{{ $x := \"0123456789\" }}";
  for (int i = 0; i < 40; ++i) doubling += "{{ $x = print $x $x }}";
  EXPECT_NE(expand(doubling).find("the result of print is too long"), std::string::npos);

  std::string ranges;
  for (int i = 0; i < 20; ++i) ranges += "{{ range $labels }}";
  ranges += "x";
  for (int i = 0; i < 20; ++i) ranges += "{{ end }}";
  EXPECT_NE(expand(ranges.replace(ranges.find('x'), 1, "")).find("too many steps"), std::string::npos);

  EXPECT_NE(expand("{{ printf \"%2000d\" 1 }}").find("BADWIDTH"), std::string::npos);
  EXPECT_NE(expand("{{ reReplaceAll \"\" $labels.instance (printf \"%1000s%1000s\" \"a\" \"b\") }}"
                   "{{ reReplaceAll \"a*\" (printf \"%1000s\" \"b\") (printf \"%1000s\" \"b\") }}")
                .find("too long"),
            std::string::npos);

  std::string queries;
  for (int i = 0; i < 11; ++i) queries += "{{ query \"up\" | len }}";
  EXPECT_NE(expand(queries).find("too many queries"), std::string::npos);
  EXPECT_EQ(queries_, 10);

  const std::string nested = "{{ " + std::string(5000, '(') + "1" + std::string(5000, ')') + " }}";
  EXPECT_EQ(expand(nested), "parse: template: t:1: parentheses are nested too deeply");
  std::string blocks;
  for (int i = 0; i < 5000; ++i) blocks += "{{if 1}}";
  EXPECT_EQ(expand(blocks), "parse: template: t:1: blocks are nested too deeply");
  std::string else_ifs = "{{if 0}}";
  for (int i = 0; i < 5000; ++i) else_ifs += "{{else if 0}}";
  EXPECT_EQ(expand(else_ifs + "{{end}}"), "parse: template: t:1: blocks are nested too deeply");
  EXPECT_NE(expand(std::string(kTemplateSourceMax + 1, 'x')).find("longer than"), std::string::npos);
}

}  // namespace
}  // namespace tidemark::alerting
