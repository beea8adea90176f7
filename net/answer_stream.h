// AnswerStream: the two ends that cpp-httplib sees while it answers a request. Reading gives a request line of ours;
// writing goes to the connection, the head held back so that it leaves together with the body.
#pragma once

#include <string>
#include <string_view>

#include <httplib.h>

#include "net/budget.h"
#include "net/connection.h"

namespace tidemark::net {

class AnswerStream final : public httplib::Stream {
 public:
  // All must outlive the stream.
  AnswerStream(Connection& connection, std::string_view request, Budget& budget)
      : connection_(connection), request_(request), budget_(budget) {}

  // Sends what is still held back. Call it once everything is written.
  void flush() { send({}); }

  // Whether something waits for the peer to take what came before it.
  bool has_left() const { return connection_.out_sent < connection_.out.size(); }

  bool is_readable() const override { return !request_.empty(); }
  bool is_writable() const override { return !connection_.broken; }
  ssize_t read(char* ptr, size_t size) override;
  ssize_t write(const char* ptr, size_t size) override;
  void get_remote_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  void get_local_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  socket_t socket() const override { return connection_.fd; }

 private:
  // Sends `held_` and then `data`: what fits at once; the rest is left to the front when the budget has room for a
  // copy of it, and is waited for otherwise.
  void send(std::string_view data);
  bool send_left();
  bool leave_to_front(std::string_view held, std::string_view data);
  bool wait_writable();

  Connection& connection_;
  std::string_view request_;
  Budget& budget_;
  std::string held_;
};

}  // namespace tidemark::net
