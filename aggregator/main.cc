// tidemark: the server, and `tidemark <command>` tools.
#include <malloc.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "aggregator/check_command.h"
#include "aggregator/server.h"
#include "aggregator/server_options.h"
#include "aggregator/tsdb/tsdb_command.h"

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "check") {
    return tidemark::check_command(std::vector<std::string>(argv + 2, argv + argc));
  }
  if (argc > 1 && std::string_view(argv[1]) == "tsdb") {
    return tidemark::tsdb::tsdb_command(std::vector<std::string>(argv + 2, argv + argc));
  }
  // An arena a core, not eight: each keeps what it freed.
  ::mallopt(M_ARENA_MAX, static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 2U, 16U)));
  tidemark::ServerOptions options;
  if (const auto exit_code = tidemark::parse_server_options(argc, argv, options)) return *exit_code;
  return tidemark::serve(options);
}
