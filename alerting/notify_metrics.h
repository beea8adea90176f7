// What the notifier counts. Receivers come from the configuration, so the label's values are bounded.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <string>

namespace tidemark::alerting {

// Thread-safe.
class NotifyMetrics {
 public:
  explicit NotifyMetrics(prometheus::Registry& registry)
      : notifications_(prometheus::BuildCounter()
                           .Name("tidemark_alerting_notifications_total")
                           .Help("Notifications that a receiver took (sent), refused for good (failed), or that were "
                                 "dropped because the outbox was full (dropped).")
                           .Register(registry)),
        retries_(prometheus::BuildCounter()
                     .Name("tidemark_alerting_notification_retries_total")
                     .Help("Attempts that failed and are made again.")
                     .Register(registry)),
        outbox_messages_(prometheus::BuildGauge()
                             .Name("tidemark_alerting_outbox_messages")
                             .Help("Notifications not delivered yet.")
                             .Register(registry)),
        outbox_bytes_(prometheus::BuildGauge()
                          .Name("tidemark_alerting_outbox_bytes")
                          .Help("Bytes of the notifications not delivered yet.")
                          .Register(registry)),
        groups_(prometheus::BuildGauge()
                    .Name("tidemark_alerting_groups")
                    .Help("Groups of alerts that are told about together.")
                    .Register(registry)
                    .Add({})),
        refused_(prometheus::BuildCounter()
                     .Name("tidemark_alerting_alerts_refused_total")
                     .Help("Alerts that would have made one group too many.")
                     .Register(registry)
                     .Add({})),
        state_failures_(prometheus::BuildCounter()
                            .Name("tidemark_alerting_state_write_failures_total")
                            .Help("Writes of groups and outbox that failed; what they held is sent, but would not "
                                  "survive a restart.")
                            .Register(registry)
                            .Add({})) {}

  void sent(const std::string& receiver) { count(receiver, "sent").Increment(); }
  void failed(const std::string& receiver) { count(receiver, "failed").Increment(); }
  void dropped(const std::string& receiver, size_t n) { count(receiver, "dropped").Increment(static_cast<double>(n)); }
  void retried(const std::string& receiver) { retries_.Add({{"receiver", receiver}}).Increment(); }
  void refused() { refused_.Increment(); }
  void state_write_failed() { state_failures_.Increment(); }
  void set_groups(size_t n) { groups_.Set(static_cast<double>(n)); }
  void set_outbox(const std::string& receiver, size_t messages, size_t bytes) {
    outbox_messages_.Add({{"receiver", receiver}}).Set(static_cast<double>(messages));
    outbox_bytes_.Add({{"receiver", receiver}}).Set(static_cast<double>(bytes));
  }

 private:
  prometheus::Counter& count(const std::string& receiver, const char* result) {
    return notifications_.Add({{"receiver", receiver}, {"result", result}});
  }

  prometheus::Family<prometheus::Counter>& notifications_;
  prometheus::Family<prometheus::Counter>& retries_;
  prometheus::Family<prometheus::Gauge>& outbox_messages_;
  prometheus::Family<prometheus::Gauge>& outbox_bytes_;
  prometheus::Gauge& groups_;
  prometheus::Counter& refused_;
  prometheus::Counter& state_failures_;
};

}  // namespace tidemark::alerting
