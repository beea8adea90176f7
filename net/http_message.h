// Requests and responses as our handlers see them. Nothing of cpp-httplib shows here.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidemark::net {

using Params = std::vector<std::pair<std::string, std::string>>;  // Decoded, in the order given, names may repeat.

struct Request {
  std::string method;       // Upper case.
  std::string path;         // Decoded, without the query string.
  Params query;             // From the query string.
  std::string body;         // At most ServerOptions::body_bytes_max.
  std::string remote_addr;  // Of the connection, never from a header.
  Params headers;           // Names in lower case.
  Params path_params;       // What {name} matched in the route.
  std::string user;         // Whom the server's guard knows this to be; "" for nobody in particular.

  std::string_view header(std::string_view lower_case_name) const;  // "" when absent.
  std::string_view path_param(std::string_view name) const;         // "" when absent.

  // The query string's parameters and, for a form body (application/x-www-form-urlencoded), the form's: a form's value
  // comes first, as in Go's Request.FormValue.
  Params form() const;
};

enum class More { kYes, kEnd, kCutOff };
// Appends the next piece of a body, of some hundred KB, to a string that is empty. kCutOff closes the connection
// without an end of the body, so that the peer cannot take what it has for the whole.
using BodySource = std::function<More(std::string& piece)>;

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  Params headers;
  // For a body too long to be held whole: makes what comes after `body`, and is called as the peer takes it, until it
  // says something else than kYes. On one worker at a time, not always the same one; it is let go of on any thread.
  BodySource rest;
};

// First value of a name in `params`; "" when absent.
std::string_view find_param(const Params& params, std::string_view name);

// application/x-www-form-urlencoded and query strings: "%xx" and "+" decoded. A bad escape is kept as it stands.
Params parse_form(std::string_view text);

// Percent-encodes everything but unreserved characters (RFC 3986).
std::string url_encode(std::string_view text);

}  // namespace tidemark::net
