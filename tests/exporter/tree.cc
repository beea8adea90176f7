#include "tests/exporter/tree.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

namespace tidemark::exporter::testing {
namespace {

namespace fs = std::filesystem;

Status make(const fs::path& path, const std::string& text) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  std::ofstream out(path, std::ios::binary);
  out << text;
  return out.flush() ? Status() : Status::io("cannot write " + path.string());
}

}  // namespace

Status unpack_tree(const std::string& file, const std::string& root) {
  std::ifstream in(file);
  if (!in) return Status::not_found("cannot open " + file);
  std::string prefix;
  fs::path table;  // The file of several lines that is being read.
  std::string rows;
  int number = 0;
  const auto finish_table = [&] {
    const Status status = table.empty() ? Status() : make(table, rows);
    table.clear();
    rows.clear();
    return status;
  };
  for (std::string line; std::getline(in, line);) {
    ++number;
    const auto at_line = [&](const Status& status) { return status.at(fmt::format("{}:{}", file, number)); };
    if (!table.empty() && (line == "|" || line.starts_with("| "))) {
      rows += (line.size() > 2 ? line.substr(2) : "") + "\n";
      continue;
    }
    if (const Status status = finish_table(); !status.ok()) return at_line(status);
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == '[' && line.back() == ']') {
      prefix = line.substr(1, line.size() - 2);
      continue;
    }
    const fs::path base = fs::path(root) / prefix;
    std::error_code error;
    if (const size_t arrow = line.find(" -> "); arrow != line.npos) {
      const fs::path link = base / line.substr(0, arrow);
      fs::create_directories(link.parent_path(), error);
      fs::create_symlink(line.substr(arrow + 4), link, error);
      if (error) return at_line(Status::io(error.message()));
    } else if (line.back() == '/') {
      fs::create_directories(base / line, error);
    } else if (const size_t colon = line.find(": "); colon != line.npos) {
      const std::string text = line.substr(colon + 2);
      const std::string written = text.back() == '\\' ? text.substr(0, text.size() - 1) : text + "\n";
      if (const Status status = make(base / line.substr(0, colon), written); !status.ok()) return at_line(status);
    } else if (line.back() == ':') {
      table = base / line.substr(0, line.size() - 1);
    } else {
      return at_line(Status::invalid(fmt::format("neither a file, a link nor a directory: \"{}\"", line)));
    }
  }
  return finish_table();
}

}  // namespace tidemark::exporter::testing
