#include "config/authorization.h"

#include <openssl/evp.h>

#include <fstream>
#include <string_view>

namespace tidemark::config {
namespace {

constexpr size_t kCredentialBytesMax = 64 << 10;  // Tokens have a few kB.

// The first line's worth of a file with a secret: what stands in it without blanks and newlines around it.
tl::expected<std::string, std::string> read_credential(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return tl::unexpected<std::string>("unable to read file \"" + path + "\"");
  std::string text(kCredentialBytesMax, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(in.gcount());
  if (in.bad() || !in.eof())
    return tl::unexpected<std::string>("unable to read file \"" + path + "\", or it is too long");
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string::npos) return std::string();
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

tl::expected<std::string, std::string> given_or_read(const std::string& text, const std::string& path) {
  return path.empty() ? tl::expected<std::string, std::string>(text) : read_credential(path);
}

std::string base64(std::string_view text) {
  std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');  // EVP_EncodeBlock ends with a NUL.
  out.resize(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                             reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size())));
  return out;
}

}  // namespace

tl::expected<std::string, std::string> authorization_header(const config::HttpClientConfig& http) {
  if (http.basic_auth) {
    auto user = given_or_read(http.basic_auth->username, http.basic_auth->username_file);
    if (!user) return user;
    auto password = given_or_read(http.basic_auth->password.reveal(), http.basic_auth->password_file);
    if (!password) return password;
    return "Basic " + base64(*user + ":" + *password);
  }
  if (http.authorization) {
    auto credentials = given_or_read(http.authorization->credentials.reveal(), http.authorization->credentials_file);
    if (!credentials) return credentials;
    return http.authorization->type + " " + *credentials;
  }
  return std::string();
}

net::ClientOptions client_options(const TlsConfig& tls, int64_t connect_timeout_ms) {
  net::ClientOptions options;
  options.connect_timeout_ms = connect_timeout_ms;
  options.ca_file = tls.ca_file;
  options.cert_file = tls.cert_file;
  options.key_file = tls.key_file;
  options.server_name = tls.server_name;
  options.insecure_skip_verify = tls.insecure_skip_verify;
  return options;
}

}  // namespace tidemark::config
