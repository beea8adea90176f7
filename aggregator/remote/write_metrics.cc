#include "aggregator/remote/write_metrics.h"

namespace tidemark::remote {

namespace {

prometheus::Counter& counter(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

}  // namespace

WriteMetrics::WriteMetrics(prometheus::Registry& registry)
    : requests(prometheus::BuildCounter()
                   .Name("tidemark_remote_write_requests_total")
                   .Help("Remote write requests answered, by HTTP status code.")
                   .Register(registry)),
      samples(counter(registry, "tidemark_remote_write_samples_total",
                      "Samples stored that came by remote write, repeated ones included.")),
      received_bytes(counter(registry, "tidemark_remote_write_received_bytes_total",
                             "Bytes of remote write bodies, before decompression.")),
      exemplars_dropped(counter(registry, "tidemark_remote_write_exemplars_dropped_total",
                                "Exemplars in remote write requests, which are not stored.")),
      metadata_dropped(counter(registry, "tidemark_remote_write_metadata_dropped_total",
                               "Metadata of metrics beyond the number that is kept.")),
      cache_hits(counter(registry, "tidemark_remote_write_series_cache_hits_total",
                         "Series in remote write requests that needed no label work.")),
      cache_misses(counter(registry, "tidemark_remote_write_series_cache_misses_total",
                           "Series in remote write requests whose labels were read.")),
      cache_series(prometheus::BuildGauge()
                       .Name("tidemark_remote_write_series_cache_series")
                       .Help("Series that are recognised without label work.")
                       .Register(registry)
                       .Add({})),
      seconds(prometheus::BuildHistogram()
                  .Name("tidemark_remote_write_request_duration_seconds")
                  .Help("Time from a complete remote write request to its answer.")
                  .Register(registry)
                  .Add({}, prometheus::Histogram::BucketBoundaries{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1,
                                                                   2.5, 5, 10})) {
  auto& refused_family = prometheus::BuildCounter()
                             .Name("tidemark_remote_write_samples_refused_total")
                             .Help("Samples in remote write requests that were not stored, by reason.")
                             .Register(registry);
  for (size_t i = static_cast<size_t>(storage::Outcome::kOutOfOrder); i < storage::kOutcomeCount; ++i) {
    const std::string_view reason = storage::outcome_name(static_cast<storage::Outcome>(i));
    refused_by_outcome[i] = &refused_family.Add({{"reason", std::string(reason)}});
  }
}

}  // namespace tidemark::remote
