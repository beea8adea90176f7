// /api/v1/rules and /api/v1/alerts.
#pragma once

#include "aggregator/api/outcome.h"
#include "alerting/snapshot.h"
#include "net/http_message.h"

namespace tidemark::api {

Outcome rules(const alerting::RuleSource& source, const net::Request& request);
Outcome alerts(const alerting::RuleSource& source);
// Alerts go to receivers from here, by way of no Alertmanager.
Outcome alertmanagers();

}  // namespace tidemark::api
