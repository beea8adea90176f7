// /api/v1/targets, /api/v1/targets/metadata, /api/v1/scrape_pools and /api/v1/metadata.
#pragma once

#include "aggregator/api/outcome.h"
#include "aggregator/api/targets_view.h"
#include "net/http_message.h"

namespace tidemark::api {

Outcome targets(const TargetsView& view, const net::Request& request);
Outcome scrape_pools(const TargetsView& view);
Outcome target_metadata(const TargetsView& view, const net::Request& request);
Outcome metadata(const TargetsView& view, const net::Request& request);

}  // namespace tidemark::api
