// What the two versions of remote write have in common below their messages. For the decoder's files only.
#pragma once

#include <protozero/pbf_reader.hpp>
#include <string>
#include <string_view>

#include "aggregator/remote/write_decoder.h"

namespace tidemark::remote {

inline std::string_view text(const protozero::data_view& view) { return {view.data(), view.size()}; }
inline protozero::pbf_reader reader(std::string_view message) { return {message.data(), message.size()}; }

inline MetricType to_metric_type(uint64_t type) {
  constexpr MetricType kTypes[] = {MetricType::kUnknown,   MetricType::kCounter, MetricType::kGauge,
                                   MetricType::kHistogram, MetricType::kUnknown, MetricType::kSummary};
  return type < std::size(kTypes) ? kTypes[type] : MetricType::kUnknown;
}

// Of both versions; a start timestamp only the second has, in a field that the first does not know.
inline SentSample read_sample(std::string_view message) {
  SentSample sample;
  for (auto in = reader(message); in.next();) {
    switch (in.tag_and_type()) {
      case protozero::tag_and_type(1, protozero::pbf_wire_type::fixed64):
        sample.v = in.get_double();
        break;
      case protozero::tag_and_type(2, protozero::pbf_wire_type::varint):
        sample.t_ms = in.get_int64();
        break;
      case protozero::tag_and_type(3, protozero::pbf_wire_type::varint):
        sample.start_ms = in.get_int64();
        break;
      default:
        in.skip();
    }
  }
  return sample;
}

}  // namespace tidemark::remote
