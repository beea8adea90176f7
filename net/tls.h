// TLS for the client: what ClientOptions say, as OpenSSL wants it.
#pragma once

#include <memory>
#include <string>

#include <openssl/ssl.h>
#include <tl/expected.hpp>

#include "net/client.h"

namespace tidemark::net {

struct SslContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContext = std::unique_ptr<SSL_CTX, SslContextFree>;

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using Ssl = std::unique_ptr<SSL, SslFree>;

// TLS 1.2 and up, certificates verified unless the options say otherwise. The error names the file that does not load.
tl::expected<SslContext, std::string> make_tls_context(const ClientOptions& options);

// A client session on a connected socket, for the name that the certificate must have. Null when out of memory.
Ssl make_tls_session(SSL_CTX& context, int fd, const std::string& server_name);

// Why a handshake or a transfer failed, in the words of Prometheus' users. `result` is SSL_connect's or SSL_read's.
std::string tls_error_text(SSL& ssl);

}  // namespace tidemark::net
