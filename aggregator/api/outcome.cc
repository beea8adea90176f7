#include "aggregator/api/outcome.h"

#include <fmt/format.h>

#include <utility>

#include "aggregator/api/json_writer.h"

namespace tidemark::api {
namespace {

void append_texts(std::string& body, std::string_view key, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  body += fmt::format(",\"{}\":", key);
  JsonWriter json(body);
  json.begin_array();
  for (const std::string& text : texts) json.string(text);
  json.end_array();
}

}  // namespace

std::string_view error_type_name(ErrorType type) {
  switch (type) {
    case ErrorType::kBadData:
      return "bad_data";
    case ErrorType::kExecution:
      return "execution";
    case ErrorType::kTimeout:
      return "timeout";
    case ErrorType::kCanceled:
      return "canceled";
    case ErrorType::kInternal:
      return "internal";
    case ErrorType::kNotFound:
      return "not_found";
    case ErrorType::kUnavailable:
      return "unavailable";
  }
  return "internal";
}

int http_code(ErrorType type) {
  switch (type) {
    case ErrorType::kBadData:
      return 400;
    case ErrorType::kExecution:
      return 422;
    case ErrorType::kTimeout:
    case ErrorType::kUnavailable:
      return 503;
    case ErrorType::kCanceled:
      return 499;  // nginx' "client closed the request", which Prometheus uses too.
    case ErrorType::kInternal:
      return 500;
    case ErrorType::kNotFound:
      return 404;
  }
  return 500;
}

Error bad_parameter(std::string_view name, std::string_view message) {
  return {ErrorType::kBadData, fmt::format("invalid parameter \"{}\": {}", name, message)};
}

Error error_of(const Status& status) {
  const auto type = [&status] {
    switch (status.code()) {
      case Code::kInvalid:
      case Code::kUnsupported:
        return ErrorType::kBadData;
      case Code::kExecution:
      case Code::kLimit:
        return ErrorType::kExecution;
      case Code::kTimeout:
        return ErrorType::kTimeout;
      case Code::kCanceled:
        return ErrorType::kCanceled;
      case Code::kNotFound:
        return ErrorType::kNotFound;
      case Code::kUnavailable:
        return ErrorType::kUnavailable;
      default:
        return ErrorType::kInternal;
    }
  };
  return {type(), status.message()};
}

Error answer_too_large() {
  return {ErrorType::kExecution,
          fmt::format("answer is larger than {} MiB: select fewer series or set a limit", kBodyBytesMax >> 20)};
}

void respond(Outcome outcome, net::Response& response) {
  response.content_type = "application/json";
  if (outcome && outcome->no_content) {
    response.status = 204;
    return;
  }
  if (outcome) {
    response.status = 200;
    response.body = std::move(outcome->body);
    std::string end;
    append_texts(end, "warnings", outcome->warnings);
    append_texts(end, "infos", outcome->infos);
    end += '}';
    if (outcome->rest == nullptr) {
      response.body += end;
      return;
    }
    response.rest = [data = std::move(outcome->rest), end = std::move(end)](std::string& piece) {
      const net::More more = data(piece);
      if (more == net::More::kEnd) piece += end;
      return more;
    };
    return;
  }
  const Error& error = outcome.error();
  response.status = http_code(error.type);
  response.body.clear();
  JsonWriter(response.body)
      .begin_object()
      .key("status")
      .string("error")
      .key("errorType")
      .string(error_type_name(error.type))
      .key("error")
      .string(error.message)
      .end_object();
}

}  // namespace tidemark::api
