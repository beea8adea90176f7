// Any bytes as a page of metrics: it ends, series are views into the page, names in one sample are unique.
#include <algorithm>
#include <vector>

#include "model/exposition_parser.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemark;
  const std::string_view page = fuzz::view(data, size);
  ExpositionParser parser(page);
  size_t entries = 0;
  for (;;) {
    const auto entry = parser.next();
    fuzz::require(++entries <= size + 2, "a page has at most as many entries as bytes");
    if (entry == ExpositionParser::Entry::kEnd) break;
    if (entry == ExpositionParser::Entry::kError) {
      fuzz::require(!parser.status().ok(), "an error says what it is");
      fuzz::require(parser.next() == ExpositionParser::Entry::kError, "a bad page stays bad");
      break;
    }
    if (entry != ExpositionParser::Entry::kSample) continue;
    fuzz::require(parser.series().data() >= page.data() && parser.series().data() <= page.data() + size, "a view");
    std::vector<std::string_view> names;
    for (const LabelView& label : parser.labels()) names.push_back(label.name);
    std::sort(names.begin(), names.end());
    fuzz::require(std::adjacent_find(names.begin(), names.end()) == names.end(), "names are unique");
  }
  return 0;
}
