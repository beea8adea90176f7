#include "aggregator/remote/write_receiver.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "aggregator/remote/write_metrics.h"
#include "model/mutex.h"
#include "net/server.h"

namespace tidemark::remote {

namespace {

using storage::Batch;
using storage::CommitReport;
using storage::Outcome;

constexpr size_t kKeptSamplesMax = 50'000;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Which version of remote write the headers tell of, or what is wrong with them. The message's type is 1.0's when it is
// not given.
Result<WriteVersion> version_of(std::string_view type, std::string_view encoding) {
  constexpr std::string_view kMessage1 = "prometheus.WriteRequest";
  constexpr std::string_view kMessage2 = "io.prometheus.write.v2.Request";
  WriteVersion version = WriteVersion::kV1;
  const std::string_view media = trimmed(type.substr(0, type.find(';')));
  if (!media.empty() && media != "application/x-protobuf") {
    return fail(
        Status::invalid("unsupported content type \"" + std::string(media) + "\": expected application/x-protobuf"));
  }
  while (type.find(';') != std::string_view::npos) {
    type.remove_prefix(type.find(';') + 1);
    const std::string_view parameter = trimmed(type.substr(0, type.find(';')));
    if (!parameter.starts_with("proto=")) continue;
    const std::string_view message = parameter.substr(6);
    if (message != kMessage1 && message != kMessage2) {
      return fail(Status::invalid("unsupported remote write message \"" + std::string(message) + "\": " +
                                  std::string(kMessage1) + " and " + std::string(kMessage2) + " are accepted"));
    }
    version = message == kMessage2 ? WriteVersion::kV2 : WriteVersion::kV1;
  }
  if (!encoding.empty() && encoding != "snappy") {
    return fail(Status::invalid("unsupported content encoding \"" + std::string(encoding) + "\": expected snappy"));
  }
  return version;
}

// In the words Prometheus' users grep for.
std::string_view refusal_text(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOutOfOrder:
      return "out of order sample";
    case Outcome::kTooOld:
      return "too old sample";
    case Outcome::kTooNew:
      return "sample is too far in the future";
    case Outcome::kInvalidLabels:
      return "invalid labels";
    case Outcome::kInvalidHistogram:
      return "invalid native histogram";
    case Outcome::kSeriesLimit:
      return "the limit of active series is reached";
    case Outcome::kUnreadable:
      return "the stored names of the series do not read (tidemark tsdb repair)";
    default:
      return "series left memory twice";
  }
}

int status_of(Code code) {
  return code == Code::kReadOnly || code == Code::kUnavailable || code == Code::kTimeout ? 503 : 500;
}

bool is_refusal(Outcome outcome) { return outcome >= Outcome::kOutOfOrder; }

size_t stored_histograms(const Batch& batch) {
  size_t count = 0;
  for (size_t i = 0; i < batch.size(); ++i) {
    const Outcome outcome = batch.outcome(i);
    if (batch.value(i).histogram != nullptr && outcome != Outcome::kUnknownRef && !is_refusal(outcome)) ++count;
  }
  return count;
}

// What was refused, by reason, and an example of each.
class Refusals {
 public:
  void add(Outcome outcome, size_t samples, std::string example) {
    auto& entry = entries_[static_cast<size_t>(outcome)];
    if (entry.samples == 0) entry.example = std::move(example);
    entry.samples += samples;
  }
  bool has(Outcome outcome) const { return entries_[static_cast<size_t>(outcome)].samples > 0; }

  void count(WriteMetrics& metrics) const {
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].samples > 0) metrics.refused(static_cast<Outcome>(i), entries_[i].samples);
    }
  }

  std::string message() const {
    std::string out;
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].samples == 0) continue;
      if (!out.empty()) out += "; ";
      out += refusal_text(static_cast<Outcome>(i));
      if (!entries_[i].example.empty()) out += ": " + entries_[i].example;
      if (entries_[i].samples > 1) out += " (" + std::to_string(entries_[i].samples) + " samples)";
    }
    return out;
  }

 private:
  struct Entry {
    size_t samples = 0;
    std::string example;
  };
  std::array<Entry, storage::kOutcomeCount> entries_;
};

}  // namespace

struct WriteReceiver::State {
  // What one request works with. Kept between requests: its buffers have grown to the senders' sizes.
  struct Context {
    Context(const WriteLimits& limits, SeriesCache& cache) : decoder(limits, cache) {}
    WriteDecoder decoder;
    DecodedRequest request;
    Batch batch;
    Batch again;
    size_t stored = 0;             // Samples of the request that are stored, or were before, of both kinds;
    size_t stored_histograms = 0;  // of these the histograms.
  };

  State(const WriteReceiverOptions& given, storage::Appender& store, const Clock& time, Logger& log,
        prometheus::Registry& registry)
      : options(given), appender(store), clock(time), logger(log), metrics(registry), cache(given.series_cache_max) {}

  std::unique_ptr<Context> take_context() {
    const MutexLock lock(mu);
    if (contexts.empty()) return std::make_unique<Context>(options.limits, cache);
    auto context = std::move(contexts.back());
    contexts.pop_back();
    return context;
  }

  void give_context(std::unique_ptr<Context> context) {
    context->decoder.shrink();
    if (context->batch.size() > kKeptSamplesMax) context->batch = {};
    if (context->again.size() > kKeptSamplesMax) context->again = {};
    const MutexLock lock(mu);
    contexts.push_back(std::move(context));
  }

  WriteAnswer store(WriteVersion version, Context& context, std::string_view body);
  Status commit(Context& context, Refusals& refusals);
  Status commit_again(Context& context, std::vector<std::pair<size_t, size_t>> unknown, Refusals& refusals);
  void keep_metadata(const DecodedRequest& request);

  const WriteReceiverOptions options;  // Constant after construction.
  storage::Appender& appender;         // These do their own locking.
  const Clock& clock;
  Logger& logger;
  WriteMetrics metrics;
  SeriesCache cache;

  mutable Mutex mu;                                                  // Never held across a commit.
  std::vector<std::unique_ptr<Context>> contexts TM_GUARDED_BY(mu);  // As many as there were requests at a time.
  std::map<std::string, ReceivedMetadata, std::less<>> metadata TM_GUARDED_BY(mu);  // At most options.metadata_max.
};

WriteReceiver::WriteReceiver(const WriteReceiverOptions& options, storage::Appender& appender, const Clock& clock,
                             Logger& logger, prometheus::Registry& metrics)
    : state_(std::make_unique<State>(options, appender, clock, logger, metrics)) {}

WriteReceiver::~WriteReceiver() = default;

const WriteReceiverOptions& WriteReceiver::options() const { return state_->options; }

WriteAnswer WriteReceiver::receive(std::string_view content_type, std::string_view content_encoding,
                                   std::string_view body) {
  const int64_t start_ns = state_->clock.monotonic_ns();
  state_->metrics.received_bytes.Increment(static_cast<double>(body.size()));
  WriteAnswer answer;
  if (const auto version = version_of(content_type, content_encoding); !version) {
    answer = {415, version.error().message()};
  } else {
    state_->cache.age(state_->clock.now_ms());
    auto context = state_->take_context();
    answer = state_->store(*version, *context, body);
    if (*version == WriteVersion::kV2) {
      answer.written = WriteAnswer::Written{context->stored - context->stored_histograms, context->stored_histograms};
    }
    state_->give_context(std::move(context));
  }
  if (!answer.message.empty()) answer.message += "\n";
  state_->metrics.answered(answer.status);
  state_->metrics.seconds.Observe(static_cast<double>(state_->clock.monotonic_ns() - start_ns) * 1e-9);
  return answer;
}

WriteAnswer WriteReceiver::State::store(WriteVersion version, Context& context, std::string_view body) {
  context.stored = 0;
  context.stored_histograms = 0;
  if (const Status status = context.decoder.decode(version, body, context.batch, context.request); !status.ok()) {
    return {status.code() == Code::kLimit ? 413 : 400, status.message()};
  }
  const DecodedRequest& request = context.request;
  Refusals refusals;
  if (request.invalid_samples > 0) {
    refusals.add(Outcome::kInvalidLabels, request.invalid_samples, request.first_invalid_series);
  }
  if (!context.batch.empty()) {
    if (const Status status = commit(context, refusals); !status.ok()) {
      logger.warn("Remote write was not stored", {{"err", status}, {"samples", context.batch.size()}});
      return {status_of(status.code()), status.message()};
    }
  }
  keep_metadata(request);
  metrics.exemplars_dropped.Increment(static_cast<double>(request.exemplars));
  metrics.cache_series.Set(static_cast<double>(cache.size()));
  refusals.count(metrics);
  const std::string message = refusals.message();
  return message.empty() ? WriteAnswer{} : WriteAnswer{400, message};
}

// Stores the batch, sends the series again whose refs the store no longer knows, and learns the refs of the others.
Status WriteReceiver::State::commit(Context& context, Refusals& refusals) {
  Batch& batch = context.batch;
  size_t hits = 0;
  for (const DecodedSeries& series : context.request.series) {
    hits += batch.ref(series.first_sample) != storage::kNoRef ? 1 : 0;
  }
  metrics.cache_hits.Increment(static_cast<double>(hits));
  metrics.cache_misses.Increment(static_cast<double>(context.request.series.size() - hits));

  const Result<CommitReport> report = appender.commit(batch);
  if (!report) return report.error();
  context.stored += report->accepted() + report->of(Outcome::kDuplicate);
  if (!context.request.histograms.empty()) context.stored_histograms += stored_histograms(batch);
  metrics.samples.Increment(static_cast<double>(context.stored));

  std::vector<std::pair<size_t, size_t>> unknown;  // Series and sample.
  for (size_t s = 0; s < context.request.series.size(); ++s) {
    const DecodedSeries& series = context.request.series[s];
    for (size_t i = series.first_sample; i < series.first_sample + series.sample_count; ++i) {
      const Outcome outcome = batch.outcome(i);
      if (outcome == Outcome::kUnknownRef) {
        unknown.emplace_back(s, i);
      } else if (is_refusal(outcome)) {
        std::string example;
        if (!refusals.has(outcome)) {
          example = "series " + context.decoder.labels_of(series).to_string() + " at timestamp " +
                    std::to_string(batch.t_ms(i));
        }
        refusals.add(outcome, 1, std::move(example));
      }
    }
    const bool was_new = !batch.labels(series.first_sample).empty();
    if (was_new && batch.ref(series.first_sample) != storage::kNoRef) {
      cache.put(series.key, batch.ref(series.first_sample));
    }
  }
  return unknown.empty() ? Status() : commit_again(context, std::move(unknown), refusals);
}

Status WriteReceiver::State::commit_again(Context& context, std::vector<std::pair<size_t, size_t>> unknown,
                                          Refusals& refusals) {
  context.again.clear();
  for (const auto& [s, i] : unknown) {
    const DecodedSeries& series = context.request.series[s];
    cache.erase(series.key);
    context.again.add(storage::kNoRef, context.decoder.labels_of(series), context.batch.t_ms(i),
                      context.batch.value(i));
  }
  const Result<CommitReport> report = appender.commit(context.again);
  if (!report) return report.error();
  const size_t stored = report->accepted() + report->of(Outcome::kDuplicate);
  context.stored += stored;
  if (!context.request.histograms.empty()) context.stored_histograms += stored_histograms(context.again);
  metrics.samples.Increment(static_cast<double>(stored));
  for (size_t k = 0; k < unknown.size(); ++k) {
    const DecodedSeries& series = context.request.series[unknown[k].first];
    const Outcome outcome = context.again.outcome(k);
    if (is_refusal(outcome)) {
      refusals.add(
          outcome, 1,
          "series " + context.again.labels(k).to_string() + " at timestamp " + std::to_string(context.again.t_ms(k)));
    } else if (context.again.ref(k) != storage::kNoRef) {
      cache.put(series.key, context.again.ref(k));
    }
  }
  return {};
}

void WriteReceiver::State::keep_metadata(const DecodedRequest& request) {
  if (request.metadata.empty()) return;
  const MutexLock lock(mu);
  for (const MetadataView& from : request.metadata) {
    const std::string_view metric = from.metric.substr(0, options.metadata_text_max);
    if (metric.empty()) continue;
    auto at = metadata.find(metric);
    if (at == metadata.end()) {
      if (metadata.size() >= options.metadata_max) {
        metrics.metadata_dropped.Increment();
        continue;
      }
      at = metadata.emplace(metric, ReceivedMetadata{}).first;
    }
    at->second.metric = metric;
    at->second.type = from.type;
    at->second.help = from.help.substr(0, options.metadata_text_max);
    at->second.unit = from.unit.substr(0, options.metadata_text_max);
  }
}

std::vector<ReceivedMetadata> WriteReceiver::metadata() const {
  const MutexLock lock(state_->mu);
  std::vector<ReceivedMetadata> out;
  for (const auto& [metric, metadata] : state_->metadata) out.push_back(metadata);
  return out;
}

void route_remote_write(net::Server& server, WriteReceiver* receiver) {
  constexpr std::string_view kPath = "/api/v1/write";
  if (receiver == nullptr) {
    server.route("POST", kPath, [](const net::Request&, net::Response& out) {
      out.status = 404;
      out.body = "remote write receiver needs to be enabled with --web.enable-remote-write-receiver\n";
    });
    return;
  }
  server.route(
      "POST", kPath,
      [receiver](const net::Request& in, net::Response& out) {
        WriteAnswer answer = receiver->receive(in.header("content-type"), in.header("content-encoding"), in.body);
        out.status = answer.status;
        out.body = std::move(answer.message);
        if (!answer.written) return;
        out.headers.emplace_back("X-Prometheus-Remote-Write-Samples-Written", std::to_string(answer.written->samples));
        out.headers.emplace_back("X-Prometheus-Remote-Write-Histograms-Written",
                                 std::to_string(answer.written->histograms));
        out.headers.emplace_back("X-Prometheus-Remote-Write-Exemplars-Written", "0");
      },
      receiver->options().body_bytes_max);
}

}  // namespace tidemark::remote
