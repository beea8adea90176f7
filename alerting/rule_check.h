// Whether the rules of a file can be evaluated: expressions parse, thresholds name a selector, templates are templates.
// What the shape of the file can tell has been checked by config/rule_file.h.
#pragma once

#include "aggregator/promql/parser.h"
#include "config/rule_file.h"
#include "model/status.h"

namespace tidemark::alerting {

// kInvalid with one line a mistake:
//     alerts.yaml:7: host/HighLoad: 1:5: parse error: unexpected ...
//     alerts.yaml:12: host/HighLoad: "summary": template: __alert_HighLoad:1: function "nope" not defined
Status check_rules(const config::RuleFile& file, const promql::ParserOptions& options = {});

}  // namespace tidemark::alerting
