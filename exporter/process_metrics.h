// What the exporter says of itself: process_* (from /proc/self, under the names Go's client library gives them) and the
// versions of what is matched and of what runs.
#pragma once

#include <memory>

#include "exporter/collector.h"

namespace tidemark::exporter {

// The node_exporter whose names, labels and types we serve.
inline constexpr std::string_view kNodeExporterVersion = "1.11.1";

void append_build_info(Families& out);

std::unique_ptr<Collector> make_process_metrics();

}  // namespace tidemark::exporter
