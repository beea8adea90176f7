// Fetcher: gets one target's page. The seam between a scrape and the network: tests put a page of their own here.
#pragma once

#include <string>

#include <tl/expected.hpp>

namespace tidemark::scrape {

// Why a scrape came to nothing; the `reason` label of tidemark_scrape_failures_total.
enum class ScrapeFailure {
  kConnect,
  kTimeout,
  kTls,
  kBroken,       // The answer broke off or is no HTTP.
  kStatus,       // Not a 200.
  kContentType,  // A format that was not asked for.
  kBodySize,
  kCredentials,  // A file with a password or token could not be read.
  kMalformed,
  kSampleLimit,
  kLabelLimit,
  kTargetLimit,
  kCanceled,  // We are stopping: not a failure of the target, and not reported.
};
inline constexpr size_t kScrapeFailureCount = 13;
std::string_view scrape_failure_name(ScrapeFailure failure);  // "connect" "timeout" ...

struct ScrapeError {
  ScrapeFailure failure;
  std::string message;  // For lastError. Holds no secret.
};

class Fetcher {
 public:
  virtual ~Fetcher() = default;

  // The page, unpacked; at most as long as the target's timeout. One call at a time.
  virtual tl::expected<std::string, ScrapeError> fetch() = 0;

  // Ends a fetch() under way, and every later one, with kCanceled. Thread-safe.
  virtual void cancel() = 0;
};

}  // namespace tidemark::scrape
