#include "aggregator/storage/settings.h"

#include <rocksdb/write_batch.h>

#include "aggregator/storage/data_dir.h"
#include "model/varint.h"

namespace tidemark::storage {
namespace {

constexpr std::string_view kFormatKey = "format";
constexpr std::string_view kOldestKey = "oldest";
constexpr uint64_t kShardsMax = 256;

Result<std::optional<std::string>> read(Rocks& rocks, std::string_view key) {
  std::string value;
  const rocksdb::Status status =
      rocks.db().Get(rocksdb::ReadOptions(), rocks.family(Family::kDefault), slice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return fail(to_status(status, "reading \"" + std::string(key) + "\""));
  return value;
}

Status write_synced(Rocks& rocks, std::string_view key, const std::string& value) {
  rocksdb::WriteOptions options;
  options.sync = true;
  return rocks.written(rocks.db().Put(options, rocks.family(Family::kDefault), slice(key), value),
                       "writing \"" + std::string(key) + "\"");
}

struct FormatRecord {
  uint64_t format = 0;
  uint64_t shards = 0;
};

Result<std::optional<FormatRecord>> read_format_record(Rocks& rocks) {
  const auto found = read(rocks, kFormatKey);
  if (!found) return fail(found.error());
  if (!*found) return std::nullopt;
  std::string_view in = **found;
  FormatRecord out;
  if (!take_varint(in, out.format) || !take_varint(in, out.shards) || out.shards == 0 || out.shards > kShardsMax) {
    return fail(Status::corruption("the store's format record does not read (restore from a backup)"));
  }
  if (out.format > kFormat) {
    return fail(Status::unsupported("the store has format " + std::to_string(out.format) +
                                    ", this version reads up to " + std::to_string(kFormat) +
                                    ": start the newer version that wrote it"));
  }
  return out;
}

Status write_format_record(Rocks& rocks, uint64_t shards) {
  std::string value;
  append_varint(value, kFormat);
  append_varint(value, shards);
  return write_synced(rocks, kFormatKey, value);
}

}  // namespace

Result<std::optional<unsigned>> read_shards(Rocks& rocks) {
  const auto found = read_format_record(rocks);
  if (!found) return fail(found.error());
  if (!*found) return std::nullopt;
  return static_cast<unsigned>((*found)->shards);
}

Result<unsigned> read_or_create_shards(Rocks& rocks, unsigned wanted) {
  const auto found = read_shards(rocks);
  if (!found) return fail(found.error());
  if (*found) return **found;
  if (Status status = write_format_record(rocks, wanted); !status.ok()) return fail(status);
  return wanted;
}

Status raise_recorded_format(Rocks& rocks) {
  const auto found = read_format_record(rocks);
  if (!found) return found.error();
  if ((*found)->format == kFormat) return {};
  return write_format_record(rocks, (*found)->shards);
}

Result<std::optional<int64_t>> read_oldest_kept_ms(Rocks& rocks) {
  const auto found = read(rocks, kOldestKey);
  if (!found) return fail(found.error());
  if (!*found) return std::nullopt;
  std::string_view in = **found;
  int64_t t_ms = 0;
  if (!take_signed_varint(in, t_ms)) return fail(Status::corruption("the oldest time kept does not read"));
  return t_ms;
}

Status write_oldest_kept_ms(Rocks& rocks, int64_t t_ms) {
  std::string value;
  append_signed_varint(value, t_ms);
  return write_synced(rocks, kOldestKey, value);
}

}  // namespace tidemark::storage
