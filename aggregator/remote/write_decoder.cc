#include "aggregator/remote/write_decoder.h"

#include <snappy.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "aggregator/remote/write_message.h"
#include "model/utf8.h"

namespace tidemark::remote {

namespace {

constexpr size_t kKeptBytesMax = 4 << 20;
// A snappy element of at most 3 bytes gives at most 64: a length beyond that ratio is a lie, told to make us allocate.
constexpr size_t kSnappyRatioMax = 22;

Status malformed(const std::string& why) { return Status::invalid("malformed remote write request: " + why); }

LabelView read_label(std::string_view message) {
  LabelView label;
  for (auto in = reader(message); in.next();) {
    if (in.tag_and_type() == protozero::tag_and_type(1, protozero::pbf_wire_type::length_delimited)) {
      label.name = text(in.get_view());
    } else if (in.tag_and_type() == protozero::tag_and_type(2, protozero::pbf_wire_type::length_delimited)) {
      label.value = text(in.get_view());
    } else {
      in.skip();
    }
  }
  return label;
}

MetadataView read_metadata(std::string_view message) {
  MetadataView metadata;
  for (auto in = reader(message); in.next();) {
    switch (in.tag_and_type()) {
      case protozero::tag_and_type(1, protozero::pbf_wire_type::varint):
        metadata.type = to_metric_type(in.get_uint64());
        break;
      case protozero::tag_and_type(2, protozero::pbf_wire_type::length_delimited):
        metadata.metric = text(in.get_view());
        break;
      case protozero::tag_and_type(4, protozero::pbf_wire_type::length_delimited):
        metadata.help = text(in.get_view());
        break;
      case protozero::tag_and_type(5, protozero::pbf_wire_type::length_delimited):
        metadata.unit = text(in.get_view());
        break;
      default:
        in.skip();
    }
  }
  return metadata;
}

}  // namespace

Status WriteDecoder::decode(WriteVersion version, std::string_view body, storage::Batch& batch, DecodedRequest& out) {
  version_ = version;
  batch.clear();
  out = {};
  Status status = decompress(body);
  if (status.ok()) {
    try {
      pending_.clear();
      pending_keys_.clear();
      pending_samples_.clear();
      pending_histograms_ = 0;
      status = version == WriteVersion::kV2 ? decode_message_v2(batch, out) : decode_message(batch, out);
    } catch (const std::exception& error) {  // protozero's, all about malformed bytes.
      status = malformed(error.what());
    }
  }
  if (!status.ok()) {
    batch.clear();
    out = {};
  }
  return status;
}

Status WriteDecoder::decompress(std::string_view body) {
  size_t bytes = 0;
  if (!snappy::GetUncompressedLength(body.data(), body.size(), &bytes)) {
    return Status::invalid("remote write body is not in snappy block format");
  }
  if (bytes > limits_.decompressed_bytes_max) {
    return Status::limit("remote write body is " + std::to_string(bytes) + " bytes once decompressed, the limit is " +
                         std::to_string(limits_.decompressed_bytes_max));
  }
  if (bytes / kSnappyRatioMax > body.size()) return Status::invalid("corrupt snappy block in remote write body");
  message_.resize(bytes);
  if (!snappy::RawUncompress(body.data(), body.size(), message_.data())) {
    return Status::invalid("corrupt snappy block in remote write body");
  }
  return {};
}

Status WriteDecoder::decode_message(storage::Batch& batch, DecodedRequest& out) {
  for (auto in = reader(message_); in.next();) {
    switch (in.tag_and_type()) {
      case protozero::tag_and_type(1, protozero::pbf_wire_type::length_delimited):
        if (Status status = begin_series(text(in.get_view()), batch.size(), out); !status.ok()) return status;
        if (pending_.size() < kPendingMax) break;
        if (Status status = finish_series(batch, out); !status.ok()) return status;
        break;
      case protozero::tag_and_type(3, protozero::pbf_wire_type::length_delimited):
        if (out.metadata.size() < limits_.metadata_max) {
          out.metadata.push_back(read_metadata(text(in.get_view())));
        } else {
          in.skip();
        }
        break;
      default:
        in.skip();
    }
  }
  return finish_series(batch, out);
}

Status WriteDecoder::split_series(std::string_view message, size_t samples_max) {
  parts_.label_messages.clear();
  parts_.samples.clear();
  parts_.exemplars = 0;
  parts_.histograms.clear();
  parts_.label_field_bytes = 0;
  parts_.metadata = {};
  parts_.wrong.clear();
  if (version_ == WriteVersion::kV2) return split_series_v2(message, samples_max);
  bool labels_first = true;
  for (auto in = reader(message); in.next();) {
    switch (in.tag_and_type()) {
      case protozero::tag_and_type(1, protozero::pbf_wire_type::length_delimited): {
        const std::string_view label = text(in.get_view());
        if (parts_.label_messages.size() <= limits_.labels_max) parts_.label_messages.push_back(label);
        parts_.label_field_bytes = labels_first ? static_cast<size_t>(label.data() + label.size() - message.data()) : 0;
        continue;
      }
      case protozero::tag_and_type(2, protozero::pbf_wire_type::length_delimited):
        if (Status status = add_sample(text(in.get_view()), samples_max); !status.ok()) return status;
        parts_.samples.back().start_ms = kNoStart;
        break;
      case protozero::tag_and_type(3, protozero::pbf_wire_type::length_delimited):
        in.skip();
        ++parts_.exemplars;
        break;
      case protozero::tag_and_type(4, protozero::pbf_wire_type::length_delimited):
        if (Status status = add_histogram(text(in.get_view()), samples_max); !status.ok()) return status;
        parts_.histograms.back().start_ms = kNoStart;
        break;
      default:
        in.skip();
    }
    labels_first = false;
  }
  return {};
}

Status WriteDecoder::check_room(size_t samples_max) const {
  if (parts_.samples.size() + parts_.histograms.size() < samples_max) return {};
  return Status::limit("remote write request has more than " + std::to_string(limits_.samples_max) + " samples");
}

Status WriteDecoder::add_sample(std::string_view message, size_t samples_max) {
  if (Status status = check_room(samples_max); !status.ok()) return status;
  parts_.samples.push_back(read_sample(message));
  return {};
}

Status WriteDecoder::add_histogram(std::string_view message, size_t samples_max) {
  if (Status status = check_room(samples_max); !status.ok()) return status;
  auto histogram = read_histogram(message, limits_.buckets_max);
  if (!histogram) {
    parts_.wrong = "a histogram of more than " + std::to_string(limits_.buckets_max) + " buckets on a side";
    histogram.emplace();
  }
  parts_.histograms.push_back(std::move(*histogram));
  return {};
}

Status WriteDecoder::begin_series(std::string_view message, size_t batch_size, DecodedRequest& out) {
  const size_t samples = batch_size + pending_samples_.size() + pending_histograms_;
  if (Status status = split_series(message, limits_.samples_max - samples); !status.ok()) return status;
  out.exemplars += parts_.exemplars;
  Pending& pending = pending_.emplace_back();
  pending.series.raw = message;
  pending.series.key = parts_.label_field_bytes > 0 ? cache_.key(message.substr(0, parts_.label_field_bytes))
                                                    : cache_.key(parts_.label_messages);
  pending.series.first_sample = pending_samples_.size();
  pending.series.sample_count = parts_.samples.size();
  pending_histograms_ += parts_.histograms.size();
  pending.histograms = std::move(parts_.histograms);
  pending.is_wrong = !parts_.wrong.empty();
  if (!pending.is_wrong) keep_series_metadata(out);
  pending_samples_.insert(pending_samples_.end(), parts_.samples.begin(), parts_.samples.end());
  pending_keys_.push_back(pending.series.key);
  return {};
}

Status WriteDecoder::finish_series(storage::Batch& batch, DecodedRequest& out) {
  pending_refs_.resize(pending_keys_.size());
  cache_.find(pending_keys_, pending_refs_);
  for (size_t k = 0; k < pending_.size(); ++k) {
    auto& [series, histograms, is_wrong] = pending_[k];
    // Only series whose labels were fine are in the cache.
    const storage::SeriesRef ref = pending_refs_[k];
    if (ref == storage::kNoRef || is_wrong) {
      const size_t all = series.sample_count + histograms.size();
      if (Status status = split_series(series.raw, all); !status.ok()) return status;
      if (std::string reason = encode_labels(); !reason.empty()) {
        out.invalid_samples += std::max<size_t>(1, all);
        if (out.first_invalid_series.empty()) out.first_invalid_series = std::move(reason);
        continue;
      }
    }
    if (series.sample_count + histograms.size() == 0) continue;
    const LabelsView labels = ref == storage::kNoRef ? LabelsView(encoded_) : LabelsView();
    const SentSample* const samples = pending_samples_.data() + series.first_sample;
    series.first_sample = batch.size();
    for (size_t i = 0; i < series.sample_count; ++i) {
      batch.add(ref, labels, samples[i].t_ms, storage::Value{samples[i].v, nullptr, samples[i].start_ms});
    }
    for (SentHistogram& one : histograms) {
      if (is_stale(one.histogram->sum)) {  // So a series of histograms ends.
        batch.add(ref, labels, one.t_ms, stale_nan());
        continue;
      }
      batch.add(ref, labels, one.t_ms, storage::Value{0, one.histogram.get(), one.start_ms});
      out.histograms.push_back(std::move(one.histogram));
    }
    series.sample_count += histograms.size();
    out.series.push_back(series);
  }
  pending_.clear();
  pending_keys_.clear();
  pending_samples_.clear();
  pending_histograms_ = 0;
  return {};
}

std::string WriteDecoder::encode_labels() {
  if (!parts_.wrong.empty()) return parts_.wrong;
  labels_.clear();
  if (version_ == WriteVersion::kV2) {
    for (size_t i = 0; i + 1 < parts_.label_messages.size(); i += 2) {
      labels_.push_back({parts_.label_messages[i], parts_.label_messages[i + 1]});
    }
  } else {
    for (const std::string_view message : parts_.label_messages) labels_.push_back(read_label(message));
  }
  // Senders must sort; those that do not mean the same.
  if (!std::is_sorted(labels_.begin(), labels_.end(), [](auto a, auto b) { return a.name < b.name; })) {
    std::stable_sort(labels_.begin(), labels_.end(), [](auto a, auto b) { return a.name < b.name; });
  }
  if (labels_.size() > limits_.labels_max) {
    return "more than " + std::to_string(limits_.labels_max) + " labels on a series";
  }
  encoded_.clear();
  for (size_t i = 0; i < labels_.size(); ++i) {
    const auto& [name, value] = labels_[i];
    if (name.empty()) return "empty label name";
    if (!is_valid_utf8(name) || !is_valid_utf8(value)) return "label name or value is not UTF-8";
    if (i > 0 && labels_[i - 1].name == name) return "duplicate label name \"" + std::string(name) + "\"";
    if (value.empty()) continue;  // As good as absent.
    if (encoded_.size() + name.size() + value.size() > limits_.label_bytes_max) {
      return "more than " + std::to_string(limits_.label_bytes_max) + " bytes of labels on a series";
    }
    append_encoded_label(encoded_, name, value);
  }
  const LabelsView view(encoded_);
  if (!view.has(kMetricName)) return "missing metric name in series " + view.to_string();
  return {};
}

LabelsView WriteDecoder::labels_of(const DecodedSeries& series) {
  encoded_.clear();
  if (split_series(series.raw, limits_.samples_max).ok()) encode_labels();  // They were fine once already.
  return LabelsView(encoded_);
}

void WriteDecoder::shrink() {
  if (message_.capacity() > kKeptBytesMax) message_ = {};
  if (parts_.samples.capacity() * sizeof(SentSample) > kKeptBytesMax) parts_.samples = {};
  if (symbols_.capacity() * sizeof(std::string_view) > kKeptBytesMax) symbols_ = {};
  if (pending_samples_.capacity() * sizeof(SentSample) > kKeptBytesMax) pending_samples_ = {};
}

}  // namespace tidemark::remote
