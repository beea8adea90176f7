// WriteDecoder: a remote write 1.0 body, snappy block format around the protobuf message prometheus.WriteRequest, into
// a storage::Batch.
//
//   WriteRequest   1: repeated TimeSeries   3: repeated MetricMetadata
//   TimeSeries     1: repeated Label   2: repeated Sample   3: repeated Exemplar   4: repeated Histogram
//   Label          1: name   2: value
//   Sample         1: double value   2: int64 timestamp (ms)
//   MetricMetadata 1: type   2: metric family name   4: help   5: unit
//
// A body is hostile until decoded: lengths are checked before memory is sized by them, nothing recurses, and a body
// that is malformed anywhere leaves the batch empty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/remote/series_cache.h"
#include "aggregator/storage/batch.h"
#include "model/labels.h"
#include "model/metric_type.h"
#include "model/sample.h"
#include "model/status.h"

namespace tidemark::remote {

struct WriteLimits {
  size_t decompressed_bytes_max = 32 << 20;
  size_t samples_max = 500'000;        // Of one request: a batch entry is larger than a sample on the wire.
  size_t labels_max = 256;             // Of one series.
  size_t label_bytes_max = 128 << 10;  // Of one series, names and values.
  size_t metadata_max = 10'000;        // Of one request; further ones are dropped.
};

struct MetadataView {
  std::string_view metric;  // Into the decompressed body.
  MetricType type = MetricType::kUnknown;
  std::string_view help;
  std::string_view unit;
};

// One time series of the request whose labels were in order, and where its samples lie in the batch.
struct DecodedSeries {
  std::string_view raw;  // The TimeSeries message, into the decompressed body.
  SeriesKey key;         // Of its label bytes as they were sent.
  size_t first_sample = 0;
  size_t sample_count = 0;
};

// What a request holds beside the samples that went into the batch.
struct DecodedRequest {
  std::vector<DecodedSeries> series;
  std::vector<MetadataView> metadata;
  size_t exemplars = 0;              // Tolerated and dropped.
  size_t histograms = 0;             // Native ones: refused.
  size_t invalid_samples = 0;        // Of series whose labels are refused.
  std::string first_invalid_series;  // Why, for the first of them.
  std::string first_histogram_series;
};

// Keeps its buffers between requests. One thread at a time.
class WriteDecoder {
 public:
  // `cache` must outlive the decoder.
  WriteDecoder(const WriteLimits& limits, SeriesCache& cache) : limits_(limits), cache_(cache) {}

  // Fills `batch` and `out`, which it clears first. What `out` points to is valid until the next call. Series whose ref
  // is in the cache go without labels. kInvalid: malformed. kLimit: larger than allowed.
  Status decode(std::string_view body, storage::Batch& batch, DecodedRequest& out);

  // The labels of a series that decode() accepted, which may have gone into the batch as a ref only. Valid until the
  // next call of either.
  LabelsView labels_of(const DecodedSeries& series);

  // Gives back what an unusually large request made it keep.
  void shrink();

 private:
  Status decompress(std::string_view body);
  Status decode_message(storage::Batch& batch, DecodedRequest& out);
  // Takes a series' samples and key, and puts the series behind pending_.
  Status begin_series(std::string_view message, size_t batch_size, DecodedRequest& out);
  // Adds what is pending to the batch.
  Status finish_series(storage::Batch& batch, DecodedRequest& out);
  // Takes a TimeSeries message apart into parts_; at most `samples_max` samples.
  Status split_series(std::string_view message, size_t samples_max);
  // Sorts, checks and encodes the labels of parts_ into encoded_. What is wrong with them, or "".
  std::string encode_labels();

  // A series whose ref is being fetched: finding it is mostly waiting for memory, so it is asked for some series ahead.
  struct Pending {
    DecodedSeries series;  // first_sample is into pending_samples_.
    size_t histograms = 0;
  };
  struct Parts {
    std::vector<std::string_view> label_messages;  // At most labels_max + 1.
    std::vector<Sample> samples;
    size_t exemplars = 0;
    size_t histograms = 0;
    size_t label_field_bytes = 0;  // When all labels come first: how many bytes of the message they are.
  };

  const WriteLimits limits_;
  SeriesCache& cache_;
  std::string message_;
  Parts parts_;
  std::vector<Pending> pending_;
  std::vector<SeriesKey> pending_keys_;
  std::vector<storage::SeriesRef> pending_refs_;
  std::vector<Sample> pending_samples_;
  std::vector<LabelView> labels_;
  std::string encoded_;
};

}  // namespace tidemark::remote
