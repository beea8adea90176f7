// Damage for tests: the files of a data directory that is not in use, and bytes of them flipped.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace tidemark::testing {

// All files beneath `folder`, empty ones left out, whose path contains `part`; sorted.
inline std::vector<std::string> files_under(const std::string& folder, const std::string& part = "") {
  std::vector<std::string> out;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    if (!file.is_regular_file() || file.file_size() == 0) continue;
    if (file.path().string().find(part, folder.size()) != std::string::npos) out.push_back(file.path().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

inline void flip_byte(const std::string& file, uint64_t at, char bits = 0x20) {
  std::fstream io(file, std::ios::in | std::ios::out | std::ios::binary);
  io.seekg(static_cast<std::streamoff>(at));
  const auto byte = static_cast<char>(io.get() ^ bits);
  io.seekp(static_cast<std::streamoff>(at));
  io.put(byte);
}

// Makes `folder` what `saved` is.
inline void restore_folder(const std::string& saved, const std::string& folder) {
  std::filesystem::remove_all(folder);
  std::filesystem::copy(saved, folder, std::filesystem::copy_options::recursive);
}

}  // namespace tidemark::testing
