#include "tests/e2e/http.h"

#include <fmt/format.h>

namespace tidemark::testing {
namespace {

Answer send(uint16_t port, net::ClientRequest request) {
  net::Url url;
  url.scheme = "http";
  url.host = "127.0.0.1";
  url.port = port;
  net::Client client(url, {});
  request.deadline_ms = 15'000;
  auto response = client.send(request);
  if (!response) return {0, response.error().message};
  return {response->status, std::move(response->body)};
}

std::string first_value(const Answer& answer) {
  if (answer.status != 200) return "";
  const YAML::Node result = answer.json()["data"]["result"];
  return result.IsSequence() && result.size() > 0 ? result[0]["value"][1].as<std::string>("") : "";
}

}  // namespace

YAML::Node Answer::json() const {
  try {
    return YAML::Load(body);
  } catch (const YAML::Exception&) {
    return YAML::Node(YAML::NodeType::Undefined);
  }
}

Answer get(uint16_t port, std::string_view target) {
  net::ClientRequest request;
  request.target = target;
  return send(port, std::move(request));
}

Answer post(uint16_t port, std::string_view target, std::string_view body, const net::Params& headers) {
  net::ClientRequest request;
  request.method = "POST";
  request.target = target;
  request.body = body;
  request.headers = headers;
  return send(port, std::move(request));
}

std::string query_value(uint16_t port, std::string_view expression) {
  return first_value(get(port, "/api/v1/query?query=" + net::url_encode(expression)));
}

std::string query_value_at(uint16_t port, std::string_view expression, double time_s) {
  return first_value(get(port, fmt::format("/api/v1/query?query={}&time={:.3f}", net::url_encode(expression), time_s)));
}

}  // namespace tidemark::testing
