// What a handler of /api/v1 answers, before it becomes an HTTP response.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "model/status.h"
#include "net/http_message.h"

namespace tidemark::api {

// Prometheus' error types; each has its HTTP code.
enum class ErrorType { kBadData, kExecution, kTimeout, kCanceled, kInternal, kNotFound, kUnavailable };

std::string_view error_type_name(ErrorType type);  // "bad_data" "execution" ...
int http_code(ErrorType type);                     // 400 422 503 499 500 404 503

struct Error {
  ErrorType type = ErrorType::kInternal;
  std::string message;
};

// `invalid parameter "step": ...`
Error bad_parameter(std::string_view name, std::string_view message);
// The type that fits the status' code: what the engine and the store say.
Error error_of(const Status& status);

// A success under construction: append the JSON of `data` to `body`, and nothing else.
struct Answer {
  std::string body = R"({"status":"success","data":)";
  std::vector<std::string> warnings;
  std::vector<std::string> infos;
  bool no_content = false;  // 204 and no body.
  // Of a `data` too long to be held whole: makes what comes after `body`. What can fail has failed before.
  net::BodySource rest = nullptr;
};

// Of one answer, which is held in memory until it is sent.
inline constexpr size_t kBodyBytesMax = size_t{256} << 20;
Error answer_too_large();

using Outcome = tl::expected<Answer, Error>;

inline tl::unexpected<Error> refuse(Error error) { return tl::unexpected<Error>(std::move(error)); }

// Fills in status, content type and body.
void respond(Outcome outcome, net::Response& response);

}  // namespace tidemark::api
