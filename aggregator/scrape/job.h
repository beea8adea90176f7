// Job: one scrape_config as the loops of its targets use it. Immutable; shared by them, replaced whole on a reload.
#pragma once

#include <string>

#include "config/scrape_config.h"

namespace tidemark::scrape {

struct Job {
  explicit Job(const config::ScrapeConfig& c);

  const config::ScrapeConfig config;
  // All that decides which series a line of a page becomes. While it stays equal, what a loop knows about its series
  // holds.
  const std::string series_rules;
};

}  // namespace tidemark::scrape
