// AresResolver: the Resolver that asks name servers, through c-ares.
//
// A relative name is tried under each search domain, as Prometheus and the C library do: as it is first when it has at
// least `ndots` dots, last otherwise. What the answers say together is Prometheus' rule too:
//     some candidate exists                        its records, even if there are none of this type
//     every candidate is known not to exist        no records
//     otherwise (timeouts, SERVFAIL, ...)          an error
// ares_search() would do the walk, but ends it at the first candidate that fails (tried with 1.18.1 and SERVFAIL),
// where a later one may be the name that is there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "aggregator/discovery/resolver.h"

namespace tidemark::discovery {

struct AresOptions {
  int64_t timeout_ms = 5'000;  // Of one lookup() as a whole, however many names it has.
  int64_t try_ms = 1'000;      // How long one server may take to answer once; the second try gets twice that.
  size_t records_max = 4'000;  // Of one name: about what the largest possible DNS message holds. More is an error.
  size_t in_flight_max = 64;   // Names asked about at the same time.
  std::string servers;         // "127.0.0.1:5353,[::1]:53" instead of those in /etc/resolv.conf.
  std::optional<std::vector<std::string>> search;  // Instead of /etc/resolv.conf's domains.
  std::optional<int> ndots;                        // The same.
};

class AresResolver final : public Resolver {
 public:
  explicit AresResolver(AresOptions options = {});

  // Reads /etc/resolv.conf anew each time. Does not look into /etc/hosts, as Prometheus does not.
  std::vector<DnsAnswer> lookup(const std::vector<std::string>& names, config::DnsRecordType type,
                                const Canceled& canceled) override;

 private:
  const AresOptions options_;
};

}  // namespace tidemark::discovery
