// TargetsView: the scraper as the API sees it. A test fakes it in ten lines.
#pragma once

#include <functional>

#include "aggregator/scrape/targets.h"
#include "model/labels.h"

namespace tidemark::scrape {
class Scraper;
}

namespace tidemark::api {

// Thread-safe.
class TargetsView {
 public:
  virtual ~TargetsView() = default;
  virtual scrape::TargetsSnapshot targets() const = 0;
  // Calls `visit` for each piece of metadata of each active target, one target after the other.
  virtual void visit_metadata(
      const std::function<void(LabelsView target, const scrape::MetricMetadata&)>& visit) const = 0;
};

// The real one. `scraper` must outlive it.
class ScraperTargets final : public TargetsView {
 public:
  explicit ScraperTargets(const scrape::Scraper& scraper) : scraper_(scraper) {}
  scrape::TargetsSnapshot targets() const override;
  void visit_metadata(
      const std::function<void(LabelsView target, const scrape::MetricMetadata&)>& visit) const override;

 private:
  const scrape::Scraper& scraper_;
};

}  // namespace tidemark::api
