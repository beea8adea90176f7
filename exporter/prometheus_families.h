// prometheus-cpp's families to ours and back: the edge where registries of self metrics come in, and where Collection
// is a prometheus::Collectable. Nothing a scrape does for the host's metrics passes here.
#pragma once

#include <prometheus/metric_family.h>

#include <span>
#include <vector>

#include "exporter/family.h"

namespace tidemark::exporter {

// Appends `families` to `out`. A histogram without the bucket that holds everything gets it. Timestamps are dropped:
// what a scrape shows is of now.
void append_prometheus(Families& out, std::span<const prometheus::MetricFamily> families);

// The samples of a sealed `families`; native names and order.
std::vector<prometheus::MetricFamily> to_prometheus(const Families& families);

}  // namespace tidemark::exporter
