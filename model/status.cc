#include "model/status.h"

namespace tidemark {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::kOk:
      return "ok";
    case Code::kInvalid:
      return "invalid";
    case Code::kUnsupported:
      return "unsupported";
    case Code::kNotFound:
      return "not found";
    case Code::kExecution:
      return "execution";
    case Code::kLimit:
      return "limit";
    case Code::kTimeout:
      return "timeout";
    case Code::kCanceled:
      return "canceled";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kReadOnly:
      return "read-only";
    case Code::kIo:
      return "io";
    case Code::kCorruption:
      return "corruption";
    case Code::kInternal:
      return "internal";
  }
  return "unknown";
}

Status Status::at(std::string_view place) const {
  std::string message(place);
  message += ": ";
  message += message_;
  return {code_, std::move(message)};
}

}  // namespace tidemark
