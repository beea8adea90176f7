#include "config/byte_size.h"

#include <fmt/format.h>

#include <limits>

namespace tidemark::config {

Result<uint64_t> parse_byte_size(std::string_view text) {
  const auto bad = [&] {
    return fail(Status::invalid(
        fmt::format("\"{}\" is not a size: expected digits, then one of B KB MB GB TB PB EB", text.substr(0, 64))));
  };
  if (text == "0") return 0;
  if (text.empty()) return bad();
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  uint64_t total = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t digits = i;
    uint64_t number = 0;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') {
      number = number * 10 + static_cast<uint64_t>(text[i++] - '0');
      if (number > kMax) return bad();
    }
    if (i == digits || i == text.size()) return bad();
    int shift = 0;
    if (text[i] != 'B') {
      const size_t power = std::string_view("KMGTPE").find(text[i]);
      if (power == std::string_view::npos) return bad();
      shift = 10 * (static_cast<int>(power) + 1);
      ++i;
      if (i < text.size() && text[i] == 'i') ++i;
    }
    if (i < text.size() && text[i] == 'B') ++i;
    if (number > (kMax - total) >> shift) return bad();
    total += number << shift;
  }
  return total;
}

}  // namespace tidemark::config
