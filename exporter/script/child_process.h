// ChildProcess: one run of a program: no shell, nothing inherited but an empty standard input, a session and process
// group of its own, output through pipes.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "exporter/script/script_config.h"
#include "model/status.h"

namespace tidemark::exporter {

// Belongs to one thread, which must live as long as the child: it is killed when the thread that started it ends.
class ChildProcess {
 public:
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();  // Kills what still runs, and waits for it.

  // `path` is executed with the arguments and as the user that `spec` says. The error is the system's.
  static Result<std::unique_ptr<ChildProcess>> start(const std::string& path, const ScriptSpec& spec);

  // Non-blocking; -1 once closed by their owner.
  int output = -1;
  int errors = -1;
  int exited() const { return pidfd_; }  // Readable once the program has ended.

  void kill_group();
  // REQUIRES: it has ended. What is left of its group is killed. The exit status; 128 and the signal's number for one
  // that was killed.
  int reap();

 private:
  ChildProcess() = default;

  pid_t pid_ = -1;
  int pidfd_ = -1;
};

}  // namespace tidemark::exporter
