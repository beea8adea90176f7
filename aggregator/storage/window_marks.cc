#include "aggregator/storage/window_marks.h"

#include "aggregator/storage/chunk.h"
#include "aggregator/storage/postings.h"
#include "model/varint.h"

namespace tidemark::storage {
namespace {

Result<std::optional<std::string>> read(Rocks& rocks, const std::string& key) {
  std::string value;
  const rocksdb::Status status = rocks.db().Get(rocksdb::ReadOptions(), rocks.family(Family::kPostings), key, &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return fail(to_status(status, "reading a window's marks"));
  return value;
}

// One that does not read counts as begun: a mark too many does no harm.
bool is_begun(Rocks& rocks, Window window) {
  const auto progress = read_progress(rocks, window);
  return !progress || *progress;
}

}  // namespace

std::string encode_progress(const WindowProgress& progress) {
  std::string out;
  append_varint(out, progress.next_id);
  append_varint(out, progress.products);
  append_checksum(out);
  return out;
}

Result<WindowProgress> parse_progress(std::string_view bytes) {
  WindowProgress progress;
  if (!take_checksum(bytes) || !take_varint(bytes, progress.next_id) || !take_varint(bytes, progress.products) ||
      !bytes.empty()) {
    return fail(Status::corruption("a window's progress does not read"));
  }
  return progress;
}

Result<std::optional<WindowProgress>> read_progress(Rocks& rocks, Window window) {
  const auto value = read(rocks, progress_key(window));
  if (!value) return fail(value.error());
  if (!*value) return std::nullopt;
  const auto progress = parse_progress(**value);
  if (!progress) return fail(progress.error());
  return *progress;
}

Result<Roaring> read_dirty(Rocks& rocks, Window window) {
  const auto value = read(rocks, dirty_key(window));
  if (!value) return fail(value.error());
  if (!*value) return Roaring();
  return parse_postings(**value);
}

Status add_dirty_marks(Rocks& rocks, Ingest& ingest, const std::map<Window, Roaring>& series) {
  for (const auto& [window, ids] : series) {
    if (!is_begun(rocks, window)) continue;
    if (Status status = ingest.next_file(Family::kPostings); !status.ok()) return status;
    if (Status status = ingest.merge(dirty_key(window), encode_postings(ids)); !status.ok()) return status;
  }
  return {};
}

Status add_dirty_marks(Rocks& rocks, rocksdb::WriteBatch& batch, const std::map<Window, Roaring>& series) {
  for (const auto& [window, ids] : series) {
    if (!is_begun(rocks, window)) continue;
    const rocksdb::Status status =
        batch.Merge(rocks.family(Family::kPostings), dirty_key(window), encode_postings(ids));
    if (!status.ok()) return to_status(status, "marking a window dirty");
  }
  return {};
}

}  // namespace tidemark::storage
