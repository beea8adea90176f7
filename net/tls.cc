#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <csignal>

namespace tidemark::net {

namespace {

std::string last_error() {
  const unsigned long code = ERR_get_error();
  if (code == 0) return "unknown error";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "error " + std::to_string(code);
}

bool is_ip_address(const std::string& host) {
  unsigned char parsed[16];
  return ::inet_pton(AF_INET, host.c_str(), parsed) == 1 || ::inet_pton(AF_INET6, host.c_str(), parsed) == 1;
}

}  // namespace

tl::expected<SslContext, std::string> make_tls_context(const ClientOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL.
  ERR_clear_error();
  SslContext context(SSL_CTX_new(TLS_client_method()));
  const auto fail = [](const std::string& what) { return tl::unexpected<std::string>(what + ": " + last_error()); };
  if (!context) return fail("tls");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (options.ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(context.get());
  } else if (SSL_CTX_load_verify_file(context.get(), options.ca_file.c_str()) != 1) {
    return fail("unable to load CA cert " + options.ca_file);
  }
  SSL_CTX_set_verify(context.get(), options.insecure_skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  if (!options.cert_file.empty() && SSL_CTX_use_certificate_chain_file(context.get(), options.cert_file.c_str()) != 1) {
    return fail("unable to load client cert " + options.cert_file);
  }
  if (!options.key_file.empty() &&
      SSL_CTX_use_PrivateKey_file(context.get(), options.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return fail("unable to load client key " + options.key_file);
  }
  return context;
}

Ssl make_tls_session(SSL_CTX& context, int fd, const std::string& server_name) {
  Ssl ssl(SSL_new(&context));
  if (!ssl || SSL_set_fd(ssl.get(), fd) != 1) return nullptr;
  if (is_ip_address(server_name)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), server_name.c_str());
  } else {
    SSL_set1_host(ssl.get(), server_name.c_str());
    SSL_set_tlsext_host_name(ssl.get(), server_name.c_str());
  }
  return ssl;
}

std::string tls_error_text(SSL& ssl) {
  const long verified = SSL_get_verify_result(&ssl);
  if (verified != X509_V_OK && (SSL_get_verify_mode(&ssl) & SSL_VERIFY_PEER) != 0) {
    return std::string("tls: failed to verify certificate: x509: ") + X509_verify_cert_error_string(verified);
  }
  return "tls: " + last_error();
}

}  // namespace tidemark::net
