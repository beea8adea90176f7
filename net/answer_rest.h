// AnswerRest: the rest of an answer that is made while it is sent, piece by piece as the peer takes it.
//
// A worker makes pieces as long as the socket takes them whole. What it does not take of the last one is left to the
// front, which sends it and queues the connection for a worker again: so a slow peer costs one piece and whatever the
// pieces are made from, never a thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "net/answer_stream.h"
#include "net/gzip.h"
#include "net/http_message.h"

namespace tidemark::net {

// Belongs to whoever owns the connection.
class AnswerRest {
 public:
  struct Encoding {
    bool chunked = true;  // Else the end of the connection is the end of the body: HTTP/1.0.
    bool gzip = false;
  };
  AnswerRest(std::string first, BodySource source, Encoding encoding);

  enum class Progress {
    kWaiting,  // For the peer.
    kDone,
    kCutOff,  // The source gave up: the connection must be closed without an end of the body.
  };
  // After a head whose encoding says the same.
  Progress write_to(AnswerStream& stream);

 private:
  void write_piece(AnswerStream& stream, bool is_last);

  const Encoding encoding_;
  BodySource source_;
  std::string piece_;
  std::unique_ptr<GzipStream> gzip_;
  std::string compressed_;
  bool first_ = true;
};

}  // namespace tidemark::net
