// From a set of series to a sink, through work on each series alone that several threads can do: large sets are cut
// into fixed stripes, and what comes of them reaches the sink in the order of the set, on the query's own thread. So
// the answer does not depend on how many threads there are.
#pragma once

#include <functional>
#include <memory>

#include "aggregator/promql/context.h"
#include "aggregator/promql/series.h"
#include "aggregator/storage/querier.h"

namespace tidemark::promql {

// What is done to one series after the other; holds buffers, belongs to one thread.
class SeriesWork {
 public:
  virtual ~SeriesWork() = default;
  // Computes the column of the set's current series, all of it. Messages go to the context the work was made with.
  virtual Status compute(storage::SeriesSet& set, Column& out) = 0;
};

// Thread-safe: each thread that takes part makes one, with a context of its own that outlives it.
using MakeSeriesWork = std::function<std::unique_ptr<SeriesWork>(QueryContext& context)>;

// The set's warnings and infos become the query's. Series whose column is empty are left out.
Status push_series(QueryContext& context, storage::SeriesSet& set, size_t steps, const MakeSeriesWork& make,
                   SeriesSink& sink);

// What the set says about itself, when it has been read.
void add_messages(QueryContext& context, const storage::SeriesSet& set);

}  // namespace tidemark::promql
