// A flipped byte in every file of a store, one at a time: the store never crashes, hangs or answers with a sample that
// was not written, and what it lacks is named by a warning, an error or a line in its log.
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <random>

#include "tests/storage/damage.h"
#include "tests/storage/quick_env.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/eventually.h"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;
using testing::eventually;

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kStartMs = 19'000 * kDayMs + kDayMs / 2;
constexpr int64_t kStepMs = 60'000;
constexpr int kSeries = 40;
constexpr int kDays = 2;
constexpr int kSamplesADay = 30;

// Which case runs, for when the process is aborted from within a library.
char g_case[512];

void tell_case(int /*signal*/) {
  static_cast<void>(::write(STDERR_FILENO, g_case, std::strlen(g_case)));
  std::signal(SIGABRT, SIG_DFL);
  std::raise(SIGABRT);
}

class FlipTest : public StoreFixture {
 protected:
  struct Answer {
    Content content;
    bool complete = true;  // As far as it says.
  };

  FlipTest() {
    options_.retention_ms = 1000 * kDayMs;
    options_.retention_5m_ms = 1000 * kDayMs;
    options_.retention_1h_ms = 1000 * kDayMs;
    options_.reopen_after_ms = 1;
    options_.env = env_.get();
    options_.shards = 2;
    if (const char* seed = std::getenv("TIDEMARK_TEST_SEED")) seed_ = std::strtoull(seed, nullptr, 10);
    random_.seed(seed_);
    std::signal(SIGABRT, tell_case);
  }
  ~FlipTest() override {
    std::signal(SIGABRT, SIG_DFL);
    store_.reset();
  }

  static Labels labels(int i) {
    return Labels{{"__name__", i % 2 == 0 ? "even" : "odd"}, {"i", std::to_string(i)}, {"job", "x"}};
  }

  // One sample of every series, remembered. False when not all were taken.
  bool append_to_all(int64_t t_ms) {
    clock_.set_now_ms(t_ms);
    Batch batch;
    for (int i = 0; i < kSeries; ++i) batch.add(kNoRef, labels(i), t_ms, value(i, t_ms));
    const auto report = store_->commit(batch);
    for (int i = 0; i < kSeries; ++i) written_[labels(i).to_string()][t_ms] = std::bit_cast<uint64_t>(value(i, t_ms));
    return report && report->accepted() == batch.size();
  }
  static double value(int i, int64_t t_ms) { return static_cast<double>((t_ms - kStartMs) / 1000 * 100 + i) / 8; }

  // Closed days with rollups, a delete, state, a day that is open, a checkpoint of the head, and a log on top.
  void fill() {
    options_.log_bytes_max = 64 << 20;
    for (int day = 0; day < kDays; ++day) {
      open();
      for (int s = 0; s < kSamplesADay; ++s) ASSERT_TRUE(append_to_all(kStartMs + day * kDayMs + s * kStepMs));
      close();
    }
    options_.log_bytes_max = 3'000;
    open();
    const int64_t now_ms = kStartMs + kDays * kDayMs;
    clock_.set_now_ms(now_ms);
    // Of a day that is being rewritten meanwhile, or has been.
    ASSERT_TRUE(store_->delete_samples({{Matcher::equal("i", "1")}}, kStartMs, kStartMs + 5 * kStepMs).ok());
    for (int64_t t_ms = kStartMs; t_ms <= kStartMs + 5 * kStepMs; t_ms += kStepMs) {
      written_[labels(1).to_string()].erase(t_ms);
    }
    for (int s = 0; s < 20; ++s) ASSERT_TRUE(append_to_all(now_ms + s * kStepMs));
    EXPECT_TRUE(eventually([this] { return metric("tidemark_storage_checkpoints_total") >= 1; }));
    store_->set_retention(options_.retention_ms, 0);  // Asks for another round over closed days.
    EXPECT_TRUE(eventually([this] { return metric("tidemark_storage_rewrite_windows_total") >= kDays; }));
    ASSERT_TRUE(store_->write_state({{"alert/1", "firing"}, {"alert/2", "pending"}}).ok());
    drop();
    options_.log_bytes_max = 64 << 20;
    open();
    ASSERT_TRUE(store_->delete_samples({{Matcher::equal("i", "3")}}, now_ms, now_ms + 3 * kStepMs).ok());
    for (int64_t t_ms = now_ms; t_ms <= now_ms + 3 * kStepMs; t_ms += kStepMs) {
      written_[labels(3).to_string()].erase(t_ms);
    }
    for (int s = 20; s < 25; ++s) ASSERT_TRUE(append_to_all(now_ms + s * kStepMs));
    ASSERT_EQ(read_all(), written_);
    next_ms_ = now_ms + 25 * kStepMs;
    saved_ = dir_.file("saved");
    drop();
    fs::copy(options_.path, saved_, fs::copy_options::recursive);
    options_.log_bytes_max = 3'000;
  }

  Answer ask(const std::vector<Matcher>& matchers) {
    Answer answer;
    auto querier = store_->querier();
    if (!querier) return {{}, false};
    const auto set = (*querier)->select(matchers, INT64_MIN, INT64_MAX, {}, false);
    std::vector<int64_t> t_ms(100);
    std::vector<double> v(100);
    while (set->next()) {
      Column& column = answer.content[set->labels().to_string()];
      SampleReader& samples = set->samples();
      while (const size_t count = samples.next(t_ms, v)) {
        for (size_t i = 0; i < count; ++i) column[t_ms[i]] = std::bit_cast<uint64_t>(v[i]);
      }
      answer.complete = answer.complete && samples.status().ok();
    }
    answer.complete = answer.complete && set->status().ok() && set->warnings().empty();
    return answer;
  }

  // Nothing that was not written; all that was, or a word about it. `tail_may_lack`: newest samples may be missing
  // without, as after a power cut.
  void check(const Answer& answer, const Content& wanted, bool log_says, bool tail_may_lack) {
    for (const auto& [series, column] : answer.content) {
      const auto known = wanted.find(series);
      EXPECT_NE(known, wanted.end()) << series << " was never written";
      if (known == wanted.end()) continue;
      for (const auto& [t_ms, bits] : column) {
        const auto sample = known->second.find(t_ms);
        // A deleted sample may show when the damage says so, or where the delete itself may be lacking.
        const bool back = sample == known->second.end() && (log_says || tail_may_lack) && deleted(series, t_ms, bits);
        EXPECT_TRUE(back || (sample != known->second.end() && sample->second == bits)) << series << " at " << t_ms;
      }
    }
    if (!answer.complete || log_says) return;
    for (const auto& [series, column] : wanted) {
      const auto found = answer.content.find(series);
      for (const auto& [t_ms, bits] : column) {
        if (found != answer.content.end() && found->second.contains(t_ms)) continue;
        if (tail_may_lack && t_ms >= kStartMs + kDays * kDayMs) continue;
        ADD_FAILURE() << series << " lacks " << t_ms << ", and nothing says so";
        return;
      }
    }
  }
  static bool deleted(const std::string& series, int64_t t_ms, uint64_t bits) {
    for (const int i : {1, 3, 5}) {
      if (series == labels(i).to_string()) return bits == std::bit_cast<uint64_t>(value(i, t_ms));
    }
    return false;
  }

  static bool log_says(testing::MemoryLogger& logger) { return logger.contains("level=ERROR"); }

  // A life of a store with that damage. Returns whether it opened.
  bool live(const std::string& file) {
    const bool log = file.ends_with(".log");
    testing::MemoryLogger logger;
    registry_ = std::make_unique<prometheus::Registry>();
    const Content before = written_;
    auto opened = Store::open(options_, clock_, logger, *registry_);
    if (!opened) {
      const std::string& message = opened.error().message();
      EXPECT_NE(message.find(options_.path), std::string::npos) << message;
      EXPECT_TRUE(message.find("tidemark tsdb repair") != std::string::npos ||
                  message.find("tidemark.format") != std::string::npos ||
                  message.find("tidemark.encryption") != std::string::npos)
          << message;
      return false;
    }
    store_ = std::move(*opened);
    const std::vector<Matcher> all{*Matcher::make(MatchOp::kRegex, kMetricName, ".+")};
    check(ask(all), written_, log_says(logger), log);
    Answer odd = ask({Matcher::equal(kMetricName, "odd"), *Matcher::make(MatchOp::kNotRegex, "i", "1|2")});
    for (const auto& [series, column] : odd.content) EXPECT_NE(series.find("odd"), std::string::npos);
    if (auto querier = store_->querier()) {
      const auto values = (*querier)->label_values("i", {}, INT64_MIN, INT64_MAX, 0);
      if (values && !log_says(logger) && !log) {
        EXPECT_EQ(values->size(), static_cast<size_t>(kSeries));
      }
    }
    const auto state = store_->get_state("alert/1");
    if (!state || *state != "firing") {
      EXPECT_TRUE(!state || log || log_says(logger)) << "state is gone, and nothing says so";
    }
    bool taken = true;
    for (int s = 0; s < 12; ++s) {
      const int64_t t_ms = next_ms_ + s * kStepMs;
      taken = append_to_all(t_ms) && taken;
    }
    static_cast<void>(store_->write_state({{"alert/3", "firing"}}));
    if (store_->delete_samples({{Matcher::equal("i", "5")}}, kStartMs + kDayMs, kStartMs + kDayMs).ok()) {
      written_[labels(5).to_string()].erase(kStartMs + kDayMs);
    } else {
      taken = false;  // Effective or not, it said so.
    }
    check(ask(all), written_, log_says(logger) || !taken, log);
    const Status closed = store_->close();
    const bool says = log_says(logger) || !taken || !closed.ok();
    store_.reset();
    registry_ = std::make_unique<prometheus::Registry>();
    opened = Store::open(options_, clock_, logger, *registry_);
    EXPECT_TRUE(opened || says) << opened.error().message();
    if (opened) {
      store_ = std::move(*opened);
      check(ask(all), written_, says || log_says(logger), log);
      store_.reset();
    }
    written_ = before;
    compactions_stopped_ += logger.contains("not compacted any more");
    return true;
  }

  void flip_in(const std::string& file, uint64_t at) {
    testing::restore_folder(saved_, options_.path);
    const std::string text = "flipped: " + file + " at " + std::to_string(at) + " of " +
                             std::to_string(fs::file_size(file)) + ", seed " + std::to_string(seed_) + "\n";
    std::snprintf(g_case, sizeof g_case, "%s", text.c_str());
    SCOPED_TRACE(text);
    testing::flip_byte(file, at, static_cast<char>(1 << random_() % 8));
    ++(live(file) ? opened_ : refused_);
  }

  // Each file of a filled store, in several places.
  void flip_everywhere() {
    fill();
    const char* times = std::getenv("TIDEMARK_TEST_LONG");
    const int rounds = times == nullptr ? 1 : std::max(1, std::atoi(times));
    // A round's flips may all miss what is compacted.
    for (int round = 0;
         round < rounds || (compactions_stopped_ == 0 && options_.encryption_key_file.empty() && round < rounds + 5);
         ++round) {
      for (const std::string& saved : testing::files_under(saved_)) {
        const std::string file = options_.path + saved.substr(saved_.size());
        const uint64_t size = fs::file_size(saved);
        // The header; the middle; the footer, which has its magic number at its end; and anywhere.
        for (const uint64_t at : {random_() % std::min<uint64_t>(size, 12), size / 2,
                                  size - 1 - random_() % std::min<uint64_t>(size, 60), random_() % size}) {
          flip_in(file, at);
        }
      }
    }
    EXPECT_GT(opened_, 0);
    EXPECT_GT(refused_, 0);
  }

  const std::unique_ptr<rocksdb::Env> env_ = testing::make_quick_env();
  std::string saved_;
  Content written_;
  int64_t next_ms_ = 0;
  int opened_ = 0;
  int refused_ = 0;
  int compactions_stopped_ = 0;
  uint64_t seed_ = std::random_device{}();
  std::mt19937_64 random_;
};

TEST_F(FlipTest, AFlippedByteInAnyFileIsNeverAnswered) {
  flip_everywhere();
  EXPECT_GT(compactions_stopped_, 0);
}

// Counter mode turns a flipped bit of the disk into the same one of the text; checksums lie within.
TEST_F(FlipTest, NorInAnEncryptedOne) {
  options_.encryption_key_file = dir_.write("key", std::string(64, 'a'));
  flip_everywhere();
}

}  // namespace
}  // namespace tidemark::storage
