#include "model/log.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include "model/clock.h"
#include "model/json.h"

namespace tidemark {
namespace {

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarn:
      return "WARN";
    case LogLevel::kError:
      return "ERROR";
  }
  return "ERROR";
}

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (const unsigned char c : text) {
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f) return true;
  }
  return false;
}

void append_logfmt(std::string& out, std::string_view key, std::string_view value) {
  if (!out.empty()) out += ' ';
  out += key;
  out += '=';
  if (needs_quotes(value)) {
    append_json_string(out, value);
  } else {
    out += value;
  }
}

void append_json_field(std::string& out, std::string_view key, std::string_view value) {
  out += out.empty() ? '{' : ',';
  append_json_string(out, key);
  out += ':';
  append_json_string(out, value);
}

std::string timestamp() {
  const int64_t now_ms = system_clock().now_ms();
  const time_t seconds = now_ms / 1000;
  tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, now_ms % 1000);
}

class NullLogger final : public Logger {
 public:
  NullLogger() : Logger(-1, LogLevel::kError, LogFormat::kLogfmt) {}

 protected:
  void write_line(std::string_view) override {}
};

}  // namespace

LogField::LogField(std::string_view k, double v) : key(k), value(fmt::format("{}", v)) {}

Result<LogLevel> parse_log_level(std::string_view name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "info") return LogLevel::kInfo;
  if (name == "warn") return LogLevel::kWarn;
  if (name == "error") return LogLevel::kError;
  return fail(Status::invalid(fmt::format("log level must be debug, info, warn or error, got \"{}\"", name)));
}

Result<LogFormat> parse_log_format(std::string_view name) {
  if (name == "logfmt") return LogFormat::kLogfmt;
  if (name == "json") return LogFormat::kJson;
  return fail(Status::invalid(fmt::format("log format must be logfmt or json, got \"{}\"", name)));
}

void Logger::log(LogLevel level, std::string_view message, Fields fields) {
  if (!enabled(level)) return;
  std::string line;
  const auto append = format_ == LogFormat::kJson ? append_json_field : append_logfmt;
  append(line, "time", timestamp());
  append(line, "level", level_name(level));
  append(line, "msg", message);
  for (const LogField& field : fields) append(line, field.key, field.value);
  if (format_ == LogFormat::kJson) line += '}';
  line += '\n';
  write_line(line);
}

void Logger::write_line(std::string_view line) {
  const MutexLock lock(mu_);
  // A log that cannot be written has nowhere left to complain; what matters is counted in metrics too.
  while (!line.empty()) {
    const ssize_t written = ::write(fd_, line.data(), line.size());
    if (written <= 0) return;
    line.remove_prefix(static_cast<size_t>(written));
  }
}

Logger& null_logger() {
  static NullLogger logger;
  return logger;
}

}  // namespace tidemark
