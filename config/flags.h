// Flags: the command line of our programs, with the conventions users of Prometheus' programs have in their fingers.
//
//   --name=value  --name value       A value; an empty one only in the first form.
//   --name  --no-name                A switch; "--name=false" is refused.
//   @file                            More arguments, one a line; lines that are empty or start with '#' do not count.
//   --                               Everything behind it is an argument, not a flag.
//   -h, --help, --version            Always there.
// A flag nobody declared, a single dash, and a flag with one value that is given twice are errors (exit code 1).
//
//   config::Flags flags("tidemark-exporter", "Serves this host's metrics.");
//   flags.add("path.procfs", &options.procfs, "procfs mount point.");
//   if (const std::optional<int> exit_code = flags.parse(argc, argv, version_text)) return *exit_code;
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/status.h"

namespace tidemark::config {

// One thread. Targets outlive parse(); what they hold when declared is the default, shown by --help.
class Flags {
 public:
  // `arguments` is how the usage line names what may stand beside flags: "" for nothing, else for example "FILE...".
  Flags(std::string program, std::string summary, std::string arguments = "");

  void add(std::string name, std::string* target, std::string help);
  void add(std::string name, bool* target, std::string help);
  void add(std::string name, int64_t* target, std::string help);                   // A whole number, not negative.
  void add(std::string name, std::vector<std::string>* target, std::string help);  // Repeatable; replaces the default.
  void add_duration(std::string name, int64_t* target_ms, std::string help);       // "15s", "1h30m".
  void add_choice(std::string name, std::string* target, std::vector<std::string> choices, std::string help);
  // Understood but not listed by --help: a flag kept for those who still pass it.
  void hide(std::string_view name);

  // Reads the command line into the targets. A value is the exit code to leave with at once: 0 after --help or
  // --version (printed to stdout), 1 after an error (printed to stderr: "PROGRAM: error: ..., try --help").
  std::optional<int> parse(int argc, const char* const* argv, std::string_view version_text);

  // The same without output; `args` is without the program's name. Targets are half set after an error.
  Status read(const std::vector<std::string>& args);

  bool given(std::string_view name) const;  // Stood on the command line, in either form.
  bool help_asked() const { return help_asked_; }
  bool version_asked() const { return version_asked_; }
  const std::vector<std::string>& arguments() const { return arguments_; }
  // Every flag that is not hidden and its value in force, as text; a repeated flag's values are joined by commas.
  std::vector<std::pair<std::string, std::string>> values() const;

  std::string help() const;

 private:
  struct Flag {
    std::string name;
    std::string help;
    std::string default_text;  // "" is not shown.
    std::string given_text;
    std::function<Status(std::string_view value)> set;
    bool is_switch = false;
    bool repeatable = false;
    bool hidden = false;
    bool given = false;
  };

  Flag& declare(std::string name, std::string help);
  Flag* find(std::string_view name);
  Status read_long(std::string_view arg, const std::vector<std::string>& args, size_t& next);

  const std::string program_;
  const std::string summary_;
  const std::string arguments_usage_;
  std::vector<Flag> flags_;  // In the order declared.
  std::vector<std::string> arguments_;
  bool help_asked_ = false;
  bool version_asked_ = false;
};

}  // namespace tidemark::config
