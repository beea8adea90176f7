// WebGuard: a server's Guard as a --web.config.file describes it, following the file while the server runs.
//
// The file and the certificates it names are looked at (stat) at most once a second, when somebody connects or asks,
// and read again when one has changed, or on reload(). A file that has become wrong changes nothing: the last good one
// stays in force and the log says why. Whether connections speak TLS is settled at the start.
//
// Paths given as open (probes: "/-/healthy") are answered without authentication and outside the rate limit.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "config/web_config.h"
#include "model/log.h"
#include "model/mutex.h"
#include "net/guard.h"
#include "net/password_check.h"

namespace tidemark::config {

struct WebGuardStats {        // Since start; for metrics.
  uint64_t unauthorized = 0;  // 401
  uint64_t busy = 0;          // 503: too many passwords to compare.
  uint64_t rate_limited = 0;  // 429
  uint64_t reload_failures = 0;
  bool last_reload_good = true;
};

// Thread-safe.
class WebGuard final : public net::Guard {
 public:
  // Reads the file, "" for none: then everything is let in. `logger` outlives us.
  static Result<std::unique_ptr<WebGuard>> open(const std::string& path, std::vector<std::string> open_paths,
                                                Logger& logger);
  ~WebGuard() override;

  // Reads the file again, whether or not it has changed.
  Status reload();
  // Whether users are asked who they are.
  bool authenticates();
  WebGuardStats stats() const;

  bool has_tls() const override { return has_tls_; }
  std::shared_ptr<const net::TlsContext> tls() override;
  bool admit(net::Request& request, std::string_view pattern, net::Response& response) override;
  void finish(net::Response& response) override;

 private:
  struct Rules;
  struct Stamp;

  WebGuard(std::string path, std::vector<std::string> open_paths, Logger& logger);
  // `stamps`: of every file it looks at, taken before it is read, also of those that then fail.
  static Result<std::shared_ptr<Rules>> load(const std::string& path, std::vector<Stamp>& stamps);
  std::shared_ptr<Rules> rules();
  Status replace() TM_REQUIRES(mu_);

  const std::string path_;
  const std::vector<std::string> open_paths_;
  Logger& logger_;
  bool has_tls_ = false;  // Constant once open() is done.

  Mutex mu_;
  std::shared_ptr<Rules> rules_ TM_GUARDED_BY(mu_);
  std::vector<Stamp> stamps_ TM_GUARDED_BY(mu_);  // Of the last load, good or not.
  int64_t looked_ns_ TM_GUARDED_BY(mu_) = 0;

  // Counters only; nothing is ordered by them.
  std::atomic<uint64_t> unauthorized_{0}, busy_{0}, rate_limited_{0}, reload_failures_{0};
  std::atomic<bool> last_reload_good_{true};
};

}  // namespace tidemark::config
