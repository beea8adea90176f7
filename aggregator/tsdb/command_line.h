// What the commands share: their flags, their errors and how they print.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/storage/store.h"
#include "aggregator/storage/verify.h"
#include "aggregator/tsdb/commands.h"
#include "config/flags.h"
#include "model/log.h"
#include "model/status.h"

namespace tidemark::tsdb {

// Which data directory.
struct StoreFlags {
  std::string path = "data/";
  std::string encryption_key_file;
  void declare(config::Flags& flags);
  storage::OfflineStore offline() const { return {path, encryption_key_file, nullptr}; }
  // For reading and adding samples; drops nothing for its age. `make`: if there is none.
  Result<std::unique_ptr<storage::Store>> open(bool make, prometheus::Registry& registry) const;
};

// The program's flags under the name "tidemark tsdb NAME". A value is the exit code to leave with.
class CommandLine {
 public:
  CommandLine(std::string name, std::string summary, std::string arguments = "");

  config::Flags& flags() { return flags_; }
  std::optional<int> parse(const Args& args);
  // Prints the error under the command's name; 1.
  int failed(const Status& status) const;
  int failed(std::string_view message) const;

 private:
  const std::string program_;
  config::Flags flags_;
};

// For what the store says meanwhile: warnings and errors to stderr.
Logger& command_logger();

// Columns as wide as their widest cell; those that hold numbers to the right.
class Table {
 public:
  struct Column {
    std::string title;
    bool number = false;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }  // REQUIRES: one a column.
  bool empty() const { return rows_.empty(); }
  void print() const;  // To stdout.

 private:
  const std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

std::string format_bytes(uint64_t bytes);           // "0 B" "1023 B" "1.5 KiB" "20.1 GiB"
std::string format_count(uint64_t count);           // "1,234,567"
std::string format_time(int64_t t_ms);              // "2026-11-21 03:45:00"
Result<int64_t> parse_time(std::string_view text);  // Milliseconds since the epoch, or RFC 3339.

}  // namespace tidemark::tsdb
