// Collection: the enabled collectors, run one after the other for a scrape. A collector that fails costs its own
// families only: node_scrape_collector_success says 0 for it, and the log says why once, until the reason changes.
//
//   const std::shared_ptr<const Families> found = collection.scrape(choice, deadline_ns);
//   write_text(page, *found);
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/collector.h"
#include "model/log.h"
#include "model/mutex.h"

namespace tidemark::exporter {

struct NamedCollector {
  std::string name;
  std::unique_ptr<Collector> collector;
};

// Which collectors a scrape wants; both empty: all enabled ones.
struct CollectorChoice {
  std::vector<std::string> only;
  std::vector<std::string> without;

  bool takes(std::string_view name) const;
};

// Thread-safe: scrapes run side by side, each with a context of its own.
class Collection final : public prometheus::Collectable {
 public:
  // `self`, which may be null, runs with every scrape and is not counted as a collector. `logger` outlives us.
  Collection(std::vector<NamedCollector> collectors, std::unique_ptr<Collector> self, Logger& logger);
  ~Collection() override;

  bool has(std::string_view name) const;
  std::vector<std::string> names() const;

  // What the chosen collectors say, how they did, and what `own` appends, which is called before this returns. Returns
  // by the deadline (Clock::monotonic_ns). Sealed; its memory goes back to us for the next scrape, also when we are
  // gone by then.
  std::shared_ptr<const Families> scrape(const CollectorChoice& choice, int64_t deadline_monotonic_ns,
                                         const std::function<void(Families&)>& own = nullptr) const;

  // Everything, for prometheus-cpp; within ten seconds.
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  struct Entry {
    NamedCollector named;
    std::string last_error;                                      // Guarded by errors_mu_.
    std::unique_ptr<Mutex> running = std::make_unique<Mutex>();  // Held while it collects.
  };

  struct Idle;

  void collect(const CollectorChoice& choice, ScrapeContext& context, Families& out) const;
  void note_result(Entry& entry, const Status& status) const;
  const std::unique_ptr<Collector> self_;
  Logger& logger_;
  mutable std::vector<Entry> entries_;  // Constant after construction but for last_error.
  mutable Mutex errors_mu_;
  const std::shared_ptr<Idle> idle_;
};

}  // namespace tidemark::exporter
