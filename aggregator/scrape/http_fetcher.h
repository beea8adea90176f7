// HttpFetcher: gets a target's page over HTTP, on a connection that it keeps.
//
// Sends what Prometheus sends: Accept, Accept-Encoding, User-Agent, X-Prometheus-Scrape-Timeout-Seconds, and the job's
// credentials; files with credentials are read again for every scrape. Follows up to ten redirects when the job says
// so, all within the one timeout; another host is not shown the credentials.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "aggregator/scrape/fetcher.h"
#include "aggregator/scrape/target.h"
#include "config/scrape_config.h"
#include "model/clock.h"
#include "model/mutex.h"
#include "net/client.h"

namespace tidemark::scrape {

class HttpFetcher final : public Fetcher {
 public:
  struct Options {
    std::string user_agent;
    size_t body_bytes_max = 0;  // Where the job sets no limit.
  };

  // `clock` outlives the fetcher.
  HttpFetcher(const Target& target, const config::ScrapeConfig& job, const Options& options, const Clock& clock);
  ~HttpFetcher() override;

  tl::expected<std::string, ScrapeError> fetch() override;
  void cancel() override;

 private:
  tl::expected<std::shared_ptr<net::Client>, ScrapeError> client_for(const net::Url& url);
  tl::expected<net::Params, ScrapeError> headers() const;
  tl::expected<std::string, ScrapeError> page(const std::string& url_text, net::ClientResponse response) const;

  const net::Url url_;
  const std::string url_text_;
  const int64_t timeout_ms_;
  const config::HttpClientConfig http_;
  const bool compression_;
  const std::string user_agent_;
  const size_t body_bytes_max_;
  const Clock& clock_;

  std::shared_ptr<net::Client> client_;  // Of the target itself; its connection stays open between scrapes.

  Mutex mu_;
  std::shared_ptr<net::Client> current_ TM_GUARDED_BY(mu_);  // The one that is sending, for cancel().
  bool canceled_ TM_GUARDED_BY(mu_) = false;
};

}  // namespace tidemark::scrape
