// Server: the running program. Builds the parts, hands each its collaborators, and takes them down in order.
#pragma once

#include "aggregator/server_options.h"

namespace tidemark {

// Runs until SIGTERM, SIGINT or /-/quit. The exit code: 0 after a clean stop, 1 when it could not start or stop.
// SIGHUP reloads the configuration.
int serve(const ServerOptions& options);

}  // namespace tidemark
