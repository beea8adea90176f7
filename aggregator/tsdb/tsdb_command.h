// `tidemark tsdb <command>`: looks at, copies and repairs data directories. Offline: a running server holds the lock of
// its directory, and answers backups and snapshots over its admin API.
#pragma once

#include <string>
#include <vector>

namespace tidemark::tsdb {

// `args` is what stands behind "tsdb". Prints to stdout and stderr; the exit code: 0 when all is well, 1 when something
// is not or the call is wrong.
int tsdb_command(const std::vector<std::string>& args);

}  // namespace tidemark::tsdb
