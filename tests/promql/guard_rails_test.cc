// Queries that are too much: that deadline and kill act everywhere, and that what a query holds is charged and given
// back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <ctime>

#include "aggregator/promql/engine.h"
#include "tests/support/fake_clock.h"

namespace tidemark::promql {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kNowMs = 1'700'000'000'000;
constexpr int64_t kStepMs = 1'000;

// A store that makes up what it is asked for, so that it takes no time and no memory of its own. Of the metrics
//   m, n    many series with a sample at kNowMs, their labels in no order: i="..." differs, g="a".."d" groups
//   h       one classic histogram with as many buckets
//   long    one series with as many samples, one a step, the last one at kNowMs
class MadeUpStore final : public storage::Queryable {
 public:
  explicit MadeUpStore(size_t size) : size_(size) {}

  Result<std::unique_ptr<storage::Querier>> querier() override {
    return std::unique_ptr<storage::Querier>(std::make_unique<MadeUpQuerier>(size_));
  }

 private:
  static uint64_t scrambled(uint64_t i) { return (i + 1) * 0x9E3779B97F4A7C15u; }

  class Reader final : public storage::SampleReader {
   public:
    // Of samples [next, end), a step apart, the last one at kNowMs.
    void begin(size_t next, size_t end, uint64_t seed) {
      next_ = next;
      end_ = end;
      seed_ = seed;
    }
    size_t next(std::span<int64_t> t_ms, std::span<double> v) override {
      size_t n = 0;
      for (; n < t_ms.size() && next_ < end_; ++n, ++next_) {
        t_ms[n] = kNowMs - static_cast<int64_t>(end_ - 1 - next_) * kStepMs;
        v[n] = static_cast<double>(scrambled(seed_ + next_) >> 40);
      }
      return n;
    }
    Status status() const override { return {}; }

   private:
    size_t next_ = 0;
    size_t end_ = 0;
    uint64_t seed_ = 0;
  };

  class Set final : public storage::SeriesSet {
   public:
    Set(std::string name, size_t size, int64_t min_ms) : name_(std::move(name)), size_(size), min_ms_(min_ms) {}
    bool next() override {
      if (next_ == (name_ == "long" ? 1 : size_)) return false;
      const uint64_t id = scrambled(next_++);
      if (name_ == "long") {
        labels_ = Labels{{"__name__", name_}};
        const int64_t wanted = (kNowMs - min_ms_) / kStepMs + 1;
        reader_.begin(size_ - std::min(size_, static_cast<size_t>(wanted)), size_, 0);
        return true;
      }
      if (name_ == "h") {
        labels_ = Labels{{"__name__", "h"}, {"le", next_ == size_ ? "+Inf" : std::to_string(id >> 11)}};
      } else {
        labels_ = Labels{{"__name__", name_}, {"g", std::string(1, "abcd"[id >> 62])}, {"i", std::to_string(id)}};
      }
      reader_.begin(0, 1, id);
      return true;
    }
    LabelsView labels() const override { return labels_; }
    storage::SampleReader& samples() override { return reader_; }
    Status status() const override { return {}; }

   private:
    const std::string name_;
    const size_t size_;
    const int64_t min_ms_;
    size_t next_ = 0;
    Labels labels_;
    Reader reader_;
  };

  class MadeUpQuerier final : public storage::Querier {
   public:
    explicit MadeUpQuerier(size_t size) : size_(size) {}
    std::unique_ptr<storage::SeriesSet> select(const std::vector<Matcher>& matchers, int64_t min_ms, int64_t,
                                               const storage::SelectHints&, bool) override {
      const auto name =
          std::find_if(matchers.begin(), matchers.end(), [](const Matcher& m) { return m.name() == kMetricName; });
      return std::make_unique<Set>(name->value(), size_, min_ms);
    }
    Result<std::vector<std::string>> label_names(const std::vector<Matcher>&, int64_t, int64_t, size_t) override {
      return std::vector<std::string>();
    }
    Result<std::vector<std::string>> label_values(std::string_view, const std::vector<Matcher>&, int64_t, int64_t,
                                                  size_t) override {
      return std::vector<std::string>();
    }

   private:
    const size_t size_;
  };

  const size_t size_;
};

// Time stands still, but for what a test makes of each look at it. What the engine's own thread has computed between
// two looks is measured in processor time, which does not count the time others had.
class WatchedClock final : public Clock {
 public:
  int64_t now_ms() const override { return kNowMs; }
  int64_t monotonic_ns() const override {
    if (looks_max_ == SIZE_MAX) {
      longest_ns_ = std::max(longest_ns_, thread_cpu_ns() - last_ns_);
      last_ns_ = thread_cpu_ns();
    }
    return ++looks_ > looks_max_ ? INT64_MAX : 0;
  }

  void begin(size_t looks_max) {
    looks_ = 0;
    looks_max_ = looks_max;
    longest_ns_ = 0;
    last_ns_ = thread_cpu_ns();
  }
  size_t looks() const { return looks_; }
  int64_t longest_ns() const { return longest_ns_; }

 private:
  static int64_t thread_cpu_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1'000'000'000 + now.tv_nsec;
  }

  mutable size_t looks_ = 0;
  mutable size_t looks_max_ = 0;
  mutable int64_t longest_ns_ = 0;
  mutable int64_t last_ns_ = 0;
};

struct Killer {
  const char* query;
  int64_t steps = 1;
};

// Each is most of its time where it is named for.
constexpr Killer kKillers[] = {
    {"m"},
    {"sort(m)"},
    {"sort_desc(m)"},
    {"sort_by_label(m, 'i')"},
    {"sort_by_label_desc(m, 'g', 'i')"},
    {"topk(100000, m)"},
    {"topk by (g) (100000, m)", 3},
    {"bottomk by (i) (1, m)"},
    {"limitk(50000, m)"},
    {"limit_ratio(0.5, m)"},
    {"quantile(0.9, m)", 3},
    {"quantile by (i) (0.9, m)"},
    {"count_values('v', m)"},
    {"sum by (i) (m)"},
    {"stddev without (g) (m)"},
    {"m + on (i) n"},
    {"m * on (i, g) group_left () n"},
    {"m and on (i) n"},
    {"m unless on (g) n", 3},
    {"m or n"},
    {"label_replace(m, 'x', '$2-$1', 'i', '(.)(.*)')"},
    {"label_join(m, 'x', '-', 'i', 'g', 'i')"},
    {"abs(m)"},
    {"-m > 5"},
    {"histogram_quantile(0.9, h)", 3},
    {"histogram_fraction(0, 1e10, h)"},
    {"info(m, {__name__='n'})"},
    {"scalar(m)"},
    {"absent(m)"},
    {"max_over_time(m[1m])"},
    {"timestamp(m)"},
    {"quantile_over_time(0.9, long[30000s])", 30},
    {"mad_over_time(long[3000s])", 300},
    {"stddev_over_time(long[15000s])", 10'000},
    {"max_over_time(long[10000s:1s])", 20},
    {"long[30000s]"},
};

class GuardRails : public ::testing::TestWithParam<Killer> {
 protected:
  static EngineOptions options() {
    EngineOptions out;
    out.parser = {true, true, true};
    out.threads_max = 1;
    return out;
  }
  Result<QueryResult> ask(Engine& engine) const {
    const auto& [query, steps] = GetParam();
    return steps == 1 ? engine.instant(query, kNowMs)
                      : engine.range(query, kNowMs - (steps - 1) * kStepMs, kNowMs, kStepMs);
  }

  WatchedClock clock_;
  prometheus::Registry registry_;
};

constexpr int64_t kGapMaxNs = 100'000'000;  // The promise.

// As many that sorting or matching them without a look takes longer than that, and that giving back the memory, when
// there is nothing left to end, does not.
constexpr size_t kManySeries = 20'000;

TEST_P(GuardRails, LooksAtTheClockAllTheTime) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers are twenty times as slow";
#endif
  MadeUpStore store(kManySeries);
  Engine engine(store, options(), clock_, registry_);
  clock_.begin(SIZE_MAX);
  const auto result = ask(engine);
  ASSERT_TRUE(result) << result.error().message();
  clock_.monotonic_ns();
  EXPECT_LT(clock_.longest_ns(), kGapMaxNs);
}

TEST_P(GuardRails, EndsWhereverTheDeadlineFindsIt) {
  MadeUpStore store(2'000);
  EngineOptions small = options();
  small.bytes_all_max = 8 << 20;  // What a few of the queries below take.
  Engine engine(store, small, clock_, registry_);
  clock_.begin(SIZE_MAX);
  ASSERT_TRUE(ask(engine));
  const size_t looks = clock_.looks();
  const size_t apart = looks / 10 + 1;
  // The first looks tell when the deadline is, and the last ones how long it took.
  for (size_t i = 5; i < looks; i += apart) {
    clock_.begin(i);
    const auto result = ask(engine);
    if (i + 5 >= looks && result) continue;
    ASSERT_FALSE(result) << i << " of " << looks;
    ASSERT_EQ(result.error().code(), Code::kTimeout) << result.error().message();
  }
  clock_.begin(SIZE_MAX);
  const auto after = ask(engine);
  EXPECT_TRUE(after) << after.error().message();
}

TEST_P(GuardRails, IsChargedForWhatItHolds) {
  if (std::string_view(GetParam().query).find("long") != std::string_view::npos) GTEST_SKIP() << "of many series";
  MadeUpStore store(10'000);
  EngineOptions small = options();
  small.bytes_max = 700'000;  // 70 bytes a series: less than a column takes.
  Engine engine(store, small, clock_, registry_);
  clock_.begin(SIZE_MAX);
  const auto result = ask(engine);
  const std::string_view query = GetParam().query;
  const bool folds = query.starts_with("scalar") || query.starts_with("absent");
  if (folds) {
    EXPECT_TRUE(result) << result.error().message();
    return;
  }
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kLimit);
  EXPECT_THAT(result.error().message(), HasSubstr("budget of 700000 bytes"));
}

INSTANTIATE_TEST_SUITE_P(Killers, GuardRails, ::testing::ValuesIn(kKillers), [](const auto& param) {
  std::string name = std::to_string(param.index) + "_";
  for (const char c : std::string_view(param.param.query)) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
  }
  return name;
});

void PrintTo(const Killer& killer, std::ostream* out) { *out << killer.query; }

}  // namespace
}  // namespace tidemark::promql
