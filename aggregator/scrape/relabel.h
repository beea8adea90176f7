// Relabelling: rules that rewrite or refuse a set of labels, in the order given; Prometheus' relabel_config.
//
// Used twice: on what discovery says about a target (relabel_configs), and on each new series of a target
// (metric_relabel_configs). A rule joins the values of its source labels with its separator; its regular expression,
// anchored at both ends, is held against that text (labelmap, labeldrop and labelkeep: against the names).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/scrape_config.h"
#include "model/labels.h"

namespace tidemark::scrape {

// Runs the rules over `labels`. False: a rule refused the set, and what `labels` holds then means nothing. Thread-safe.
bool relabel(const std::vector<config::RelabelConfig>& rules, LabelsBuilder& labels);

// $1, ${1}, $name and $$ in a template replaced by what the groups matched, as Go's Regexp.Expand does: a group that
// is not there or did not take part is "", a "$" that starts no name stays. groups[0] is the whole match; `names` has
// the names of the groups that have one, by number.
std::string expand_template(std::string_view text, const std::vector<std::string_view>& groups,
                            const std::map<int, std::string>& names);

}  // namespace tidemark::scrape
