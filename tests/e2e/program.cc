#include "tests/e2e/program.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "tests/support/eventually.h"

namespace tidemark::testing {

std::string bin_path(std::string_view program) { return std::string(TIDEMARK_BIN_DIR) + "/" + std::string(program); }

std::optional<std::string> peer_path(std::string_view program) {
  const std::string path = std::string(TIDEMARK_PEERS_DIR) + "/usr/bin/" + std::string(program);
  if (::access(path.c_str(), X_OK) != 0) return std::nullopt;
  return path;
}

Program::Program(const std::vector<std::string>& argv) {
  std::string pattern = (std::filesystem::temp_directory_path() / "tidemark-output-XXXXXX").string();
  const int output = ::mkstemp(pattern.data());
  if (output < 0) throw std::system_error(errno, std::generic_category(), "mkstemp");
  output_file_ = pattern;

  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // A test that crashes leaves nothing behind.
    ::dup2(output, 1);
    ::dup2(output, 2);
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, 0);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(output);
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
}

Program::~Program() {
  if (running()) {
    signal(SIGKILL);
    wait();
  }
  std::error_code ignored;
  std::filesystem::remove(output_file_, ignored);
}

void Program::signal(int number) {
  if (!exit_code_) ::kill(pid_, number);
}

bool Program::running() {
  if (exit_code_) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return true;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return false;
}

std::optional<int> Program::wait(std::chrono::milliseconds limit) {
  eventually([this] { return !running(); }, limit);
  return exit_code_;
}

std::string Program::output() const {
  std::ifstream in(output_file_, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

uint16_t Program::listening_port(std::string_view marker) {
  uint16_t port = 0;
  eventually(
      [&] {
        const std::string text = output();
        const size_t line = text.find(marker);
        if (line == std::string::npos) return !running();
        const size_t line_end = text.find('\n', line);
        if (line_end == std::string::npos) return false;
        const std::string rest = text.substr(line, line_end - line);
        const size_t address = rest.find("address=");
        const size_t colon = rest.rfind(':');
        if (address == std::string::npos || colon == std::string::npos) return true;
        port = static_cast<uint16_t>(std::atoi(rest.c_str() + colon + 1));
        return true;
      },
      std::chrono::seconds(20));
  return port;
}

Finished run(const std::vector<std::string>& argv, std::chrono::milliseconds limit) {
  Program program(argv);
  const auto code = program.wait(limit);
  return {code.value_or(-1), program.output()};
}

}  // namespace tidemark::testing
