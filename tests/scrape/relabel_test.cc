#include "aggregator/scrape/relabel.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <memory>

namespace tidemark::scrape {
namespace {

using config::RelabelAction;
using config::RelabelConfig;

struct Rule {
  RelabelAction action = RelabelAction::kReplace;
  std::vector<std::string> source = {};
  std::string regex = "(.*)";
  std::string target = {};
  std::string replacement = "$1";
  std::string separator = ";";
  uint64_t modulus = 0;
};

RelabelConfig config(const Rule& rule) {
  RE2::Options options;
  options.set_dot_nl(true);
  RelabelConfig out;
  out.action = rule.action;
  out.source_labels = rule.source;
  out.separator = rule.separator;
  out.regex_text = rule.regex;
  out.regex = std::make_shared<const RE2>(rule.regex, options);
  out.target_label = rule.target;
  out.replacement = rule.replacement;
  out.modulus = rule.modulus;
  return out;
}

// The labels after the rules, or "dropped".
std::string relabelled(const Labels& labels, const std::vector<Rule>& rules) {
  std::vector<RelabelConfig> configs;
  for (const Rule& rule : rules) configs.push_back(config(rule));
  LabelsBuilder builder(labels);
  return relabel(configs, builder) ? builder.build().to_string() : "dropped";
}

TEST(Relabel, replaces) {
  const Labels in{{"a", "foo"}, {"b", "bar"}, {"c", "baz"}};
  const auto f = [&](const Rule& rule) { return relabelled(in, {rule}); };
  const auto kReplace = RelabelAction::kReplace;
  EXPECT_EQ(f({kReplace, {"a"}, "f(.*)", "d", "ch${1}-ch${1}"}), R"({a="foo", b="bar", c="baz", d="choo-choo"})");
  EXPECT_EQ(f({kReplace, {"a", "b"}, "f(.*);(.*)r", "a", "b${1}${2}m"}), R"({a="boobam", b="bar", c="baz"})");
  EXPECT_EQ(f({kReplace, {"a"}, "o", "a", "x"}), R"({a="foo", b="bar", c="baz"})") << "anchored at both ends";
  EXPECT_EQ(f({kReplace, {"a"}, "f|foo", "a", "x"}), R"({a="x", b="bar", c="baz"})") << "an alternative that fits";
  EXPECT_EQ(f({kReplace, {}, "(.*)", "d", "static"}), R"({a="foo", b="bar", c="baz", d="static"})");
  EXPECT_EQ(f({kReplace, {"a"}, "foo", "a", ""}), R"({b="bar", c="baz"})") << "an empty result takes the label away";
  EXPECT_EQ(f({kReplace, {"nope"}, "(.*)", "a", "$1"}), R"({b="bar", c="baz"})");
  EXPECT_EQ(f({kReplace, {"a"}, "(f).*", "${1}_$1", "x"}), R"({a="foo", b="bar", c="baz", f_f="x"})");
  EXPECT_EQ(f({kReplace, {"a"}, "(x)?foo", "$1", "x"}), R"({a="foo", b="bar", c="baz"})") << "no name: no change";
  EXPECT_EQ(f({kReplace, {"a", "b", "c"}, "(.*)", "d", "$1", "|"}), R"({a="foo", b="bar", c="baz", d="foo|bar|baz"})");
  EXPECT_EQ(f({kReplace, {"a"}, "(?P<first>.).*", "d", "$first"}), R"({a="foo", b="bar", c="baz", d="f"})");
  EXPECT_EQ(relabelled({{"a", "x\ny"}}, {{kReplace, {"a"}, "x.y", "b", "1"}}), R"({a="x\ny", b="1"})");
}

TEST(Relabel, keeps_and_drops) {
  const Labels in{{"a", "foo"}, {"b", "bar"}, {"same", "foo"}};
  const auto kept = [&](const Rule& rule) { return relabelled(in, {rule}) != "dropped"; };
  EXPECT_TRUE(kept({RelabelAction::kKeep, {"a"}, "foo"}));
  EXPECT_TRUE(kept({RelabelAction::kKeep, {"a", "b"}, "foo;bar"}));
  EXPECT_FALSE(kept({RelabelAction::kKeep, {"a"}, "fo"}));
  EXPECT_FALSE(kept({RelabelAction::kKeep, {"absent"}, ".+"}));
  EXPECT_FALSE(kept({RelabelAction::kDrop, {"a"}, "f.*"}));
  EXPECT_TRUE(kept({RelabelAction::kDrop, {"a"}, "b.*"}));
  EXPECT_TRUE(kept({RelabelAction::kKeepEqual, {"a"}, "(.*)", "same"}));
  EXPECT_FALSE(kept({RelabelAction::kKeepEqual, {"a"}, "(.*)", "b"}));
  EXPECT_FALSE(kept({RelabelAction::kDropEqual, {"a"}, "(.*)", "same"}));
  EXPECT_TRUE(kept({RelabelAction::kDropEqual, {"a"}, "(.*)", "b"}));
}

TEST(Relabel, stops_at_the_first_rule_that_refuses) {
  EXPECT_EQ(relabelled({{"a", "x"}}, {{RelabelAction::kDrop, {"a"}, "x"}, {RelabelAction::kKeep, {"a"}, "x"}}),
            "dropped");
  EXPECT_EQ(
      relabelled({{"a", "x"}}, {{RelabelAction::kReplace, {}, "(.*)", "a", "y"}, {RelabelAction::kDrop, {"a"}, "x"}}),
      R"({a="y"})");
}

TEST(Relabel, hashes_as_prometheus_does) {
  // By Python: int.from_bytes(hashlib.md5(b"baz").digest()[8:], "big") % 1000.
  const auto f = [](const char* value, uint64_t modulus) {
    return relabelled({{"c", value}}, {{RelabelAction::kHashMod, {"c"}, "(.*)", "d", "$1", ";", modulus}});
  };
  EXPECT_EQ(f("baz", 1000), R"({c="baz", d="976"})");
  EXPECT_EQ(f("foo\nbar", 1000), R"({c="foo\nbar", d="734"})");
}

TEST(Relabel, maps_drops_and_keeps_labels_by_name) {
  const Labels in{{"__meta_a", "1"}, {"__meta_b", "2"}, {"c", "3"}};
  const auto f = [&](const Rule& rule) { return relabelled(in, {rule}); };
  EXPECT_EQ(f({RelabelAction::kLabelMap, {}, "__meta_(.*)"}), R"({__meta_a="1", __meta_b="2", a="1", b="2", c="3"})");
  EXPECT_EQ(f({RelabelAction::kLabelMap, {}, "__meta_(.)", {}, "x_${1}"}),
            R"({__meta_a="1", __meta_b="2", c="3", x_a="1", x_b="2"})");
  EXPECT_EQ(f({RelabelAction::kLabelDrop, {}, "__meta_.*"}), R"({c="3"})");
  EXPECT_EQ(f({RelabelAction::kLabelKeep, {}, "__meta_.*"}), R"({__meta_a="1", __meta_b="2"})");
}

TEST(Relabel, changes_case_beyond_ascii) {
  const auto f = [](RelabelAction action) { return relabelled({{"a", "Foo Ünï 1"}}, {{action, {"a"}, "(.*)", "a"}}); };
  EXPECT_EQ(f(RelabelAction::kLowercase), R"({a="foo ünï 1"})");
  EXPECT_EQ(f(RelabelAction::kUppercase), R"({a="FOO ÜNÏ 1"})");
}

TEST(ExpandTemplate, follows_go) {
  const auto f = [](const char* text) { return expand_template(text, {"all", "one", "two"}, {{2, "second"}}); };
  EXPECT_EQ(f("plain"), "plain");
  EXPECT_EQ(f("$0|$1|$2"), "all|one|two");
  EXPECT_EQ(f("${1}x"), "onex");
  EXPECT_EQ(f("$1x"), "") << "the name is 1x";
  EXPECT_EQ(f("$second ${second}s"), "two twos");
  EXPECT_EQ(f("$3 ${9}"), " ");
  EXPECT_EQ(f("$01"), "") << "a leading zero makes it a name";
  EXPECT_EQ(f("$1é"), "") << "so is a letter of any script part of it";
  EXPECT_EQ(f("$$1"), "$1");
  EXPECT_EQ(f("5$ ${ ${1 ${} $"), "5$ ${ ${1 ${} $");
}

}  // namespace
}  // namespace tidemark::scrape
