// A scrape without the network and without the store: page in, batch out. Items are samples, bytes are of the page.
//
//   first     A target's first scrape: every series gets its labels, and a ref from the store.
//   steady    The page of last time with other values: what nearly all scrapes are.
//   shuffled  The same in another order every time, so that no series is where it was.
//   churn     One series in a hundred is new, and one is gone, with its marker.
//   failed    The page breaks off in its last line: a marker for every series, then all of them again.
//   relabel   One new series through three typical metric_relabel_configs.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <malloc.h>
#include <re2/re2.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "aggregator/scrape/page_writer.h"
#include "aggregator/scrape/relabel.h"

namespace tidemark::scrape {
namespace {

constexpr int64_t kStepMs = 15'000;

// Takes everything, keeps nothing.
class NullAppender final : public storage::Appender {
 public:
  Result<storage::CommitReport> commit(storage::Batch& batch) override {
    storage::CommitReport report;
    for (size_t i = 0; i < batch.size(); ++i) {
      if (batch.ref(i) == storage::kNoRef) batch.set_ref(i, storage::SeriesRef{++last_ref_});
      batch.set_outcome(i, storage::Outcome::kAccepted);
    }
    report.count[static_cast<size_t>(storage::Outcome::kAccepted)] = batch.size();
    return report;
  }

 private:
  uint64_t last_ref_ = 0;
};

std::vector<std::string> lines(int64_t count, int first = 0) {
  std::vector<std::string> out;
  for (int i = first; i < first + count; ++i) {
    out.push_back(
        fmt::format("node_subsystem{}_operations_total{{cpu=\"{}\",mode=\"iowait\"}} {}\n", i / 100, i % 100, i));
  }
  return out;
}

std::string join(const std::vector<std::string>& lines) { return fmt::format("{}", fmt::join(lines, "")); }

struct Bench {
  Bench() {
    config.job_name = "node";
    job = std::make_unique<Job>(config);
  }
  bool scrape(PageWriter& writer, const std::string& page) {
    t_ms += kStepMs;
    writer.begin(*job, scratch);
    const auto error = writer.add_page(page, t_ms);
    writer.add_stale_markers(t_ms);
    writer.add_report(t_ms, !error, 0.1);
    return writer.commit(store, metrics).has_value() && !error;
  }
  static void count(benchmark::State& state, const std::string& page, size_t samples) {
    state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * samples));
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * page.size()));
  }

  config::ScrapeConfig config;
  std::unique_ptr<Job> job;
  prometheus::Registry registry;
  Metrics metrics{registry};
  NullAppender store;
  ScrapeScratch scratch;
  int64_t t_ms = 1'700'000'000'000;
};

const Labels kTarget{{"instance", "host-1.example.com:9100"}, {"job", "node"}};

void first(benchmark::State& state) {
  Bench bench;
  const std::string page = join(lines(state.range(0)));
  for (auto _ : state) {
    PageWriter writer(kTarget, 1);
    if (!bench.scrape(writer, page)) state.SkipWithError("scrape failed");
  }
  Bench::count(state, page, state.range(0));
}
BENCHMARK(first)->Arg(1'000)->Arg(100'000);

void steady(benchmark::State& state) {
  Bench bench;
  const std::string page = join(lines(state.range(0)));
  {
    PageWriter warm_up(kTarget, 1);  // So that the scratch memory has its size and only the cache is measured.
    if (!bench.scrape(warm_up, page)) state.SkipWithError("scrape failed");
  }
  const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  PageWriter writer(kTarget, 1);
  if (!bench.scrape(writer, page)) state.SkipWithError("scrape failed");
  state.counters["bytes_a_series"] =
      static_cast<double>(mallinfo2().uordblks + mallinfo2().hblkhd - before) / static_cast<double>(state.range(0));
  for (auto _ : state) {
    if (!bench.scrape(writer, page) || writer.counts().series_added != 0) state.SkipWithError("not steady");
  }
  Bench::count(state, page, state.range(0));
}
BENCHMARK(steady)->Arg(1'000)->Arg(100'000);

void shuffled(benchmark::State& state) {
  Bench bench;
  std::vector<std::string> all = lines(state.range(0));
  std::vector<std::string> pages;
  std::mt19937 random(1);
  for (int i = 0; i < 4; ++i) {
    std::shuffle(all.begin(), all.end(), random);
    pages.push_back(join(all));
  }
  PageWriter writer(kTarget, 1);
  size_t next = 0;
  for (auto _ : state) {
    if (!bench.scrape(writer, pages[next++ % pages.size()])) state.SkipWithError("scrape failed");
  }
  Bench::count(state, pages[0], all.size());
}
BENCHMARK(shuffled)->Arg(1'000)->Arg(100'000);

void churn(benchmark::State& state) {
  Bench bench;
  const int64_t count = state.range(0);
  std::vector<std::string> pages;
  for (int i = 0; i < 8; ++i) pages.push_back(join(lines(count, static_cast<int>(count / 100) * i)));
  PageWriter writer(kTarget, 1);
  int next = 0;
  int step = 1;
  for (auto _ : state) {
    if (!bench.scrape(writer, pages[next])) state.SkipWithError("scrape failed");
    if (next + step < 0 || next + step == static_cast<int>(pages.size())) step = -step;
    next += step;
  }
  Bench::count(state, pages[0], count);
}
BENCHMARK(churn)->Arg(1'000)->Arg(100'000);

void failed(benchmark::State& state) {
  Bench bench;
  const std::string page = join(lines(state.range(0)));
  const std::string broken = page + "broken{";
  PageWriter writer(kTarget, 1);
  for (auto _ : state) {
    if (!bench.scrape(writer, page) || bench.scrape(writer, broken)) state.SkipWithError("not as meant");
  }
  Bench::count(state, page, 2 * state.range(0));
}
BENCHMARK(failed)->Arg(1'000);

void relabel_series(benchmark::State& state) {
  const auto rule = [](config::RelabelAction action, const char* source, const char* regex, const char* target,
                       const char* replacement) {
    config::RelabelConfig out;
    out.action = action;
    out.source_labels = {source};
    out.regex = std::make_shared<const RE2>(regex);
    out.target_label = target;
    out.replacement = replacement;
    return out;
  };
  const std::vector<config::RelabelConfig> rules = {
      rule(config::RelabelAction::kDrop, "__name__", "go_.*|process_.*", "", ""),
      rule(config::RelabelAction::kReplace, "instance", "([^:]+):.*", "host", "$1"),
      rule(config::RelabelAction::kLabelDrop, "", "tmp_.*", "", "")};
  const Labels series{{"__name__", "node_cpu_seconds_total"},
                      {"cpu", "7"},
                      {"instance", "host-1:9100"},
                      {"job", "node"},
                      {"mode", "idle"}};
  LabelsBuilder labels;
  for (auto _ : state) {
    labels.reset(series);
    if (!relabel(rules, labels) || labels.get("host") != "host-1") state.SkipWithError("wrong labels");
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}
BENCHMARK(relabel_series)->Name("relabel");

}  // namespace
}  // namespace tidemark::scrape
