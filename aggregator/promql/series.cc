#include "aggregator/promql/series.h"

#include <utility>

namespace tidemark::promql {
namespace {

// Of a series in a Matrix beside its column: map node, key, labels.
constexpr size_t kSeriesBytes = 160;

}  // namespace

Status Matrix::consume(Series& series) {
  const size_t samples = series.column.present.count();
  const auto [place, is_new] = index_.try_emplace(series.labels.encoded(), series_.size());
  if (is_new) {
    const size_t bytes = Column::bytes(series.column.steps()) + 2 * series.labels.encoded().size() + kSeriesBytes;
    if (Status status = charge_.add(samples, bytes); !status.ok()) return status;
    series_.push_back(std::move(series));
    series = Series();
    return {};
  }
  Series& whole = series_[place->second];
  if (whole.column.present.intersects(series.column.present)) return Status::execution(std::string(kSameLabelset));
  if (Status status = charge_.add(samples, 0); !status.ok()) return status;
  series.column.present.for_each([&](size_t i) { whole.column.set(i, series.column.v[i]); });
  return {};
}

Status CollisionCheck::add(const Labels& labels, const Presence& present) {
  const auto [place, is_new] = seen_.try_emplace(labels.encoded(), present);
  if (is_new) return {};
  if (place->second.intersects(present)) return Status::execution(std::string(kSameLabelset));
  place->second.add(present);
  return {};
}

Status CollisionCheck::add_whole(const Labels& labels) {
  if (!seen_.try_emplace(labels.encoded()).second) return Status::execution(std::string(kSameLabelset));
  return {};
}

}  // namespace tidemark::promql
