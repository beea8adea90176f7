#include "config/file_path.h"

#include <filesystem>

namespace tidemark::config {

std::string folder_of(const std::string& file) { return std::filesystem::path(file).parent_path().string(); }

std::string resolve_path(const std::string& folder, const std::string& name) {
  if (name.empty() || name.front() == '/' || folder.empty()) return name;
  return (std::filesystem::path(folder) / name).lexically_normal().string();
}

}  // namespace tidemark::config
