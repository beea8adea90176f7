#include "config/yaml_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "tests/support/temp_dir.h"

namespace tidemark::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(YamlReader, ReadsEachKindOfValue) {
  YamlFile file = YamlFile::parse(R"(
name: web 1
number: 42
ratio: 2.5
negative: -3
for: 1h30m
size: 10MB
on: yes
off: "off"
list: [a, 5, true]
labels: {b: two, a: "1"}
block: |
  one
  two
empty:
items:
  - x: 1
  - x: 2
)",
                                  "t.yml");
  YamlMap map = file.root().map();
  EXPECT_EQ(map.string("name"), "web 1");
  EXPECT_EQ(map.integer("number", 0), 42);
  EXPECT_EQ(map.string("number"), "42");
  EXPECT_EQ(map.number("ratio", 0), 2.5);
  EXPECT_EQ(map.integer("negative", 0, -10), -3);
  EXPECT_EQ(map.duration_ms("for", 0), 5'400'000);
  EXPECT_EQ(map.size_bytes("size", 0), 10u << 20);
  EXPECT_TRUE(map.boolean("on", false));
  EXPECT_EQ(map.string("off"), "off");
  EXPECT_THAT(map.strings("list"), ElementsAre("a", "5", "true"));
  EXPECT_EQ(map.get("labels").labels(), (Labels{{"a", "1"}, {"b", "two"}}));
  EXPECT_EQ(map.string("block"), "one\ntwo\n");
  EXPECT_FALSE(map.has("empty"));
  EXPECT_EQ(map.duration_ms("empty", 7), 7);
  EXPECT_EQ(map.duration_ms("missing", 8), 8);
  int64_t sum = 0;
  for (const YamlValue& item : map.get("items").items()) {
    YamlMap inner = item.map();
    sum = sum * 10 + inner.integer("x", 0);
    inner.finish();
  }
  EXPECT_EQ(sum, 12);
  EXPECT_EQ(map.get("for").line(), 6);
  map.finish();
  EXPECT_TRUE(file.ok()) << file.status().message();
}

TEST(YamlReader, ReportsEveryMistakeInOrderOfLine) {
  YamlFile file = YamlFile::parse("for: 5 min\nsize: 10 apples\non: \"true\"\nn: 010\nm: 99\nlist: {a: 1}\n", "a.yaml");
  YamlMap map = file.root().map();
  map.strings("list");
  map.integer("m", 0, 1, 9);
  map.integer("n", 0);
  EXPECT_TRUE(map.boolean("on", true));
  EXPECT_EQ(map.duration_ms("for", 3), 3);
  map.size_bytes("size", 0);
  map.finish();
  EXPECT_THAT(file.errors(), ElementsAre("a.yaml:1: \"for\" must be a duration, got \"5 min\"",
                                         "a.yaml:2: \"size\" must be a size such as 10MB, got \"10 apples\"",
                                         "a.yaml:3: \"on\" must be true or false without quotes, got \"true\"",
                                         "a.yaml:4: \"n\" must be a whole number, got \"010\"",
                                         "a.yaml:5: \"m\" must be between 1 and 9, got \"99\"",
                                         "a.yaml:6: \"list\" must be a list of strings, got a mapping"));
  EXPECT_EQ(file.status().code(), Code::kInvalid);
  EXPECT_THAT(file.status().message(), HasSubstr("\"5 min\"\na.yaml:2:"));
}

TEST(YamlReader, NamesUnknownMissingAndUnsupportedKeys) {
  YamlFile file = YamlFile::parse(
      "global:\n  scrape_intervall: 5s\n  zzz: 1\n  oauth2: {id: x}\n  sigv4: {}\n  http2: true\n", "t.yml");
  YamlMap top = file.root().map();
  YamlMap map = top.get("global").map();
  map.duration_ms("scrape_interval", 0);
  map.required("job_name");
  map.unsupported({"oauth2", "sigv4"});
  map.ignored({"http2"});
  map.finish();
  top.finish();
  EXPECT_THAT(
      file.errors(),
      ElementsAre("t.yml:2: \"job_name\" is missing in global",
                  "t.yml:2: unknown key \"scrape_intervall\" in global (did you mean \"scrape_interval\"?)",
                  "t.yml:3: unknown key \"zzz\" in global", "t.yml:4: \"oauth2\" in global is not supported yet"));
  EXPECT_THAT(file.warnings(), ElementsAre("t.yml:6: \"http2\" in global has no effect here"));
}

TEST(YamlReader, RefusesWhatWouldBeReadAsSomethingElse) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j ? ", *a" : "*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  const struct {
    std::string text;
    std::string error;
  } cases[] = {
      {"a: 1\nb: 2\na: 3\n", "t.yml:3: key \"a\" was already given in line 1"},
      {"a: 1\n---\nb: 2\n", "t.yml:2: a second YAML document begins here; only one is read"},
      {"a: 1\nb: \xff\n", "t.yml:2: not valid UTF-8"},
      {"a: 1\n\x04\nb: 2\n", "t.yml:2: control character 0x04 is not allowed in YAML"},
      {"a: [1\nb: 2\n", "t.yml:2: not valid YAML: end of sequence flow not found"},
      {"a: 1\n\tb: 2\n", "t.yml:"},
      {"a: *nobody\n", "t.yml:1: not valid YAML: the referenced anchor is not defined"},
      {"a: &a\n  b: *a\n", "t.yml:2: an alias may not stand inside its own anchor"},
      {"? [a, b]\n: 1\n", "t.yml:1: a key must be plain text"},
      {std::string(100, '[') + std::string(100, ']'), "t.yml:1: nested more than 64 deep"},
      {std::string(20'000, '['), "t.yml:1: "},
      {bomb, "t.yml:6: more than 1000000 values, aliases counted as what they stand for"},
      {"x: &x 1\na:\n  <<: *x\n", "t.yml:1: \"<<\" takes a mapping or a list of them"},
  };
  for (const auto& test : cases) {
    YamlFile file = YamlFile::parse(test.text, "t.yml");
    ASSERT_EQ(file.errors().size(), 1u) << test.error;
    EXPECT_THAT(file.errors()[0], HasSubstr(test.error));
    EXPECT_FALSE(file.root().present());
    EXPECT_THAT(file.root().items(), IsEmpty());
  }
}

TEST(YamlReader, MergesKeys) {
  YamlFile file = YamlFile::parse("base: &b {x: 1, y: 2}\njob:\n  <<: *b\n  y: 3\n", "t.yml");
  YamlMap top = file.root().map();
  YamlMap job = top.get("job").map();
  EXPECT_EQ(job.integer("x", 0), 1);
  EXPECT_EQ(job.integer("y", 0), 3);
  job.finish();
  EXPECT_TRUE(file.ok());
}

TEST(YamlReader, AnEmptyTextIsAnAbsentRoot) {
  for (const char* text : {"", "# nothing\n", "---\n"}) {
    YamlFile file = YamlFile::parse(text, "t.yml");
    EXPECT_TRUE(file.ok());
    YamlMap map = file.root().map();
    EXPECT_EQ(map.integer("a", 5), 5);
    map.finish();
    EXPECT_TRUE(file.ok()) << text;
  }
}

TEST(YamlReader, ReadsJson) {
  YamlFile file = YamlFile::parse("[\n\t{\"targets\": [\"a:1\"], \"labels\": {\"x\": \"1\"}}\n]\n", "t.json");
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_EQ(file.root().items().size(), 1u);
  EXPECT_THAT(file.root().items()[0].map().strings("targets"), ElementsAre("a:1"));
}

TEST(YamlReader, FilesThatCannotBeRead) {
  const testing::TempDir dir;
  YamlFile missing = YamlFile::load(dir.file("none.yml"));
  EXPECT_EQ(missing.status().code(), Code::kNotFound);
  EXPECT_THAT(missing.status().message(), HasSubstr("none.yml: No such file or directory"));
  YamlFile folder = YamlFile::load(dir.path());
  EXPECT_EQ(folder.status().code(), Code::kIo);
  EXPECT_THAT(folder.status().message(), HasSubstr("Is a directory"));
  YamlFile large = YamlFile::load(dir.write("large.yml", std::string((16 << 20) + 1, '#')));
  EXPECT_THAT(large.status().message(), HasSubstr("large.yml: larger than 16 MiB"));
  YamlFile empty = YamlFile::load(dir.write("empty.yml", ""));
  EXPECT_TRUE(empty.ok());
  YamlFile good = YamlFile::load(dir.write("good.yml", "a: 1\n"));
  EXPECT_EQ(good.root().map().integer("a", 0), 1);
}

TEST(YamlReader, SecretsStayOutOfMessages) {
  YamlFile file = YamlFile::parse("password: hunter2\ntoken: [hunter2]\n", "t.yml");
  YamlMap map = file.root().map();
  const Secret password = map.get("password").secret();
  EXPECT_EQ(password.reveal(), "hunter2");
  std::ostringstream out;
  out << password;
  EXPECT_EQ(out.str(), "<secret>");
  map.get("token").secret();
  EXPECT_THAT(file.errors(), ElementsAre("t.yml:2: \"token\" must be a string, got a list"));
}

TEST(YamlReader, QuotesValues) {
  EXPECT_EQ(quote_value("a b"), "\"a b\"");
  EXPECT_EQ(quote_value("a\nb"), "\"a\\nb\"");
  EXPECT_EQ(quote_value(std::string(70, 'x')), "\"" + std::string(64, 'x') + "...\"");
  EXPECT_EQ(quote_value(std::string(63, 'x') + "\xc3\xa4"), "\"" + std::string(63, 'x') + "...\"");
}

}  // namespace
}  // namespace tidemark::config
