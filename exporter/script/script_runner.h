// ScriptRunner: runs the configured programs when they are due, and keeps what they said last.
//
// One thread does it all with poll(2): it starts what is due (at most `running_max` at once; what is due beyond waits),
// reads outputs up to their limits, and kills the process groups whose time is up. A script never runs twice at once;
// one whose next time comes while it runs misses that time. What a run printed is shown until the next run ended; of a
// run that failed (exit code, time, output limit, unreadable text) nothing is.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "exporter/external_text.h"
#include "exporter/script/child_process.h"
#include "exporter/script/script_config.h"
#include "model/clock.h"
#include "model/log.h"
#include "model/mutex.h"

namespace tidemark::exporter {

enum class ScriptFailure { kStart, kExit, kTimeout, kOutput, kText };
inline constexpr std::array<const char*, 5> kScriptFailureNames = {"start", "exit_code", "timeout", "output_limit",
                                                                   "text"};

// What is known of a script. A copy.
struct ScriptState {
  std::string name;
  std::string program;
  bool running = false;
  int64_t runs = 0;  // Ended.
  std::array<int64_t, 5> failures{};
  int64_t missed = 0;  // Times that came while it ran.
  int exit_code = 0;   // Of the last run, as the next four; 128 and the signal's number when it was killed.
  bool success = false;
  int64_t started_ms = 0;  // 0: it did not run yet.
  int64_t duration_ms = 0;
  std::string error;                         // "" after a success.
  int64_t next_ms = 0;                       // 0: never.
  std::shared_ptr<const ExternalText> text;  // Null when there is nothing to show.
};

class ScriptRunner {
 public:
  struct Options {
    std::string directory;
    std::string config_file;
    size_t running_max = 4;
    const Clock* clock = &system_clock();  // Of the times when scripts are due. Outlives us.
  };

  // Reads the configuration and starts. `logger` outlives us.
  static Result<std::unique_ptr<ScriptRunner>> start(const Options& options, Logger& logger);
  ~ScriptRunner();  // Kills what runs.
  ScriptRunner(const ScriptRunner&) = delete;
  ScriptRunner& operator=(const ScriptRunner&) = delete;

  // All thread-safe.
  Status reload();                          // Scripts that stay keep their state and are not interrupted.
  Status run_now(const std::string& name);  // kNotFound, or kUnavailable while it runs.
  std::vector<ScriptState> states() const;  // In the order of the file.

 private:
  struct Script;

  ScriptRunner(Options options, Logger& logger);
  Result<std::vector<ScriptSpec>> load() const;
  void take_over(std::vector<ScriptSpec> specs) TM_REQUIRES(mu_);
  void run();
  void follow_clock(int64_t now_ms) TM_REQUIRES(mu_);
  void start_due(int64_t now_ms) TM_REQUIRES(mu_);
  void start_one(Script& script, int64_t now_ms) TM_REQUIRES(mu_);
  void read_output(Script& script) TM_REQUIRES(mu_);
  void finish(Script& script, int exit_code) TM_REQUIRES(mu_);
  void end_run(Script& script, int64_t now_ms, const Status& status, ScriptFailure failure) TM_REQUIRES(mu_);
  int wait_ms(int64_t now_ms) const TM_REQUIRES(mu_);
  void wake() const;

  const Options options_;
  Logger& logger_;
  int wake_ = -1;  // An eventfd.
  std::atomic<bool> stopping_{false};
  std::thread thread_;

  int64_t last_ms_ = 0;  // The thread's: when it looked last.

  mutable Mutex mu_;  // Not held while the thread waits.
  std::vector<std::unique_ptr<Script>> scripts_ TM_GUARDED_BY(mu_);
};

}  // namespace tidemark::exporter
