// The scripts over HTTP, for administrators only:
//
//   GET  /api/v1/scripts             what there is and how it did
//   POST /api/v1/scripts/NAME/run    runs one now, by its name in the configuration
//
// An administrator is a user of --web.config.file whom --web.admin-user names. Everybody else gets 401 or 403.
#pragma once

#include <string>
#include <vector>

#include "exporter/script/script_runner.h"
#include "net/server.h"

namespace tidemark::exporter {

// Before server.start(). `scripts` outlives the server.
void add_script_routes(net::Server& server, ScriptRunner& scripts, const std::vector<std::string>& admin_users,
                       Logger& logger);

}  // namespace tidemark::exporter
