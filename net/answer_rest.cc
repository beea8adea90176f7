#include "net/answer_rest.h"

#include <charconv>
#include <utility>

namespace tidemark::net {

AnswerRest::AnswerRest(std::string first, BodySource source, Encoding encoding)
    : encoding_(encoding), source_(std::move(source)), piece_(std::move(first)) {
  if (encoding.gzip) gzip_ = std::make_unique<GzipStream>();
}

AnswerRest::Progress AnswerRest::write_to(AnswerStream& stream) {
  if (std::exchange(first_, false)) write_piece(stream, false);
  while (stream.is_writable()) {
    stream.flush();
    if (stream.has_left()) return Progress::kWaiting;
    piece_.clear();
    More more = More::kCutOff;
    try {
      more = source_(piece_);
    } catch (...) {  // As of a handler: nothing of it reaches the peer, nor ends the worker.
    }
    if (more == More::kCutOff) return Progress::kCutOff;
    write_piece(stream, more == More::kEnd);
    if (more != More::kEnd) continue;
    source_ = nullptr;
    return Progress::kDone;
  }
  return Progress::kCutOff;
}

void AnswerRest::write_piece(AnswerStream& stream, bool is_last) {
  std::string_view data = piece_;
  if (gzip_ != nullptr) {
    compressed_.clear();
    gzip_->add(piece_, is_last, compressed_);
    data = compressed_;
  }
  const auto write = [&](std::string_view text) { stream.write(text.data(), text.size()); };
  if (!encoding_.chunked) return write(data);
  if (!data.empty()) {
    char size[2 * sizeof(size_t)];
    const auto end = std::to_chars(size, size + sizeof size, data.size(), 16).ptr;
    write({size, static_cast<size_t>(end - size)});
    write("\r\n");
    write(data);
    write("\r\n");
  }
  if (is_last) write("0\r\n\r\n");
}

}  // namespace tidemark::net
