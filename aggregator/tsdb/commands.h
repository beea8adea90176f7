// The commands behind tsdb_command(), one a file. `args` is what stands behind the command's name; the result is the
// exit code.
#pragma once

#include <string>
#include <vector>

namespace tidemark::tsdb {

using Args = std::vector<std::string>;

int backup_command(const Args& args);
int backups_command(const Args& args);
int restore_command(const Args& args);
int export_command(const Args& args);
int import_command(const Args& args);
int stats_command(const Args& args);
int verify_command(const Args& args);
int repair_command(const Args& args);

}  // namespace tidemark::tsdb
