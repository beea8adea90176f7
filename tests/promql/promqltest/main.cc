// promqltest FILE...: runs PromQL test scripts, prints "FILE: passed/total" and every failure, exits 1 on any.
#include <cstdio>
#include <fstream>
#include <sstream>

#include "tests/promql/promqltest/runner.h"

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: promqltest FILE...\n", stderr);
    return 2;
  }
  bool failed = false;
  for (int i = 1; i < argc; ++i) {
    const std::ifstream file(argv[i]);
    std::stringstream text;
    if (!file || !(text << file.rdbuf())) {
      std::fprintf(stderr, "%s: cannot be read\n", argv[i]);
      failed = true;
      continue;
    }
    const auto report = tidemark::promqltest::run_script(text.str());
    std::printf("%s: %zu/%zu\n", argv[i], report.passed, report.total);
    for (const std::string& failure : report.failures) std::printf("  %s\n", failure.c_str());
    failed |= report.passed != report.total;
  }
  return failed ? 1 : 0;
}
