// The JSON of a query's result: the `data` of /api/v1/query and query_range.
#pragma once

#include <string>

#include "aggregator/promql/engine.h"

namespace tidemark::api {

// {"resultType":"matrix","result":[...]}
void append_query_data(std::string& out, const promql::QueryResult& result);

}  // namespace tidemark::api
