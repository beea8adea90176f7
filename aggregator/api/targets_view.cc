#include "aggregator/api/targets_view.h"

#include "aggregator/scrape/scraper.h"

namespace tidemark::api {

scrape::TargetsSnapshot ScraperTargets::targets() const { return scraper_.targets(); }

void ScraperTargets::visit_metadata(
    const std::function<void(LabelsView target, const scrape::MetricMetadata&)>& visit) const {
  scraper_.visit_metadata(visit);
}

}  // namespace tidemark::api
