// WriteDecoder: a remote write body, snappy block format around a protobuf message, into a storage::Batch. Of version
// 1.0 that is prometheus.WriteRequest,
//
//   WriteRequest   1: repeated TimeSeries   3: repeated MetricMetadata
//   TimeSeries     1: repeated Label   2: repeated Sample   3: repeated Exemplar   4: repeated Histogram
//   Label          1: name   2: value
//   Sample         1: double value   2: int64 timestamp (ms)
//   Histogram      see histogram_decoder.h
//   MetricMetadata 1: type   2: metric family name   4: help   5: unit
//
// and of 2.0 io.prometheus.write.v2.Request, whose strings are in one table (write_decoder_v2.cc):
//
//   Request        4: repeated string, of which the first is ""   5: repeated TimeSeries
//   TimeSeries     1: repeated uint32, places of names and values in turn   2: repeated Sample   3: repeated Histogram
//                  4: repeated Exemplar   5: Metadata
//   Sample         1: double value   2: int64 timestamp (ms)   3: int64 start timestamp (ms), 0 for none
//   Metadata       1: type   3: place of the help   4: place of the unit
//
// A body is hostile until decoded: lengths are checked before memory is sized by them, nothing recurses, and a body
// that is malformed anywhere leaves the batch empty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/remote/histogram_decoder.h"
#include "aggregator/remote/series_cache.h"
#include "aggregator/storage/batch.h"
#include "model/labels.h"
#include "model/metric_type.h"
#include "model/native_histogram.h"
#include "model/sample.h"
#include "model/status.h"

namespace tidemark::remote {

struct WriteLimits {
  size_t decompressed_bytes_max = 32 << 20;
  size_t samples_max = 500'000;        // Of one request: a batch entry is larger than a sample on the wire.
  size_t buckets_max = 4096;           // Of one histogram, a side.
  size_t labels_max = 256;             // Of one series.
  size_t label_bytes_max = 128 << 10;  // Of one series, names and values.
  size_t metadata_max = 10'000;        // Of one request; further ones are dropped.
  size_t symbols_max = 2'000'000;      // Of one request, of version 2.0.
};

enum class WriteVersion { kV1, kV2 };

struct SentSample {
  int64_t t_ms = 0;
  double v = 0;
  int64_t start_ms = kNoStart;
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
  size_t exemplars = 0;                  // Tolerated and dropped.
  std::vector<HistogramRef> histograms;  // That the batch points to.
  size_t invalid_samples = 0;            // Of series whose labels are refused.
  std::string first_invalid_series;      // Why, for the first of them.
};

// Keeps its buffers between requests. One thread at a time.
class WriteDecoder {
 public:
  // `cache` must outlive the decoder.
  WriteDecoder(const WriteLimits& limits, SeriesCache& cache) : limits_(limits), cache_(cache) {}

  // Fills `batch` and `out`, which it clears first. What `out` points to is valid until the next call. Series whose ref
  // is in the cache go without labels. kInvalid: malformed. kLimit: larger than allowed.
  Status decode(WriteVersion version, std::string_view body, storage::Batch& batch, DecodedRequest& out);

  // The labels of a series that decode() accepted, which may have gone into the batch as a ref only. Valid until the
  // next call of either.
  LabelsView labels_of(const DecodedSeries& series);

  // Gives back what an unusually large request made it keep.
  void shrink();

 private:
  Status decompress(std::string_view body);
  Status decode_message(storage::Batch& batch, DecodedRequest& out);
  Status decode_message_v2(storage::Batch& batch, DecodedRequest& out);
  Status read_symbols();
  // Takes a series' samples and key, and puts the series behind pending_.
  Status begin_series(std::string_view message, size_t batch_size, DecodedRequest& out);
  // Adds what is pending to the batch.
  Status finish_series(storage::Batch& batch, DecodedRequest& out);
  // Takes a TimeSeries message apart into parts_; at most `samples_max` samples.
  Status split_series(std::string_view message, size_t samples_max);
  Status split_series_v2(std::string_view message, size_t samples_max);
  Status check_room(size_t samples_max) const;
  Status add_sample(std::string_view message, size_t samples_max);
  Status add_histogram(std::string_view message, size_t samples_max);
  void add_symbol(uint32_t ref);
  void read_series_metadata(std::string_view message);
  void keep_series_metadata(DecodedRequest& out) const;
  // Sorts, checks and encodes the labels of parts_ into encoded_. What is wrong with them, or "".
  std::string encode_labels();

  // A series whose ref is being fetched: finding it is mostly waiting for memory, so it is asked for some series ahead.
  struct Pending {
    DecodedSeries series;  // first_sample is into pending_samples_; sample_count without histograms.
    std::vector<SentHistogram> histograms;
    bool is_wrong = false;  // By itself, whatever its labels.
  };
  struct Parts {
    // At most labels_max + 1 messages, or, of version 2.0, as many names and values in turn.
    std::vector<std::string_view> label_messages;
    std::vector<SentSample> samples;
    std::vector<SentHistogram> histograms;
    size_t exemplars = 0;
    size_t label_field_bytes = 0;  // When all labels come first: how many bytes of the message they are.
    MetadataView metadata;         // Of version 2.0.
    std::string wrong;             // What else is wrong with the series.
  };

  // Enough to wait for memory once a group instead of once a series.
  static constexpr size_t kPendingMax = 32;

  const WriteLimits limits_;
  SeriesCache& cache_;
  WriteVersion version_ = WriteVersion::kV1;  // Of the message at hand.
  std::string message_;
  std::vector<std::string_view> symbols_;  // Into message_.
  Parts parts_;
  std::vector<Pending> pending_;
  std::vector<SeriesKey> pending_keys_;
  std::vector<storage::SeriesRef> pending_refs_;
  std::vector<SentSample> pending_samples_;
  size_t pending_histograms_ = 0;
  std::vector<LabelView> labels_;
  std::string encoded_;
};

}  // namespace tidemark::remote
