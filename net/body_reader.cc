#include "net/body_reader.h"

#include <algorithm>
#include <string_view>

#include "net/percent.h"

namespace tidemark::net {

namespace {

constexpr size_t kSizeLineBytesMax = 256;      // The size and its extensions, which mean nothing to us.
constexpr size_t kTrailerBytesMax = 4 << 10;   // Read and dropped.
constexpr uint64_t kChunkBytesMax = 1u << 31;  // Far over any limit, far under overflow.

// The number at the start of a size line, or nothing useful: `false` when malformed.
bool parse_chunk_size(std::string_view line, uint64_t& size) {
  size = 0;
  size_t digits = 0;
  while (digits < line.size() && hex_digit(line[digits]) >= 0) {
    size = size * 16 + static_cast<uint64_t>(hex_digit(line[digits]));
    if (size > kChunkBytesMax) return false;
    ++digits;
  }
  if (digits == 0) return false;
  return digits == line.size() || line[digits] == ';' || line[digits] == ' ' || line[digits] == '\t';
}

}  // namespace

BodyReader BodyReader::with_length(uint64_t bytes, size_t body_bytes_max) {
  BodyReader reader;
  reader.left_ = bytes;
  reader.body_bytes_max_ = body_bytes_max;
  return reader;
}

BodyReader BodyReader::chunked(size_t body_bytes_max) {
  BodyReader reader;
  reader.chunked_ = true;
  reader.body_bytes_max_ = body_bytes_max;
  return reader;
}

BodyReader::Progress BodyReader::consume(std::string& in, std::string& body) {
  if (!chunked_) return consume_length(in, body);
  size_t used = 0;
  const Progress progress = consume_chunks(in, body, used);
  in.erase(0, used);
  return progress;
}

BodyReader::Progress BodyReader::consume_length(std::string& in, std::string& body) {
  if (left_ + body.size() > body_bytes_max_) return Progress::kTooLarge;
  if (body.empty() && in.size() == left_) {  // All there at once, as small bodies are: nothing to copy.
    body.swap(in);
    left_ = 0;
    return Progress::kDone;
  }
  const auto taken = static_cast<size_t>(std::min<uint64_t>(left_, in.size()));
  body.append(in, 0, taken);
  in.erase(0, taken);
  left_ -= taken;
  return left_ == 0 ? Progress::kDone : Progress::kMore;
}

BodyReader::Progress BodyReader::consume_chunks(std::string& in, std::string& body, size_t& used) {
  const std::string_view all(in);
  for (;;) {
    const std::string_view rest = all.substr(used);
    if (state_ == State::kData) {
      const auto taken = static_cast<size_t>(std::min<uint64_t>(left_, rest.size()));
      body.append(rest.substr(0, taken));
      used += taken;
      left_ -= taken;
      if (left_ > 0) return Progress::kMore;
      state_ = State::kDataEnd;
      continue;
    }
    if (state_ == State::kDataEnd) {
      if (rest.size() < 2) return Progress::kMore;
      if (!rest.starts_with("\r\n")) return Progress::kMalformed;
      used += 2;
      state_ = State::kSize;
      continue;
    }

    // A line: a chunk's size, or one of the trailer.
    const size_t end = rest.find('\n');
    if (std::min(end, rest.size()) > kSizeLineBytesMax && state_ == State::kSize) return Progress::kMalformed;
    if (trailer_bytes_ + std::min(end, rest.size()) > kTrailerBytesMax) return Progress::kMalformed;
    if (end == std::string_view::npos) return Progress::kMore;
    if (end == 0 || rest[end - 1] != '\r') return Progress::kMalformed;
    const std::string_view line = rest.substr(0, end - 1);
    used += end + 1;
    if (state_ == State::kTrailer) {
      if (line.empty()) return Progress::kDone;
      trailer_bytes_ += end + 1;
      continue;
    }
    if (!parse_chunk_size(line, left_)) return Progress::kMalformed;
    if (left_ + body.size() > body_bytes_max_) return Progress::kTooLarge;
    state_ = left_ == 0 ? State::kTrailer : State::kData;
  }
}

}  // namespace tidemark::net
