// Logger: one line an event, in logfmt or JSON, with the keys Prometheus uses (time, level, msg).
// A line is for what a person must act on or will look for afterwards; what is counted belongs in a metric.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "model/mutex.h"
#include "model/status.h"

namespace tidemark {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kLogfmt, kJson };

Result<LogLevel> parse_log_level(std::string_view name);    // "debug" "info" "warn" "error"
Result<LogFormat> parse_log_format(std::string_view name);  // "logfmt" "json"

// A key and a value printed as text. Never pass a secret.
struct LogField {
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
  LogField(std::string_view k, int64_t v) : key(k), value(std::to_string(v)) {}
  LogField(std::string_view k, uint64_t v) : key(k), value(std::to_string(v)) {}
  LogField(std::string_view k, int v) : key(k), value(std::to_string(v)) {}
  LogField(std::string_view k, unsigned v) : key(k), value(std::to_string(v)) {}
  LogField(std::string_view k, double v);
  LogField(std::string_view k, const Status& status) : key(k), value(status.message()) {}

  std::string_view key;
  std::string value;
};

// Thread-safe: a line is written by one write(2), so lines of several threads do not mix.
class Logger {
 public:
  using Fields = std::initializer_list<LogField>;

  // Writes to `fd`, which stays the caller's (2 in the programs).
  Logger(int fd, LogLevel level, LogFormat format) : fd_(fd), level_(level), format_(format) {}
  virtual ~Logger() = default;
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  bool enabled(LogLevel level) const { return level >= level_; }
  void debug(std::string_view message, Fields fields = {}) { log(LogLevel::kDebug, message, fields); }
  void info(std::string_view message, Fields fields = {}) { log(LogLevel::kInfo, message, fields); }
  void warn(std::string_view message, Fields fields = {}) { log(LogLevel::kWarn, message, fields); }
  void error(std::string_view message, Fields fields = {}) { log(LogLevel::kError, message, fields); }

 protected:
  // Receives one finished line with its newline. A test overrides it to keep the lines.
  virtual void write_line(std::string_view line);

 private:
  void log(LogLevel level, std::string_view message, Fields fields);

  const int fd_;
  const LogLevel level_;
  const LogFormat format_;
  Mutex mu_;
};

// Swallows everything: for tests and tools that have nothing to say.
Logger& null_logger();

}  // namespace tidemark
