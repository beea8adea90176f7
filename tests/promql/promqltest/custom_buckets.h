// load_with_nhcb: the classic histograms among the series of a load, made into native ones with custom buckets.
#pragma once

#include <vector>

#include "model/labels.h"
#include "model/native_histogram.h"
#include "model/status.h"
#include "tests/promql/promqltest/script.h"

namespace tidemark::promqltest {

struct ConvertedSeries {
  Labels labels;  // Of NAME_bucket, NAME_sum and NAME_count: NAME, without `le`.
  std::vector<HistogramSample> samples;
};

// Fails when a histogram is none: buckets that fall, a count that is not that of the last bucket.
Result<std::vector<ConvertedSeries>> convert_classic_histograms(const Load& load);

}  // namespace tidemark::promqltest
