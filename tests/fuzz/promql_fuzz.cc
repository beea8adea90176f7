// Any text as a query: what parses prints to a text that parses and prints the same.
#include "aggregator/promql/parser.h"
#include "aggregator/promql/printer.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemark;
  const std::string_view text = fuzz::view(data, size);
  (void)promql::parse_selector(text);
  promql::ParserOptions options;
  options.experimental_functions = true;
  options.extended_range_selectors = true;
  options.binop_fill_modifiers = true;
  const auto expr = promql::parse_expression(text, options);
  if (!expr) return 0;
  const std::string printed = promql::to_string(**expr);
  if (printed.size() > promql::kQueryBytesMax) return 0;
  const auto again = promql::parse_expression(printed, options);
  if (!again) std::fprintf(stderr, "%s\n", printed.c_str());
  fuzz::require(again.has_value(), "a printed expression parses");
  fuzz::require(promql::to_string(**again) == printed, "a printed expression prints the same");
  return 0;
}
