// `tidemark tsdb verify` and `repair`.
#include <fmt/format.h>

#include <cstdio>

#include "aggregator/storage/repair.h"
#include "aggregator/storage/verify.h"
#include "aggregator/tsdb/command_line.h"

namespace tidemark::tsdb {
namespace {

void print_findings(const std::vector<storage::Finding>& findings, uint64_t count) {
  for (const storage::Finding& finding : findings) fmt::print("  {}: {}\n", finding.where, finding.what);
  if (count > findings.size()) fmt::print("  ... and {} more\n", format_count(count - findings.size()));
}

std::string content(uint64_t series, uint64_t chunks, uint64_t samples, uint64_t open_chunks, uint64_t log_records) {
  return fmt::format("{} series, {} chunks with {} samples, {} open chunks, {} log records", format_count(series),
                     format_count(chunks), format_count(samples), format_count(open_chunks), format_count(log_records));
}

}  // namespace

int verify_command(const Args& args) {
  CommandLine line("verify",
                   "Reads all of a data directory, changing nothing. Exit code 1 when something in it is damaged.");
  StoreFlags store;
  store.declare(line.flags());
  if (const auto exit_code = line.parse(args)) return *exit_code;
  const auto report = storage::verify_store(store.offline(), command_logger());
  if (!report) return line.failed(report.error());
  fmt::print("{}: {} files, {}\n", store.path, format_count(report->files),
             content(report->series, report->chunks, report->samples, report->open_chunks, report->log_records));
  if (report->finding_count == 0) {
    fmt::print("OK\n");
    return 0;
  }
  fmt::print("DAMAGED, {} findings (\"tidemark tsdb repair\" keeps what reads):\n",
             format_count(report->finding_count));
  print_findings(report->findings, report->finding_count);
  return 1;
}

int repair_command(const Args& args) {
  CommandLine line(
      "repair",
      "Copies all that reads out of a damaged data directory and builds postings and lookups anew. In place, "
      "the damaged database stays beside it as rocks.damaged, for you to remove.");
  StoreFlags store;
  std::string to;
  store.declare(line.flags());
  line.flags().add("to", &to, "New directory for the result. Default: in place.");
  if (const auto exit_code = line.parse(args)) return *exit_code;
  const auto report = to.empty() ? storage::repair_in_place(store.offline(), command_logger())
                                 : storage::repair_store(store.offline(), to, command_logger());
  if (!report) return line.failed(report.error());
  fmt::print("{}: {}, {} state entries\n", to.empty() ? store.path : to,
             content(report->series, report->chunks, report->samples, report->open_chunks, report->log_records),
             format_count(report->state_entries));
  if (report->file_list_was_lost) {
    fmt::print("The list of files was lost and made anew; what was deleted may show again.\n");
  }
  if (to.empty()) fmt::print("What was there is in {}/rocks.damaged.\n", store.path);
  if (report->lost_count == 0) {
    fmt::print("Nothing is lost.\n");
  } else {
    fmt::print("LOST, {} findings:\n", format_count(report->lost_count));
    print_findings(report->lost, report->lost_count);
  }
  return 0;
}

}  // namespace tidemark::tsdb
