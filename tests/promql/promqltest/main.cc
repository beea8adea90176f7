// promqltest [--store=memory|head|files] FILE...: runs PromQL test scripts, prints "FILE: passed/total" and every
// failure, exits 1 on any. Without --store over the real store twice: from its head, and closed and opened again, from
// its files; an eval passes when it does both times.
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

#include "tests/promql/promqltest/runner.h"

using tidemark::promqltest::StoreKind;

int main(int argc, char** argv) {
  constexpr std::string_view kFlag = "--store=";
  std::optional<StoreKind> kind;
  int first = 1;
  const bool twice = argc < 2 || !std::string_view(argv[1]).starts_with(kFlag);
  if (!twice) {
    kind = tidemark::promqltest::store_kind_of(std::string_view(argv[1]).substr(kFlag.size()));
    first = 2;
  }
  if (argc <= first || (!twice && !kind)) {
    std::fputs("usage: promqltest [--store=memory|head|files] FILE...\n", stderr);
    return 2;
  }
  bool failed = false;
  for (int i = first; i < argc; ++i) {
    const std::ifstream file(argv[i]);
    std::stringstream text;
    if (!file || !(text << file.rdbuf())) {
      std::fprintf(stderr, "%s: cannot be read\n", argv[i]);
      failed = true;
      continue;
    }
    const auto report = twice ? tidemark::promqltest::run_script_twice(text.str())
                              : tidemark::promqltest::run_script(text.str(), *kind);
    std::printf("%s: %zu/%zu\n", argv[i], report.passed, report.total);
    for (const std::string& failure : report.failures) std::printf("  %s\n", failure.c_str());
    failed |= !report.failures.empty();
  }
  return failed ? 1 : 0;
}
