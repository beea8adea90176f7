#include "aggregator/tsdb/command_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "aggregator/storage/data_dir.h"
#include "model/clock.h"
#include "model/rfc3339.h"

namespace tidemark::tsdb {

void StoreFlags::declare(config::Flags& flags) {
  flags.add("storage.tsdb.path", &path, "Directory of the samples.");
  flags.add("storage.encryption-key-file", &encryption_key_file, "File with the directory's key, if it is encrypted.");
}

Result<std::unique_ptr<storage::Store>> StoreFlags::open(bool make, prometheus::Registry& registry) const {
  if (!make) {
    if (const auto found = storage::find_data_dir(path); !found) return fail(found.error());
  }
  storage::Options options;
  options.path = path;
  options.encryption_key_file = encryption_key_file;
  options.retention_ms = 0;
  return storage::Store::open(options, system_clock(), command_logger(), registry);
}

CommandLine::CommandLine(std::string name, std::string summary, std::string arguments)
    : program_(fmt::format("tidemark tsdb {}", name)), flags_(program_, std::move(summary), std::move(arguments)) {}

std::optional<int> CommandLine::parse(const Args& args) {
  std::vector<const char*> argv = {program_.c_str()};
  for (const std::string& arg : args) argv.push_back(arg.c_str());
  return flags_.parse(static_cast<int>(argv.size()), argv.data(), "tidemark, version " TIDEMARK_VERSION);
}

int CommandLine::failed(const Status& status) const { return failed(status.message()); }

int CommandLine::failed(std::string_view message) const {
  fmt::print(stderr, "{}: error: {}\n", program_, message);
  return 1;
}

Logger& command_logger() {
  static Logger logger(STDERR_FILENO, LogLevel::kWarn, LogFormat::kLogfmt);
  return logger;
}

void Table::print() const {
  std::vector<size_t> widths;
  // Bytes that begin a character of UTF-8.
  const auto width = [](const std::string& text) {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
  };
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t most = width(columns_[i].title);
    for (const auto& row : rows_) most = std::max(most, width(row[i]));
    widths.push_back(most);
  }
  const auto line = [&](const auto& cell) {
    std::string text;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const std::string& content = cell(i);
      const size_t space = widths[i] - width(content);
      if (i > 0) text += "  ";
      if (columns_[i].number) text.append(space, ' ');
      text += content;
      if (!columns_[i].number) text.append(space, ' ');
    }
    text.erase(text.find_last_not_of(' ') + 1);
    fmt::print("{}\n", text);
  };
  line([&](size_t i) -> const std::string& { return columns_[i].title; });
  for (const auto& row : rows_) line([&](size_t i) -> const std::string& { return row[i]; });
}

std::string format_bytes(uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string format_count(uint64_t count) {
  std::string text = std::to_string(count);
  for (size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string format_time(int64_t t_ms) {
  std::string text = format_rfc3339(t_ms / 1000 * 1000);
  std::replace(text.begin(), text.end(), 'T', ' ');
  if (text.ends_with('Z')) text.pop_back();
  return text;
}

Result<int64_t> parse_time(std::string_view text) {
  int64_t t_ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), t_ms);
  if (error == std::errc() && end == text.data() + text.size()) return t_ms;
  if (const auto parsed = parse_rfc3339(text)) return *parsed;
  return fail(Status::invalid(
      fmt::format("a time must be milliseconds since 1970 or as 2026-11-21T03:45:00Z, got \"{}\"", text)));
}

}  // namespace tidemark::tsdb
