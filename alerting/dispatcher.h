// Dispatcher: alerts into groups, and groups into messages when they are due. Knows no network and no disk: what is to
// be sent and what must survive comes out as values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "aggregator/storage/state_store.h"
#include "alerting/alert.h"
#include "alerting/alert_group.h"
#include "config/delivery_config.h"

namespace tidemark::alerting {

inline constexpr std::string_view kGroupPrefix = "alerting/groups/";

// A message for one webhook of a receiver.
struct DueMessage {
  std::string receiver;
  size_t webhook;
  std::string body;
};

struct FlushResult {
  std::vector<DueMessage> messages;           // In the order they are to be delivered.
  std::vector<storage::StateChange> changes;  // Of the groups that were flushed.
};

// One caller at a time.
class Dispatcher {
 public:
  struct Options {
    std::string external_url;
    size_t message_bytes_max = 512 << 10;
    size_t groups_max = 10'000;
  };

  explicit Dispatcher(Options options) : options_(std::move(options)) {}

  // Routes by `delivery` from now on. Alerts that are known are routed anew; a group that comes out with the same key
  // keeps what was told and when it is due. `changes` gets the deletions of groups that are no more.
  void set_delivery(std::shared_ptr<const config::DeliveryConfig> delivery, int64_t now_ms, int64_t now_ns,
                    std::vector<storage::StateChange>& changes);

  // A group as an earlier process left it. Before set_delivery().
  void restore(AlertGroup group);

  // Takes in one alert. False: it would need a group too many.
  bool insert(const Alert& alert, int64_t now_ms, int64_t now_ns);

  // Monotonic time of the next flush; INT64_MAX without groups.
  int64_t next_due_ns() const;
  FlushResult flush_due(int64_t now_ms, int64_t now_ns);

  size_t group_count() const { return groups_.size(); }

 private:
  bool insert_into(const config::Route& route, const std::string& route_key, const Alert& alert, int64_t now_ms,
                   int64_t now_ns, std::map<std::string, AlertGroup>* known);
  void flush(AlertGroup& group, int64_t now_ms, FlushResult& result);

  const Options options_;
  std::shared_ptr<const config::DeliveryConfig> delivery_;  // Groups point into its routes.
  std::map<std::string, AlertGroup> groups_;                // By receiver and key.
};

}  // namespace tidemark::alerting
