#include "net/head.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "net/percent.h"

namespace tidemark::net {

namespace {

using Failure = tl::unexpected<HeadError>;

Failure refuse(int status, std::string message) { return Failure(HeadError{status, std::move(message)}); }

// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool has_control(std::string_view text, bool tab_allowed) {
  return std::any_of(text.begin(), text.end(), [&](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && !(tab_allowed && c == '\t')) || byte == 0x7f;
  });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Reads "METHOD target HTTP/1.x" into `head`; whether it is HTTP/1.1, or what to answer.
tl::expected<bool, HeadError> parse_request_line(std::string_view line, Head& head) {
  constexpr std::array<std::string_view, 9> kMethods = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                                        "OPTIONS", "CONNECT", "TRACE", "PATCH"};
  const size_t first = line.find(' ');
  const size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return refuse(400, "malformed request line");
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);

  if (!is_token(method)) return refuse(400, "malformed method");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    const bool other_version = version.size() == 8 && version.starts_with("HTTP/");
    return other_version ? refuse(505, "HTTP version not supported") : refuse(400, "malformed request line");
  }
  if (std::find(kMethods.begin(), kMethods.end(), method) == kMethods.end()) {
    return refuse(501, "method not implemented");
  }
  if (target.empty() || target.front() != '/' || has_control(target, false)) {
    return refuse(400, "the request target must be an absolute path");
  }

  const size_t question = target.find('?');
  head.method = method;
  head.raw_path = target.substr(0, question);
  auto path = percent_decode(head.raw_path);
  if (!path || path->find('\0') != std::string::npos) return refuse(400, "malformed escape in path");
  head.path = std::move(*path);
  if (question != std::string_view::npos) head.query = parse_form(target.substr(question + 1));
  return version == "HTTP/1.1";
}

// What the headers that frame a message said, to be judged together once all are read.
struct Framing {
  size_t hosts = 0;
  size_t lengths = 0;
  size_t encodings = 0;
  bool close = false;
};

tl::expected<void, HeadError> parse_header_line(std::string_view line, Head& head, Framing& framing) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    return refuse(400, "malformed header line");
  }
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (has_control(value, true)) return refuse(400, "control character in a header");
  std::string name = to_lower(line.substr(0, colon));

  if (name == "host") {
    ++framing.hosts;
  } else if (name == "content-length") {
    ++framing.lengths;
    const char* end = value.data() + value.size();
    // The digits alone: from_chars takes no sign for an unsigned, and 18 of them cannot overflow.
    const auto [stop, error] = std::from_chars(value.data(), end, head.content_length);
    if (value.empty() || value.size() > 18 || error != std::errc() || stop != end) {
      return refuse(400, "malformed Content-Length");
    }
  } else if (name == "transfer-encoding") {
    ++framing.encodings;
    if (!equal_ignoring_case(value, "chunked")) return refuse(501, "transfer encoding not implemented");
    head.chunked = true;
  } else if (name == "connection") {
    for_each_element(value, [&](std::string_view element) {
      if (equal_ignoring_case(element, "close")) framing.close = true;
    });
  } else if (name == "expect") {
    if (!equal_ignoring_case(value, "100-continue")) return refuse(417, "expectation failed");
    head.expects_continue = true;
  }
  head.headers.emplace_back(std::move(name), value);
  return {};
}

}  // namespace

tl::expected<Head, HeadError> parse_head(std::string_view text, const HeadLimits& limits) {
  Head head;
  Framing framing;
  bool http_1_1 = false;
  bool first_line = true;
  size_t header_lines = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos || end == 0 || text[end - 1] != '\r') return refuse(400, "bare line feed");
    const std::string_view line = text.substr(0, end - 1);
    text.remove_prefix(end + 1);
    if (first_line) {
      if (line.size() > limits.line_bytes_max) return refuse(414, "request line too long");
      const auto version = parse_request_line(line, head);
      if (!version) return Failure(version.error());
      http_1_1 = *version;
      first_line = false;
      continue;
    }
    if (line.empty()) break;
    if (line.size() > limits.line_bytes_max) return refuse(431, "header line too long");
    if (++header_lines > limits.header_lines_max) return refuse(431, "too many header lines");
    if (const auto read = parse_header_line(line, head, framing); !read) return Failure(read.error());
  }

  if (framing.hosts > 1 || (http_1_1 && framing.hosts == 0)) return refuse(400, "exactly one Host header is required");
  if (framing.lengths > 1) return refuse(400, "repeated Content-Length");
  if (framing.encodings > 1) return refuse(400, "repeated Transfer-Encoding");
  if (framing.encodings > 0 && framing.lengths > 0) return refuse(400, "Content-Length beside Transfer-Encoding");
  if (framing.encodings > 0 && !http_1_1) return refuse(400, "Transfer-Encoding needs HTTP/1.1");
  // HTTP/1.0 is answered and closed: its keep-alive is an extension that nobody who matters still needs.
  head.http_1_0 = !http_1_1;
  head.keep_alive = http_1_1 && !framing.close;
  head.expects_continue = head.expects_continue && http_1_1;
  return head;
}

}  // namespace tidemark::net
