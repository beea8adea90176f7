// The pieces of JSON output that every writer of ours shares. Writers append to the caller's buffer.
#pragma once

#include <string>
#include <string_view>

namespace tidemark {

// Appends `text` as a JSON string with its quotes. Control characters, quotes and backslashes are escaped; bytes that
// are not UTF-8 become U+FFFD, so the result is always valid JSON.
void append_json_string(std::string& out, std::string_view text);

}  // namespace tidemark
