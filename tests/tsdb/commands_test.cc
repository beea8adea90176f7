// `tidemark tsdb ...` on a small store: exit codes, what is printed, and what is in the directories afterwards.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "aggregator/tsdb/tsdb_command.h"
#include "model/sample.h"
#include "tests/storage/store_fixture.h"

namespace tidemark::tsdb {
namespace {

namespace fs = std::filesystem;
using storage::Content;

class CommandsTest : public storage::StoreFixture {
 protected:
  struct Ran {
    int exit_code;
    std::string out;
    std::string err;
  };
  static Ran run(const std::vector<std::string>& args) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int exit_code = tsdb_command(args);
    std::fflush(stdout);
    std::string out = ::testing::internal::GetCapturedStdout();
    return {exit_code, std::move(out), ::testing::internal::GetCapturedStderr()};
  }
  std::string at(const std::string& path) const { return "--storage.tsdb.path=" + path; }
  static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
  static std::string text_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }

  Content content_of(const std::string& path) {
    options_.path = path;
    open();
    Content content = read_all();
    drop();
    return content;
  }

  // Part in files, part in the log only.
  Content fill() {
    open();
    const double awkward[] = {0, -0.0, 1.5, INFINITY, -INFINITY, normal_nan(), stale_nan(), 1e-310};
    for (int s = 0; s < 40; ++s) {
      if (s == 30) {
        close();
        open();
      }
      storage::Batch batch;
      for (int i = 0; i < 6; ++i) {
        const Labels labels{{"__name__", i < 4 ? "m" : "n"}, {"i", std::to_string(i)}, {"text", "a \"b\"\n"}};
        batch.add(storage::kNoRef, labels, start_ms() + s * 15'000, i == 0 ? awkward[s % 8] : s * 0.25 + i);
      }
      EXPECT_TRUE(store_->commit(batch));
    }
    Content content = read_all();
    drop();
    return content;
  }
  int64_t start_ms() { return clock_.now_ms() - 3'600'000; }
};

TEST_F(CommandsTest, EveryCommandExplainsItself) {
  const Ran help = run({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* name : {"stats", "verify", "repair", "export", "import", "backup", "backups", "restore"}) {
    EXPECT_TRUE(has(help.out, std::string("  ") + name + " ")) << name;
    const Ran ran = run({name, "--help"});
    EXPECT_EQ(ran.exit_code, 0) << name;
    EXPECT_TRUE(has(ran.out, std::string("usage: tidemark tsdb ") + name + " ")) << ran.out;
    const Ran wrong = run({name, "--no-such-flag"});
    EXPECT_EQ(wrong.exit_code, 1) << name;
    EXPECT_TRUE(has(wrong.err, std::string("tidemark tsdb ") + name + ": error: ")) << wrong.err;
  }
  EXPECT_EQ(run({}).exit_code, 1);
  EXPECT_TRUE(has(run({"nonsense"}).err, "unknown command \"nonsense\""));
}

TEST_F(CommandsTest, ADirectoryThatIsNoneOrInUseIsAClearError) {
  for (const char* name : {"stats", "verify", "repair", "export"}) {
    const Ran ran = run({name, at(dir_.file("none"))});
    EXPECT_EQ(ran.exit_code, 1) << name;
    EXPECT_TRUE(has(ran.err, dir_.file("none") + " is no data directory")) << ran.err;
    EXPECT_FALSE(fs::exists(dir_.file("none")));
  }
  open();
  for (const char* name : {"stats", "verify", "repair", "export"}) {
    const Ran ran = run({name, at(options_.path)});
    EXPECT_EQ(ran.exit_code, 1) << name;
    EXPECT_TRUE(has(ran.err, "in use by another process")) << ran.err;
  }
}

TEST_F(CommandsTest, JsonLinesKeepEveryBit) {
  const Content before = fill();
  const Ran written = run({"export", at(options_.path), "--format=jsonl", "--output=" + dir_.file("x.jsonl")});
  ASSERT_EQ(written.exit_code, 0) << written.err;
  const Ran read = run({"import", at(dir_.file("copy")), "--format=jsonl", dir_.file("x.jsonl")});
  ASSERT_EQ(read.exit_code, 0) << read.err;
  EXPECT_EQ(read.out, "240 samples stored\n");
  EXPECT_EQ(content_of(dir_.file("copy")), before);
  // Once more: nothing new, nothing twice.
  EXPECT_EQ(run({"import", at(dir_.file("copy")), "--format=jsonl", dir_.file("x.jsonl")}).out,
            "0 samples stored; 240 duplicate\n");
  EXPECT_EQ(content_of(dir_.file("copy")), before);
}

TEST_F(CommandsTest, StartTimestampsGoThroughJsonLines) {
  NativeHistogram h;
  open();
  storage::Batch batch;
  for (int64_t i = 0; i < 40; ++i) {
    const int64_t since_ms = i % 3 == 0 ? kNoStart : start_ms() + i / 10;
    batch.add(storage::kNoRef, Labels{{"__name__", "c"}}, start_ms() + i * 15'000,
              storage::Value{1, nullptr, since_ms});
    batch.add(storage::kNoRef, Labels{{"__name__", "h"}}, start_ms() + i * 15'000, storage::Value{0, &h, since_ms});
    batch.add(storage::kNoRef, Labels{{"__name__", "none"}}, start_ms() + i * 15'000, 1);
  }
  ASSERT_EQ(store_->commit(batch)->accepted(), batch.size());
  drop();
  const auto exported = [&](const std::string& folder) { return run({"export", at(folder), "--format=jsonl"}).out; };
  const std::string written = exported(options_.path);
  const std::string starts = ",\"starts\":[0," + std::to_string(start_ms()) + ',';
  EXPECT_NE(written.find(starts), std::string::npos) << written;
  EXPECT_NE(written.rfind(starts), written.find(starts)) << "of the histograms, too";
  EXPECT_EQ(written.find("starts", written.find("none")), std::string::npos);
  dir_.write("x.jsonl", written);
  ASSERT_EQ(run({"import", at(dir_.file("copy")), "--format=jsonl", dir_.file("x.jsonl")}).exit_code, 0);
  EXPECT_EQ(exported(dir_.file("copy")), written);
}

TEST_F(CommandsTest, HistogramsGoThroughJsonLines) {
  NativeHistogram counter;
  counter.schema = 2;
  counter.integer_counts = true;
  counter.zero_threshold = 0.001;
  counter.zero_count = 1;
  counter.positive = {{{-3, 2}, {4, 1}}, {1, 2, 3}};
  counter.negative = {{{0, 1}}, {5}};
  counter.count = 12;
  NativeHistogram gauge;
  gauge.reset = CounterReset::kGauge;
  gauge.schema = kCustomBuckets;
  gauge.bounds = {-0.0, 0.1};
  gauge.positive = {{{1, 2}}, {0.25, 1.5}};
  gauge.count = 1.75;
  gauge.sum = -INFINITY;
  open();
  storage::Batch batch;
  std::vector<NativeHistogram> all(100, counter);
  for (size_t s = 0; s < all.size(); ++s) {
    all[s].sum = static_cast<double>(s) / 3;
    const storage::Value value{0, &all[s], kNoStart};
    batch.add(storage::kNoRef, Labels{{"__name__", "h"}}, start_ms() + static_cast<int64_t>(s) * 15'000, value);
  }
  batch.add(storage::kNoRef, Labels{{"__name__", "g"}}, start_ms(), storage::Value{0, &gauge, kNoStart});
  batch.add(storage::kNoRef, Labels{{"__name__", "g"}}, start_ms() + 1, 7);
  const auto report = store_->commit(batch);
  ASSERT_EQ(report->accepted(), batch.size());
  Content before;
  const Content floats = read_all(nullptr, &before);
  drop();
  ASSERT_EQ(run({"export", at(options_.path), "--format=jsonl", "--output=" + dir_.file("x.jsonl")}).exit_code, 0);
  EXPECT_EQ(run({"import", at(dir_.file("copy")), "--format=jsonl", dir_.file("x.jsonl")}).out, "102 samples stored\n");
  EXPECT_EQ(run({"import", at(dir_.file("copy")), "--format=jsonl", dir_.file("x.jsonl")}).out,
            "0 samples stored; 102 duplicate\n");
  EXPECT_EQ(run({"import", at(options_.path), "--format=jsonl", dir_.file("x.jsonl")}).out,
            "0 samples stored; 102 duplicate\n");
  const Ran text = run({"export", at(options_.path)});
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_TRUE(has(text.err, "warning: 101 native histograms are left out")) << text.err;
  EXPECT_TRUE(text.out.starts_with("g 7 ")) << text.out;
  options_.path = dir_.file("copy");
  open();
  Content after;
  EXPECT_EQ(read_all(nullptr, &after), floats);
  EXPECT_EQ(after, before);
  drop();
}

TEST_F(CommandsTest, OpenMetricsKeepsAllButNaNPayloads) {
  Content before = fill();
  const Ran written = run({"export", at(options_.path)});
  ASSERT_EQ(written.exit_code, 0) << written.err;
  EXPECT_TRUE(written.out.ends_with("\n# EOF\n"));
  const Ran read = run({"import", at(dir_.file("copy")), dir_.write("x.om", written.out)});
  ASSERT_EQ(read.exit_code, 0) << read.err;
  for (auto& [series, column] : before) {
    for (auto& [t_ms, bits] : column) {
      if (std::isnan(std::bit_cast<double>(bits))) bits = kNormalNaNBits;
    }
  }
  EXPECT_EQ(content_of(dir_.file("copy")), before);
}

TEST_F(CommandsTest, ExportsWhatIsAskedFor) {
  fill();
  const auto lines = [&](std::vector<std::string> args) {
    args.insert(args.begin(), {"export", at(options_.path)});
    const Ran ran = run(args);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return std::count(ran.out.begin(), ran.out.end(), '\n') - 1;
  };
  EXPECT_EQ(lines({}), 240);
  EXPECT_EQ(lines({"--match=n"}), 80);
  EXPECT_EQ(lines({"--match={i=~\"1|2\"}", "--match=m"}), 160);  // Those that both select, once.
  EXPECT_EQ(lines({"--min-time=" + std::to_string(start_ms() + 15'000), "--match=n",
                   "--max-time=" + std::to_string(start_ms() + 30'000)}),
            4);
  EXPECT_EQ(run({"export", at(options_.path), "--match=m{"}).exit_code, 1);
  EXPECT_EQ(run({"export", at(options_.path), "--min-time=yesterday"}).exit_code, 1);
}

TEST_F(CommandsTest, ImportNamesTheLineThatIsWrongAndKeepsWhatStoodBefore) {
  const std::string path =
      dir_.write("bad.om", "# TYPE up gauge\nup 1 1700000000\nup 2 1700000015\nup two 1700000030\n");
  const Ran ran = run({"import", at(dir_.file("copy")), path});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.out, "2 samples stored\n");
  EXPECT_TRUE(has(ran.err, path + ":4: expected a value, got \"two\"")) << ran.err;
  EXPECT_EQ(content_of(dir_.file("copy")).at("up").size(), 2u);

  const Ran cut = run({"import", at(dir_.file("cut")), dir_.write("cut.om", "up 1 1700000000\n")});
  EXPECT_EQ(cut.exit_code, 1);
  EXPECT_TRUE(has(cut.err, "without \"# EOF\"")) << cut.err;

  const Ran future = run({"import", at(dir_.file("future")), dir_.write("future.om", "up 1 9000000000\n# EOF\n")});
  EXPECT_EQ(future.exit_code, 1);
  EXPECT_EQ(future.out, "0 samples stored; 1 too_new\n");
  EXPECT_EQ(run({"import", at(dir_.file("none")), dir_.file("none.om")}).exit_code, 1);
}

TEST_F(CommandsTest, ImportTakesOldSamplesInAnyOrder) {
  std::string text;
  for (int s = 500; s > 0; --s)
    text += "up{a=\"b\"} " + std::to_string(s) + " " + std::to_string(1'500'000'000 + s) + "\n";
  const Ran ran = run({"import", at(dir_.file("copy")), dir_.write("old.om", text + "# EOF\n")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, "500 samples stored\n");
  const Ran out = run({"export", at(dir_.file("copy"))});
  EXPECT_TRUE(out.out.starts_with("up{a=\"b\"} 1 1500000001\nup{a=\"b\"} 2 1500000002\n")) << out.out.substr(0, 100);
}

TEST_F(CommandsTest, BackupListRestore) {
  const Content before = fill();
  const std::string to = "--to=" + dir_.file("backups");
  const std::string from = "--from=" + dir_.file("backups");
  const Ran first = run({"backup", at(options_.path), to});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_TRUE(first.out.starts_with("backup 1: ")) << first.out;
  EXPECT_EQ(run({"backup", at(options_.path), to, "--keep=1"}).exit_code, 0);
  const Ran listed = run({"backups", from, "--verify"});
  EXPECT_EQ(listed.exit_code, 0) << listed.out;
  EXPECT_TRUE(has(listed.out, "     2  ") && has(listed.out, "verified") && !has(listed.out, "     1  ")) << listed.out;
  const Ran restored = run({"restore", from, at(dir_.file("restored"))});
  EXPECT_EQ(restored.exit_code, 0) << restored.err;
  EXPECT_EQ(content_of(dir_.file("restored")), before);
  EXPECT_EQ(run({"restore", from, at(dir_.file("restored"))}).exit_code, 1);
  EXPECT_EQ(run({"restore", from, at(dir_.file("other")), "--backup=7"}).exit_code, 1);
  EXPECT_EQ(run({"backup", at(options_.path)}).exit_code, 1);
  EXPECT_EQ(run({"backups"}).exit_code, 1);
  EXPECT_EQ(run({"restore", from}).exit_code, 1);

  for (const auto& file : fs::recursive_directory_iterator(dir_.file("backups"))) {
    if (file.path().extension() == ".sst") fs::resize_file(file.path(), file.file_size() - 1);
  }
  EXPECT_EQ(run({"backups", from}).exit_code, 0);  // It only looks for the files.
  EXPECT_EQ(run({"backups", from, "--verify"}).exit_code, 1);
  fs::remove_all(dir_.file("backups") + "/shared_checksum");
  const Ran damaged = run({"backups", from});
  EXPECT_EQ(damaged.exit_code, 1);
  EXPECT_TRUE(has(damaged.out, "damaged: files are missing")) << damaged.out;
}

TEST_F(CommandsTest, StatsCounts) {
  fill();
  const Ran ran = run({"stats", at(options_.path), "--limit=2"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(has(ran.out, "6 series, 9 label pairs, 180 samples in chunks")) << ran.out;
  EXPECT_TRUE(has(ran.out, "SERIES  METRIC\n     4  m\n     2  n\n")) << ran.out;
  EXPECT_TRUE(has(ran.out, "VALUES  LABEL NAME\n     6  i\n     2  __name__\n\n")) << ran.out;
  EXPECT_TRUE(has(ran.out, "\nraw ")) << ran.out;
}

TEST_F(CommandsTest, VerifyAndRepair) {
  const Content before = fill();
  const Ran whole = run({"verify", at(options_.path)});
  EXPECT_EQ(whole.exit_code, 0) << whole.out;
  EXPECT_TRUE(has(whole.out, "6 series") && whole.out.ends_with("OK\n")) << whole.out;

  for (const auto& file : fs::directory_iterator(options_.path + "/rocks")) {
    if (file.path().filename().string().starts_with("MANIFEST")) fs::remove(file.path());
  }
  const Ran lost = run({"verify", at(options_.path)});
  EXPECT_EQ(lost.exit_code, 1);
  EXPECT_TRUE(has(lost.err, options_.path)) << lost.err;
  const Ran repaired = run({"repair", at(options_.path)});
  EXPECT_EQ(repaired.exit_code, 0) << repaired.err;
  EXPECT_TRUE(has(repaired.out, "The list of files was lost") && has(repaired.out, "rocks.damaged")) << repaired.out;
  EXPECT_EQ(run({"verify", at(options_.path)}).exit_code, 0);
  EXPECT_EQ(content_of(options_.path), before);

  for (const auto& file : fs::directory_iterator(options_.path + "/rocks")) {
    if (file.path().extension() == ".sst" && file.file_size() > 0) {
      std::fstream io(file.path(), std::ios::in | std::ios::out | std::ios::binary);
      io.put('\x7f');
    }
  }
  const Ran damaged = run({"verify", at(options_.path)});
  EXPECT_EQ(damaged.exit_code, 1);
  EXPECT_TRUE(has(damaged.out, "DAMAGED")) << damaged.out << damaged.err;
  const Ran beside = run({"repair", at(options_.path), "--to=" + dir_.file("beside")});
  EXPECT_EQ(beside.exit_code, 0) << beside.err;
  EXPECT_TRUE(has(beside.out, "LOST")) << beside.out;
  EXPECT_EQ(run({"verify", at(dir_.file("beside"))}).exit_code, 0);
}

TEST_F(CommandsTest, AnEncryptedDirectoryNeedsItsKeyEverywhere) {
  options_.encryption_key_file = dir_.write("key", std::string(64, 'a'));
  const Content before = fill();
  const std::string key = "--storage.encryption-key-file=" + options_.encryption_key_file;
  const std::string from = "--from=" + dir_.file("backups");
  for (const char* name : {"stats", "verify", "repair", "export"}) {
    const Ran ran = run({name, at(options_.path)});
    EXPECT_EQ(ran.exit_code, 1) << name;
    EXPECT_TRUE(has(ran.err, "is encrypted")) << ran.err;
    EXPECT_EQ(run({name, at(options_.path), key}).exit_code, 0) << name;
  }
  EXPECT_EQ(run({"backup", at(options_.path), key, "--to=" + dir_.file("backups")}).exit_code, 0);
  EXPECT_EQ(run({"backups", from}).exit_code, 1);
  EXPECT_EQ(
      run({"restore", from, "--backup.encryption-key-file=" + options_.encryption_key_file, at(dir_.file("plain"))})
          .exit_code,
      0);
  options_.encryption_key_file.clear();
  EXPECT_EQ(content_of(dir_.file("plain")), before);
}

}  // namespace
}  // namespace tidemark::tsdb
