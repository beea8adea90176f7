// File names in configuration files.
#pragma once

#include <string>

namespace tidemark::config {

// The folder of a configuration file, for resolve_path; "" for the working directory.
std::string folder_of(const std::string& file);

// `name` as seen from `folder`. Absolute names and "" stay as they are.
std::string resolve_path(const std::string& folder, const std::string& name);

}  // namespace tidemark::config
