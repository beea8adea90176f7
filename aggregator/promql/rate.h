// rate(), increase(), delta(), irate() and idelta().
#pragma once

#include <memory>
#include <string_view>

#include "aggregator/promql/range_functions.h"

namespace tidemark::promql {

std::unique_ptr<RangeFunction> make_rate_function(std::string_view name);

}  // namespace tidemark::promql
