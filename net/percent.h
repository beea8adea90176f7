// Percent-decoding and ASCII case, shared by the parsers of this folder.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidemark::net {

int hex_digit(char c);  // 0 to 15, or -1.

// "%xx" decoded; nothing when an escape is malformed. For paths and user names, where a guess would be a wrong answer.
std::optional<std::string> percent_decode(std::string_view text);

// "%xx" and "+" decoded; a malformed escape is kept as it stands. For form values.
std::string form_decode(std::string_view text);

std::string to_lower(std::string_view text);                       // ASCII only.
bool equal_ignoring_case(std::string_view a, std::string_view b);  // ASCII only.

// Calls `visit` for each element of a comma-separated header value, without the blanks around it.
template <class Visit>
void for_each_element(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    std::string_view element = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    while (!element.empty() && (element.front() == ' ' || element.front() == '\t')) element.remove_prefix(1);
    while (!element.empty() && (element.back() == ' ' || element.back() == '\t')) element.remove_suffix(1);
    if (!element.empty()) visit(element);
  }
}

}  // namespace tidemark::net
