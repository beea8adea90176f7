// For collectors that look at many devices: whether there is still time in this scrape.
#pragma once

#include "exporter/scrape_context.h"
#include "model/clock.h"

namespace tidemark::exporter {

inline Status check_deadline(const ScrapeContext& context) {
  if (system_clock().monotonic_ns() < context.deadline_monotonic_ns()) return {};
  return Status::timeout("the scrape's deadline has passed");
}

}  // namespace tidemark::exporter
