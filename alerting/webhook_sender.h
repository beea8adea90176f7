// WebhookSender: delivers the messages of one outbox to one URL, one after the other, from a thread of its own, so that
// a slow receiver delays only itself.
//
// 2xx: delivered. Network errors, 408, 429 and 5xx: tried again, after a wait that doubles. Any other answer means that
// the receiver will never take this message: it is given up, counted and logged.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "alerting/outbox.h"
#include "config/delivery_config.h"
#include "model/clock.h"
#include "model/log.h"
#include "model/mutex.h"
#include "model/status.h"
#include "net/client.h"

namespace tidemark::alerting {

class NotifyMetrics;

class WebhookSender {
 public:
  struct Options {
    int64_t retry_first_ms = 500;
    int64_t retry_longest_ms = 60'000;
  };

  // Fails when the URL is not one. Everything referred to must outlive the sender.
  static Result<std::unique_ptr<WebhookSender>> make(const std::string& receiver, const config::WebhookConfig& webhook,
                                                     const Options& options, Outbox& outbox, NotifyMetrics& metrics,
                                                     const Clock& clock, Logger& logger);
  ~WebhookSender();  // Stops.

  void start();
  void stop();  // Cancels what is under way and joins. Idempotent.
  void wake();  // There are new messages. Thread-safe.

 private:
  enum class Answer { kDelivered, kTryAgain, kGiveUp, kStopped };

  WebhookSender(const std::string& receiver, const config::WebhookConfig& webhook, const net::Url& url,
                const Options& options, Outbox& outbox, NotifyMetrics& metrics, const Clock& clock, Logger& logger);
  void run();
  bool wait_for_message();
  bool wait_to_retry(int attempt);  // False: stopping.
  Answer attempt(const OutboxMessage& message, std::string& why);
  void finish(Answer answer, const std::string& why);

  const std::string receiver_;
  const config::WebhookConfig webhook_;
  const net::Url url_;
  const Options options_;
  Outbox& outbox_;
  NotifyMetrics& metrics_;
  const Clock& clock_;
  Logger& logger_;
  net::Client client_;
  std::minstd_rand random_;  // The sender thread's.

  Mutex mu_;
  CondVar changed_;
  bool stopping_ TM_GUARDED_BY(mu_) = false;
  bool woken_ TM_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace tidemark::alerting
