#include "aggregator/storage/keys.h"

#include "model/rfc3339.h"

namespace tidemark::storage {
namespace {

constexpr uint32_t kBias = 0x80000000U;

template <class T>
void append_be(std::string& out, T v) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
    out += static_cast<char>(static_cast<unsigned char>(v >> shift));
  }
}

template <class T>
T read_be(const char* in) {
  T v = 0;
  for (size_t i = 0; i < sizeof(T); ++i) v = static_cast<T>((v << 8) | static_cast<unsigned char>(in[i]));
  return v;
}

}  // namespace

void append_be16(std::string& out, uint16_t v) { append_be(out, v); }
void append_be32(std::string& out, uint32_t v) { append_be(out, v); }
void append_be64(std::string& out, uint64_t v) { append_be(out, v); }
uint16_t read_be16(const char* in) { return read_be<uint16_t>(in); }
uint32_t read_be32(const char* in) { return read_be<uint32_t>(in); }
uint64_t read_be64(const char* in) { return read_be<uint64_t>(in); }

std::string window_prefix(Tier tier, Window window) {
  std::string key(1, static_cast<char>(tier));
  append_be32(key, static_cast<uint32_t>(window) ^ kBias);
  return key;
}

std::string chunk_series_prefix(Tier tier, Window window, SeriesId series) {
  std::string key = window_prefix(tier, window);
  append_be32(key, series);
  return key;
}

std::string chunk_key(const ChunkKey& key) {
  std::string out = chunk_series_prefix(key.tier, key.window, key.series);
  append_be32(out, static_cast<uint32_t>(key.start_ms - window_start_ms(key.tier, key.window)));
  append_be64(out, key.version);
  return out;
}

std::optional<ChunkKey> parse_chunk_key(std::string_view key) {
  if (key.size() != kSeriesPrefixBytes + 12) return std::nullopt;
  ChunkKey out;
  out.tier = static_cast<Tier>(key[0]);
  out.window = static_cast<Window>(read_be32(key.data() + 1) ^ kBias);
  out.series = read_be32(key.data() + 5);
  out.start_ms = window_start_ms(out.tier, out.window) + read_be32(key.data() + 9);
  out.version = read_be64(key.data() + 13);
  return out;
}

std::optional<Window> parse_window(std::string_view key) {
  if (key.size() < kWindowPrefixBytes) return std::nullopt;
  return static_cast<Window>(read_be32(key.data() + 1) ^ kBias);
}

std::string dirty_key(Window window) { return window_prefix(Tier::kRaw, window) + 'D'; }

std::string progress_key(Window window) { return window_prefix(Tier::kRaw, window) + 'R'; }

std::string tombstone_prefix(Tier tier, Window window) { return window_prefix(tier, window) + 'T'; }

std::string tombstone_key(const TombstoneKey& key) {
  std::string out = tombstone_prefix(key.tier, key.window);
  append_be64(out, key.position);
  return out;
}

std::optional<TombstoneKey> parse_tombstone_key(std::string_view key) {
  if (key.size() != kWindowPrefixBytes + 9 || static_cast<uint8_t>(key[0]) > static_cast<uint8_t>(Tier::k1h) ||
      key[kWindowPrefixBytes] != 'T') {
    return std::nullopt;
  }
  return TombstoneKey{*parse_window(key), read_be64(key.data() + kWindowPrefixBytes + 1), static_cast<Tier>(key[0])};
}

std::string unposted_key(Tier tier, Window window) { return window_prefix(tier, window) + 'U'; }

std::string all_postings_key(Tier tier, Window window) { return window_prefix(tier, window) + 'a'; }

std::string lifetimes_key(Tier tier, Window window, uint32_t block) {
  std::string key = window_prefix(tier, window) + 'l';
  append_be32(key, block);
  return key;
}

bool is_lifetimes_key(std::string_view key) {
  return key.size() == kWindowPrefixBytes + 5 && key[kWindowPrefixBytes] == 'l';
}

std::string postings_prefix(Tier tier, Window window) { return window_prefix(tier, window) + 'p'; }

std::string postings_name_prefix(Tier tier, Window window, std::string_view name) {
  std::string key = postings_prefix(tier, window);
  for (const char c : name) {
    key += c;
    if (c == '\0') key += '\xff';
  }
  key.append(2, '\0');
  return key;
}

std::string postings_key(Tier tier, Window window, std::string_view name, std::string_view value) {
  std::string key = postings_name_prefix(tier, window, name);
  key += value;
  return key;
}

std::optional<PostingsPair> parse_postings_key(std::string_view key) {
  if (key.size() <= kWindowPrefixBytes || key[kWindowPrefixBytes] != 'p') return std::nullopt;
  key.remove_prefix(kWindowPrefixBytes + 1);
  PostingsPair out;
  for (size_t i = 0; i + 1 < key.size(); ++i) {
    if (key[i] != '\0') {
      out.name += key[i];
    } else if (key[i + 1] == '\xff') {
      out.name += '\0';
      ++i;
    } else {
      out.value = key.substr(i + 2);
      return out;
    }
  }
  return std::nullopt;
}

std::string series_key(SeriesId id) {
  std::string key = "i";
  append_be32(key, id);
  return key;
}

std::optional<SeriesId> parse_series_key(std::string_view key) {
  if (key.size() != 5 || key[0] != 'i') return std::nullopt;
  return read_be32(key.data() + 1);
}

std::string series_hash_prefix(uint64_t hash) {
  std::string key = "h";
  append_be64(key, hash);
  return key;
}

std::string series_hash_key(uint64_t hash, SeriesId id) {
  std::string key = series_hash_prefix(hash);
  append_be32(key, id);
  return key;
}

std::string marker_key(uint16_t shard) {
  std::string key = "m";
  append_be16(key, shard);
  return key;
}

std::string head_group_prefix(uint64_t generation) {
  std::string key = "o";
  append_be64(key, generation);
  return key;
}

std::string head_group_key(const HeadGroupKey& key) {
  std::string out = head_group_prefix(key.generation);
  append_be16(out, key.shard);
  append_be32(out, key.group);
  return out;
}

std::optional<HeadGroupKey> parse_head_group_key(std::string_view key) {
  if (key.size() != 15 || key[0] != 'o') return std::nullopt;
  return HeadGroupKey{read_be64(key.data() + 1), read_be16(key.data() + 9), read_be32(key.data() + 11)};
}

std::string log_key(Position position) {
  std::string key;
  append_be64(key, position);
  return key;
}

std::optional<Position> parse_log_key(std::string_view key) {
  if (key.size() != 8) return std::nullopt;
  return read_be64(key.data());
}

std::string after_prefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

std::string day_text(Window day) { return format_rfc3339(window_start_ms(day)).substr(0, 10); }

}  // namespace tidemark::storage
