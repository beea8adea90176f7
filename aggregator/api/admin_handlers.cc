#include "aggregator/api/admin_handlers.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "aggregator/api/json_writer.h"
#include "aggregator/api/parameters.h"
#include "model/rfc3339.h"

namespace tidemark::api {
namespace {

// Sorts by time and does not meet another of the same second.
std::string snapshot_name(int64_t now_ms) {
  std::string name = format_rfc3339(now_ms / 1000 * 1000);
  std::erase_if(name, [](char c) { return c == '-' || c == ':'; });
  std::random_device random;
  return fmt::format("{}-{:08x}{:08x}", name, random(), random());
}

Answer no_content() {
  Answer answer;
  answer.no_content = true;
  return answer;
}

}  // namespace

Outcome snapshot(const Options&, const Parts& parts, const net::Request& request) {
  const std::string skip_head(Parameters(request).value("skip_head"));
  if (!skip_head.empty() && skip_head != "true" && skip_head != "false") {
    return refuse(bad_parameter("skip_head", fmt::format("cannot parse \"{}\" as a boolean", skip_head)));
  }
  const std::string name = snapshot_name(parts.clock.now_ms());
  if (const Status status = parts.admin.snapshot(name); !status.ok()) return refuse(error_of(status));
  Answer answer;
  JsonWriter(answer.body).begin_object().key("name").string(name).end_object();
  return answer;
}

Outcome delete_series(const Options&, const Parts& parts, const net::Request& request) {
  const Parameters parameters(request);
  if (parameters.values("match[]").empty()) return refuse({ErrorType::kBadData, "no match[] parameter provided"});
  const auto range = parameters.start_and_end();
  if (!range) return refuse(range.error());
  const auto sets = parameters.matcher_sets();
  if (!sets) return refuse(bad_parameter("match[]", sets.error().message()));
  const Status status = parts.admin.delete_samples(*sets, range->min_ms, range->max_ms);
  if (!status.ok()) return refuse(error_of(status));
  return no_content();
}

Outcome clean_tombstones(const Options&, const Parts& parts, const net::Request&) {
  if (const Status status = parts.admin.clean_tombstones(); !status.ok()) return refuse(error_of(status));
  return no_content();
}

Outcome backup(const Options& options, const Parts& parts, const net::Request&) {
  if (options.backup_folder.empty()) {
    return refuse({ErrorType::kUnavailable, "no folder for backups is configured (--storage.backup-dir)"});
  }
  const auto made = parts.admin.backup(options.backup_folder, options.backups_kept);
  if (!made) return refuse(error_of(made.error()));
  Answer answer;
  JsonWriter json(answer.body);
  json.begin_object();
  json.key("id").integer(made->id);
  json.key("files").integer(made->files);
  json.key("bytes").integer(static_cast<int64_t>(made->bytes));
  json.key("copiedBytes").integer(static_cast<int64_t>(made->copied_bytes));
  json.end_object();
  return answer;
}

}  // namespace tidemark::api
