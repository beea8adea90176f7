#include "aggregator/scrape/page_writer.h"

#include <string>

#include "aggregator/scrape/relabel.h"
#include "aggregator/scrape/sample_labels.h"
#include "model/sample.h"

namespace tidemark::scrape {
namespace {

constexpr std::array<std::string_view, 5> kReportNames = {"up", "scrape_duration_seconds", "scrape_samples_scraped",
                                                          "scrape_samples_post_metric_relabeling",
                                                          "scrape_series_added"};

bool is_stored(storage::Outcome outcome) {
  return outcome == storage::Outcome::kAccepted || outcome == storage::Outcome::kOverwrote ||
         outcome == storage::Outcome::kDuplicate;
}

}  // namespace

Job::Job(const config::ScrapeConfig& c)
    : config(c), series_rules([&] {
        std::string out = c.honor_labels ? "honor" : "move";
        for (const uint64_t limit : {c.limits.labels, c.limits.label_name_bytes, c.limits.label_value_bytes}) {
          out += " " + std::to_string(limit);
        }
        for (const config::RelabelConfig& rule : c.metric_relabel_configs) {
          out += "\n" + std::to_string(static_cast<int>(rule.action)) + " " + std::to_string(rule.modulus);
          const auto add = [&](const std::string& text) { out += " " + std::to_string(text.size()) + ":" + text; };
          for (const std::string& label : rule.source_labels) add(label);
          for (const std::string& text : {rule.separator, rule.regex_text, rule.target_label, rule.replacement}) {
            add(text);
          }
        }
        return out;
      }()) {}

void PageWriter::begin(const Job& job, ScrapeScratch& scratch) {
  job_ = &job;
  scratch_ = &scratch;
  scratch.batch.clear();
  scratch.pending.clear();
  stale_.clear();
  report_index_.clear();
  counts_ = {};
  duplicates_ = 0;
  page_good_ = false;
  if (series_rules_ != job.series_rules) {
    cache_.forget_texts();
    series_rules_ = job.series_rules;
  }
  cache_.begin_round();
}

std::optional<ScrapeError> PageWriter::add_page(std::string_view page, int64_t t_ms) {
  const config::ScrapeLimits& limits = job_->config.limits;
  std::optional<ScrapeError> error;
  MetadataHash metadata;
  ExpositionParser parser(page);
  for (bool more = true; more && !error;) {
    switch (parser.next()) {
      case ExpositionParser::Entry::kSample:
        error = add_sample(parser, t_ms);
        break;
      case ExpositionParser::Entry::kType:
        metadata.add(parser.family(), metric_type_name(parser.type()));
        break;
      case ExpositionParser::Entry::kHelp:
      case ExpositionParser::Entry::kUnit:
        metadata.add(parser.family(), parser.text());
        break;
      case ExpositionParser::Entry::kComment:
        break;
      case ExpositionParser::Entry::kEnd:
        more = false;
        break;
      case ExpositionParser::Entry::kError:
        error = ScrapeError{ScrapeFailure::kMalformed, parser.status().message()};
        break;
    }
  }
  if (!error && limits.samples > 0 && counts_.added > limits.samples) {
    error = ScrapeError{ScrapeFailure::kSampleLimit, "sample limit exceeded"};
  }
  if (error) {
    scratch_->batch.clear();
    scratch_->pending.clear();
    cache_.begin_round();  // Nothing of this page counts as shown.
    return error;
  }
  page_good_ = true;
  metadata_hash_ = metadata.value();
  return std::nullopt;
}

std::optional<ScrapeError> PageWriter::add_sample(ExpositionParser& parser, int64_t t_ms) {
  ++counts_.scraped;
  SeriesCache::Slot slot = cache_.find(parser.series());
  if (slot == SeriesCache::kNone) slot = cache_.insert(parser.series());
  SeriesCache::Entry& entry = cache_.at(slot);
  const bool again = entry.seen_in == cache_.round();
  entry.seen_in = cache_.round();
  if (entry.dropped) return std::nullopt;

  Labels labels;
  if (entry.ref == storage::kNoRef) {
    bool dropped = false;
    if (auto error = stored_labels(parser.labels(), dropped)) return error;
    entry.dropped = dropped;
    if (dropped) return std::nullopt;
    labels = scratch_->labels.build();
    entry.labels_hash = labels.hash();
    if (!again) ++counts_.series_added;
  }
  ++counts_.added;
  const std::optional<int64_t> own_t_ms =
      job_->config.honor_timestamps ? parser.timestamp_ms() : std::optional<int64_t>();
  if (again && !own_t_ms) {
    ++duplicates_;
    return std::nullopt;
  }
  if (!own_t_ms || job_->config.track_timestamps_staleness) entry.tracked_in = cache_.round();
  scratch_->batch.add(entry.ref, labels, own_t_ms.value_or(t_ms), parser.value());
  scratch_->pending.push_back({slot, parser.series()});
  return std::nullopt;
}

// Leaves the labels to store in scratch_->labels.
std::optional<ScrapeError> PageWriter::stored_labels(const std::vector<LabelView>& exposed, bool& dropped) {
  LabelsBuilder& labels = scratch_->labels;
  add_target_labels(exposed, target_labels_, job_->config.honor_labels, labels);
  dropped = !relabel(job_->config.metric_relabel_configs, labels) || labels.empty();
  if (dropped) return std::nullopt;
  if (labels.get(kMetricName).empty()) {
    return ScrapeError{ScrapeFailure::kMalformed, "missing metric name (__name__ label)"};
  }
  if (auto broken = broken_label_limit(job_->config.limits, labels)) {
    return ScrapeError{ScrapeFailure::kLabelLimit, std::move(*broken)};
  }
  return std::nullopt;
}

void PageWriter::add_stale_markers(int64_t t_ms) {
  stale_ = cache_.stale();
  for (const SeriesCache::Stale& stale : stale_) scratch_->batch.add(stale.ref, {}, t_ms, stale_nan());
}

Labels PageWriter::report_labels(size_t i) const {
  LabelsBuilder labels(target_labels_);
  labels.set(kMetricName, kReportNames[i]);
  return labels.build();
}

void PageWriter::add_report_value(size_t i, int64_t t_ms, double value) {
  const bool known = report_refs_[i] != storage::kNoRef;
  scratch_->batch.add(report_refs_[i], known ? Labels() : report_labels(i), t_ms, value);
  report_index_.push_back(i);
}

void PageWriter::add_report(int64_t t_ms, bool up, double seconds) {
  const std::array<double, kReportSeries> values = {up ? 1.0 : 0.0, seconds, static_cast<double>(counts_.scraped),
                                                    static_cast<double>(counts_.added),
                                                    static_cast<double>(counts_.series_added)};
  for (size_t i = 0; i < kReportSeries; ++i) add_report_value(i, t_ms, values[i]);
}

void PageWriter::add_stale_report(int64_t t_ms) {
  for (size_t i = 0; i < kReportSeries; ++i) {
    if (report_refs_[i] != storage::kNoRef) add_report_value(i, t_ms, stale_nan());
  }
}

Result<storage::CommitReport> PageWriter::commit(storage::Appender& appender, Metrics& metrics) {
  storage::Batch& batch = scratch_->batch;
  Result<storage::CommitReport> report = storage::CommitReport{};
  if (!batch.empty()) report = appender.commit(batch);
  if (!report) {
    if (cache_.bound_growth()) metrics.cache_flushes.Increment();
    return report;
  }
  metrics.count_report(*report);
  for (size_t i = 0; i < batch.size(); ++i) take_outcome(i, batch, i);
  cache_.clear_stale(stale_);
  if (report->of(storage::Outcome::kUnknownRef) > 0) {
    resend_unknown();
    Result<storage::CommitReport> second = appender.commit(scratch_->resent);
    if (!second) return second;
    metrics.count_report(*second);
    for (size_t i = 0; i < resent_.size(); ++i) take_outcome(resent_[i], scratch_->resent, i);
    for (size_t i = 0; i < storage::kOutcomeCount; ++i) report->count[i] += second->count[i];
    report->count[static_cast<size_t>(storage::Outcome::kUnknownRef)] = 0;
  }
  if (page_good_) {
    cache_.evict_unseen();
  } else if (cache_.bound_growth()) {
    metrics.cache_flushes.Increment();
  }
  return report;
}

// `i` is the sample's index in the first batch, which tells what it is.
void PageWriter::take_outcome(size_t i, const storage::Batch& batch, size_t in_batch) {
  const storage::Outcome outcome = batch.outcome(in_batch);
  const storage::SeriesRef ref = outcome == storage::Outcome::kUnknownRef ? storage::kNoRef : batch.ref(in_batch);
  const size_t first_report = scratch_->pending.size() + stale_.size();
  if (i < scratch_->pending.size()) {
    SeriesCache::Entry& entry = cache_.at(scratch_->pending[i].slot);
    entry.ref = ref;
    if (is_stored(outcome) && entry.tracked_in == cache_.round()) entry.live = true;
  } else if (i >= first_report) {
    report_refs_[report_index_[i - first_report]] = ref;
  }
}

// A marker is not sent again: a series that has left memory has had no sample for long, so nothing shows it any more.
void PageWriter::resend_unknown() {
  const storage::Batch& batch = scratch_->batch;
  const size_t first_report = scratch_->pending.size() + stale_.size();
  scratch_->resent.clear();
  resent_.clear();
  for (size_t i = 0; i < batch.size(); ++i) {
    if (batch.outcome(i) != storage::Outcome::kUnknownRef) continue;
    if (i >= first_report) {
      scratch_->resent.add(storage::kNoRef, report_labels(report_index_[i - first_report]), batch.t_ms(i),
                           batch.value(i));
      resent_.push_back(i);
    } else if (i < scratch_->pending.size()) {
      const std::string line = std::string(scratch_->pending[i].text) + " 0";
      ExpositionParser parser(line);
      bool dropped = false;
      if (parser.next() != ExpositionParser::Entry::kSample || stored_labels(parser.labels(), dropped) || dropped) {
        continue;  // It was none of these when the series got its ref.
      }
      scratch_->resent.add(storage::kNoRef, scratch_->labels.build(), batch.t_ms(i), batch.value(i));
      resent_.push_back(i);
    }
  }
}

}  // namespace tidemark::scrape
