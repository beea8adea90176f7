#include "aggregator/storage/tier_plan.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "aggregator/storage/rollup_writer.h"
#include "aggregator/storage/window_index.h"
#include "aggregator/storage/window_rewrite.h"

namespace tidemark::storage {
namespace {

constexpr int64_t k1hMs = resolution_ms(Tier::k1h);
constexpr int64_t k5mMs = resolution_ms(Tier::k5m);

// Days of a tier's windows between the two.
Result<std::set<Window>> days_of(Rocks& rocks, Tier tier, Window first, Window last) {
  const auto windows = WindowIndex(rocks, nullptr, tier).windows(window_of_day(tier, first), window_of_day(tier, last));
  if (!windows) return fail(windows.error());
  std::set<Window> days;
  for (const Window window : *windows) {
    for (Window day = first_day(tier, window); day < first_day(tier, window + 1); ++day) {
      if (day >= first && day <= last) days.insert(day);
    }
  }
  return days;
}

// Whether buckets of an hour give what samples would.
bool hours_are_exact(int64_t max_ms, const SelectHints& hints) {
  return max_ms % k1hMs == 0 && hints.step_ms % k1hMs == 0 && hints.range_ms % k1hMs == 0 &&
         rollup_answer(hints.function, hints.range_ms > 0).exact;
}

void extend(std::vector<TierStretch>& stretches, Tier tier, Window day) {
  if (!stretches.empty() && stretches.back().tier == tier) {
    stretches.back().last_day = day;
  } else {
    stretches.push_back({tier, day, day});
  }
}

}  // namespace

RollupAnswer rollup_answer(std::string_view function, bool range) {
  if (!range) return {RollupColumn::kLast, true};
  static constexpr std::array<std::pair<std::string_view, RollupAnswer>, 16> kAnswers = {{
      {"absent_over_time", {RollupColumn::kLast, true}},
      {"avg_over_time", {RollupColumn::kSum, true}},
      {"count_over_time", {RollupColumn::kSum, true}},
      {"delta", {RollupColumn::kEnds, true}},
      {"deriv", {RollupColumn::kEnds, false}},
      {"first_over_time", {RollupColumn::kFirst, true}},
      {"idelta", {RollupColumn::kEnds, false}},
      {"increase", {RollupColumn::kEnds, true}},
      {"irate", {RollupColumn::kEnds, false}},
      {"last_over_time", {RollupColumn::kLast, true}},
      {"max_over_time", {RollupColumn::kMax, true}},
      {"min_over_time", {RollupColumn::kMin, true}},
      {"predict_linear", {RollupColumn::kEnds, false}},
      {"present_over_time", {RollupColumn::kLast, true}},
      {"rate", {RollupColumn::kEnds, true}},
      {"resets", {RollupColumn::kEnds, true}},
  }};
  for (const auto& [name, answer] : kAnswers) {
    if (name == function) return answer;
  }
  if (function == "sum_over_time") return {RollupColumn::kSum, true};
  // Nothing but the labels, or the samples themselves.
  return {RollupColumn::kLast, function == "series"};
}

Result<TierPlan> plan_tiers(Rocks& rocks, const TierBounds& bounds, int64_t min_ms, int64_t max_ms,
                            const SelectHints& hints) {
  const Window raw_first = bounds.raw_first;
  TierPlan plan;
  plan.raw_from = raw_first;
  const Window first = window_of(min_ms);
  const Window last = window_of(max_ms);
  if (first < raw_first) {
    const Window last_gone = std::min(last, raw_first - 1);
    const auto fine = days_of(rocks, Tier::k5m, first, last_gone);
    if (!fine) return fail(fine.error());
    const auto coarse = days_of(rocks, Tier::k1h, first, last_gone);
    if (!coarse) return fail(coarse.error());
    const bool prefer_coarse = hints.max_resolution_ms >= k1hMs || hours_are_exact(max_ms, hints);
    std::set<Window> days = *fine;
    days.insert(coarse->begin(), coarse->end());
    for (const Window day : days) {
      const bool hours = coarse->contains(day) && (prefer_coarse || !fine->contains(day));
      extend(plan.rollups, hours ? Tier::k1h : Tier::k5m, day);
    }
  }
  if (hints.max_resolution_ms < k5mMs || last < raw_first) return plan;
  const auto windows = WindowIndex(rocks, nullptr).windows(std::max(first, raw_first), last);
  if (!windows) return fail(windows.error());
  for (const Window day : *windows) {
    if (day >= bounds.head_first) return plan;
    std::optional<Tier> tier;
    for (const Tier one : kRollupTiers) {
      if (resolution_ms(one) > hints.max_resolution_ms) continue;
      const auto done = WindowRewriter::is_done(rocks, day, tier_bit(one));
      if (!done) return fail(done.error());
      // Folded once, and dropped since by a shorter retention?
      const auto there = days_of(rocks, one, day, day);
      if (!there) return fail(there.error());
      if (*done && !there->empty()) tier = one;
    }
    plan.raw_from = day;
    if (!tier) return plan;
    extend(plan.rollups, *tier, day);
    plan.raw_from = day + 1;
  }
  return plan;
}

}  // namespace tidemark::storage
