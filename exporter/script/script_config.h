// Which programs the script collector runs, and when: the YAML file of --collector.script.config.
//
//   scripts:
//     - name: fstab                  # [a-zA-Z0-9_.-]+; the label `script`, and its name in the API
//       program: fstab-check.sh      # a file of --collector.script.directory, by name only
//       args: [--all]                # given as they are: there is no shell
//       interval: 5m                 # or cron: "30 2 * * *" (local time)
//       timeout: 30s
//       user: nobody                 # default: the exporter's own; another one needs root
//       nice: 10
//       output_limit: 1MB
//
// A program must be a regular file that belongs to root or to the exporter's user, which nobody else may write, and so
// must the directory be; a symbolic link must not lead out of it. This is looked at before each run.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/script/cron.h"
#include "model/status.h"

namespace tidemark::exporter {

// Who a program runs as.
struct ScriptUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::string home;
};

struct ScriptSpec {
  std::string name;
  std::string program;
  std::vector<std::string> args;
  int64_t interval_ms = 0;  // 0: by cron.
  std::optional<Cron> cron;
  int64_t timeout_ms = 30'000;
  std::optional<ScriptUser> user;
  int nice = 0;
  size_t output_bytes_max = 1 << 20;
};

// kInvalid with one line an error, each FILE:LINE: ..., or kNotFound or kIo.
Result<std::vector<ScriptSpec>> load_script_config(const std::string& path);
Result<std::vector<ScriptSpec>> parse_script_config(std::string_view text, const std::string& path);

// The path to execute, or why it must not be.
Result<std::string> find_program(const std::string& directory, const std::string& program);
Status check_script_directory(const std::string& directory);

}  // namespace tidemark::exporter
