#include "net/answer_stream.h"

#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "net/monotonic.h"

namespace tidemark::net {

namespace {

constexpr size_t kHeldBytesMax = 16 << 10;

}  // namespace

ssize_t AnswerStream::read(char* ptr, size_t size) {
  const size_t bytes = std::min(size, request_.size());
  std::memcpy(ptr, request_.data(), bytes);
  request_.remove_prefix(bytes);
  return static_cast<ssize_t>(bytes);
}

ssize_t AnswerStream::write(const char* ptr, size_t size) {
  if (held_.size() + size <= kHeldBytesMax) {
    held_.append(ptr, size);
  } else {
    send({ptr, size});
  }
  return connection_.broken ? -1 : static_cast<ssize_t>(size);
}

void AnswerStream::send(std::string_view data) {
  std::string_view held(held_);
  // Behind what is waiting already there is nothing to try.
  bool full = has_left();
  while (!connection_.broken && held.size() + data.size() > 0) {
    if (full) {
      if (leave_to_front(held, data)) break;
      connection_.broken = !send_left() || !wait_writable();
      full = false;
      continue;
    }
    const ssize_t bytes = connection_.transmit(held, data);
    if (bytes >= 0) {
      const size_t of_held = std::min(held.size(), static_cast<size_t>(bytes));
      held.remove_prefix(of_held);
      data.remove_prefix(static_cast<size_t>(bytes) - of_held);
    } else if (errno == EAGAIN) {
      full = true;
    } else if (errno != EINTR) {
      connection_.broken = true;
    }
  }
  held_.clear();
}

// Waits until all is sent that was left to the front.
bool AnswerStream::send_left() {
  std::string& out = connection_.out;
  while (has_left()) {
    const ssize_t bytes = connection_.transmit(std::string_view(out).substr(connection_.out_sent));
    if (bytes >= 0) {
      connection_.out_sent += static_cast<size_t>(bytes);
    } else if (errno == EAGAIN) {
      if (!wait_writable()) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  budget_.give(out.size());
  connection_.charged_bytes -= out.size();
  out.clear();
  connection_.out_sent = 0;
  return true;
}

bool AnswerStream::leave_to_front(std::string_view held, std::string_view data) {
  if (!budget_.take(held.size() + data.size())) return false;
  connection_.charged_bytes += held.size() + data.size();
  connection_.out.append(held).append(data);
  return true;
}

bool AnswerStream::wait_writable() {
  pollfd waiting{connection_.fd, static_cast<short>(connection_.awaited == EPOLLIN ? POLLIN : POLLOUT), 0};
  for (;;) {
    const int ready = ::poll(&waiting, 1, poll_ms_until(connection_.request_end_ns));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

}  // namespace tidemark::net
