// Runs a script against the engine over a store made for it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/promql/promqltest/stores.h"

namespace tidemark::promqltest {

struct Report {
  size_t passed = 0;
  size_t total = 0;                   // Evals, and broken lines.
  std::vector<std::string> failures;  // "line 12: sum(x): expected ..., got ..."
  std::vector<int> failed_lines;      // Of the evals that did not pass, rising.
};

// Every instant query is also run as the middle step of a range query, where it must answer the same.
Report run_script(std::string_view text, StoreKind kind = StoreKind::kMemory);

// Over the real store twice, from its head and from its files. An eval passes when it does both times; a failure begins
// with where: "head: line 12: ...".
Report run_script_twice(std::string_view text);

}  // namespace tidemark::promqltest
