#include "aggregator/remote/histogram_decoder.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <protozero/pbf_reader.hpp>
#include <utility>
#include <vector>

#include "model/histogram_math.h"

namespace tidemark::remote {
namespace {

using protozero::pbf_wire_type;

// The finest that is defined. Senders may use what is beyond kHistogramSchemaMax; a receiver makes it coarser.
constexpr int32_t kFinestSchema = 52;

BucketSpan read_span(protozero::pbf_reader in) {
  BucketSpan span;
  while (in.next()) {
    switch (in.tag_and_type()) {
      case protozero::tag_and_type(1, pbf_wire_type::varint):
        span.offset = in.get_sint32();
        break;
      case protozero::tag_and_type(2, pbf_wire_type::varint):
        span.length = in.get_uint32();
        break;
      default:
        in.skip();
    }
  }
  return span;
}

// One side as it is sent; which of the two lists counts follows from the count's kind.
struct Side {
  BucketList list;  // Spans, and the counts of floats.
  std::vector<int64_t> deltas;
};

// As many counts as places, all of them where a place can be.
bool adds_up(const BucketList& list) {
  constexpr int64_t kPlaceMax = std::numeric_limits<int32_t>::max();
  uint64_t places = 0;
  int64_t end = 0;
  for (size_t i = 0; i < list.spans.size(); ++i) {
    const BucketSpan& span = list.spans[i];
    if (i > 0 && span.offset < 0) return false;
    end += span.offset;
    if (end <= -kPlaceMax) return false;
    end += span.length;
    if (end > kPlaceMax) return false;
    places += span.length;
  }
  return places == list.counts.size();
}

class Reader {
 public:
  Reader(std::string_view message, size_t buckets_max) : in_(message.data(), message.size()), max_(buckets_max) {}

  std::optional<SentHistogram> read() {
    h_->integer_counts = false;
    while (fits_ && in_.next()) field();
    if (!fits_) return std::nullopt;
    take(positive_, h_->positive);
    take(negative_, h_->negative);
    if (h_->schema > kHistogramSchemaMax && h_->schema <= kFinestSchema) make_coarser();
    return SentHistogram{t_ms_, start_ms_, std::move(h_)};
  }

 private:
  void field() {
    switch (in_.tag_and_type()) {
      case protozero::tag_and_type(1, pbf_wire_type::varint):
        h_->count = static_cast<double>(in_.get_uint64());
        h_->integer_counts = true;
        break;
      case protozero::tag_and_type(2, pbf_wire_type::fixed64):
        h_->count = in_.get_double();
        break;
      case protozero::tag_and_type(3, pbf_wire_type::fixed64):
        h_->sum = in_.get_double();
        break;
      case protozero::tag_and_type(4, pbf_wire_type::varint):
        h_->schema = in_.get_sint32();
        break;
      case protozero::tag_and_type(5, pbf_wire_type::fixed64):
        h_->zero_threshold = in_.get_double();
        break;
      case protozero::tag_and_type(6, pbf_wire_type::varint):
        h_->zero_count = static_cast<double>(in_.get_uint64());
        break;
      case protozero::tag_and_type(7, pbf_wire_type::fixed64):
        h_->zero_count = in_.get_double();
        break;
      case protozero::tag_and_type(14, pbf_wire_type::varint):
        h_->reset = static_cast<CounterReset>(in_.get_uint32() & 3);
        break;
      case protozero::tag_and_type(15, pbf_wire_type::varint):
        t_ms_ = in_.get_int64();
        break;
      case protozero::tag_and_type(17, pbf_wire_type::varint):
        start_ms_ = in_.get_int64();
        break;
      default:
        list_field();
    }
  }

  void list_field() {
    switch (in_.tag()) {
      case 8:
      case 11: {
        Side& side = in_.tag() == 8 ? negative_ : positive_;
        if (in_.wire_type() != pbf_wire_type::length_delimited) return in_.skip();
        side.list.spans.push_back(read_span(in_.get_message()));
        return check(side.list.spans.size());
      }
      case 9:
        return deltas(negative_.deltas);
      case 12:
        return deltas(positive_.deltas);
      case 10:
        return doubles(negative_.list.counts);
      case 13:
        return doubles(positive_.list.counts);
      case 16:
        return doubles(h_->bounds);
      default:
        in_.skip();
    }
  }

  // Packed or not.
  void deltas(std::vector<int64_t>& out) {
    if (in_.wire_type() == pbf_wire_type::varint) {
      out.push_back(in_.get_sint64());
    } else {
      for (const int64_t delta : in_.get_packed_sint64()) {
        out.push_back(delta);
        if (out.size() > max_) break;
      }
    }
    check(out.size());
  }
  void doubles(std::vector<double>& out) {
    if (in_.wire_type() == pbf_wire_type::fixed64) {
      out.push_back(in_.get_double());
    } else {
      for (const double v : in_.get_packed_double()) {
        out.push_back(v);
        if (out.size() > max_) break;
      }
    }
    check(out.size());
  }
  void check(size_t size) { fits_ = fits_ && size <= max_; }

  void take(Side& side, BucketList& out) const {
    out = std::move(side.list);
    if (!h_->integer_counts) return;
    out.counts.clear();
    uint64_t count = 0;  // Wraps where the sender is wrong; negative counts are the store's to refuse.
    for (const int64_t delta : side.deltas) {
      count += static_cast<uint64_t>(delta);
      out.counts.push_back(static_cast<double>(static_cast<int64_t>(count)));
    }
  }

  // What does not add up stays as it is: the store refuses it.
  void make_coarser() {
    if (!adds_up(h_->positive) || !adds_up(h_->negative)) return;
    // In steps of what a 32-bit place may be shifted by.
    while (h_->schema > kHistogramSchemaMax) {
      reduce_resolution(*h_, std::max(kHistogramSchemaMax, h_->schema - 30));
    }
  }

  protozero::pbf_reader in_;
  const size_t max_;
  bool fits_ = true;
  int64_t t_ms_ = 0;
  int64_t start_ms_ = kNoStart;
  std::shared_ptr<NativeHistogram> h_ = std::make_shared<NativeHistogram>();
  Side positive_;
  Side negative_;
};

}  // namespace

std::optional<SentHistogram> read_histogram(std::string_view message, size_t buckets_max) {
  return Reader(message, buckets_max).read();
}

}  // namespace tidemark::remote
