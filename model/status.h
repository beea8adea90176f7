// Status and Result: how expected failures travel. A function that can fail because of its input, the disk or the
// network returns one of these; an assertion is for our own mistakes. Codes are chosen by what the caller does next.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace tidemark {

enum class Code {
  kOk,
  kInvalid,      // The input is wrong: tell whoever sent it. (HTTP 400, exit 1.)
  kUnsupported,  // The input is right, but not something this program does.
  kNotFound,     // There is no such thing.
  kExecution,    // A query that parsed could not be evaluated on this data. (HTTP 422.)
  kLimit,        // A configured bound was hit. (HTTP 422 or 413.)
  kTimeout,      // The deadline passed. Trying again may help.
  kCanceled,     // Somebody asked for it to stop.
  kUnavailable,  // Busy, shutting down or not there yet: try again later. (HTTP 503.)
  kReadOnly,     // The store takes no writes at the moment: try again later. (HTTP 503.)
  kIo,           // The operating system refused.
  kCorruption,   // Stored bytes are not what was written.
  kInternal,     // A mistake of ours.
};

std::string_view code_name(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;  // OK.
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  static Status invalid(std::string m) { return {Code::kInvalid, std::move(m)}; }
  static Status unsupported(std::string m) { return {Code::kUnsupported, std::move(m)}; }
  static Status not_found(std::string m) { return {Code::kNotFound, std::move(m)}; }
  static Status execution(std::string m) { return {Code::kExecution, std::move(m)}; }
  static Status limit(std::string m) { return {Code::kLimit, std::move(m)}; }
  static Status timeout(std::string m) { return {Code::kTimeout, std::move(m)}; }
  static Status canceled(std::string m) { return {Code::kCanceled, std::move(m)}; }
  static Status unavailable(std::string m) { return {Code::kUnavailable, std::move(m)}; }
  static Status read_only(std::string m) { return {Code::kReadOnly, std::move(m)}; }
  static Status io(std::string m) { return {Code::kIo, std::move(m)}; }
  static Status corruption(std::string m) { return {Code::kCorruption, std::move(m)}; }
  static Status internal(std::string m) { return {Code::kInternal, std::move(m)}; }

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }

  // The same failure with the place it happened in front: "alerts.yaml:14: ...".
  Status at(std::string_view place) const;

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

template <class T>
using Result = tl::expected<T, Status>;

// Turns a failed Status into the error side of a Result. REQUIRES: !status.ok().
inline tl::unexpected<Status> fail(Status status) { return tl::unexpected<Status>(std::move(status)); }

}  // namespace tidemark
