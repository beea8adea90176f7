#include "aggregator/storage/file_lookup.h"

#include <algorithm>
#include <bit>

#include "aggregator/storage/chunk_codec.h"
#include "aggregator/storage/histogram_chunk.h"

namespace tidemark::storage {
namespace {

// A series that returns with older data than that is told "perhaps up to now": each of its samples is looked up.
constexpr Window kWindowsMax = 3;

}  // namespace

rocksdb::Iterator& FileLookup::chunks() {
  if (!chunks_) chunks_.reset(rocks_.db().NewIterator(iterator_options(), rocks_.family(Family::kChunks)));
  return *chunks_;
}

Status FileLookup::status() {
  const rocksdb::Status status = chunks_->status();
  if (!is_damage(status)) return to_status(status, "looking for a sample in files");
  rocks_.report_damage("looking for a sample in files", status.ToString());
  chunks_.reset();
  return {};
}

Status FileLookup::load(SeriesId series, Window window) {
  if (series == series_ && window == window_) return {};
  series_ = 0;
  decoded_.clear();
  const std::string prefix = chunk_series_prefix(Tier::kRaw, window, series);
  rocksdb::Iterator& at = chunks();
  for (at.Seek(prefix); at.Valid() && at.key().starts_with(prefix); at.Next()) {
    const auto key = parse_chunk_key(view(at.key()));
    const Result<ChunkView> chunk = parse_chunk(view(at.value()));
    if (!key || !chunk) continue;
    if (chunk->codec == Codec::kHistograms) {
      Decoded of_histograms{key->version, {}, {}, {}};
      for (HistogramSample& sample : decode_histograms(*chunk)) {
        of_histograms.t_ms.push_back(sample.t_ms);
        of_histograms.histograms.push_back(std::move(sample.histogram));
      }
      decoded_.push_back(std::move(of_histograms));
      continue;
    }
    Decoded decoded{key->version, std::vector<int64_t>(chunk->count), std::vector<double>(chunk->count), {}};
    ChunkDecoder decoder(*chunk);
    size_t count = 0;
    while (const size_t some =
               decoder.next(std::span(decoded.t_ms).subspan(count), std::span(decoded.v).subspan(count)))
      count += some;
    if (!decoder.ok() || count != chunk->count) continue;
    decoded_.push_back(std::move(decoded));
  }
  if (Status failed = status(); !failed.ok()) return failed;
  std::sort(decoded_.begin(), decoded_.end(), [](const Decoded& a, const Decoded& b) { return a.version < b.version; });
  series_ = series;
  window_ = window;
  return {};
}

Result<FileLookup::Found> FileLookup::find(SeriesId series, int64_t t_ms) {
  if (Status status = load(series, window_of(t_ms)); !status.ok()) return fail(status);
  for (auto chunk = decoded_.rbegin(); chunk != decoded_.rend(); ++chunk) {
    const auto at = std::lower_bound(chunk->t_ms.begin(), chunk->t_ms.end(), t_ms);
    if (at == chunk->t_ms.end() || *at != t_ms) continue;
    if (tombstones_ && tombstones_->covers(series, t_ms, chunk->version)) continue;
    const auto place = static_cast<size_t>(at - chunk->t_ms.begin());
    if (!chunk->histograms.empty()) return Found{std::nullopt, chunk->histograms[place]};
    return Found{std::bit_cast<uint64_t>(chunk->v[place]), nullptr};
  }
  return Found{};
}

Result<int64_t> FileLookup::last_ms(SeriesId series, int64_t from_ms, int64_t newest_ms) {
  const Window first = window_of(from_ms);
  if (window_of(newest_ms) - first > kWindowsMax) return newest_ms;
  for (Window window = window_of(newest_ms); window >= first; --window) {
    const std::string prefix = chunk_series_prefix(Tier::kRaw, window, series);
    rocksdb::Iterator& at = chunks();
    int64_t last = INT64_MIN;
    for (at.Seek(prefix); at.Valid() && at.key().starts_with(prefix); at.Next()) {
      // One that does not read may end anywhere in its window.
      const Result<ChunkView> chunk = parse_chunk(view(at.value()));
      last = std::max(last, chunk ? chunk->last_ms : window_start_ms(window + 1) - 1);
    }
    if (is_damage(at.status())) last = window_start_ms(window + 1) - 1;  // Or in what is left of the window.
    if (Status failed = status(); !failed.ok()) return fail(failed);
    if (last != INT64_MIN) return last;
  }
  return window_start_ms(first) - 1;
}

}  // namespace tidemark::storage
