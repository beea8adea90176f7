// What push mode is told, and its flags (--push.*).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "config/flags.h"
#include "config/scrape_config.h"
#include "model/status.h"

namespace tidemark::exporter {

struct PushOptions {
  std::string url;  // "": no push mode.
  int64_t interval_ms = 15'000;
  int64_t timeout_ms = 30'000;    // Of one request.
  int64_t stop_grace_ms = 5'000;  // How long a stop may take to deliver what is left. No flag.
  std::string job = "node";
  std::string instance;                  // "": the host's name.
  std::vector<std::string> label_texts;  // "NAME=VALUE", as given.
  std::string spool_directory = "/var/lib/tidemark-exporter/push";
  std::string spool_bytes_max_text = "256MB";
  std::string username;
  std::string password_file;
  std::string bearer_token_file;
  config::TlsConfig tls;

  // From the above, by check_push_options.
  std::vector<std::pair<std::string, std::string>> labels;  // Sorted by name, job and instance among them.
  uint64_t spool_bytes_max = 0;
  config::HttpClientConfig http;
};

void declare_push_flags(config::Flags& flags, PushOptions& options);

// Works out what follows from the flags. kInvalid, naming the flag. Nothing to check without a URL.
Status check_push_options(PushOptions& options);

}  // namespace tidemark::exporter
