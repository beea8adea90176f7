#include "aggregator/discovery/ares_resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <utility>

namespace tidemark::discovery {
namespace {

using SteadyClock = std::chrono::steady_clock;
using config::DnsRecordType;

constexpr int kTries = 2;
// How often a lookup under way asks whether it is still wanted. A tenth of a second is not noticed at a shutdown.
constexpr int kLookForCancelMs = 100;
// What fits an IPv6 packet on any path without being cut into fragments; longer answers come over TCP.
constexpr int kUdpBytes = 1'232;

Status ares_error(int code) {
  if (code == ARES_ETIMEOUT) return Status::timeout("no name server answered in time");
  return Status::unavailable(ares_strerror(code));
}

int wire_type(DnsRecordType type) {
  switch (type) {
    case DnsRecordType::kSrv:
      return ns_t_srv;
    case DnsRecordType::kA:
      return ns_t_a;
    case DnsRecordType::kAaaa:
      return ns_t_aaaa;
  }
  return ns_t_invalid;
}

template <class AddrTtl>
std::string address_text(int family, const AddrTtl& record) {
  char text[INET6_ADDRSTRLEN] = {};
  if constexpr (requires { record.ipaddr; }) inet_ntop(family, &record.ipaddr, text, sizeof text);
  if constexpr (requires { record.ip6addr; }) inet_ntop(family, &record.ip6addr, text, sizeof text);
  return text;
}

// The answers below hold at most `max + 1` records, so that a caller sees when there were too many.

template <class AddrTtl, class Parse>
int parse_addresses(int family, Parse parse, const unsigned char* bytes, int size, size_t max,
                    std::vector<DnsRecord>& out) {
  std::vector<AddrTtl> found(max + 1);
  int count = static_cast<int>(found.size());
  const int code = parse(bytes, size, nullptr, found.data(), &count);
  if (code != ARES_SUCCESS) return code;
  for (int i = 0; i < count; ++i) out.push_back({address_text(family, found[static_cast<size_t>(i)]), 0});
  return ARES_SUCCESS;
}

int parse_services(const unsigned char* bytes, int size, size_t max, std::vector<DnsRecord>& out) {
  ares_srv_reply* list = nullptr;
  const int code = ares_parse_srv_reply(bytes, size, &list);
  const std::unique_ptr<ares_srv_reply, decltype(&ares_free_data)> owner(list, &ares_free_data);
  if (code != ARES_SUCCESS) return code;
  for (const ares_srv_reply* srv = list; srv != nullptr && out.size() <= max; srv = srv->next) {
    std::string host = srv->host;
    while (host.ends_with('.')) host.pop_back();
    // RFC 2782: the root as a target says that the service is decidedly not available here.
    if (!host.empty()) out.push_back({std::move(host), srv->port});
  }
  return ARES_SUCCESS;
}

DnsAnswer parse_answer(DnsRecordType type, const unsigned char* bytes, int size, size_t max) {
  std::vector<DnsRecord> records;
  int code = ARES_SUCCESS;
  if (type == DnsRecordType::kSrv) {
    code = parse_services(bytes, size, max, records);
  } else if (type == DnsRecordType::kA) {
    code = parse_addresses<ares_addrttl>(AF_INET, ares_parse_a_reply, bytes, size, max, records);
  } else {
    code = parse_addresses<ares_addr6ttl>(AF_INET6, ares_parse_aaaa_reply, bytes, size, max, records);
  }
  if (code != ARES_SUCCESS && code != ARES_ENODATA) return fail(ares_error(code));
  if (records.size() > max) return fail(Status::limit(fmt::format("more than {} records", max)));
  return records;
}

// One lookup(): a channel, and where each name is in its search list.
class Lookup {
 public:
  Lookup(const AresOptions& options, const std::vector<std::string>& names, DnsRecordType type);
  ~Lookup() {
    if (channel_ != nullptr) ares_destroy(channel_);
  }
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  Status open();
  void run(const Canceled& canceled);
  std::vector<DnsAnswer> answers();

 private:
  struct Name {
    Lookup* lookup = nullptr;
    std::vector<std::string> candidates;  // Absolute: with a dot at the end.
    size_t next = 0;                      // The candidate to ask about next.
    Status failure;                       // Of the last candidate of which nobody knows whether it exists.
    std::optional<DnsAnswer> answer;
  };

  Status read_search();
  std::vector<std::string> candidates_of(const std::string& name) const;
  void ask_next(Name& name);
  void start_names();
  void finish(Name& name, DnsAnswer answer);
  void take(Name& name, int code, const unsigned char* bytes, int size);
  void wait_and_process(int64_t wait_ms);

  const AresOptions& options_;
  const DnsRecordType type_;
  ares_channel channel_ = nullptr;
  std::vector<std::string> search_;
  int ndots_ = 1;
  std::map<int, short> sockets_;  // What poll(2) is to wait for on each.
  std::vector<Name> names_;       // Their addresses are c-ares' while queries run; never resized.
  size_t started_ = 0;
  size_t in_flight_ = 0;
  Status end_reason_;  // Not OK: no more is asked, and why.
};

Lookup::Lookup(const AresOptions& options, const std::vector<std::string>& names, DnsRecordType type)
    : options_(options), type_(type), names_(names.size()) {
  for (size_t i = 0; i < names.size(); ++i) {
    names_[i].lookup = this;
    names_[i].candidates = {names[i]};  // Completed once the search list is known.
  }
}

Status Lookup::open() {
  ares_options setup{};
  setup.flags = ARES_FLAG_EDNS;
  setup.ednspsz = kUdpBytes;
  setup.timeout = static_cast<int>(options_.try_ms);
  setup.tries = kTries;
  setup.sock_state_cb_data = this;
  setup.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
    auto& sockets = static_cast<Lookup*>(self)->sockets_;
    if (readable == 0 && writable == 0) {
      sockets.erase(fd);
    } else {
      sockets[fd] = static_cast<short>((readable != 0 ? POLLIN : 0) | (writable != 0 ? POLLOUT : 0));
    }
  };
  const int mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
  if (const int code = ares_init_options(&channel_, &setup, mask); code != ARES_SUCCESS) {
    channel_ = nullptr;
    return ares_error(code).at("/etc/resolv.conf");
  }
  if (!options_.servers.empty()) {
    const int code = ares_set_servers_ports_csv(channel_, options_.servers.c_str());
    if (code != ARES_SUCCESS) return ares_error(code).at(options_.servers);
  }
  if (Status status = read_search(); !status.ok()) return status;
  for (Name& name : names_) name.candidates = candidates_of(name.candidates.front());
  return {};
}

Status Lookup::read_search() {
  ares_options found{};
  int mask = 0;
  const int code = ares_save_options(channel_, &found, &mask);
  if (code == ARES_SUCCESS) {
    ndots_ = options_.ndots.value_or(found.ndots);
    if (options_.search) {
      search_ = *options_.search;
    } else {
      search_.assign(found.domains, found.domains + found.ndomains);
    }
  }
  ares_destroy_options(&found);
  return code == ARES_SUCCESS ? Status() : ares_error(code);
}

std::vector<std::string> Lookup::candidates_of(const std::string& name) const {
  if (name.ends_with('.')) return {name};
  std::vector<std::string> out;
  for (const std::string& domain : search_) {
    std::string candidate = fmt::format("{}.{}", name, domain);
    while (candidate.ends_with('.')) candidate.pop_back();
    out.push_back(std::move(candidate) + ".");
  }
  const bool as_it_is_first = std::count(name.begin(), name.end(), '.') >= ndots_;
  out.insert(as_it_is_first ? out.begin() : out.end(), name + ".");
  return out;
}

// May call take() before it returns, which may call this again: as deep as the search list is long.
void Lookup::ask_next(Name& name) {
  const std::string& candidate = name.candidates[name.next++];
  ares_query(
      channel_, candidate.c_str(), ns_c_in, wire_type(type_),
      [](void* arg, int code, int, unsigned char* bytes, int size) {
        Name& asked = *static_cast<Name*>(arg);
        asked.lookup->take(asked, code, bytes, size);
      },
      &name);
}

void Lookup::start_names() {
  while (started_ < names_.size() && in_flight_ < options_.in_flight_max) {
    ++in_flight_;
    ask_next(names_[started_++]);
  }
}

void Lookup::finish(Name& name, DnsAnswer answer) {
  name.answer = std::move(answer);
  --in_flight_;
}

void Lookup::take(Name& name, int code, const unsigned char* bytes, int size) {
  if (!end_reason_.ok() || code == ARES_EDESTRUCTION) return finish(name, fail(end_reason_));
  if (code == ARES_ENODATA) return finish(name, std::vector<DnsRecord>{});
  if (code == ARES_SUCCESS) {
    DnsAnswer answer = parse_answer(type_, bytes, size, options_.records_max);
    if (answer) return finish(name, std::move(answer));
    name.failure = answer.error().at(name.candidates[name.next - 1]);
  } else if (code != ARES_ENOTFOUND) {
    name.failure = ares_error(code).at(name.candidates[name.next - 1]);
  }
  if (name.next < name.candidates.size()) return ask_next(name);
  if (!name.failure.ok()) return finish(name, fail(name.failure));
  finish(name, std::vector<DnsRecord>{});
}

void Lookup::wait_and_process(int64_t wait_ms) {
  timeval limit{wait_ms / 1'000, (wait_ms % 1'000) * 1'000};
  timeval storage{};
  const timeval* wait = ares_timeout(channel_, &limit, &storage);
  // Rounded up: waking just before a query's timeout would only make us come back at once.
  const auto poll_ms = static_cast<int>(wait->tv_sec * 1'000 + (wait->tv_usec + 999) / 1'000);
  std::vector<pollfd> polled;
  polled.reserve(sockets_.size());
  for (const auto& [fd, events] : sockets_) polled.push_back({fd, events, 0});
  ::poll(polled.data(), polled.size(), poll_ms);  // An interrupted wait is one that ended early.
  for (const pollfd& socket : polled) {
    if (socket.revents == 0) continue;
    const bool writable = (socket.revents & POLLOUT) != 0;
    const bool readable = (socket.revents & ~POLLOUT) != 0;  // Errors show on reading.
    ares_process_fd(channel_, readable ? socket.fd : ARES_SOCKET_BAD, writable ? socket.fd : ARES_SOCKET_BAD);
  }
  ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // Queries whose time is up.
}

void Lookup::run(const Canceled& canceled) {
  const auto deadline = SteadyClock::now() + std::chrono::milliseconds(options_.timeout_ms);
  while (true) {
    start_names();
    if (in_flight_ == 0 && started_ == names_.size()) return;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
    if (canceled()) {
      end_reason_ = Status::canceled("the lookup was given up");
    } else if (left <= 0) {
      end_reason_ = Status::timeout(fmt::format("no answer within {} ms", options_.timeout_ms));
    }
    if (!end_reason_.ok()) break;
    wait_and_process(std::min<int64_t>(left, kLookForCancelMs));
  }
  ares_cancel(channel_);
}

std::vector<DnsAnswer> Lookup::answers() {
  std::vector<DnsAnswer> out;
  out.reserve(names_.size());
  for (Name& name : names_) out.push_back(name.answer ? std::move(*name.answer) : fail(end_reason_));
  return out;
}

}  // namespace

AresResolver::AresResolver(AresOptions options) : options_(std::move(options)) {
  // Once a process, and never undone: others may use the library as well.
  static const int initialized = ares_library_init(ARES_LIB_INIT_ALL);
  static_cast<void>(initialized);
}

std::vector<DnsAnswer> AresResolver::lookup(const std::vector<std::string>& names, DnsRecordType type,
                                            const Canceled& canceled) {
  Lookup lookup(options_, names, type);
  if (const Status status = lookup.open(); !status.ok()) {
    return std::vector<DnsAnswer>(names.size(), fail(status));
  }
  lookup.run(canceled);
  return lookup.answers();
}

}  // namespace tidemark::discovery
