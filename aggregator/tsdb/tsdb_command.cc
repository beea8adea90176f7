#include "aggregator/tsdb/tsdb_command.h"

#include <cstdio>
#include <string_view>

#include "aggregator/tsdb/commands.h"

namespace tidemark::tsdb {
namespace {

struct Command {
  std::string_view name;
  std::string_view help;
  int (*run)(const Args&);
};

constexpr Command kCommands[] = {
    {"stats", "series, samples, bytes a sample by family, tier and day, cardinality", stats_command},
    {"verify", "read all of a directory and say what is wrong with it", verify_command},
    {"repair", "copy what reads out of a damaged directory, in its place or beside it", repair_command},
    {"export", "write samples as OpenMetrics text or JSON lines", export_command},
    {"import", "add samples from OpenMetrics text or JSON lines", import_command},
    {"backup", "add a backup to a folder of them; copies only what is new", backup_command},
    {"backups", "list a folder's backups, or verify one", backups_command},
    {"restore", "write a backup into an empty data directory", restore_command},
};

void usage(std::FILE* out) {
  std::fputs("usage: tidemark tsdb COMMAND [FLAGS]\n\n", out);
  for (const Command& command : kCommands) {
    std::fprintf(out, "  %-8s  %s\n", command.name.data(), command.help.data());
  }
  std::fputs(
      "\nEvery command explains its flags with --help. They work on directories that no process uses; a running "
      "server\n"
      "makes snapshots and backups itself: POST /api/v1/admin/tsdb/snapshot and .../backup (--web.enable-admin-api).\n",
      out);
}

}  // namespace

int tsdb_command(const Args& args) {
  if (!args.empty() && (args[0] == "-h" || args[0] == "--help" || args[0] == "help")) {
    usage(stdout);
    return 0;
  }
  for (const Command& command : kCommands) {
    if (!args.empty() && args[0] == command.name) return command.run(Args(args.begin() + 1, args.end()));
  }
  if (!args.empty()) std::fprintf(stderr, "tidemark tsdb: error: unknown command \"%s\"\n", args[0].c_str());
  usage(stderr);
  return 1;
}

}  // namespace tidemark::tsdb
