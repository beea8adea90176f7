// Connection: one accepted socket and the request under way on it.
//
// It has one owner at a time: the front's thread while it waits for the peer, a worker while a request is served. The
// owner alone touches it, but for the two members that say so.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <openssl/types.h>

#include "net/body_reader.h"
#include "net/head.h"
#include "net/routes.h"

namespace tidemark::net {

class AnswerRest;
struct TlsContext;

struct Connection {
  Connection();
  ~Connection();  // Ends the TLS session, but does not close the socket.
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  enum class Phase {
    kHandshake,  // Of TLS.
    kHead,       // Waiting for a head or collecting it; idle when `in` is empty.
    kBody,       // Collecting a body.
    kServe,      // Queued, or with a worker.
    kWrite,      // Sending what of the answer did not fit into the socket.
    kDrain,      // Refused: reading on for a moment, so that the answer is not lost to a reset.
  };

  // As recv(2) and a sendmsg(2) of two pieces, through TLS when there is a session. -1 and EAGAIN: once the socket is
  // ready for `awaited` the same call may be made again, with the same bytes first.
  ssize_t receive(char* to, size_t bytes);
  ssize_t transmit(std::string_view first, std::string_view second = {});
  // Goes on with the handshake: 1 when it is done, else as above.
  int handshake();
  // Tells the peer that nothing follows, as far as the socket takes it at once.
  void end_output();

  int fd = -1;
  std::shared_ptr<const TlsContext> tls;  // Null: plain. The session is made from it.
  SSL* ssl = nullptr;                     // Ours.
  uint32_t awaited = 0;                   // EPOLLIN or EPOLLOUT, after EAGAIN.
  std::string remote_addr;
  Phase phase = Phase::kHead;
  std::string in;              // Received and not used yet.
  size_t searched = 0;         // So far into `in` there is no end of a head.
  int64_t head_began_ns = 0;   // First byte of the head.
  int64_t request_end_ns = 0;  // Deadline of the request, from its complete head on.

  Head head;
  RouteMatch match;
  BodyReader reader;
  std::string body;

  std::string out;  // What of the answer is left to send.
  size_t out_sent = 0;
  std::unique_ptr<AnswerRest> rest;  // What makes more of the answer, once `out` is sent; null when that is all.
  bool close_after = false;          // This answer is the last one.
  bool broken = false;               // The socket failed: close without another word.
  size_t charged_bytes = 0;          // Taken from the budget for `body` and `out`.

  // Guarded by Front::mu_.
  bool registered = false;  // With epoll.
  bool parked = false;      // The front's, waiting in epoll until deadline_ns.
  int64_t deadline_ns = 0;
};

}  // namespace tidemark::net
