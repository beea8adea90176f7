#include "net/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

#include "net/percent.h"

namespace tidemark::net {

namespace {

constexpr int kGzip = 16;  // zlib's way to say: gzip's header and trailer. Added to the window, as a power of two.
constexpr int kGunzipWindow = 15 + kGzip;  // Whatever the sender used.
// 8 kB back, and a small table to look there: 64 kB of memory where zlib's defaults take 256. At level 1 pages and JSON
// come out as small, as it hardly looks further anyway.
constexpr int kGzipWindow = 13 + kGzip;
constexpr int kGzipMemory = 6;
constexpr int kLevel = 1;  // Metrics pages and JSON shrink tenfold at any level; this one is the cheapest.

const Bytef* input_bytes(std::string_view text) { return reinterpret_cast<const Bytef*>(text.data()); }

}  // namespace

GunzipResult gunzip(std::string_view compressed, size_t bytes_max, std::string& out) {
  if (compressed.size() > std::numeric_limits<uInt>::max()) return GunzipResult::kTooLarge;
  z_stream stream{};
  if (inflateInit2(&stream, kGunzipWindow) != Z_OK) return GunzipResult::kMalformed;
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&stream, inflateEnd);
  stream.next_in = const_cast<Bytef*>(input_bytes(compressed));  // zlib does not write to it.
  stream.avail_in = static_cast<uInt>(compressed.size());

  const size_t out_bytes_max = out.size() + bytes_max;
  char piece[32 << 10];
  for (;;) {
    stream.next_out = reinterpret_cast<Bytef*>(piece);
    stream.avail_out = sizeof piece;
    const int result = inflate(&stream, Z_NO_FLUSH);
    const size_t produced = sizeof piece - stream.avail_out;
    if (out.size() + produced > out_bytes_max) return GunzipResult::kTooLarge;
    out.append(piece, produced);
    if (result == Z_STREAM_END) {
      if (stream.avail_in == 0) return GunzipResult::kOk;
      if (inflateReset(&stream) != Z_OK) return GunzipResult::kMalformed;
    } else if (result != Z_OK) {
      return GunzipResult::kMalformed;  // Z_BUF_ERROR, which is a body cut short, among them.
    }
  }
}

struct Gzipper::State {
  z_stream stream{};
  bool ready = false;
};

Gzipper::Gzipper() : state_(std::make_unique<State>()) {
  state_->ready =
      deflateInit2(&state_->stream, kLevel, Z_DEFLATED, kGzipWindow, kGzipMemory, Z_DEFAULT_STRATEGY) == Z_OK;
}

Gzipper::~Gzipper() {
  if (state_->ready) deflateEnd(&state_->stream);
}

bool Gzipper::compress(std::string& body) {
  if (!state_->ready || body.size() > std::numeric_limits<uInt>::max()) return false;
  z_stream& stream = state_->stream;
  if (deflateReset(&stream) != Z_OK) return false;
  std::string out(body.size(), '\0');  // Not smaller than this means not worth it.
  stream.next_in = reinterpret_cast<Bytef*>(body.data());
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return false;
  out.resize(out.size() - stream.avail_out);
  body = std::move(out);
  return true;
}

bool GzipperPool::compress(std::string& body) {
  std::unique_ptr<Gzipper> one;
  {
    const std::lock_guard lock(mu_);
    if (!idle_.empty()) {
      one = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (one == nullptr) one = std::make_unique<Gzipper>();
  const bool smaller = one->compress(body);
  const std::lock_guard lock(mu_);
  idle_.push_back(std::move(one));
  return smaller;
}

struct GzipStream::State {
  z_stream stream{};
};

GzipStream::GzipStream() : state_(std::make_unique<State>()) {
  if (deflateInit2(&state_->stream, kLevel, Z_DEFLATED, kGzipWindow, kGzipMemory, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
}

GzipStream::~GzipStream() { deflateEnd(&state_->stream); }

void GzipStream::add(std::string_view piece, bool is_last, std::string& out) {
  z_stream& stream = state_->stream;
  stream.next_in = const_cast<Bytef*>(input_bytes(piece));  // zlib does not write to it.
  stream.avail_in = static_cast<uInt>(piece.size());
  char part[32 << 10];
  do {
    stream.next_out = reinterpret_cast<Bytef*>(part);
    stream.avail_out = sizeof part;
    deflate(&stream, is_last ? Z_FINISH : Z_NO_FLUSH);
    out.append(part, sizeof part - stream.avail_out);
  } while (stream.avail_out == 0);
}

bool accepts_gzip(std::string_view accept_encoding) {
  bool gzip_named = false;
  bool gzip_taken = false;
  bool any_taken = false;
  for_each_element(accept_encoding, [&](std::string_view element) {
    const size_t semicolon = element.find(';');
    std::string_view name = element.substr(0, semicolon);
    while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
    bool taken = true;
    if (semicolon != std::string_view::npos) {
      const std::string_view parameters = element.substr(semicolon + 1);
      const size_t q = parameters.find("q=");
      // Zero is "0", "0.", "0.0" and so on: no digit but zeros.
      if (q != std::string_view::npos) taken = parameters.find_first_of("123456789", q) != std::string_view::npos;
    }
    if (equal_ignoring_case(name, "gzip") || equal_ignoring_case(name, "x-gzip")) {
      gzip_named = true;
      gzip_taken = taken;
    } else if (name == "*") {
      any_taken = taken;
    }
  });
  return gzip_named ? gzip_taken : any_taken;
}

bool is_compressible(std::string_view content_type) {
  const std::string type = to_lower(content_type.substr(0, content_type.find(';')));
  if (type.starts_with("text/")) return type != "text/event-stream";
  constexpr std::string_view kTypes[] = {"application/json", "application/javascript", "application/openmetrics-text",
                                         "application/xml",  "application/yaml",       "image/svg+xml"};
  return std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
}

}  // namespace tidemark::net
