// `tidemark tsdb export`.
#include <fmt/format.h>
#include <prometheus/registry.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <set>

#include "aggregator/promql/parser.h"
#include "aggregator/storage/store.h"
#include "aggregator/tsdb/command_line.h"
#include "aggregator/tsdb/json_lines.h"
#include "aggregator/tsdb/openmetrics_lines.h"
#include "model/clock.h"

namespace tidemark::tsdb {
namespace {

constexpr size_t kColumn = 4096;            // Samples decoded at a time, and most in a JSON line.
constexpr size_t kHistograms = 64;          // The same of native histograms, which are larger.
constexpr size_t kBufferBytes = 256 << 10;  // Written at a time.

using MatcherSet = std::vector<Matcher>;

class Output {
 public:
  static Result<std::unique_ptr<Output>> open(const std::string& path) {
    std::FILE* const file = path.empty() || path == "-" ? stdout : std::fopen(path.c_str(), "wbe");
    if (file == nullptr) return fail(Status::io(fmt::format("cannot write {}: {}", path, std::strerror(errno))));
    return std::unique_ptr<Output>(new Output(file));
  }
  ~Output() {
    if (file_ != stdout) std::fclose(file_);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  std::string& buffer() { return buffer_; }
  Status write(bool all) {
    if (!all && buffer_.size() < kBufferBytes) return {};
    errno = 0;
    const bool written =
        std::fwrite(buffer_.data(), 1, buffer_.size(), file_) == buffer_.size() && (!all || std::fflush(file_) == 0);
    buffer_.clear();
    return written ? Status() : Status::io(fmt::format("cannot write the output: {}", std::strerror(errno)));
  }

 private:
  explicit Output(std::FILE* file) : file_(file) {}

  std::FILE* const file_;
  std::string buffer_;
};

class Export {
 public:
  Export(storage::Querier& querier, Output& output, bool as_json, int64_t min_ms, int64_t max_ms)
      : querier_(querier), output_(output), as_json_(as_json), min_ms_(min_ms), max_ms_(max_ms) {}

  // One metric after the other, so that the labels of no more than one metric's series are in memory.
  Status run(const std::vector<MatcherSet>& sets) {
    std::set<std::string> names = {""};  // Series without a name, too.
    for (const MatcherSet& set : sets) {
      const auto some = querier_.label_values(kMetricName, set, min_ms_, max_ms_, 0);
      if (!some) return some.error();
      names.insert(some->begin(), some->end());
    }
    for (const std::string& name : names) {
      for (size_t i = 0; i < sets.size(); ++i) {
        if (Status status = metric(name, sets, i); !status.ok()) return status;
      }
    }
    if (!as_json_) output_.buffer() += "# EOF\n";
    if (left_out_ > 0) {
      fmt::print(stderr, "warning: {} native histograms are left out: OpenMetrics text has none, --format=jsonl has\n",
                 format_count(left_out_));
      ++warnings_;
    }
    return output_.write(true);
  }

  uint64_t warnings() const { return warnings_; }

 private:
  Status metric(const std::string& name, const std::vector<MatcherSet>& sets, size_t at) {
    MatcherSet matchers = sets[at];
    matchers.push_back(Matcher::equal(kMetricName, name));
    storage::SelectHints hints;
    hints.max_resolution_ms = -1;  // What is written is to be what was stored.
    hints.start_times = as_json_;
    const auto set = querier_.select(matchers, min_ms_, max_ms_, hints, true);
    while (set->next()) {
      bool done_already = false;  // By an earlier --match.
      for (size_t i = 0; i < at; ++i) done_already = done_already || matches_all(sets[i], set->labels());
      if (done_already) continue;
      if (Status status = series(*set); !status.ok()) return status;
    }
    for (const std::string& warning : set->warnings()) {
      fmt::print(stderr, "warning: {}\n", warning);
      ++warnings_;
    }
    return set->status();
  }

  Status series(storage::SeriesSet& set) {
    storage::SampleReader& samples = set.samples();
    while (const size_t count = samples.next(t_ms_, v_)) {
      if (as_json_) {
        append_json_line(output_.buffer(), set.labels(), std::span(t_ms_).first(count), std::span(v_).first(count),
                         samples.starts());
      } else {
        for (size_t i = 0; i < count; ++i) append_openmetrics_line(output_.buffer(), set.labels(), t_ms_[i], v_[i]);
      }
      if (Status status = output_.write(false); !status.ok()) return status;
    }
    while (const size_t count = samples.next_histograms(std::span(t_ms_).first(kHistograms), histograms_)) {
      if (!as_json_) {
        left_out_ += count;
        continue;
      }
      append_json_line(output_.buffer(), set.labels(), std::span(t_ms_).first(count),
                       std::span<const HistogramRef>(histograms_).first(count), samples.histogram_starts());
      if (Status status = output_.write(false); !status.ok()) return status;
    }
    return samples.status();
  }

  storage::Querier& querier_;
  Output& output_;
  const bool as_json_;
  const int64_t min_ms_;
  const int64_t max_ms_;
  uint64_t warnings_ = 0;
  uint64_t left_out_ = 0;  // Histograms.
  std::vector<int64_t> t_ms_ = std::vector<int64_t>(kColumn);
  std::vector<double> v_ = std::vector<double>(kColumn);
  std::vector<HistogramRef> histograms_ = std::vector<HistogramRef>(kHistograms);
};

Result<std::vector<MatcherSet>> parse_matches(const std::vector<std::string>& texts) {
  std::vector<MatcherSet> sets;
  for (const std::string& text : texts) {
    auto matchers = promql::parse_selector(text);
    if (!matchers) return fail(matchers.error().at("--match"));
    sets.push_back(std::move(*matchers));
  }
  if (sets.empty()) sets.emplace_back();
  return sets;
}

}  // namespace

int export_command(const Args& args) {
  CommandLine line(
      "export",
      "Writes the samples of a data directory as text, to standard output or a file. OpenMetrics text has "
      "no staleness markers, they become NaN, no start timestamps, and no native histograms, which are left "
      "out with a warning; "
      "JSON lines keep every bit.");
  StoreFlags store_flags;
  std::string format = "openmetrics";
  std::string output_path;
  std::string min_time;
  std::string max_time;
  std::vector<std::string> matches;
  store_flags.declare(line.flags());
  line.flags().add_choice("format", &format, {"openmetrics", "jsonl"}, "Form of the text.");
  line.flags().add("match", &matches,
                   "Series selector, as up{job=\"node\"}; may be given several times. Default: all.");
  line.flags().add("min-time", &min_time, "First time, in milliseconds since 1970 or as 2026-11-21T03:45:00Z.");
  line.flags().add("max-time", &max_time, "Last time.");
  line.flags().add("output", &output_path, "File to write. Default: standard output.");
  if (const auto exit_code = line.parse(args)) return *exit_code;
  const auto sets = parse_matches(matches);
  if (!sets) return line.failed(sets.error());
  const auto min_ms = min_time.empty() ? Result<int64_t>(std::numeric_limits<int64_t>::min()) : parse_time(min_time);
  if (!min_ms) return line.failed(min_ms.error().at("--min-time"));
  const auto max_ms = max_time.empty() ? Result<int64_t>(std::numeric_limits<int64_t>::max()) : parse_time(max_time);
  if (!max_ms) return line.failed(max_ms.error().at("--max-time"));

  prometheus::Registry registry;
  const auto store = store_flags.open(false, registry);
  if (!store) return line.failed(store.error());
  const auto output = Output::open(output_path);
  if (!output) return line.failed(output.error());
  const auto querier = (*store)->querier();
  if (!querier) return line.failed(querier.error());
  Export work(**querier, **output, format == "jsonl", *min_ms, *max_ms);
  if (const Status status = work.run(*sets); !status.ok()) return line.failed(status);
  return work.warnings() == 0 ? 0 : 1;
}

}  // namespace tidemark::tsdb
