// TierPlan: which tier answers which part of a select.
//
//   days whose raw samples are gone      the finest rollup there is; hours where they answer exactly as well, since the
//                                        query's times are multiples of them, or where the query allows them
//   days that have both                  raw samples, unless the query allows rollups: then the coarsest it allows, if
//                                        the day is folded with all that came late
//   from the first day that has no such rollup, or of which memory holds samples: raw samples
#pragma once

#include <string_view>
#include <vector>

#include "aggregator/storage/keys.h"
#include "aggregator/storage/querier.h"
#include "aggregator/storage/rocks.h"
#include "model/status.h"

namespace tidemark::storage {

// What a rollup's bucket answers a function with; see Folded.
enum class RollupColumn { kLast, kFirst, kMin, kMax, kSum, kEnds };

struct RollupAnswer {
  RollupColumn column = RollupColumn::kLast;
  bool exact = true;  // False: no column has what the function needs.
};
// `range`: the function is applied to a range selector; else it is an aggregation of instant values, or none.
RollupAnswer rollup_answer(std::string_view function, bool range);

struct TierStretch {
  Tier tier = Tier::kRaw;  // A rollup.
  Window first_day = 0;
  Window last_day = 0;  // Inclusive.
};

struct TierPlan {
  std::vector<TierStretch> rollups;  // By time.
  Window raw_from = 0;               // The first day that raw samples answer.
};

// `raw_first`: before this day there are no raw samples any more. `head_first`: from this day on memory holds samples,
// late ones perhaps, which no rollup has; noted before this looks at files.
struct TierBounds {
  Window raw_first = 0;
  Window head_first = 0;
};
Result<TierPlan> plan_tiers(Rocks& rocks, const TierBounds& bounds, int64_t min_ms, int64_t max_ms,
                            const SelectHints& hints);

}  // namespace tidemark::storage
