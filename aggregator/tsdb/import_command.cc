// `tidemark tsdb import`.
#include <fmt/format.h>
#include <prometheus/registry.h>

#include <cstdio>

#include "aggregator/storage/store.h"
#include "aggregator/tsdb/batch_writer.h"
#include "aggregator/tsdb/command_line.h"
#include "aggregator/tsdb/json_lines.h"
#include "aggregator/tsdb/line_reader.h"
#include "aggregator/tsdb/openmetrics_lines.h"

namespace tidemark::tsdb {
namespace {

// A line of a year at 15 s is some 50 MB; our own export writes 4096 samples a line.
constexpr size_t kJsonLineBytesMax = size_t{128} << 20;
constexpr size_t kOpenMetricsLineBytesMax = 1 << 20;

Status import_json(LineReader& in, BatchWriter& out) {
  JsonLineParser parser;
  JsonLine line;
  std::string_view text;
  while (in.next(text)) {
    if (text.empty()) continue;
    if (Status status = parser.parse(text, line); !status.ok()) return status.at(in.place());
    out.series(line.labels);
    const auto start_ms = [&](size_t i) { return line.start_ms.empty() ? kNoStart : line.start_ms[i]; };
    for (size_t i = 0; i < line.v.size(); ++i) {
      if (Status status = out.add(line.t_ms[i], line.v[i], start_ms(i)); !status.ok()) return status;
    }
    for (size_t i = 0; i < line.histograms.size(); ++i) {
      Status status = out.add(line.t_ms[i], std::move(line.histograms[i]), start_ms(i));
      if (!status.ok()) return status;
    }
  }
  return in.status();
}

Status import_openmetrics(LineReader& in, BatchWriter& out) {
  OpenMetricsParser parser;
  bool ended = false;
  std::string_view text;
  while (in.next(text)) {
    switch (parser.parse(text)) {
      case OpenMetricsParser::Entry::kSample:
        out.series(parser.labels());
        if (Status status = out.add(parser.t_ms(), parser.value()); !status.ok()) return status;
        break;
      case OpenMetricsParser::Entry::kNothing:
        break;
      case OpenMetricsParser::Entry::kEnd:
        ended = true;
        break;
      case OpenMetricsParser::Entry::kError:
        return parser.status().at(in.place());
    }
  }
  if (!in.status().ok()) return in.status();
  return ended ? Status() : Status::invalid(in.place() + ": the text ends without \"# EOF\": is it all there?");
}

}  // namespace

int import_command(const Args& args) {
  CommandLine line("import",
                   "Adds the samples of a file, or of standard input, to a data directory, which is made if there is "
                   "none. What is there already is not stored twice; of two values at one time the one that comes "
                   "later stays. After an error, what stood before it is stored.",
                   "[FILE]");
  StoreFlags store_flags;
  std::string format = "openmetrics";
  store_flags.declare(line.flags());
  line.flags().add_choice("format", &format, {"openmetrics", "jsonl"}, "Form of the text.");
  if (const auto exit_code = line.parse(args)) return *exit_code;
  const std::vector<std::string>& files = line.flags().arguments();
  if (files.size() > 1) return line.failed("one file at a time");

  const bool as_json = format == "jsonl";
  auto in =
      LineReader::open(files.empty() ? "-" : files.front(), as_json ? kJsonLineBytesMax : kOpenMetricsLineBytesMax);
  if (!in) return line.failed(in.error());
  prometheus::Registry registry;
  const auto store = store_flags.open(true, registry);
  if (!store) return line.failed(store.error());
  BatchWriter out(**store);
  Status status = as_json ? import_json(*in, out) : import_openmetrics(*in, out);
  if (const Status flushed = out.flush(); status.ok()) status = flushed;
  if (const Status closed = (*store)->close(); status.ok()) status = closed;

  const storage::CommitReport& report = out.report();
  const std::string others = describe_refusals(report);
  fmt::print("{} samples stored{}{}\n", format_count(report.accepted()), others.empty() ? "" : "; ", others);
  if (!status.ok()) return line.failed(status);
  return report.refused() == 0 ? 0 : 1;
}

}  // namespace tidemark::tsdb
