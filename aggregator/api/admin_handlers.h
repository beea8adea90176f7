// /api/v1/admin/tsdb/*: what changes or copies the store. Only reached with --web.enable-admin-api.
#pragma once

#include "aggregator/api/api.h"
#include "aggregator/api/outcome.h"
#include "net/http_message.h"

namespace tidemark::api {

// {"name":"20261121T034500Z-0123456789abcdef"}: a folder under `<data>/snapshots`. As in Prometheus, but that the head
// is part of it in any case.
Outcome snapshot(const Options& options, const Parts& parts, const net::Request& request);

// Deletes what match[] select from start to end: 204. As in Prometheus.
Outcome delete_series(const Options& options, const Parts& parts, const net::Request& request);
// Takes out of files what was deleted: 204 when it is done.
Outcome clean_tombstones(const Options& options, const Parts& parts, const net::Request& request);

// {"id":2,"files":31,"bytes":1048576,"copiedBytes":4096}: a backup in --storage.backup-dir. Answers when it is
// complete.
Outcome backup(const Options& options, const Parts& parts, const net::Request& request);

}  // namespace tidemark::api
