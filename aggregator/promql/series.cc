#include "aggregator/promql/series.h"

#include <utility>

#include "model/sample.h"

namespace tidemark::promql {
namespace {

// Of a series in a Matrix beside its column: map node, key, labels.
constexpr size_t kSeriesBytes = 160;

// As many as samples of 16 bytes would take their space, as Prometheus counts them.
size_t as_samples(size_t histogram_bytes) { return histogram_bytes / sizeof(Sample); }

bool share_a_step(const Column& a, const Column& b) {
  if (a.present.intersects(b.present)) return true;
  if (a.histograms.empty() && b.histograms.empty()) return false;
  return a.all_present().intersects(b.all_present());
}

}  // namespace

Status Matrix::consume(Series& series) {
  const size_t histogram_bytes = series.column.histograms.bytes();
  const size_t samples = series.column.present.count() + as_samples(histogram_bytes);
  const auto [place, is_new] = index_.try_emplace(series.labels.encoded(), series_.size());
  if (is_new) {
    const size_t bytes =
        Column::bytes(series.column.steps()) + 2 * series.labels.encoded().size() + kSeriesBytes + histogram_bytes;
    if (Status status = charge_.add(samples, bytes); !status.ok()) return status;
    series_.push_back(std::move(series));
    series = Series();
    return {};
  }
  Series& whole = series_[place->second];
  if (share_a_step(whole.column, series.column)) return Status::execution(std::string(kSameLabelset));
  if (Status status = charge_.add(samples, histogram_bytes); !status.ok()) return status;
  series.column.present.for_each([&](size_t i) { whole.column.set(i, series.column.v[i]); });
  series.column.histograms.present.for_each(
      [&](size_t i) { whole.column.set(i, std::move(series.column.histograms.at[i])); });
  return {};
}

Status CollisionCheck::add(LabelsView labels, const Presence& present) {
  const auto [place, is_new] = seen_.try_emplace(std::string(labels.encoded()));
  if (is_new) {
    place->second = present;
    return charge(labels.encoded(), present.word_count());
  }
  if (place->second.intersects(present)) return Status::execution(std::string(kSameLabelset));
  place->second.add(present);
  return {};
}

Status CollisionCheck::add_whole(LabelsView labels) {
  if (!seen_.try_emplace(std::string(labels.encoded())).second) return Status::execution(std::string(kSameLabelset));
  return charge(labels.encoded(), 0);
}

Status CollisionCheck::charge(std::string_view encoded, size_t presence_words) {
  constexpr size_t kNodeBytes = 112;  // Of the map: links, the string, the bitmap, where they lie.
  return charges_.add(kNodeBytes + encoded.size() + presence_words * sizeof(uint64_t));
}

}  // namespace tidemark::promql
