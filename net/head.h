// Head: the request line and headers of one HTTP/1.x request, read strictly.
//
// Whatever a proxy in front of us could read differently is refused instead of guessed at (request smuggling): a
// Content-Length that is repeated or not a number, one beside Transfer-Encoding, blanks before a colon, folded lines,
// bare line feeds, a repeated Host. RFC 9112 sections 3 to 6.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "net/http_message.h"

namespace tidemark::net {

struct HeadLimits {
  size_t line_bytes_max = 8 << 10;  // The request line: 414 beyond. A header line: 431.
  size_t header_lines_max = 100;    // 431 beyond.
};

struct Head {
  std::string method;
  std::string raw_path;  // As sent: routes split it at "/" before they decode, so %2F stays within a segment.
  std::string path;      // Decoded once.
  Params query;
  Params headers;  // Names in lower case, values as sent.
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;
  bool chunked = false;
  uint64_t content_length = 0;  // 0 when chunked.
};

struct HeadError {
  int status;           // What to answer; the connection must be closed after it.
  std::string message;  // For the answer's body.
};

// `text` is everything up to and including the blank line.
tl::expected<Head, HeadError> parse_head(std::string_view text, const HeadLimits& limits);

}  // namespace tidemark::net
