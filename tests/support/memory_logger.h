// MemoryLogger: keeps the lines for a test to look at. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "model/log.h"

namespace tidemark::testing {

class MemoryLogger final : public Logger {
 public:
  MemoryLogger() : Logger(-1, LogLevel::kDebug, LogFormat::kLogfmt) {}

  std::vector<std::string> lines() {
    const MutexLock lock(lines_mu_);
    return lines_;
  }
  bool contains(std::string_view text) {
    const MutexLock lock(lines_mu_);
    for (const std::string& line : lines_) {
      if (line.find(text) != std::string::npos) return true;
    }
    return false;
  }

 protected:
  void write_line(std::string_view line) override {
    const MutexLock lock(lines_mu_);
    lines_.emplace_back(line);
  }

 private:
  Mutex lines_mu_;
  std::vector<std::string> lines_ TM_GUARDED_BY(lines_mu_);
};

}  // namespace tidemark::testing
