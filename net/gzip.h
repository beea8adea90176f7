// gzip, both directions, with a limit on what comes out of a compressed body.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::net {

enum class GunzipResult { kOk, kTooLarge, kMalformed };

// Appends to `out` what `compressed` holds: one or more gzip members. Stops as soon as more than `bytes_max` came out.
GunzipResult gunzip(std::string_view compressed, size_t bytes_max, std::string& out);

// Compresses answers. Keeps its 256 kB of working memory between calls. One thread at a time.
class Gzipper {
 public:
  Gzipper();
  ~Gzipper();
  Gzipper(const Gzipper&) = delete;
  Gzipper& operator=(const Gzipper&) = delete;

  // Replaces `body` by its compressed form. False, and `body` unchanged, when that is not smaller.
  bool compress(std::string& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// As many Gzippers as have been busy at once: none where nobody asks for gzip, one where requests come one by one.
// Thread-safe.
class GzipperPool {
 public:
  bool compress(std::string& body);  // As Gzipper's.

 private:
  std::mutex mu_;
  std::vector<std::unique_ptr<Gzipper>> idle_;  // Guarded by mu_. The one used last is taken first.
};

// Compresses one body that comes in pieces. Takes 256 kB while it lives.
class GzipStream {
 public:
  GzipStream();
  ~GzipStream();
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;

  // Appends to `out` what there is of the compressed body so far, with `is_last` all of it. At most 4 GiB a piece.
  void add(std::string_view piece, bool is_last, std::string& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Whether an Accept-Encoding value takes gzip: named, or "*", and not with q=0.
bool accepts_gzip(std::string_view accept_encoding);

// Whether a content type is text of a kind that shrinks.
bool is_compressible(std::string_view content_type);

}  // namespace tidemark::net
