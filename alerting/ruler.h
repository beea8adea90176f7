// Ruler: the rule groups, and the threads that evaluate them.
//
// Each group is evaluated at its interval, offset within it by a hash of file and name so that groups spread; the
// timestamp is that of the slot, not of the moment. A group never runs twice at a time: slots that pass meanwhile are
// counted as missed. One thread watches the clock, a few workers evaluate. Nothing here waits for the network: alerts
// go into `sink`, which is the notifier's queue.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "aggregator/promql/engine.h"
#include "aggregator/storage/appender.h"
#include "aggregator/storage/state_store.h"
#include "alerting/alert.h"
#include "alerting/snapshot.h"
#include "config/rule_file.h"
#include "model/clock.h"
#include "model/labels.h"
#include "model/log.h"
#include "model/status.h"

namespace prometheus {
class Registry;
}

namespace tidemark::alerting {

struct RulerOptions {
  // Behaviour.
  std::string external_url;          // For the links in alerts: "http://host:9090", without a slash at the end.
  int64_t resend_delay_ms = 60'000;  // Before the notifier hears of the same alert again (--rules.alert.resend-delay).

  // Speed.
  unsigned workers = 4;
};

// What a reload may change beside the rules themselves: from the `global` section.
struct RulerSettings {
  int64_t interval_ms = 60'000;
  int64_t query_offset_ms = 0;
  Labels external_labels;
};

// Who the ruler works with. Everything referred to outlives it.
struct RulerCollaborators {
  // An instant query that ends early once `canceled` is set. promql::Engine::instant in the program.
  std::function<Result<promql::QueryResult>(std::string_view expression, int64_t t_ms,
                                            const std::atomic<bool>* canceled)>
      query;
  storage::Appender& appender;
  storage::StateStore& state;
  // Takes alerts to deliver and does not wait. Notifier::send in the program.
  std::function<void(const std::vector<Alert>&)> sink;
  const Clock& clock;
  Logger& logger;
  prometheus::Registry& metrics;
};

class Ruler final : public RuleSource {
 public:
  Ruler(const RulerOptions& options, const RulerCollaborators& with);
  ~Ruler() override;  // Stops.
  Ruler(const Ruler&) = delete;
  Ruler& operator=(const Ruler&) = delete;

  // Puts these files' rules into force. REQUIRES: check_rules() found nothing wrong with them. The first call takes up
  // what an earlier process left; a later one (a reload) keeps alerts, clocks and series of rules that are still there,
  // and ends the series of those that are not. Waits for evaluations under way. Fails, changing nothing, when the state
  // cannot be read. One caller at a time.
  Status apply(const std::vector<config::RuleFile>& files, const RulerSettings& settings);

  // Starts and joins the threads; stop() cancels queries under way. Idempotent.
  void start();
  void stop();

  std::vector<std::shared_ptr<const GroupView>> groups() const override;

  // For tests without start(): evaluates what is due by the clock, on the caller's thread.
  void evaluate_due();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemark::alerting
