// What a handler sends, as text.
#pragma once

#include <string>
#include <string_view>

#include "aggregator/api/outcome.h"
#include "net/http_message.h"

namespace tidemark::api {

inline net::Request request_of(std::string_view query) {
  net::Request request;
  request.method = "GET";
  request.query = net::parse_form(query);
  return request;
}

// "400 {...}"
inline std::string sent(Outcome outcome) {
  net::Response response;
  respond(std::move(outcome), response);
  std::string body = std::move(response.body);
  for (net::More more = net::More::kYes; response.rest != nullptr && more == net::More::kYes;) {
    std::string piece;
    more = response.rest(piece);
    body += more == net::More::kCutOff ? "(cut off)" : piece;
  }
  return std::to_string(response.status) + " " + body;
}

// The same for a success, without the envelope.
inline std::string data_of(Outcome outcome) {
  constexpr std::string_view kBefore = R"(200 {"status":"success","data":)";
  const std::string text = sent(std::move(outcome));
  if (text.substr(0, kBefore.size()) != kBefore) return text;
  return text.substr(kBefore.size(), text.size() - kBefore.size() - 1);
}

inline std::string bad_data(std::string_view escaped_message) {
  return R"(400 {"status":"error","errorType":"bad_data","error":")" + std::string(escaped_message) + "\"}";
}

}  // namespace tidemark::api
