// Resolver: asks the DNS. A seam, so that tests of what is done with answers need no network.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "config/scrape_config.h"
#include "model/status.h"

namespace tidemark::discovery {

struct DnsRecord {
  std::string host;   // A, AAAA: the address as text. SRV: the target's name, without a dot at its end.
  uint16_t port = 0;  // SRV only.
  auto operator<=>(const DnsRecord&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 sees a 0 here.
};

// Records: that is what there is, in no particular order; empty when the DNS is sure that there are none (no such name,
// or no record of this type). An error: nobody knows, so whatever was known before still is the best guess.
using DnsAnswer = Result<std::vector<DnsRecord>>;

// Whether somebody waits for the lookup to end. Called often and by the thread that looks up.
using Canceled = std::function<bool()>;

// Belongs to one thread at a time.
class Resolver {
 public:
  virtual ~Resolver() = default;

  // One answer a name, in the order of the names. Blocks, for a bounded time; soon returns kCanceled for the names that
  // have no answer yet when `canceled` says so.
  virtual std::vector<DnsAnswer> lookup(const std::vector<std::string>& names, config::DnsRecordType type,
                                        const Canceled& canceled) = 0;
};

}  // namespace tidemark::discovery
