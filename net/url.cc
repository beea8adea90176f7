// parse_url. RFC 3986, as far as http and https addresses in configuration files go.
#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "net/client.h"
#include "net/percent.h"

namespace tidemark::net {

namespace {

bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool is_target_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte < 0x7f;
}

}  // namespace

tl::expected<Url, std::string> parse_url(std::string_view text) {
  const auto fail = [](std::string why) { return tl::unexpected<std::string>(std::move(why)); };
  Url url;
  const size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return fail("missing scheme: expected http:// or https://");
  url.scheme = to_lower(text.substr(0, scheme_end));
  if (url.scheme != "http" && url.scheme != "https") return fail("unsupported scheme \"" + url.scheme + "\"");
  std::string_view rest = text.substr(scheme_end + 3);
  rest = rest.substr(0, rest.find('#'));  // Never sent.

  const size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, authority_end);
  std::string_view target = rest.substr(authority_end);

  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    auto user_info = percent_decode(authority.substr(0, at));
    if (!user_info) return fail("malformed escape in user information");
    url.user_info = std::move(*user_info);
    authority.remove_prefix(at + 1);
  }

  std::string_view port_text;
  bool has_port = false;
  if (authority.starts_with('[')) {
    const size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos) return fail("missing \"]\" in host");
    url.host = authority.substr(1, bracket - 1);
    in6_addr parsed{};
    if (::inet_pton(AF_INET6, url.host.c_str(), &parsed) != 1) return fail("invalid IPv6 address \"" + url.host + "\"");
    const std::string_view after = authority.substr(bracket + 1);
    if (!after.empty() && after.front() != ':') return fail("unexpected text after \"]\" in host");
    has_port = !after.empty();
    if (has_port) port_text = after.substr(1);
  } else {
    const size_t colon = authority.find(':');
    url.host = authority.substr(0, colon);
    has_port = colon != std::string_view::npos;
    if (has_port) port_text = authority.substr(colon + 1);
    if (url.host.empty()) return fail("missing host");
    if (!std::all_of(url.host.begin(), url.host.end(), is_host_char)) {
      return fail("invalid character in host \"" + url.host + "\"");
    }
  }

  url.port = url.scheme == "https" ? 443 : 80;
  if (has_port) {
    const char* end = port_text.data() + port_text.size();
    const auto [stop, error] = std::from_chars(port_text.data(), end, url.port);
    if (port_text.empty() || error != std::errc() || stop != end || url.port == 0) {
      return fail("invalid port \"" + std::string(port_text) + "\"");
    }
  }

  if (!std::all_of(target.begin(), target.end(), is_target_char)) {
    return fail("invalid character in path or query: it must be percent-encoded");
  }
  url.target = target.empty() || target.front() == '?' ? "/" + std::string(target) : std::string(target);
  return url;
}

}  // namespace tidemark::net
