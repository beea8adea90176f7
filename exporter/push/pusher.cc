#include "exporter/push/pusher.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <random>

#include "config/authorization.h"
#include "exporter/text_scan.h"
#include "model/clock.h"

namespace tidemark::exporter {
namespace {

constexpr int64_t kConnectTimeoutMs = 5'000;
constexpr int64_t kPauseMinMs = 1'000;
constexpr int64_t kPauseMaxMs = 60'000;
constexpr int64_t kRetryAfterMaxMs = 3'600'000;
constexpr size_t kAnswerBytesMax = 64 << 10;
constexpr size_t kAnswerShownMax = 200;
constexpr int64_t kRefusalLogNs = 60'000'000'000;

// Of a uniform distribution from 0 to 1.
double random_part() {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(random);
}

// Retry-After: seconds, or a date (RFC 9110, section 10.2.3). 0 when there is none.
int64_t read_retry_after_ms(std::string_view text) {
  if (text.empty()) return 0;
  if (const auto seconds = to_u64(text))
    return std::min(static_cast<int64_t>(std::min<uint64_t>(*seconds, 1 << 20)) * 1'000, kRetryAfterMaxMs);
  std::tm parts{};
  if (::strptime(std::string(text).c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts) == nullptr) return 0;
  const int64_t wait_ms = static_cast<int64_t>(::timegm(&parts)) * 1'000 - system_clock().now_ms();
  return std::clamp<int64_t>(wait_ms, 0, kRetryAfterMaxMs);
}

std::string first_line(std::string_view body) {
  const std::string_view line = body.substr(0, std::min(body.find('\n'), kAnswerShownMax));
  return line.empty() ? "" : fmt::format(": {}", line);
}

}  // namespace

Pusher::Pusher(PushOptions options, net::Url url, Spool spool, Logger& logger)
    : options_(std::move(options)),
      url_(std::move(url)),
      logger_(logger),
      builder_(options_.labels),
      client_(std::make_unique<net::Client>(url_, config::client_options(options_.tls, kConnectTimeoutMs))),
      queue_(std::move(spool)) {}

Result<std::unique_ptr<Pusher>> Pusher::open(PushOptions options, Logger& logger) {
  auto url = net::parse_url(options.url);
  if (!url) return fail(Status::invalid(fmt::format("--push.url: {}", url.error())));
  auto spool = Spool::open(options.spool_directory, options.spool_bytes_max);
  if (!spool) return fail(spool.error().at("--push.spool-dir"));
  if (spool->entries() > 0)
    logger.info("requests of an earlier run wait to be pushed", {{"count", std::to_string(spool->entries())}});
  return std::unique_ptr<Pusher>(new Pusher(std::move(options), std::move(*url), std::move(*spool), logger));
}

Pusher::~Pusher() { stop(); }

void Pusher::start(Scrape scrape) {
  scrape_ = std::move(scrape);
  collect_thread_ = std::thread([this] { collect_loop(); });
  send_thread_ = std::thread([this] {
    send_loop();
    const MutexLock lock(mu_);
    sending_ended_ = true;
    changed_.notify_all();
  });
}

void Pusher::stop() {
  if (!send_thread_.joinable()) return;
  {
    const MutexLock lock(mu_);
    stopping_.store(true);
    stop_deadline_ns_ = system_clock().monotonic_ns() + options_.stop_grace_ms * 1'000'000;
    changed_.notify_all();
  }
  collect_thread_.join();
  const int64_t now_ms = system_clock().now_ms();
  if (auto request = builder_.build_stale(now_ms); request.samples > 0) keep(std::move(request), now_ms);
  {
    const MutexLock lock(mu_);
    finishing_.store(true);
    changed_.notify_all();
    while (!sending_ended_ && system_clock().monotonic_ns() < stop_deadline_ns_)
      changed_.wait_for(mu_, std::chrono::milliseconds(100));
    if (!sending_ended_) client_->cancel();
  }
  send_thread_.join();
  queue_.later();
  const auto left = queue_.numbers();
  if (left.entries > left.in_memory) {
    logger_.warn("requests stay in the spool for the next start",
                 {{"count", std::to_string(left.entries - left.in_memory)}});
  }
  if (left.in_memory > 0)
    logger_.error("requests that could not be spooled are lost", {{"count", std::to_string(left.in_memory)}});
}

// False when `until` came before the time.
bool Pusher::wait(int64_t ms, const std::atomic<bool>& until) {
  const int64_t end_ns = system_clock().monotonic_ns() + ms * 1'000'000;
  while (!until.load()) {
    const int64_t left_ns = end_ns - system_clock().monotonic_ns();
    if (left_ns <= 0) return true;
    changed_.wait_for(mu_, std::chrono::nanoseconds(left_ns));
  }
  return false;
}

void Pusher::collect_loop() {
  const int64_t interval_ns = options_.interval_ms * 1'000'000;
  int64_t next_ns = system_clock().monotonic_ns() + std::llround(static_cast<double>(interval_ns) * random_part());
  for (;;) {
    {
      const MutexLock lock(mu_);
      if (!wait((next_ns - system_clock().monotonic_ns()) / 1'000'000, stopping_)) return;
    }
    const int64_t now_ms = system_clock().now_ms();
    const auto families = scrape_(system_clock().monotonic_ns() + std::min<int64_t>(interval_ns, 10'000'000'000));
    keep(builder_.build(*families, now_ms), now_ms);
    // A collection that took longer than the interval skips the moments it missed.
    const int64_t now_ns = system_clock().monotonic_ns();
    do {
      next_ns += interval_ns;
    } while (next_ns <= now_ns);
  }
}

void Pusher::keep(WriteRequestBuilder::Request request, int64_t now_ms) {
  const auto kept = queue_.put(std::move(request.body), now_ms, request.samples, failing_.load());
  if (!kept.spool.ok() && !spool_fails_) {
    logger_.error("cannot spool what is to be pushed, it waits in memory", {{"err", kept.spool}});
  } else if (kept.spool.ok() && spool_fails_) {
    logger_.info("the spool takes again what is to be pushed");
  }
  spool_fails_ = !kept.spool.ok();
  const MutexLock lock(mu_);
  counters_.crowded_out += kept.crowded_out;
  counters_.lost += kept.lost;
  ++kept_;
  changed_.notify_all();
}

void Pusher::send_loop() {
  for (;;) {
    uint64_t kept = 0;
    int64_t until_stop_ns = INT64_MAX;
    {
      const MutexLock lock(mu_);
      kept = kept_;
      if (stopping_.load()) until_stop_ns = stop_deadline_ns_ - system_clock().monotonic_ns();
    }
    const bool was_last = finishing_.load();
    if (until_stop_ns <= 0) return;
    const auto entry = queue_.take();
    if (!entry) {
      if (was_last) return;
      const MutexLock lock(mu_);
      if (kept_ == kept && !finishing_.load()) changed_.wait_for(mu_, std::chrono::seconds(60));
      continue;
    }
    int64_t retry_after_ms = 0;
    const Outcome outcome = deliver(*entry, retry_after_ms);
    if (outcome == Outcome::kLater) {
      queue_.later();
      if (finishing_.load()) return;
      // While stopping, the last entry is still to come, and then there is one try more.
      const MutexLock lock(mu_);
      wait(pause_ms(retry_after_ms), stopping_.load() ? finishing_ : stopping_);
      continue;
    }
    queue_.done(*entry);
    const MutexLock lock(mu_);
    if (outcome == Outcome::kDelivered) {
      counters_.samples += entry->samples;
      counters_.last_success_ms = system_clock().now_ms();
    } else {
      ++counters_.refused_entries;
      counters_.refused_samples += entry->samples;
    }
  }
}

int64_t Pusher::pause_ms(int64_t retry_after_ms) {
  const int64_t doubled = std::min(kPauseMaxMs, kPauseMinMs << std::min(failures_ - 1, 10));
  const auto spread = std::llround(static_cast<double>(doubled) * (0.5 + random_part()));
  if (retry_after_ms == 0) return spread;
  return retry_after_ms + std::llround(static_cast<double>(std::max(doubled, retry_after_ms / 4)) * random_part());
}

Pusher::Outcome Pusher::deliver(const SpoolEntry& entry, int64_t& retry_after_ms) {
  const auto authorization = config::authorization_header(options_.http);
  if (!authorization) {
    note_failure(authorization.error());
    return Outcome::kLater;
  }
  net::ClientRequest request;
  request.method = "POST";
  request.target = url_.target;
  request.headers = {{"Content-Type", "application/x-protobuf"},
                     {"Content-Encoding", "snappy"},
                     {"User-Agent", "tidemark-exporter/" TIDEMARK_VERSION},
                     {"X-Prometheus-Remote-Write-Version", "0.1.0"}};
  if (!authorization->empty()) request.headers.emplace_back("Authorization", *authorization);
  request.body = entry.body;
  request.deadline_ms =
      stopping_.load() ? std::min(options_.timeout_ms, options_.stop_grace_ms / 2) : options_.timeout_ms;
  request.body_bytes_max = kAnswerBytesMax;
  const auto answer = client_->send(request);
  {
    const MutexLock lock(mu_);
    ++counters_.requests[answer ? std::to_string(answer->status) : "error"];
  }
  if (!answer) {
    // A certificate may have been replaced, or the name stands for another host now.
    auto next = std::make_unique<net::Client>(url_, config::client_options(options_.tls, kConnectTimeoutMs));
    {
      const MutexLock lock(mu_);
      client_.swap(next);
    }
    note_failure(answer.error().message);
    return Outcome::kLater;
  }
  if (answer->status / 100 == 2) {
    if (failures_ > 0)
      logger_.info("push works again", {{"url", options_.url}, {"failures", std::to_string(failures_)}});
    failures_ = 0;
    last_failure_.clear();
    failing_.store(false);
    return Outcome::kDelivered;
  }
  const std::string what = fmt::format("HTTP status {}{}", answer->status, first_line(answer->body));
  if (answer->status / 100 == 4 && answer->status != 429) {
    note_refusal(what);
    return Outcome::kRefused;
  }
  retry_after_ms = read_retry_after_ms(answer->header("retry-after"));
  note_failure(what);
  return Outcome::kLater;
}

void Pusher::note_failure(const std::string& what) {
  ++failures_;
  failing_.store(true);
  if (what == last_failure_) return;
  last_failure_ = what;
  logger_.warn("push failed, the spool keeps it for later", {{"url", options_.url}, {"err", what}});
}

void Pusher::note_refusal(const std::string& what) {
  const int64_t now_ns = system_clock().monotonic_ns();
  if (what == last_refusal_ && now_ns - last_refusal_ns_ < kRefusalLogNs) return;
  last_refusal_ = what;
  last_refusal_ns_ = now_ns;
  logger_.error("the receiver refused what was pushed, it is dropped", {{"url", options_.url}, {"err", what}});
}

void Pusher::append_metrics(Families& out) const {
  const auto waiting = queue_.numbers();
  const MutexLock lock(mu_);
  const auto counter = [&](std::string_view name, std::string_view help, uint64_t v) {
    add_sample(add_counter(out, name, help), static_cast<double>(v));
  };
  const auto gauge = [&](std::string_view name, std::string_view help, double v) {
    add_sample(add_gauge(out, name, help), v);
  };
  auto& requests = add_counter(out, "tidemark_push_requests_total", "Requests sent, by HTTP status code.");
  for (const auto& [code, count] : counters_.requests)
    add_sample(requests, static_cast<double>(count), {{"code", code}});
  counter("tidemark_push_samples_total", "Samples that the receiver acknowledged.", counters_.samples);
  auto& dropped = add_counter(out, "tidemark_push_dropped_entries_total", "Requests that were given up, by reason.");
  add_sample(dropped, static_cast<double>(counters_.refused_entries), {{"reason", "refused"}});
  add_sample(dropped, static_cast<double>(counters_.crowded_out), {{"reason", "spool_full"}});
  add_sample(dropped, static_cast<double>(counters_.lost), {{"reason", "spool_error"}});
  add_sample(dropped, static_cast<double>(waiting.torn), {{"reason", "torn"}});
  counter("tidemark_push_refused_samples_total", "Samples in the requests that the receiver refused.",
          counters_.refused_samples);
  gauge("tidemark_push_failing", "Whether the last request failed and is to be sent again.", failing_.load() ? 1 : 0);
  gauge("tidemark_push_last_success_timestamp_seconds", "When the receiver acknowledged last; 0: never.",
        static_cast<double>(counters_.last_success_ms) / 1e3);
  gauge("tidemark_push_spool_entries", "Requests that wait to be acknowledged.", static_cast<double>(waiting.entries));
  gauge("tidemark_push_memory_entries", "Of these, those that the spool's disk did not take.",
        static_cast<double>(waiting.in_memory));
  gauge("tidemark_push_spool_bytes", "Bytes of the requests that wait.", static_cast<double>(waiting.bytes));
  gauge("tidemark_push_spool_max_bytes", "How many bytes may wait.", static_cast<double>(options_.spool_bytes_max));
  gauge("tidemark_push_spool_oldest_age_seconds", "Age of the oldest request that waits; 0: none does.",
        waiting.oldest_ms == 0
            ? 0
            : static_cast<double>(std::max<int64_t>(0, system_clock().now_ms() - waiting.oldest_ms)) / 1e3);
}

}  // namespace tidemark::exporter
