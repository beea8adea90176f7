#include "config/http_client_config.h"

#include <algorithm>

#include "config/file_path.h"

namespace tidemark::config {
namespace {

std::string file_name(YamlMap& map, std::string_view key, const std::string& folder) {
  return resolve_path(folder, map.string(key));
}

BasicAuth read_basic_auth(const YamlValue& value, const std::string& folder) {
  YamlMap map = value.map();
  BasicAuth auth;
  auth.username = map.string("username");
  auth.username_file = file_name(map, "username_file", folder);
  auth.password = map.get("password").secret();
  auth.password_file = file_name(map, "password_file", folder);
  map.unsupported({"username_ref", "password_ref"});
  if (!auth.username.empty() && !auth.username_file.empty()) {
    map.get("username_file").error("and \"username\" exclude each other");
  }
  if (!auth.password.empty() && !auth.password_file.empty()) {
    map.get("password_file").error("and \"password\" exclude each other");
  }
  map.finish();
  return auth;
}

Authorization read_authorization(const YamlValue& value, const std::string& folder) {
  YamlMap map = value.map();
  Authorization auth;
  if (const std::string type = map.string("type"); !type.empty()) auth.type = type;
  auth.credentials = map.get("credentials").secret();
  auth.credentials_file = file_name(map, "credentials_file", folder);
  map.unsupported({"credentials_ref"});
  std::string lower = auth.type;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (lower == "basic") map.get("type").error("must not be \"basic\": use \"basic_auth\" instead");
  if (!auth.credentials.empty() && !auth.credentials_file.empty()) {
    map.get("credentials_file").error("and \"credentials\" exclude each other");
  }
  map.finish();
  return auth;
}

TlsConfig read_tls(const YamlValue& value, const std::string& folder) {
  YamlMap map = value.map();
  TlsConfig tls;
  tls.ca_file = file_name(map, "ca_file", folder);
  tls.cert_file = file_name(map, "cert_file", folder);
  tls.key_file = file_name(map, "key_file", folder);
  tls.server_name = map.string("server_name");
  tls.insecure_skip_verify = map.boolean("insecure_skip_verify", false);
  map.unsupported({"ca", "cert", "key", "ca_ref", "cert_ref", "key_ref", "max_version"});
  if (const YamlValue version = map.get("min_version"); version.string("TLS12") != "TLS12") {
    version.error("is not supported yet: it is always TLS12");
  }
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    map.get(tls.cert_file.empty() ? "key_file" : "cert_file")
        .error(tls.cert_file.empty() ? "needs \"cert_file\" beside it" : "needs \"key_file\" beside it");
  }
  map.finish();
  return tls;
}

}  // namespace

HttpClientConfig read_http_client(YamlMap& map, const std::string& folder) {
  HttpClientConfig http;
  const YamlValue basic_auth = map.get("basic_auth");
  const YamlValue authorization = map.get("authorization");
  const YamlValue bearer_token = map.get("bearer_token");
  const YamlValue bearer_token_file = map.get("bearer_token_file");
  if (basic_auth.present()) http.basic_auth = read_basic_auth(basic_auth, folder);
  if (authorization.present()) http.authorization = read_authorization(authorization, folder);
  if (bearer_token.present()) http.authorization.emplace().credentials = bearer_token.secret();
  if (bearer_token_file.present()) {
    http.authorization.emplace().credentials_file = resolve_path(folder, bearer_token_file.string());
  }
  const YamlValue* first = nullptr;
  for (const YamlValue* way : {&basic_auth, &authorization, &bearer_token, &bearer_token_file}) {
    if (!way->present()) continue;
    if (first != nullptr) way->error("and \"" + first->name() + "\" exclude each other");
    if (first == nullptr) first = way;
  }
  http.tls = read_tls(map.get("tls_config"), folder);
  http.follow_redirects = map.boolean("follow_redirects", true);
  map.boolean("enable_http2", true);  // Whether or not it is allowed, HTTP/1.1 is spoken.
  map.string("no_proxy");             // Exceptions from a proxy that cannot be set.
  map.unsupported({"oauth2", "proxy_url", "proxy_connect_header", "http_headers"});
  map.unsupported_if_true({"proxy_from_environment"});
  return http;
}

}  // namespace tidemark::config
