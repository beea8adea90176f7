// The strings of a JSON document, for the few a container's runtime wrote down about it. All else is passed over.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace tidemark::exporter {

// Calls `on_string` for each string that is a member of objects only, with the keys that lead to it, outermost first:
// {"a":{"b":"x"},"c":["y"]} has one, ("a","b") "x". Keys and text are unescaped and valid during the call. False when
// `text` is no JSON, or is nested deeper than kJsonDepthMax; what came before was handed out all the same.
constexpr size_t kJsonDepthMax = 64;
using OnJsonString = std::function<void(std::span<const std::string> path, std::string_view text)>;
bool scan_json_strings(std::string_view text, const OnJsonString& on_string);

}  // namespace tidemark::exporter
