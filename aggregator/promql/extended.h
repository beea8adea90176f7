// Anchored and smoothed selectors: ranges and instants that look beyond their ends rather than extrapolate.
//
//   increase(x[1m] anchored)   from the last sample at or before the range's start to the last one within it: whole
//                              numbers for a counter that counts in whole numbers
//   increase(x[1m] smoothed)   from the range's start to its end, at both of which the value is interpolated between
//   the
//                              samples around it
//   x smoothed                 the value interpolated at each step, from samples before and behind it
//
// How far beyond is the query's lookback, open on the left as everywhere. A staleness marker ends nothing here: it is
// left out, as in ranges. Only delta, increase and rate take both, changes and resets anchored ranges alone.
#pragma once

#include <memory>
#include <string_view>

#include "aggregator/promql/ast.h"
#include "aggregator/promql/range_functions.h"
#include "aggregator/promql/select.h"

namespace tidemark::promql {

using Extension = VectorSelector::Extension;

// How far beyond a window's ends its samples reach.
Reach reach_of(Extension extension, int64_t lookback_ms);

// The function for windows that `reach_of` has widened; their range is the one written. kExecution, in Prometheus'
// words, for a function that cannot be used with this extension. REQUIRES: not kNone.
Result<std::unique_ptr<RangeFunction>> make_extended_function(std::string_view name, Extension extension);

// select_instant() of a smoothed selector.
// `at` is where the selector begins.
Status select_smoothed(QueryContext& context, const Selector& selector, const Grid& grid, TextOffset at,
                       SeriesSink& sink);

// What an extended range selector by itself answers: a point at the range's start, the samples within, a point at its
// end. REQUIRES: samples and window as a function of make_extended_function() gets them.
std::vector<Sample> extended_points(const Samples& samples, const Window& window, Extension extension);

}  // namespace tidemark::promql
