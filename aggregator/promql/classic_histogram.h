// histogram_quantile() over classic histograms: one series a bucket, its upper bound in the label `le`.
#pragma once

#include "aggregator/promql/context.h"
#include "aggregator/promql/grid.h"
#include "aggregator/promql/series.h"
#include "model/status.h"

namespace tidemark::promql {

// `q` has a value for every step; `at` is where the buckets' expression begins. Consumes the input.
Status histogram_quantile(QueryContext& context, const Grid& grid, const Column& q, Matrix& input, TextOffset at,
                          SeriesSink& sink);

}  // namespace tidemark::promql
