// LineReader: the lines of a file or pipe, one at a time and bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/status.h"

namespace tidemark::tsdb {

class LineReader {
 public:
  // `path` "-": standard input. `line_bytes_max`: a longer line is an error.
  static Result<LineReader> open(const std::string& path, size_t line_bytes_max);
  ~LineReader();
  LineReader(LineReader&& other) noexcept;
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // The next line without its newline; false at the end and on an error. `line` is valid until the next call.
  bool next(std::string_view& line);
  const Status& status() const { return status_; }
  uint64_t line_number() const { return line_number_; }  // Of the last line, from 1.
  std::string place() const;                             // "FILE:12"

 private:
  LineReader(int fd, std::string name, size_t line_bytes_max)
      : fd_(fd), name_(std::move(name)), line_bytes_max_(line_bytes_max) {}
  bool fill();

  int fd_;
  const std::string name_;
  const size_t line_bytes_max_;
  std::string buffer_;
  size_t begin_ = 0;  // Of what is not returned yet.
  bool ended_ = false;
  uint64_t line_number_ = 0;
  Status status_;
};

}  // namespace tidemark::tsdb
