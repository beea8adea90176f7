// /api/v1/series, /api/v1/labels and /api/v1/label/<name>/values.
#pragma once

#include "aggregator/api/outcome.h"
#include "aggregator/storage/querier.h"
#include "net/http_message.h"

namespace tidemark::api {

Outcome series(storage::Queryable& store, const net::Request& request);
Outcome label_names(storage::Queryable& store, const net::Request& request);
Outcome label_values(storage::Queryable& store, const net::Request& request);

}  // namespace tidemark::api
