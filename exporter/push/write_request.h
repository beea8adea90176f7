// A scrape as a remote write 1.0 request (https://prometheus.io/docs/specs/prw/remote_write_spec/): the labels that say
// who we are added to each series, snappy block format around a protobuf message.
//
//   WriteRequest 1: repeated TimeSeries   TimeSeries 1: repeated Label, 2: repeated Sample
//   Label 1: name, 2: value               Sample 1: double value, 2: int64 timestamp (ms)
//
// A label of a sample that we add too becomes exported_NAME, as when a server scrapes. A series that was in the last
// request and is not in this one gets a staleness marker, as does every series when the exporter stops.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "exporter/family.h"

namespace tidemark::exporter {

// Belongs to one thread.
class WriteRequestBuilder {
 public:
  // `labels`: name and value, sorted by name: job, instance and the external ones.
  explicit WriteRequestBuilder(std::vector<std::pair<std::string, std::string>> labels);

  struct Request {
    std::string body;  // Compressed.
    size_t samples = 0;
  };
  // What a sealed `families` says, and up, at `now_ms`.
  Request build(const Families& families, int64_t now_ms);
  // The end of every series of the last request.
  Request build_stale(int64_t now_ms);

 private:
  void begin();
  void add_series(std::string_view name, const Sample* sample, double v);
  void add_encoded(std::string_view labels, double v);
  Request finish();

  const std::vector<std::pair<std::string, std::string>> own_labels_;
  int64_t now_ms_ = 0;
  size_t samples_ = 0;
  std::string message_;
  std::string name_;
  std::string series_;  // The labels of one, as protobuf.
  std::vector<std::pair<std::string_view, std::string_view>> pairs_;
  std::vector<std::string> renamed_;
  // The encoded labels of what was sent last, and in which request.
  std::unordered_map<std::string, uint64_t> sent_;
  uint64_t round_ = 0;
};

}  // namespace tidemark::exporter
