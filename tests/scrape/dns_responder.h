// DnsResponder: a name server on 127.0.0.1, on a port of the kernel's choosing, that knows what a test tells it. UDP
// only.
#pragma once

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "model/mutex.h"

namespace tidemark::testing {

class DnsResponder {
 public:
  // What is said about a name: records of any type, all with the name asked for as their owner.
  struct Answer {
    int rcode = ns_r_noerror;
    std::vector<std::pair<int, std::string>> records = {};  // Type, and the bytes behind the length.
    bool silent = false;                                    // Nothing is said at all.
    std::string raw = {};  // When not empty: these bytes follow the question instead of the records.
  };

  DnsResponder() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(fd_, reinterpret_cast<const sockaddr*>(&address), size);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    address_ = address;
    thread_ = std::thread([this] { serve(); });
  }
  ~DnsResponder() {
    // Nothing shorter than a header is a question: it tells the thread to end.
    ::sendto(fd_, "", 1, 0, reinterpret_cast<const sockaddr*>(&address_), sizeof address_);
    thread_.join();
    ::close(fd_);
  }
  DnsResponder(const DnsResponder&) = delete;
  DnsResponder& operator=(const DnsResponder&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(ntohs(address_.sin_port)); }

  // Of names nobody set, it says that they do not exist.
  void set(const std::string& name, Answer answer) {
    const MutexLock lock(mu_);
    answers_[name] = std::move(answer);
  }
  // The names asked for so far, in order.
  std::vector<std::string> asked() {
    const MutexLock lock(mu_);
    return asked_;
  }

  // "a.b" as the DNS writes it: length, label, length, label, 0.
  static std::string wire_name(std::string_view name) {
    std::string out;
    while (!name.empty()) {
      const std::string_view label = name.substr(0, name.find('.'));
      out += static_cast<char>(label.size());
      out += label;
      name.remove_prefix(std::min(name.size(), label.size() + 1));
    }
    return out + '\0';
  }
  static std::pair<int, std::string> a(const char* text) { return address_record(AF_INET, ns_t_a, 4, text); }
  static std::pair<int, std::string> aaaa(const char* text) { return address_record(AF_INET6, ns_t_aaaa, 16, text); }
  static std::pair<int, std::string> srv(uint16_t port, std::string_view target) {
    return {ns_t_srv, number(10) + number(5) + number(port) + wire_name(target)};
  }
  static std::string number(uint16_t value) { return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)}; }
  static std::string record_bytes(int type, const std::string& data) {
    // The owner is a pointer to the question's name; time to live: 60 s.
    return number(0xc00c) + number(static_cast<uint16_t>(type)) + number(ns_c_in) + number(0) + number(60) +
           number(static_cast<uint16_t>(data.size())) + data;
  }

 private:
  static std::pair<int, std::string> address_record(int family, int type, size_t size, const char* text) {
    std::string bytes(size, '\0');
    ::inet_pton(family, text, bytes.data());
    return {type, bytes};
  }

  void serve() {
    char buffer[2'048];
    while (true) {
      sockaddr_in peer{};
      socklen_t peer_size = sizeof peer;
      const ssize_t got = ::recvfrom(fd_, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&peer), &peer_size);
      if (got < 13) return;
      const std::string reply = reply_to({buffer, static_cast<size_t>(got)});
      if (reply.empty()) continue;
      ::sendto(fd_, reply.data(), reply.size(), 0, reinterpret_cast<const sockaddr*>(&peer), peer_size);
    }
  }

  std::string reply_to(std::string_view query) {
    std::string name;
    size_t at = 12;
    while (at < query.size() && query[at] != '\0') {
      const auto bytes = static_cast<size_t>(query[at]);
      name += (name.empty() ? "" : ".") + std::string(query.substr(at + 1, bytes));
      at += bytes + 1;
    }
    const std::string_view question = query.substr(12, at + 5 - 12);
    const MutexLock lock(mu_);
    asked_.push_back(name);
    const auto known = answers_.find(name);
    Answer answer;
    answer.rcode = ns_r_nxdomain;
    if (known != answers_.end()) answer = known->second;
    if (answer.silent) return {};
    std::string body = answer.raw;
    if (body.empty()) {
      for (const auto& [type, data] : answer.records) body += record_bytes(type, data);
    }
    std::string reply(query.substr(0, 2));
    reply += number(static_cast<uint16_t>(0x8180 | answer.rcode)) + number(1);
    reply += number(static_cast<uint16_t>(answer.raw.empty() ? answer.records.size() : 1)) + number(0) + number(0);
    return reply + std::string(question) + body;
  }

  const int fd_;
  sockaddr_in address_{};
  std::thread thread_;
  Mutex mu_;
  std::map<std::string, Answer> answers_ TM_GUARDED_BY(mu_);
  std::vector<std::string> asked_ TM_GUARDED_BY(mu_);
};

}  // namespace tidemark::testing
