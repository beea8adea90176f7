#include "config/web_guard.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <tuple>

#include "model/clock.h"

namespace tidemark::config {
namespace {

constexpr int64_t kLookNs = 1'000'000'000;

void answer(net::Response& response, int status, std::string text) {
  response.status = status;
  response.body = std::move(text);
}

}  // namespace

// What tells one state of a file from another.
struct WebGuard::Stamp {
  std::string path;
  int64_t modified_ns = -1;  // -1: not there.
  uint64_t inode = 0;
  int64_t bytes = 0;

  static Stamp of(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return {path};
    return {path, info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec, info.st_ino, info.st_size};
  }
  bool operator==(const Stamp& other) const {
    return std::tie(modified_ns, inode, bytes) == std::tie(other.modified_ns, other.inode, other.bytes);
  }
};

struct WebGuard::Rules {
  WebConfig config;
  std::shared_ptr<const net::TlsContext> tls;
  std::unique_ptr<net::PasswordCheck> passwords;  // Null: nobody is asked.

  Mutex mu;
  double tokens TM_GUARDED_BY(mu) = 0;
  int64_t tokens_at_ns TM_GUARDED_BY(mu) = 0;

  bool take_token() {
    if (config.rate_limit.interval_ms == 0) return true;
    const MutexLock lock(mu);
    const int64_t now_ns = system_clock().monotonic_ns();
    const double grown =
        static_cast<double>(now_ns - tokens_at_ns) / 1e6 / static_cast<double>(config.rate_limit.interval_ms);
    tokens = std::min(static_cast<double>(config.rate_limit.burst), tokens + grown);
    tokens_at_ns = now_ns;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  }
};

WebGuard::WebGuard(std::string path, std::vector<std::string> open_paths, Logger& logger)
    : path_(std::move(path)), open_paths_(std::move(open_paths)), logger_(logger) {}

WebGuard::~WebGuard() = default;

Result<std::shared_ptr<WebGuard::Rules>> WebGuard::load(const std::string& path, std::vector<Stamp>& stamps) {
  auto rules = std::make_shared<Rules>();
  if (path.empty()) return rules;
  stamps.push_back(Stamp::of(path));
  auto config = load_web_config(path);
  if (!config) return fail(config.error());
  rules->config = std::move(*config);
  if (rules->config.tls) {
    for (const std::string* file :
         {&rules->config.tls->cert_file, &rules->config.tls->key_file, &rules->config.tls->client_ca_file}) {
      if (!file->empty()) stamps.push_back(Stamp::of(*file));
    }
    auto tls = net::make_server_tls(*rules->config.tls);
    if (!tls) return fail(Status::invalid(fmt::format("{}: tls_server_config: {}", path, tls.error())));
    rules->tls = std::move(*tls);
  }
  if (!rules->config.users.empty()) rules->passwords = std::make_unique<net::PasswordCheck>(rules->config.users);
  {
    const MutexLock lock(rules->mu);
    rules->tokens = static_cast<double>(rules->config.rate_limit.burst);
    rules->tokens_at_ns = system_clock().monotonic_ns();
  }
  return rules;
}

Result<std::unique_ptr<WebGuard>> WebGuard::open(const std::string& path, std::vector<std::string> open_paths,
                                                 Logger& logger) {
  std::vector<Stamp> stamps;
  auto rules = load(path, stamps);
  if (!rules) return fail(rules.error());
  std::unique_ptr<WebGuard> guard(new WebGuard(path, std::move(open_paths), logger));
  guard->has_tls_ = (*rules)->tls != nullptr;
  const MutexLock lock(guard->mu_);
  guard->rules_ = std::move(*rules);
  guard->stamps_ = std::move(stamps);
  return guard;
}

Status WebGuard::replace() {
  // Those of the files that were looked at, good or not: not again until one of them changes.
  stamps_.clear();
  auto next = load(path_, stamps_);
  Status status = next ? Status() : next.error();
  if (status.ok() && ((*next)->tls != nullptr) != has_tls_)
    status = Status::invalid(fmt::format("{}: turning TLS {} needs a restart", path_, has_tls_ ? "off" : "on"));
  last_reload_good_.store(status.ok());
  if (status.ok()) {
    rules_ = std::move(*next);
    return status;
  }
  reload_failures_.fetch_add(1, std::memory_order_relaxed);
  return status;
}

Status WebGuard::reload() {
  if (path_.empty()) return {};
  const MutexLock lock(mu_);
  return replace();
}

std::shared_ptr<WebGuard::Rules> WebGuard::rules() {
  Status status;
  std::shared_ptr<Rules> current;
  bool replaced = false;
  {
    const MutexLock lock(mu_);
    const int64_t now_ns = system_clock().monotonic_ns();
    if (!path_.empty() && now_ns - looked_ns_ >= kLookNs) {
      looked_ns_ = now_ns;
      replaced = std::any_of(stamps_.begin(), stamps_.end(), [](const Stamp& s) { return !(s == Stamp::of(s.path)); });
      if (replaced) status = replace();
    }
    current = rules_;
  }
  if (replaced && status.ok()) logger_.info("web configuration reread", {{"file", path_}});
  if (!status.ok()) logger_.error("web configuration not taken over, the last one stays", {{"err", status}});
  return current;
}

bool WebGuard::authenticates() { return rules()->passwords != nullptr; }

WebGuardStats WebGuard::stats() const {
  return {unauthorized_.load(), busy_.load(), rate_limited_.load(), reload_failures_.load(), last_reload_good_.load()};
}

std::shared_ptr<const net::TlsContext> WebGuard::tls() { return rules()->tls; }

bool WebGuard::admit(net::Request& request, std::string_view pattern, net::Response& response) {
  if (std::find(open_paths_.begin(), open_paths_.end(), pattern) != open_paths_.end()) return true;
  const std::shared_ptr<Rules> now = rules();
  if (!now->take_token()) {
    rate_limited_.fetch_add(1, std::memory_order_relaxed);
    answer(response, 429, "Too Many Requests\n");
    return false;
  }
  if (now->passwords == nullptr) return true;
  auto who = net::basic_credentials(request.header("authorization"));
  const auto found = who ? now->passwords->check(*who, request.remote_addr) : net::PasswordCheck::Answer::kWrong;
  switch (found) {
    case net::PasswordCheck::Answer::kRight:
      request.user = std::move(who->user);
      return true;
    case net::PasswordCheck::Answer::kBusy:
      busy_.fetch_add(1, std::memory_order_relaxed);
      answer(response, 503, "Too many passwords are being compared; try again later.\n");
      response.headers.emplace_back("Retry-After", "1");
      return false;
    case net::PasswordCheck::Answer::kWrong:
      break;
  }
  unauthorized_.fetch_add(1, std::memory_order_relaxed);
  answer(response, 401, "Unauthorized\n");
  response.headers.emplace_back("WWW-Authenticate", "Basic");
  return false;
}

void WebGuard::finish(net::Response& response) {
  const std::shared_ptr<Rules> now = rules();
  for (const auto& header : now->config.headers) response.headers.push_back(header);
}

}  // namespace tidemark::config
