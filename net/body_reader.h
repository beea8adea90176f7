// BodyReader: takes a request's body out of what arrives on the connection, by length or by chunks, within a limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace tidemark::net {

class BodyReader {
 public:
  enum class Progress { kMore, kDone, kTooLarge, kMalformed };

  static BodyReader with_length(uint64_t bytes, size_t body_bytes_max);
  static BodyReader chunked(size_t body_bytes_max);

  BodyReader() = default;  // No body.

  // Moves what belongs to the body from the front of `in` to the end of `body`; what follows it stays in `in`.
  // After anything but kMore it must not be called again.
  Progress consume(std::string& in, std::string& body);

 private:
  enum class State { kSize, kData, kDataEnd, kTrailer };

  Progress consume_length(std::string& in, std::string& body);
  Progress consume_chunks(std::string& in, std::string& body, size_t& used);

  bool chunked_ = false;
  State state_ = State::kSize;
  uint64_t left_ = 0;  // Of the body, or of the chunk.
  size_t body_bytes_max_ = 0;
  size_t trailer_bytes_ = 0;
};

}  // namespace tidemark::net
