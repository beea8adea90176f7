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
#include "exporter/scrape_runner.h"
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
  bool operator==(const CollectorChoice&) const = default;
};

// Thread-safe. One scrape runs at a time: one that arrives while another with the same choice runs takes its result,
// one with another choice waits for its turn.
class Collection final : public prometheus::Collectable {
 public:
  // `self`, which may be null, runs with every scrape and is not counted as a collector. `logger` outlives us.
  Collection(std::vector<NamedCollector> collectors, std::unique_ptr<Collector> self, Logger& logger);
  ~Collection() override;

  bool has(std::string_view name) const;
  std::vector<std::string> names() const;

  // What the chosen collectors say, how they did, and what `own` appends, which is called before this returns. Returns
  // by the deadline (Clock::monotonic_ns) or some 100 ms later; collectors that did not answer have success 0. Sealed.
  std::shared_ptr<const Families> scrape(const CollectorChoice& choice, int64_t deadline_monotonic_ns,
                                         const std::function<void(Families&)>& own = nullptr) const;

  // Everything, for prometheus-cpp; within ten seconds.
  std::vector<prometheus::MetricFamily> Collect() const override;

  uint64_t shared_scrapes() const;  // That took the result of another.

 private:
  struct Turn;  // A scrape that runs.

  std::shared_ptr<Turn> take_turn(const CollectorChoice& choice, int64_t deadline_ns, bool& mine) const;
  std::shared_ptr<const Families> run(const CollectorChoice& choice, int64_t deadline_ns,
                                      const std::function<void(Families&)>& own) const;
  void report(const std::vector<ScrapeRunner::Outcome>& outcomes, Families& out) const;
  void note_result(size_t i, const Status& status) const;

  const std::vector<std::string> names_;
  const bool with_self_;
  Logger& logger_;
  mutable ScrapeRunner runner_;                   // Whose turn it is.
  mutable std::vector<std::string> last_errors_;  // As names_. Whose turn it is.
  mutable Mutex mu_;
  mutable CondVar turn_ended_;
  mutable std::shared_ptr<Turn> turn_ TM_GUARDED_BY(mu_);  // Null: nobody's.
  mutable uint64_t shared_ TM_GUARDED_BY(mu_) = 0;
};

}  // namespace tidemark::exporter
