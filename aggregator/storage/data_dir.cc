#include "aggregator/storage/data_dir.h"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "aggregator/storage/durable_file.h"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormatLine = "tidemark storage format ";

Status not_writable(const std::string& path, const std::string& why) {
  return Status::io("data directory " + path + " is not writable: " + why +
                    " (give the user tidemark runs as write access, or choose another with --storage.tsdb.path)");
}

Result<unsigned> read_format(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  unsigned format = 0;
  if (line.starts_with(kFormatLine)) {
    std::from_chars(line.data() + kFormatLine.size(), line.data() + line.size(), format);
  }
  if (format == 0) {
    return fail(Status::corruption(
        file + " does not name a storage format; restore it from a backup, or, if the directory " +
        "was written by this version, write \"" + std::string(kFormatLine) + std::to_string(kFormat) + "\" into it"));
  }
  if (format > kFormat) {
    return fail(Status::unsupported(file + " names storage format " + std::to_string(format) +
                                    ", this version reads up to " + std::to_string(kFormat) +
                                    ": start the newer version that wrote it"));
  }
  return format;
}

std::string format_file(const std::string& path) { return path + (path.ends_with("/") ? "" : "/") + kFormatFileName; }

Status write_format(const std::string& path) {
  const Status status = write_durably(format_file(path), std::string(kFormatLine) + std::to_string(kFormat) + "\n");
  return status.ok() ? status : not_writable(path, status.message());
}

DataDir data_dir(const std::string& path) { return {path, path + "/rocks", path + "/ingest"}; }

}  // namespace

Status mark_format(const std::string& path) {
  std::error_code error;
  if (!fs::exists(format_file(path), error)) return write_format(path);
  const auto format = read_format(format_file(path));
  return format ? Status() : format.error();
}

Result<bool> raise_format(const std::string& path) {
  const auto format = read_format(format_file(path));
  if (!format) return fail(format.error());
  if (*format == kFormat) return false;
  if (Status status = write_format(path); !status.ok()) return fail(status);
  return true;
}

Result<DataDir> prepare_data_dir(const std::string& path) {
  const DataDir dir = data_dir(path);
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    return fail(Status::io("cannot create data directory " + path + ": " + error.message() +
                           " (create it, or choose another with --storage.tsdb.path)"));
  }
  if (::access(path.c_str(), W_OK | X_OK) != 0) return fail(not_writable(path, std::strerror(errno)));
  if (Status status = mark_format(path); !status.ok()) return fail(status);
  fs::create_directories(dir.rocks, error);
  if (error) return fail(not_writable(dir.rocks, error.message()));
  return dir;
}

Result<DataDir> find_data_dir(const std::string& path) {
  std::error_code error;
  const std::string file = format_file(path);
  if (!fs::exists(file, error)) {
    return fail(Status::not_found(path + " is no data directory: there is no " + file +
                                  " (name one with --storage.tsdb.path)"));
  }
  if (const auto format = read_format(file); !format) return fail(format.error());
  return data_dir(path);
}

}  // namespace tidemark::storage
