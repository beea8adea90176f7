// Pusher: push mode. Collects each interval, and delivers every collection to a remote write receiver.
//
//   collect thread:  scrape -> WriteRequestBuilder -> PushQueue
//   send thread:     PushQueue -> POST -> acknowledged (2xx): gone
//                                         refused (4xx but 429): gone, counted, logged
//                                         else: again later
//
// Later is after a pause that doubles from one second to a minute, each time spread over half to one and a half times
// that, or what Retry-After says and some more: a fleet that lost its server does not return in one moment. Entries
// leave in order, so a receiver never sees a series go back in time. The first collection comes at a random moment of
// the first interval.
//
// A clean stop appends staleness markers for everything that was sent, and tries for a few seconds to deliver; what
// remains is delivered by the next start.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "exporter/family.h"
#include "exporter/push/push_options.h"
#include "exporter/push/push_queue.h"
#include "exporter/push/write_request.h"
#include "model/log.h"
#include "model/mutex.h"
#include "net/client.h"

namespace tidemark::exporter {

class Pusher {
 public:
  // What is pushed, sealed, by a deadline on the monotonic clock. Called on the collect thread.
  using Scrape = std::function<std::shared_ptr<const Families>(int64_t deadline_monotonic_ns)>;

  // REQUIRES: check_push_options was content. `logger` outlives us. The error names the flag.
  static Result<std::unique_ptr<Pusher>> open(PushOptions options, Logger& logger);
  ~Pusher();  // Stops.
  Pusher(const Pusher&) = delete;
  Pusher& operator=(const Pusher&) = delete;

  void start(Scrape scrape);
  // Idempotent. Returns within some seconds.
  void stop();

  // tidemark_push_*. Thread-safe.
  void append_metrics(Families& out) const;

 private:
  enum class Outcome { kDelivered, kRefused, kLater };
  struct Counters {
    std::map<std::string, uint64_t> requests;  // By status code, or "error".
    uint64_t samples = 0;                      // Delivered.
    uint64_t refused_entries = 0, refused_samples = 0;
    uint64_t crowded_out = 0;  // Entries that made room for newer ones in the spool,
    uint64_t lost = 0;         // and in memory, when the disk did not take them.
    int64_t last_success_ms = 0;
  };

  Pusher(PushOptions options, net::Url url, Spool spool, Logger& logger);
  void collect_loop();
  void send_loop();
  void keep(WriteRequestBuilder::Request request, int64_t now_ms);
  Outcome deliver(const SpoolEntry& entry, int64_t& retry_after_ms);
  int64_t pause_ms(int64_t retry_after_ms);
  void note_failure(const std::string& what);
  void note_refusal(const std::string& what);
  bool wait(int64_t ms, const std::atomic<bool>& until) TM_REQUIRES(mu_);

  const PushOptions options_;
  const net::Url url_;
  Logger& logger_;
  Scrape scrape_;  // The collect thread's, as the next.
  WriteRequestBuilder builder_;
  std::unique_ptr<net::Client> client_;  // Changed by the send thread under mu_.

  PushQueue queue_;
  bool spool_fails_ = false;  // The collect thread's, and after it stop()'s.

  mutable Mutex mu_;  // Not held while something is sent or collected, or the disk works.
  CondVar changed_;
  uint64_t kept_ TM_GUARDED_BY(mu_) = 0;  // How often something was put into the queue.
  Counters counters_ TM_GUARDED_BY(mu_);
  int64_t stop_deadline_ns_ TM_GUARDED_BY(mu_) = 0;
  bool sending_ended_ TM_GUARDED_BY(mu_) = false;

  // The send thread's.
  int failures_ = 0;  // In a row.
  std::string last_failure_;
  std::string last_refusal_;
  int64_t last_refusal_ns_ = 0;

  std::atomic<bool> failing_{false};
  std::atomic<bool> stopping_{false};   // No further collections.
  std::atomic<bool> finishing_{false};  // The last entry is in the spool: the send thread ends when it is empty.
  std::thread collect_thread_;
  std::thread send_thread_;
};

}  // namespace tidemark::exporter
