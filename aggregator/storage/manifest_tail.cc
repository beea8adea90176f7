#include "aggregator/storage/manifest_tail.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace tidemark::storage {
namespace {

constexpr std::string_view kNamePrefix = "MANIFEST-";
constexpr size_t kBlockBytes = 32 << 10;
constexpr size_t kHeaderBytes = 7;
constexpr size_t kTinyHoleBytes = 8;
constexpr size_t kSectorBytes = 512;  // Disks write each whole or not at all.
// One write is some hundred bytes for each file it names.
constexpr size_t kTailBytesMax = 64 << 10;

constexpr std::array<uint32_t, 256> make_crc32c_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < table.size(); ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0U);
    table[byte] = crc;
  }
  return table;
}

uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = make_crc32c_table();
  uint32_t crc = ~0U;
  for (const char byte : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<uint8_t>(byte)) & 0xff];
  return ~crc;
}

uint32_t byte_at(std::string_view file, size_t at) { return static_cast<uint8_t>(file[at]); }

// The types of a whole record and of its first, middle and last part.
enum Type : uint32_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

struct Part {
  Type type;
  size_t end;
};

// The part that begins at `at`; nothing when there is none that reads.
std::optional<Part> part_at(std::string_view file, size_t at) {
  const size_t block_end = std::min(file.size(), (at / kBlockBytes + 1) * kBlockBytes);
  if (at + kHeaderBytes > block_end) return std::nullopt;
  const uint32_t type = byte_at(file, at + 6);
  const size_t end = at + kHeaderBytes + byte_at(file, at + 4) + (byte_at(file, at + 5) << 8);
  if (type < kFull || type > kLast || end > block_end) return std::nullopt;
  const uint32_t crc = crc32c(file.substr(at + 6, end - at - 6));
  const uint32_t masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
  for (size_t i = 0; i < 4; ++i) {
    if (byte_at(file, at + i) != ((masked >> (8 * i)) & 0xff)) return std::nullopt;
  }
  return Part{static_cast<Type>(type), end};
}

// Where the first record begins that does not read whole; the file's end if all do.
size_t first_unreadable(std::string_view file) {
  size_t record = 0;
  for (size_t at = 0; at < file.size();) {
    if (const size_t left = kBlockBytes - at % kBlockBytes; left < kHeaderBytes) {
      at += left;
      continue;
    }
    const std::optional<Part> part = part_at(file, at);
    if (!part) return std::min(record, at);
    at = part->end;
    if (part->type == kFull || part->type == kLast) record = at;
  }
  return std::min(record, file.size());
}

// The last part from `record` on, which does not read, would read were one bit of it before `until` another.
bool one_bit_is_wrong(std::string file, size_t record, size_t until) {
  while (const auto part = part_at(file, record)) record = part->end;
  for (size_t at = record; at < until; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      file[at] = static_cast<char>(file[at] ^ (1 << bit));
      if (part_at(file, record)) return true;
      file[at] = static_cast<char>(file[at] ^ (1 << bit));
    }
  }
  return false;
}

bool any_reads(std::string_view file, size_t from) {
  for (size_t at = from; at < file.size(); ++at) {
    if (part_at(file, at)) return true;
  }
  return false;
}

// Where a sector of [from, end of file), or what lies in there of it, is zeros.
std::optional<size_t> find_hole(std::string_view file, size_t from) {
  for (size_t at = from; at < file.size();) {
    const size_t end = std::min(file.size(), (at / kSectorBytes + 1) * kSectorBytes);
    if (std::all_of(file.begin() + static_cast<ptrdiff_t>(at), file.begin() + static_cast<ptrdiff_t>(end),
                    [](char byte) { return byte == 0; })) {
      return at;
    }
    at = end;
  }
  return std::nullopt;
}

}  // namespace

std::optional<ManifestTail> cut_torn_manifest(rocksdb::Env& env, rocksdb::Env& disk, const std::string& folder) {
  std::string name;
  if (!rocksdb::ReadFileToString(&env, folder + "/CURRENT", &name).ok()) return std::nullopt;
  name.resize(std::min(name.size(), name.find('\n')));
  const std::string path = folder + "/" + name;
  std::string file;
  std::string raw;
  if (!name.starts_with(kNamePrefix) || !rocksdb::ReadFileToString(&env, path, &file).ok() ||
      !rocksdb::ReadFileToString(&disk, path, &raw).ok() || raw.size() < file.size()) {
    return std::nullopt;
  }
  const size_t prefix = raw.size() - file.size();
  const size_t kept = first_unreadable(file);
  const size_t dropped = file.size() - kept;
  // The first record is from before CURRENT named the file.
  if (kept == 0 || dropped == 0 || dropped > kTailBytesMax) return std::nullopt;
  const auto hole = find_hole(raw, prefix + kept);
  if (!hole || any_reads(file, kept + 1)) return std::nullopt;
  // A record may rightly end in a zero or two, which may be the only ones in their sector.
  const bool tiny = raw.size() - *hole < kTinyHoleBytes;
  if (tiny && one_bit_is_wrong(file, kept, *hole - prefix)) return std::nullopt;
  // RocksDB removes such a name when a crash leaves it. The rename need not be synced: after another power cut all of
  // this is done again, or RocksDB has made a new list by then.
  const std::string scratch = folder + "/" + name.substr(kNamePrefix.size()) + ".dbtmp";
  raw.resize(prefix + kept);
  if (!rocksdb::WriteStringToFile(&disk, raw, scratch, /*should_sync=*/true).ok() ||
      !disk.RenameFile(scratch, path).ok()) {
    return std::nullopt;
  }
  return ManifestTail{path, kept, dropped};
}

}  // namespace tidemark::storage
