#include "tests/crash/ledger.h"

#include <cmath>
#include <vector>

namespace tidemark::crash {
namespace {

using storage::Outcome;

constexpr size_t kBatch = 256;

std::string describe(double v) {
  const auto scaled = static_cast<uint64_t>(v * 4);
  return "series " + std::to_string(scaled >> 24) + ", operation " + std::to_string(scaled & 0xffffff);
}

std::string at(uint32_t series, int64_t t_ms) {
  return "series " + std::to_string(series) + " at " + std::to_string(t_ms) + ": ";
}

// The series number, when the labels are those of that series and nothing else.
std::optional<uint32_t> series_of(LabelsView labels) {
  const std::string text(labels.get("series"));
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos || text.size() > 9) return std::nullopt;
  const auto series = static_cast<uint32_t>(std::stoul(text));
  if (labels.encoded() != series_labels(series).encoded()) return std::nullopt;
  return series;
}

int64_t day_start_ms(int64_t t_ms) { return t_ms - t_ms % kDayMs; }

// Samples of both kinds into one column. What is wrong with them as they come, or "".
std::string read(uint32_t series, storage::SampleReader& samples, std::map<int64_t, double>& column) {
  std::vector<int64_t> t_ms(kBatch);
  std::vector<double> v(kBatch);
  const auto add = [&](int64_t t, double value, bool of_histogram) {
    if (is_histogram(series, t) != of_histogram) return at(series, t) + "is of the wrong kind";
    if (!column.emplace(t, value).second) return at(series, t) + "is there twice";
    return std::string();
  };
  while (const size_t count = samples.next(t_ms, v)) {
    for (size_t i = 0; i < count; ++i) {
      if (std::string wrong = add(t_ms[i], v[i], false); !wrong.empty()) return wrong;
    }
  }
  std::vector<HistogramRef> histograms(kBatch);
  while (const size_t count = samples.next_histograms(t_ms, histograms)) {
    for (size_t i = 0; i < count; ++i) {
      const NativeHistogram& h = *histograms[i];
      if (!same_histogram(h, histogram_of(h.sum))) return at(series, t_ms[i]) + "its buckets are not those of its sum";
      if (std::string wrong = add(t_ms[i], h.sum, true); !wrong.empty()) return wrong;
    }
  }
  return samples.status().ok() ? "" : samples.status().message();
}

}  // namespace

void Ledger::apply(const Op& op) {
  for (const LedgerSample& sample : op.samples) {
    const auto [found, added] = series_[sample.series].insert_or_assign(sample.t_ms, sample.v);
    if (added) ++sample_count_;
  }
  if (op.kind != Op::Kind::kErase) return;
  const auto is_meant = [&](uint32_t series) {
    return op.parity.empty() ? series == op.series : parity_of(series) == op.parity;
  };
  for (auto& [series, column] : series_) {
    if (!is_meant(series)) continue;
    const auto first = column.lower_bound(op.min_ms);
    const auto last = column.upper_bound(op.max_ms);
    sample_count_ -= static_cast<size_t>(std::distance(first, last));
    column.erase(first, last);
  }
  std::erase_if(series_, [](const auto& one) { return one.second.empty(); });
}

Outcome Ledger::expected(const LedgerSample& sample) const {
  const auto series = series_.find(sample.series);
  if (series == series_.end()) return Outcome::kAccepted;
  const auto found = series->second.find(sample.t_ms);
  if (found == series->second.end()) return Outcome::kAccepted;
  return found->second == sample.v ? Outcome::kDuplicate : Outcome::kOverwrote;
}

std::string Ledger::difference(storage::Store& store, int64_t now_ms) const {
  std::string out = raw_difference(store, day_start_ms(now_ms - kRawRetentionMs));
  for (const int64_t resolution_ms : {int64_t{0}, 5 * kMinuteMs, kHourMs}) {
    if (out.empty()) out = total_difference(store, now_ms, resolution_ms);
  }
  return out;
}

std::string Ledger::raw_difference(storage::Store& store, int64_t min_ms) const {
  const auto querier = store.querier();
  if (!querier) return "no querier: " + querier.error().message();
  const auto set = (*querier)->select({Matcher::equal(kMetricName, "ledger")}, min_ms, INT64_MAX, {}, false);
  std::map<uint32_t, bool> seen;
  while (set->next()) {
    const auto series = series_of(set->labels());
    if (!series) return "a series nobody wrote: " + set->labels().to_string();
    if (!seen.emplace(*series, true).second) return "twice in one answer: " + set->labels().to_string();
    const auto wanted = series_.find(*series);
    static const std::map<int64_t, double> kNone;
    const auto& column = wanted == series_.end() ? kNone : wanted->second;
    auto want = column.lower_bound(min_ms);
    std::map<int64_t, double> found;
    if (std::string wrong = read(*series, set->samples(), found); !wrong.empty()) return wrong;
    for (const auto& [t_ms, v] : found) {
      if (t_ms < min_ms) continue;  // Of a rollup, which reaches back a bucket.
      if (want == column.end() || t_ms < want->first) {
        return at(*series, t_ms) + "nobody wrote it, its value is of " + describe(v);
      }
      if (t_ms > want->first) return at(*series, want->first) + "is missing, of " + describe(want->second);
      if (v != want->second) return at(*series, t_ms) + "is of " + describe(v) + ", want " + describe(want->second);
      ++want;
    }
    if (want != column.end()) return at(*series, want->first) + "is missing, of " + describe(want->second);
  }
  if (!set->status().ok()) return set->status().message();
  if (!set->warnings().empty()) return "warning: " + set->warnings().front();
  for (const auto& [series, column] : series_) {
    const auto want = column.lower_bound(min_ms);
    if (want != column.end() && !seen.contains(series)) {
      return at(series, want->first) + "is missing with its series, of " + describe(want->second);
    }
  }
  return "";
}

std::string Ledger::total_difference(storage::Store& store, int64_t now_ms, int64_t resolution_ms) const {
  const auto querier = store.querier();
  if (!querier) return "no querier: " + querier.error().message();
  storage::SelectHints hints;
  hints.function = "sum_over_time";
  hints.range_ms = kDayMs;
  hints.max_resolution_ms = resolution_ms;
  // Whole days, so that no bucket is cut.
  const auto set = (*querier)->select({Matcher::equal(kMetricName, "ledger")}, kStartMs - kDayMs,
                                      day_start_ms(now_ms) + 2 * kDayMs, hints, false);
  struct Total {
    double count = 0;
    double sum = 0;
  };
  std::map<uint32_t, Total> totals;
  std::vector<int64_t> t_ms(kBatch);
  std::vector<double> v(kBatch);
  while (set->next()) {
    const auto series = series_of(set->labels());
    if (!series) return "a series nobody wrote: " + set->labels().to_string();
    Total& total = totals[*series];
    storage::SampleReader& samples = set->samples();
    while (const size_t count = samples.next(t_ms, v)) {
      const auto folded = samples.folded();
      for (size_t i = 0; i < count; ++i) {
        total.count += folded.count.empty() ? 1 : folded.count[i];
        total.sum += v[i];
      }
    }
    if (const Status status = samples.status(); !status.ok()) return status.message();
  }
  if (!set->status().ok()) return set->status().message();
  if (!set->warnings().empty()) return "warning: " + set->warnings().front();
  for (const auto& [series, column] : series_) {
    double sum = 0;
    size_t floats = 0;  // Rollups hold no histograms.
    for (const auto& [t, value] : column) {
      if (is_histogram(series, t)) continue;
      sum += value;
      ++floats;
    }
    const Total total = totals[series];
    totals.erase(series);
    if (total.count == static_cast<double>(floats) && std::abs(total.sum - sum) <= 1e-12 * std::abs(sum)) continue;
    return "series " + std::to_string(series) + " over all time, rollups of up to " +
           std::to_string(resolution_ms / 1000) + " s: " + std::to_string(total.count) + " samples of sum " +
           std::to_string(total.sum) + ", want " + std::to_string(floats) + " of sum " + std::to_string(sum);
  }
  for (const auto& [series, total] : totals) {
    if (total.count == 0) continue;  // Postings may name it.
    return "series " + std::to_string(series) + " has " + std::to_string(total.count) +
           " samples over all time, and should have none";
  }
  return "";
}

}  // namespace tidemark::crash
