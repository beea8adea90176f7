#include "alerting/webhook_sender.h"

#include <fmt/format.h>

#include <algorithm>

#include "alerting/notify_metrics.h"
#include "config/authorization.h"

namespace tidemark::alerting {
namespace {

constexpr size_t kAnswerBytesMax = 64 << 10;  // Nobody reads it; a receiver must not fill our memory either.

}  // namespace

Result<std::unique_ptr<WebhookSender>> WebhookSender::make(const std::string& receiver,
                                                           const config::WebhookConfig& webhook, const Options& options,
                                                           Outbox& outbox, NotifyMetrics& metrics, const Clock& clock,
                                                           Logger& logger) {
  const auto url = net::parse_url(webhook.url.reveal());
  // The reason may quote the URL, which may hold a token.
  if (!url)
    return fail(Status::invalid(fmt::format("receiver \"{}\": a webhook's url is not an http(s) URL", receiver)));
  return std::unique_ptr<WebhookSender>(
      new WebhookSender(receiver, webhook, *url, options, outbox, metrics, clock, logger));
}

WebhookSender::WebhookSender(const std::string& receiver, const config::WebhookConfig& webhook, const net::Url& url,
                             const Options& options, Outbox& outbox, NotifyMetrics& metrics, const Clock& clock,
                             Logger& logger)
    : receiver_(receiver),
      webhook_(webhook),
      url_(url),
      options_(options),
      outbox_(outbox),
      metrics_(metrics),
      clock_(clock),
      logger_(logger),
      client_(url, config::client_options(webhook.http.tls, webhook.timeout_ms)),
      random_(static_cast<uint32_t>(clock.monotonic_ns())) {}

WebhookSender::~WebhookSender() { stop(); }

void WebhookSender::start() {
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
}

void WebhookSender::stop() {
  {
    const MutexLock lock(mu_);
    stopping_ = true;
    changed_.notify_all();
  }
  client_.cancel();
  if (thread_.joinable()) thread_.join();
}

void WebhookSender::wake() {
  const MutexLock lock(mu_);
  woken_ = true;
  changed_.notify_all();
}

bool WebhookSender::wait_for_message() {
  const MutexLock lock(mu_);
  while (!stopping_ && !woken_) changed_.wait(mu_);
  woken_ = false;
  return !stopping_;
}

bool WebhookSender::wait_to_retry(int attempt) {
  const int doublings = std::min(attempt, 20);
  const int64_t wait_ms = std::min(options_.retry_longest_ms, options_.retry_first_ms << doublings);
  // Between three quarters and all of it.
  const int64_t jitter_ms = static_cast<int64_t>(random_() % static_cast<uint64_t>(wait_ms / 4 + 1));
  const int64_t until_ns = clock_.monotonic_ns() + (wait_ms - jitter_ms) * 1'000'000;
  const MutexLock lock(mu_);
  while (!stopping_) {
    const int64_t left_ns = until_ns - clock_.monotonic_ns();
    if (left_ns <= 0) return true;
    changed_.wait_for(mu_, std::chrono::nanoseconds(left_ns));
  }
  return false;
}

WebhookSender::Answer WebhookSender::attempt(const OutboxMessage& message, std::string& why) {
  net::ClientRequest request;
  request.method = "POST";
  request.target = url_.target;
  request.headers = {
      {"Content-Type", "application/json"}, {"User-Agent", "tidemark"}, {"Idempotency-Key", message.idempotency_key}};
  request.body = message.body;
  request.deadline_ms = webhook_.timeout_ms;
  request.body_bytes_max = kAnswerBytesMax;
  const auto authorization = config::authorization_header(webhook_.http);
  if (!authorization) {
    why = authorization.error();
    return Answer::kTryAgain;  // Somebody may be renewing the file.
  }
  if (!authorization->empty()) request.headers.emplace_back("Authorization", *authorization);

  const auto response = client_.send(request);
  if (!response) {
    why = response.error().message;
    if (response.error().kind == net::ClientErrorKind::kCanceled) return Answer::kStopped;
    // An answer that is too long to read was an answer all the same, but its status is not known here.
    return Answer::kTryAgain;
  }
  if (response->status / 100 == 2) return Answer::kDelivered;
  why = fmt::format("HTTP status {}", response->status);
  const bool temporary = response->status / 100 == 5 || response->status == 408 || response->status == 429;
  return temporary ? Answer::kTryAgain : Answer::kGiveUp;
}

void WebhookSender::finish(Answer answer, const std::string& why) {
  if (answer == Answer::kDelivered) {
    metrics_.sent(receiver_);
  } else {
    metrics_.failed(receiver_);
    logger_.error("notification given up", {{"receiver", receiver_}, {"reason", why}});
  }
  if (const Status status = outbox_.pop(); !status.ok()) {
    logger_.error("a notification may be sent again after a restart", {{"receiver", receiver_}, {"err", status}});
  }
}

void WebhookSender::run() {
  int attempts = 0;
  for (;;) {
    const auto message = outbox_.front();
    if (!message) {
      if (!wait_for_message()) return;
      continue;
    }
    std::string why;
    const Answer answer = attempt(*message, why);
    if (answer == Answer::kStopped) return;
    if (answer == Answer::kTryAgain) {
      metrics_.retried(receiver_);
      if (attempts == 0) {
        logger_.warn("notification not delivered, trying again", {{"receiver", receiver_}, {"reason", why}});
      }
      if (!wait_to_retry(attempts++)) return;
      continue;
    }
    attempts = 0;
    finish(answer, why);
  }
}

}  // namespace tidemark::alerting
