#include "net/server_tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace tidemark::net {

namespace {

constexpr size_t kPemBytesMax = 4 << 20;

using Failure = tl::unexpected<std::string>;

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct CertFree {
  void operator()(X509* cert) const { X509_free(cert); }
};
struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Cert = std::unique_ptr<X509, CertFree>;

constexpr std::array<std::pair<const char*, const char*>, 4> kCurves = {
    {{"CurveP256", "P-256"}, {"CurveP384", "P-384"}, {"CurveP521", "P-521"}, {"X25519", "X25519"}}};

std::string openssl_error() {
  const unsigned long code = ERR_get_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason != nullptr ? reason : "unknown error";
}

// A PEM text and the name it goes by in messages.
struct Pem {
  std::string name;
  std::string text;
};

tl::expected<Pem, std::string> read_pem(const std::string& key, const std::string& file, const std::string& inlined) {
  if (file.empty()) return Pem{"\"" + key + "\"", inlined};
  std::ifstream in(file, std::ios::binary);
  Pem pem{key + "_file " + file, {}};
  if (!in) return Failure("cannot read " + pem.name + ": " + std::generic_category().message(errno));
  pem.text.assign(std::istreambuf_iterator<char>(in), {});
  if (pem.text.size() > kPemBytesMax) return Failure(pem.name + " is larger than 4 MiB");
  return pem;
}

std::unique_ptr<BIO, BioFree> reader(const Pem& pem) {
  return std::unique_ptr<BIO, BioFree>(BIO_new_mem_buf(pem.text.data(), static_cast<int>(pem.text.size())));
}

// No pass phrase: OpenSSL would ask for one on the terminal.
int no_pass_phrase(char* /*to*/, int /*size*/, int /*writing*/, void* /*unused*/) { return -1; }

std::string use_certificate(SSL_CTX& context, const Pem& pem) {
  const auto in = reader(pem);
  const Cert leaf(PEM_read_bio_X509_AUX(in.get(), nullptr, no_pass_phrase, nullptr));
  if (!leaf || SSL_CTX_use_certificate(&context, leaf.get()) != 1)
    return pem.name + " holds no certificate: " + openssl_error();
  while (X509* issuer = PEM_read_bio_X509(in.get(), nullptr, no_pass_phrase, nullptr)) {
    if (SSL_CTX_add0_chain_cert(&context, issuer) == 1) continue;  // Takes it.
    X509_free(issuer);
    return pem.name + ": " + openssl_error();
  }
  ERR_clear_error();  // The end of the file is one.
  return {};
}

std::string use_key(SSL_CTX& context, const Pem& pem, const Pem& cert) {
  const auto in = reader(pem);
  const std::unique_ptr<EVP_PKEY, KeyFree> key(PEM_read_bio_PrivateKey(in.get(), nullptr, no_pass_phrase, nullptr));
  if (!key) return pem.name + " holds no private key without a pass phrase: " + openssl_error();
  if (SSL_CTX_use_PrivateKey(&context, key.get()) != 1 || SSL_CTX_check_private_key(&context) != 1) {
    ERR_clear_error();
    return pem.name + " is not the key of " + cert.name;
  }
  return {};
}

std::string trust_clients_of(SSL_CTX& context, const Pem& pem) {
  const auto in = reader(pem);
  X509_STORE* store = SSL_CTX_get_cert_store(&context);
  int count = 0;
  while (const Cert authority{PEM_read_bio_X509(in.get(), nullptr, no_pass_phrase, nullptr)}) {
    if (X509_STORE_add_cert(store, authority.get()) != 1 || SSL_CTX_add_client_CA(&context, authority.get()) != 1)
      return pem.name + ": " + openssl_error();
    ++count;
  }
  ERR_clear_error();
  return count > 0 ? "" : pem.name + " holds no certificate";
}

std::string to_text(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), static_cast<size_t>(ASN1_STRING_length(text))};
}

std::string name_text(const GENERAL_NAME& name) {
  switch (name.type) {
    case GEN_DNS:
      return to_text(name.d.dNSName);
    case GEN_EMAIL:
      return to_text(name.d.rfc822Name);
    case GEN_URI:
      return to_text(name.d.uniformResourceIdentifier);
    case GEN_IPADD: {
      const std::string bytes = to_text(name.d.iPAddress);
      char text[INET6_ADDRSTRLEN] = "";
      ::inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text);
      return text;
    }
    default:
      return {};
  }
}

bool has_allowed_name(X509* cert, const std::vector<std::string>& allowed) {
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(cert, NID_subject_alt_name, nullptr, nullptr));
  if (names == nullptr) return false;
  bool found = false;
  for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; ++i) {
    const std::string text = name_text(*sk_GENERAL_NAME_value(names, i));
    found = !text.empty() && std::find(allowed.begin(), allowed.end(), text) != allowed.end();
  }
  GENERAL_NAMES_free(names);
  return found;
}

// OpenSSL's whole verification of a client's chain. `arg` is the TlsContext, which the sessions keep.
template <bool kVerify>
int verify_client(X509_STORE_CTX* store, void* arg) {
  const auto& allowed = static_cast<const TlsContext*>(arg)->client_allowed_sans;
  if (kVerify && X509_verify_cert(store) != 1) return 0;
  if (allowed.empty() || has_allowed_name(X509_STORE_CTX_get0_cert(store), allowed)) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

void ask_for_certificate(TlsContext& tls, ClientAuth how) {
  if (how == ClientAuth::kNone) return;
  const bool required = how == ClientAuth::kRequireAny || how == ClientAuth::kRequireAndVerify;
  const bool verified = how == ClientAuth::kVerifyIfGiven || how == ClientAuth::kRequireAndVerify;
  SSL_CTX_set_verify(tls.context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  SSL_CTX_set_cert_verify_callback(tls.context, verified ? verify_client<true> : verify_client<false>, &tls);
}

// HTTP/1.1 for clients that ask what is spoken.
int choose_protocol(SSL* /*ssl*/, const unsigned char** out, unsigned char* out_bytes, const unsigned char* in,
                    unsigned in_bytes, void* /*unused*/) {
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_bytes, kHttp11, sizeof kHttp11 - 1, in, in_bytes) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int version_number(TlsVersion version) { return version == TlsVersion::kTls12 ? TLS1_2_VERSION : TLS1_3_VERSION; }

std::string restrict_algorithms(SSL_CTX& context, const ServerTlsOptions& options) {
  SSL_CTX_set_min_proto_version(&context, version_number(options.min_version));
  SSL_CTX_set_max_proto_version(&context, version_number(options.max_version));
  std::string ciphers;
  for (const std::string& name : options.cipher_suites) {
    // Those of TLS 1.3 are always on, as in Go, whose list this is.
    if (name.find("_WITH_") == std::string::npos) continue;
    ciphers += (ciphers.empty() ? "" : ":") + std::string(OPENSSL_cipher_name(name.c_str()));
  }
  if (!ciphers.empty() && SSL_CTX_set_cipher_list(&context, ciphers.c_str()) != 1)
    return "cipher_suites: " + openssl_error();
  std::string curves;
  for (const std::string& name : options.curve_preferences) {
    for (const auto& [theirs, ours] : kCurves)
      if (name == theirs) curves += (curves.empty() ? "" : ":") + std::string(ours);
  }
  if (!curves.empty() && SSL_CTX_set1_groups_list(&context, curves.c_str()) != 1)
    return "curve_preferences: " + openssl_error();
  return {};
}

}  // namespace

TlsContext::~TlsContext() { SSL_CTX_free(context); }

bool is_cipher_suite(const std::string& name) {
  if (name == "TLS_AES_128_GCM_SHA256" || name == "TLS_AES_256_GCM_SHA384" || name == "TLS_CHACHA20_POLY1305_SHA256")
    return true;
  return name.find("_WITH_") != std::string::npos &&
         std::string_view(OPENSSL_cipher_name(name.c_str())) != std::string_view("(NONE)");
}

bool is_curve(const std::string& name) {
  return std::any_of(kCurves.begin(), kCurves.end(), [&](const auto& curve) { return name == curve.first; });
}

tl::expected<std::shared_ptr<const TlsContext>, std::string> make_server_tls(const ServerTlsOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL.
  ERR_clear_error();
  const auto cert = read_pem("cert", options.cert_file, options.cert_pem);
  if (!cert) return Failure(cert.error());
  const auto key = read_pem("key", options.key_file, options.key_pem);
  if (!key) return Failure(key.error());
  auto tls = std::make_shared<TlsContext>();
  tls->client_allowed_sans = options.client_allowed_sans;
  tls->context = SSL_CTX_new(TLS_server_method());
  if (tls->context == nullptr) return Failure("tls: " + openssl_error());
  SSL_CTX& context = *tls->context;
  SSL_CTX_set_mode(&context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(&context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
  if (options.prefer_server_cipher_suites) SSL_CTX_set_options(&context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(&context, 0);
  SSL_CTX_set_alpn_select_cb(&context, choose_protocol, nullptr);
  if (std::string error = restrict_algorithms(context, options); !error.empty()) return Failure(error);
  if (std::string error = use_certificate(context, *cert); !error.empty()) return Failure(error);
  if (std::string error = use_key(context, *key, *cert); !error.empty()) return Failure(error);
  if (!options.client_ca_file.empty() || !options.client_ca_pem.empty()) {
    const auto authorities = read_pem("client_ca", options.client_ca_file, options.client_ca_pem);
    if (!authorities) return Failure(authorities.error());
    if (std::string error = trust_clients_of(context, *authorities); !error.empty()) return Failure(error);
  } else if (options.client_auth == ClientAuth::kRequireAndVerify ||
             options.client_auth == ClientAuth::kVerifyIfGiven) {
    SSL_CTX_set_default_verify_paths(&context);
  }
  ask_for_certificate(*tls, options.client_auth);
  return tls;
}

SSL* make_server_session(const TlsContext& tls, int fd) {
  SSL* ssl = SSL_new(tls.context);
  if (ssl == nullptr) return nullptr;
  if (SSL_set_fd(ssl, fd) != 1) {
    SSL_free(ssl);
    return nullptr;
  }
  SSL_set_accept_state(ssl);
  return ssl;
}

}  // namespace tidemark::net
