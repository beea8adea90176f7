// Program: one of ours, or a peer, run as a user would run it: its own process, its output in a file.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::testing {

// Directory of the programs under test, and of the unpacked peers (see get-peers.sh).
std::string bin_path(std::string_view program);
std::optional<std::string> peer_path(std::string_view program);  // Nothing when it could not be had.

class Program {
 public:
  // Starts `argv` with its standard output and error in one file. Throws when it cannot be started.
  explicit Program(const std::vector<std::string>& argv);
  ~Program();  // Kills what still runs.
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void signal(int number);
  // Exit code, or 128 + the signal that ended it; nothing when it still runs after `limit`.
  std::optional<int> wait(std::chrono::milliseconds limit = std::chrono::seconds(20));
  bool running();
  std::string output() const;

  // The port after `address=...:` on the first line that contains `marker`; waits for it. 0 when the program ended or
  // the time passed without.
  uint16_t listening_port(std::string_view marker = "Listening on");

 private:
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
  std::string output_file_;
};

// Runs a command to its end.
struct Finished {
  int exit_code;
  std::string output;
};
Finished run(const std::vector<std::string>& argv, std::chrono::milliseconds limit = std::chrono::seconds(30));

}  // namespace tidemark::testing
