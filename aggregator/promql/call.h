// Which of PromQL's functions this engine evaluates.
#pragma once

#include <string_view>

namespace tidemark::promql {

bool is_supported_function(std::string_view name);

}  // namespace tidemark::promql
