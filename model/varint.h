// Varints: seven bits a byte, lowest first, the top bit says that more follow (protobuf's format). Zigzag for signed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark {

inline void append_varint(std::string& out, uint64_t v) {
  while (v >= 0x80) {
    out += static_cast<char>(v | 0x80);
    v >>= 7;
  }
  out += static_cast<char>(v);
}

inline uint64_t zigzag(int64_t v) { return (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63); }
inline int64_t unzigzag(uint64_t v) { return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1); }

inline void append_signed_varint(std::string& out, int64_t v) { append_varint(out, zigzag(v)); }

// Takes a varint off the front of `in`. False, and `in` unchanged, when it is cut off or longer than 64 bits.
inline bool take_varint(std::string_view& in, uint64_t& v) {
  // Most are short.
  if (!in.empty() && static_cast<unsigned char>(in[0]) < 0x80) [[likely]] {
    v = static_cast<unsigned char>(in[0]);
    in.remove_prefix(1);
    return true;
  }
  if (in.size() > 1 && static_cast<unsigned char>(in[1]) < 0x80) {
    v = static_cast<uint64_t>(in[0] & 0x7f) | static_cast<uint64_t>(in[1]) << 7;
    in.remove_prefix(2);
    return true;
  }
  uint64_t result = 0;
  for (size_t i = 0; i < in.size() && i < 10; ++i) {
    const auto byte = static_cast<unsigned char>(in[i]);
    if (i == 9 && byte > 1) return false;
    result |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      v = result;
      in.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

inline bool take_signed_varint(std::string_view& in, int64_t& v) {
  uint64_t raw = 0;
  if (!take_varint(in, raw)) return false;
  v = unzigzag(raw);
  return true;
}

// Takes varint(bytes) bytes off the front of `in`.
inline bool take_prefixed(std::string_view& in, std::string_view& v) {
  std::string_view rest = in;
  uint64_t bytes = 0;
  if (!take_varint(rest, bytes) || bytes > rest.size()) return false;
  v = rest.substr(0, bytes);
  in = rest.substr(bytes);
  return true;
}

inline void append_prefixed(std::string& out, std::string_view v) {
  append_varint(out, v.size());
  out += v;
}

}  // namespace tidemark
