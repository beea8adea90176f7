#include "config/web_config.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "config/file_path.h"
#include "config/yaml_reader.h"
#include "net/password_check.h"

namespace tidemark::config {
namespace {

using net::ClientAuth;
using net::TlsVersion;

ClientAuth read_client_auth(const YamlValue& value) {
  static constexpr std::array<std::pair<std::string_view, ClientAuth>, 6> kTypes = {{
      {"NoClientCert", ClientAuth::kNone},
      {"RequestClientCert", ClientAuth::kRequest},
      {"RequireAnyClientCert", ClientAuth::kRequireAny},
      {"RequireClientCert", ClientAuth::kRequireAny},  // Its old name.
      {"VerifyClientCertIfGiven", ClientAuth::kVerifyIfGiven},
      {"RequireAndVerifyClientCert", ClientAuth::kRequireAndVerify},
  }};
  const std::string text = value.string("NoClientCert");
  for (const auto& [name, type] : kTypes) {
    if (text == name) return type;
  }
  value.error(
      fmt::format("must be NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven or "
                  "RequireAndVerifyClientCert, got {}",
                  quote_value(text)));
  return ClientAuth::kNone;
}

TlsVersion read_version(const YamlValue& value, TlsVersion fallback) {
  const std::string text = value.string(fallback == TlsVersion::kTls12 ? "TLS12" : "TLS13");
  if (text == "TLS12") return TlsVersion::kTls12;
  if (text == "TLS13") return TlsVersion::kTls13;
  if (text == "TLS10" || text == "TLS11") {
    value.error(fmt::format("is not supported: the least is TLS12, got {}", quote_value(text)));
  } else {
    value.error(fmt::format("must be TLS12 or TLS13, got {}", quote_value(text)));
  }
  return fallback;
}

// A certificate or key by file or as text. `required` names what must be there.
void read_pem(YamlMap& map, const char* key, bool required, const std::string& folder, std::string& file,
              std::string& text) {
  const std::string file_key = std::string(key) + "_file";
  file = resolve_path(folder, map.string(file_key));
  text = map.get(key).secret().reveal();
  if (!file.empty() && !text.empty()) map.get(file_key).error(fmt::format("and \"{}\" exclude each other", key));
  if (required && file.empty() && text.empty()) map.error(fmt::format("needs \"{}\" or \"{}\"", file_key, key));
}

std::optional<net::ServerTlsOptions> read_tls(const YamlValue& value, const std::string& folder) {
  YamlMap map = value.map();
  if (!map.present()) return std::nullopt;
  net::ServerTlsOptions tls;
  // As there: what only tunes TLS does not turn it on.
  bool wanted = false;
  for (const char* key : {"cert", "cert_file", "key", "key_file", "client_ca", "client_ca_file", "client_auth_type"})
    wanted = map.has(key) || wanted;
  read_pem(map, "cert", wanted, folder, tls.cert_file, tls.cert_pem);
  read_pem(map, "key", wanted, folder, tls.key_file, tls.key_pem);
  read_pem(map, "client_ca", false, folder, tls.client_ca_file, tls.client_ca_pem);
  tls.client_auth = read_client_auth(map.get("client_auth_type"));
  tls.client_allowed_sans = map.strings("client_allowed_sans");
  tls.min_version = read_version(map.get("min_version"), TlsVersion::kTls12);
  tls.max_version = read_version(map.get("max_version"), TlsVersion::kTls13);
  if (tls.min_version > tls.max_version) map.get("max_version").error("is lower than \"min_version\"");
  tls.prefer_server_cipher_suites = map.boolean("prefer_server_cipher_suites", true);
  for (const YamlValue& item : map.get("cipher_suites").items()) {
    const std::string name = item.string();
    if (!net::is_cipher_suite(name)) item.error(fmt::format("is no cipher suite known here: {}", quote_value(name)));
    tls.cipher_suites.push_back(name);
  }
  for (const YamlValue& item : map.get("curve_preferences").items()) {
    const std::string name = item.string();
    if (!net::is_curve(name))
      item.error(fmt::format("must be CurveP256, CurveP384, CurveP521 or X25519, got {}", quote_value(name)));
    tls.curve_preferences.push_back(name);
  }
  const bool has_ca = !tls.client_ca_file.empty() || !tls.client_ca_pem.empty();
  if (has_ca && tls.client_auth == ClientAuth::kNone)
    map.error("a client CA needs \"client_auth_type\", usually RequireAndVerifyClientCert");
  if (!tls.client_allowed_sans.empty() && tls.client_auth != ClientAuth::kRequireAny &&
      tls.client_auth != ClientAuth::kRequireAndVerify)
    map.get("client_allowed_sans")
        .error("needs \"client_auth_type\" RequireAndVerifyClientCert or RequireAnyClientCert");
  map.finish();
  return wanted ? std::optional(std::move(tls)) : std::nullopt;
}

net::Params read_headers(const YamlValue& value) {
  net::Params out;
  YamlMap map = value.map();
  for (const char* name : {"Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options", "X-XSS-Protection",
                           "Strict-Transport-Security"}) {
    const YamlValue header = map.get(name);
    const std::string text = header.string();
    if (text.empty()) continue;
    const std::string_view is = name;
    if (is == "X-Frame-Options" && text != "deny" && text != "sameorigin")
      header.error(fmt::format("must be deny or sameorigin, got {}", quote_value(text)));
    if (is == "X-Content-Type-Options" && text != "nosniff")
      header.error(fmt::format("must be nosniff, got {}", quote_value(text)));
    if (text.find_first_of("\r\n") != std::string::npos) header.error("must be one line");
    out.emplace_back(name, text);
  }
  map.finish();
  return out;
}

WebConfig read(YamlFile& file, const std::string& folder) {
  WebConfig config;
  YamlMap top = file.root().map();
  config.tls = read_tls(top.get("tls_server_config"), folder);
  YamlMap http = top.get("http_server_config").map();
  http.boolean("http2", true);
  config.headers = read_headers(http.get("headers"));
  http.finish();
  for (const YamlEntry& user : top.get("basic_auth_users").entries()) {
    const std::string hash = user.value.secret().reveal();
    if (user.key.find(':') != std::string::npos) user.value.error("is a user name with a colon, which none may have");
    if (const std::string error = net::check_bcrypt_hash(hash); !error.empty()) user.value.error(error);
    config.users[user.key] = hash;
  }
  YamlMap limit = top.get("rate_limit").map();
  config.rate_limit.interval_ms = limit.duration_ms("interval", 0);
  config.rate_limit.burst = limit.integer("burst", 0);
  if (config.rate_limit.interval_ms > 0 && config.rate_limit.burst < 1)
    limit.error("rate_limit needs a \"burst\" of at least 1: otherwise every request is refused");
  limit.finish();
  top.finish();
  return config;
}

}  // namespace

Result<WebConfig> load_web_config(const std::string& path) {
  YamlFile file = YamlFile::load(path);
  WebConfig config = read(file, folder_of(path));
  if (!file.ok()) return fail(file.status());
  return config;
}

Result<WebConfig> parse_web_config(std::string_view text, const std::string& path) {
  YamlFile file = YamlFile::parse(text, path);
  WebConfig config = read(file, folder_of(path));
  if (!file.ok()) return fail(file.status());
  return config;
}

}  // namespace tidemark::config
