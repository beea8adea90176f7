#include "aggregator/promql/annotations.h"

#include <fmt/format.h>

#include <algorithm>

#include "aggregator/promql/calendar.h"
#include "aggregator/promql/quote.h"
#include "aggregator/promql/text.h"

namespace tidemark::promql {
namespace {

std::string in_detail(const Annotations::ForcedMonotonicity& m) {
  return fmt::format(", from buckets {} to {}, with a max diff of {:.2g}, over {} samples from {} to {}",
                     general(m.min_bound), general(m.max_bound), m.max_difference, m.count, rfc3339_seconds(m.min_ms),
                     rfc3339_seconds(m.max_ms));
}

}  // namespace

Annotations::Entry* Annotations::List::add(std::string text, TextOffset at) {
  const auto found = index.find(text);
  if (found != index.end()) {
    Entry& entry = entries[found->second];
    entry.at = at;
    return &entry;
  }
  if (entries.size() >= kKeptMax) {
    ++dropped;
    return nullptr;
  }
  index.emplace(text, entries.size());
  entries.push_back(Entry{std::move(text), at, 0, false, {}});
  return &entries.back();
}

void Annotations::List::merge(List&& other) {
  for (Entry& theirs : other.entries) {
    Entry* const ours = add(std::move(theirs.text), theirs.at);
    if (ours == nullptr) continue;
    ours->occurrences += theirs.occurrences;
    if (!theirs.is_monotonicity) continue;
    if (ours->is_monotonicity) {
      Annotations::merge(ours->monotonicity, theirs.monotonicity);
    } else {
      ours->is_monotonicity = true;
      ours->monotonicity = theirs.monotonicity;
    }
  }
  dropped += other.dropped;
  other = {};
}

std::vector<std::string> Annotations::List::render(std::string_view query, std::string_view kind) const {
  std::vector<std::string> out;
  for (const Entry& entry : entries) {
    if (out.size() == kShownMax) {
      out.push_back(fmt::format("{} more {} annotations omitted", entries.size() - kShownMax + dropped, kind));
      break;
    }
    std::string detail;
    if (entry.is_monotonicity) detail = in_detail(entry.monotonicity);
    if (entry.occurrences > 1) detail = fmt::format(" ({} occurrences)", entry.occurrences);
    out.push_back(fmt::format("PromQL {}: {}{} ({})", kind, entry.text, detail, line_and_column(query, entry.at)));
  }
  return out;
}

void Annotations::warn(std::string text, TextOffset at) { warnings_.add(std::move(text), at); }

void Annotations::info(std::string text, TextOffset at) { infos_.add(std::move(text), at); }

void Annotations::warn_counted(std::string text, TextOffset at, size_t occurrences) {
  Entry* entry = warnings_.add(std::move(text), at);
  if (entry != nullptr) entry->occurrences += occurrences;
}

void Annotations::merge(ForcedMonotonicity& all, const ForcedMonotonicity& seen) {
  all.min_ms = std::min(all.min_ms, seen.min_ms);
  all.max_ms = std::max(all.max_ms, seen.max_ms);
  all.min_bound = std::min(all.min_bound, seen.min_bound);
  all.max_bound = std::max(all.max_bound, seen.max_bound);
  all.max_difference = std::max(all.max_difference, seen.max_difference);
  all.count += seen.count;
}

void Annotations::merge(Annotations&& other) {
  warnings_.merge(std::move(other.warnings_));
  infos_.merge(std::move(other.infos_));
}

void Annotations::forced_monotonicity(std::string_view metric_name, const ForcedMonotonicity& seen, TextOffset at) {
  std::string text =
      "input to histogram_quantile needed to be fixed for monotonicity (see "
      "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";
  if (!metric_name.empty()) text += fmt::format(" for metric name {}", quoted(metric_name));
  Entry* entry = infos_.add(std::move(text), at);
  if (entry == nullptr) return;
  if (!entry->is_monotonicity) {
    entry->is_monotonicity = true;
    entry->monotonicity = seen;
    return;
  }
  merge(entry->monotonicity, seen);
}

std::vector<std::string> Annotations::warnings(std::string_view query) const {
  return warnings_.render(query, "warning");
}

std::vector<std::string> Annotations::infos(std::string_view query) const { return infos_.render(query, "info"); }

std::string line_and_column(std::string_view text, TextOffset at) {
  const std::string_view before = text.substr(0, std::min(at, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0.
  return fmt::format("{}:{}", line, before.size() - line_begin + 1);
}

}  // namespace tidemark::promql
