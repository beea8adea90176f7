// TLS for the server: certificate, key and what is asked of clients, in the words of exporter-toolkit's
// tls_server_config (docs/web-configuration.md there), as OpenSSL wants them.
//
// TLS 1.2 and 1.3 only. No sessions are resumed: a changed configuration holds for every new connection.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <openssl/types.h>
#include <tl/expected.hpp>

namespace tidemark::net {

enum class ClientAuth { kNone, kRequest, kRequireAny, kVerifyIfGiven, kRequireAndVerify };
enum class TlsVersion { kTls12, kTls13 };

struct ServerTlsOptions {
  // Each from a file, or as PEM text when the file is "".
  std::string cert_file, cert_pem;
  std::string key_file, key_pem;
  std::string client_ca_file, client_ca_pem;  // Both "": no authority.
  ClientAuth client_auth = ClientAuth::kNone;
  std::vector<std::string> client_allowed_sans;  // Not empty: a client's certificate must have one of them.
  TlsVersion min_version = TlsVersion::kTls12;
  TlsVersion max_version = TlsVersion::kTls13;
  std::vector<std::string> cipher_suites;  // For TLS 1.2, IANA's names: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256.
  bool prefer_server_cipher_suites = true;
  std::vector<std::string> curve_preferences;  // CurveP256 CurveP384 CurveP521 X25519
};

// Immutable; shared by the connections made from it.
struct TlsContext {
  ~TlsContext();
  SSL_CTX* context = nullptr;
  std::vector<std::string> client_allowed_sans;
};

// Reads the files. The error names the file or the value that does not do.
tl::expected<std::shared_ptr<const TlsContext>, std::string> make_server_tls(const ServerTlsOptions& options);

// Whether there is a cipher suite or a curve of that name.
bool is_cipher_suite(const std::string& name);
bool is_curve(const std::string& name);

// A session for an accepted socket, the caller's; null when out of memory.
SSL* make_server_session(const TlsContext& tls, int fd);

}  // namespace tidemark::net
