// Plain HTTP to a program on loopback, and the parts of its JSON answers that tests look at.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "net/client.h"

namespace tidemark::testing {

struct Answer {
  int status = 0;  // 0: no answer at all; `body` then says why.
  std::string body;
  // JSON is YAML. An undefined node when the body is neither.
  YAML::Node json() const;
};

Answer get(uint16_t port, std::string_view target);
Answer post(uint16_t port, std::string_view target, std::string_view body, const net::Params& headers = {});

// /api/v1/query: the value of the first series of the answer as text; "" when it is empty or an error.
std::string query_value(uint16_t port, std::string_view expression);
// The same at a point in time (seconds).
std::string query_value_at(uint16_t port, std::string_view expression, double time_s);

}  // namespace tidemark::testing
