// The table of all functions that PromQL knows, with their types: what the parser checks calls against.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "aggregator/promql/ast.h"

namespace tidemark::promql {

struct Function {
  static constexpr int kUnbounded = -1;

  std::string_view name;
  std::span<const ValueType> args;
  // How many arguments may be there beyond args.size() - 1: 0 means exactly args.size(). Surplus arguments have the
  // last one's type.
  int variadic = 0;
  ValueType result = ValueType::kVector;
  bool experimental = false;  // Behind --enable-feature=promql-experimental-functions.
};

// Null when there is none. Names are lower case, as in the expression. Thread-safe; entries live as long as the
// process.
const Function* find_function(std::string_view name);

// Sorted by name.
std::span<const Function> all_functions();

}  // namespace tidemark::promql
