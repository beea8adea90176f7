// Lines of start timestamps: metric@st, then offsets from the samples' times.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "model/duration.h"
#include "tests/promql/promqltest/script.h"

namespace tidemark::promqltest {
namespace {

constexpr size_t kRepeatMax = 1'000'000;
constexpr std::string_view kMark = "@st";

std::string_view first_word(std::string_view line) { return line.substr(0, line.find_first_of(" \t")); }

// Takes a duration with an optional sign off the front.
bool take_offset(std::string_view& text, int64_t& ms) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const size_t end = std::min(text.find_first_of("+-x"), text.size());
  const auto parsed = parse_duration_ms(text.substr(0, end));
  if (!parsed && text.substr(0, end) != "0") return false;
  ms = parsed ? (negative ? -*parsed : *parsed) : 0;
  text.remove_prefix(end);
  return true;
}

// "xN" and nothing else.
bool take_repeat(std::string_view text, size_t& count) {
  if (!text.starts_with('x')) return false;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), count);
  return error == std::errc() && end == text.data() + text.size() && count <= kRepeatMax;
}

// _  _x3  -1m  -1mx3  -30s-1mx3: as values are written, see series_line.cc.
bool take_item(std::string_view item, std::vector<std::optional<int64_t>>& offsets) {
  size_t repeat = 0;
  if (item.starts_with('_')) {
    item.remove_prefix(1);
    if (!item.empty() && !take_repeat(item, repeat)) return false;
    offsets.resize(offsets.size() + std::max<size_t>(1, repeat));
    return true;
  }
  int64_t offset_ms = 0;
  int64_t step_ms = 0;
  if (!take_offset(item, offset_ms)) return false;
  const bool stepping = item.starts_with('+') || item.starts_with('-');
  if (stepping && !take_offset(item, step_ms)) return false;
  if ((stepping || !item.empty()) && !take_repeat(item, repeat)) return false;
  for (size_t i = 0; i <= repeat; ++i, offset_ms += step_ms) offsets.emplace_back(offset_ms);
  return true;
}

}  // namespace

bool is_start_line(std::string_view line) { return first_word(line).ends_with(kMark); }

Result<StartLine> parse_start_line(std::string_view line) {
  const std::string_view metric = first_word(line);
  auto named = parse_series_line(metric.substr(0, metric.size() - kMark.size()));
  if (!named) return fail(named.error());
  StartLine starts;
  starts.labels = std::move(named->labels);
  for (std::string_view rest = line.substr(metric.size());;) {
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    if (rest.empty()) return starts;
    const std::string_view item = first_word(rest);
    if (!take_item(item, starts.offsets_ms)) return fail(Status::invalid(fmt::format("bad start \"{}\"", item)));
    rest.remove_prefix(item.size());
  }
}

}  // namespace tidemark::promqltest
