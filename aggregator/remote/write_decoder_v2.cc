// WriteDecoder for remote write 2.0: labels are pairs of indexes into the request's table of strings.
#include <algorithm>

#include "aggregator/remote/write_message.h"

namespace tidemark::remote {
namespace {

using protozero::pbf_wire_type;
using protozero::tag_and_type;

}  // namespace

Status WriteDecoder::read_symbols() {
  symbols_.clear();
  for (auto in = reader(message_); in.next();) {
    if (in.tag_and_type() != tag_and_type(4, pbf_wire_type::length_delimited)) {
      in.skip();
      continue;
    }
    if (symbols_.size() == limits_.symbols_max) {
      return Status::limit("remote write request has more than " + std::to_string(limits_.symbols_max) + " symbols");
    }
    symbols_.push_back(text(in.get_view()));
  }
  return {};
}

Status WriteDecoder::decode_message_v2(storage::Batch& batch, DecodedRequest& out) {
  if (Status status = read_symbols(); !status.ok()) return status;
  for (auto in = reader(message_); in.next();) {
    if (in.tag_and_type() != tag_and_type(5, pbf_wire_type::length_delimited)) {
      in.skip();
      continue;
    }
    if (Status status = begin_series(text(in.get_view()), batch.size(), out); !status.ok()) return status;
    if (pending_.size() < kPendingMax) continue;
    if (Status status = finish_series(batch, out); !status.ok()) return status;
  }
  return finish_series(batch, out);
}

Status WriteDecoder::split_series_v2(std::string_view message, size_t samples_max) {
  for (auto in = reader(message); in.next();) {
    switch (in.tag_and_type()) {
      case tag_and_type(1, pbf_wire_type::length_delimited):
        for (const uint32_t ref : in.get_packed_uint32()) add_symbol(ref);
        break;
      case tag_and_type(1, pbf_wire_type::varint):
        add_symbol(in.get_uint32());
        break;
      case tag_and_type(2, pbf_wire_type::length_delimited):
        if (Status status = add_sample(text(in.get_view()), samples_max); !status.ok()) return status;
        break;
      case tag_and_type(3, pbf_wire_type::length_delimited):
        if (Status status = add_histogram(text(in.get_view()), samples_max); !status.ok()) return status;
        break;
      case tag_and_type(4, pbf_wire_type::length_delimited):
        in.skip();
        ++parts_.exemplars;
        break;
      case tag_and_type(5, pbf_wire_type::length_delimited):
        read_series_metadata(text(in.get_view()));
        break;
      default:
        in.skip();
    }
  }
  if (parts_.wrong.empty() && parts_.label_messages.size() % 2 != 0) parts_.wrong = "a label without a value";
  if (parts_.wrong.empty() && parts_.samples.empty() && parts_.histograms.empty()) {
    parts_.wrong = "a time series without a sample";
  }
  return {};
}

void WriteDecoder::add_symbol(uint32_t ref) {
  if (ref >= symbols_.size()) {
    parts_.wrong =
        "label reference " + std::to_string(ref) + " outside of the " + std::to_string(symbols_.size()) + " symbols";
  } else if (parts_.label_messages.size() <= 2 * limits_.labels_max) {
    parts_.label_messages.push_back(symbols_[ref]);
  }
}

void WriteDecoder::read_series_metadata(std::string_view message) {
  const auto symbol = [&](uint32_t ref) { return ref < symbols_.size() ? symbols_[ref] : std::string_view(); };
  for (auto in = reader(message); in.next();) {
    switch (in.tag_and_type()) {
      case tag_and_type(1, pbf_wire_type::varint):
        parts_.metadata.type = to_metric_type(in.get_uint64());
        break;
      case tag_and_type(3, pbf_wire_type::varint):
        parts_.metadata.help = symbol(in.get_uint32());
        break;
      case tag_and_type(4, pbf_wire_type::varint):
        parts_.metadata.unit = symbol(in.get_uint32());
        break;
      default:
        in.skip();
    }
  }
}

// After split_series_v2(): what it said about the series' metric.
void WriteDecoder::keep_series_metadata(DecodedRequest& out) const {
  const MetadataView& said = parts_.metadata;
  if (said.type == MetricType::kUnknown && said.help.empty() && said.unit.empty()) return;
  if (out.metadata.size() >= limits_.metadata_max) return;
  for (size_t i = 0; i + 1 < parts_.label_messages.size(); i += 2) {
    if (parts_.label_messages[i] != kMetricName) continue;
    // The buckets of a histogram come one after the other.
    const std::string_view metric = parts_.label_messages[i + 1];
    if (!out.metadata.empty() && out.metadata.back().metric == metric) return;
    out.metadata.push_back({metric, said.type, said.help, said.unit});
    return;
  }
}

}  // namespace tidemark::remote
