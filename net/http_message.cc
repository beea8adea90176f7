#include "net/http_message.h"

#include "net/percent.h"

namespace tidemark::net {

std::string_view find_param(const Params& params, std::string_view name) {
  for (const auto& [key, value] : params) {
    if (key == name) return value;
  }
  return {};
}

std::string_view Request::header(std::string_view lower_case_name) const {
  return find_param(headers, lower_case_name);
}

std::string_view Request::path_param(std::string_view name) const { return find_param(path_params, name); }

Params Request::form() const {
  constexpr std::string_view kFormType = "application/x-www-form-urlencoded";
  Params params;
  std::string_view type = header("content-type");
  type = type.substr(0, type.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  if (equal_ignoring_case(type, kFormType)) params = parse_form(body);
  params.insert(params.end(), query.begin(), query.end());
  return params;
}

Params parse_form(std::string_view text) {
  Params params;
  while (!text.empty()) {
    const size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    params.emplace_back(form_decode(pair.substr(0, equals)), form_decode(value));
  }
  return params;
}

std::string url_encode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                            c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

}  // namespace tidemark::net
