#include "exporter/collection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "exporter/lacking_collectors.h"
#include "exporter/options.h"
#include "exporter/process_metrics.h"
#include "exporter/web.h"
#include "tests/exporter/collect_support.h"
#include "tests/support/eventually.h"
#include "tests/support/memory_logger.h"
#include "tests/support/temp_dir.h"

namespace tidemark::exporter::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class Scripted final : public Collector {
 public:
  explicit Scripted(const Status* status) : status_(*status) {}
  Status collect(ScrapeContext&, Families& out) override {
    add_sample(add_gauge(out, "scripted", "From a test."), 1);
    return status_;
  }

 private:
  const Status& status_;
};

struct TwoCollectors {
  TwoCollectors() {
    std::vector<NamedCollector> collectors;
    collectors.push_back({"scripted", std::make_unique<Scripted>(&scripted)});
    collectors.push_back({"loadavg", make_collector("loadavg", fixture_config())});
    collection = std::make_unique<Collection>(std::move(collectors), nullptr, logger);
  }
  std::string page(const CollectorChoice& choice = {}) {
    return Web(*collection, {.exporter_metrics = false}).page(choice, soon_ns());
  }
  Status scripted;
  tidemark::testing::MemoryLogger logger;
  std::unique_ptr<Collection> collection;
};

TEST(Collection, AFailingCollectorCostsOnlyItsOwnFamilies) {
  TwoCollectors t;
  EXPECT_THAT(t.page(), HasSubstr("\nscripted 1\n"));
  t.scripted = Status::io("broken");
  const std::string page = t.page();
  EXPECT_THAT(page, Not(HasSubstr("\nscripted ")));
  EXPECT_THAT(page, HasSubstr("node_scrape_collector_success{collector=\"scripted\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("node_scrape_collector_success{collector=\"loadavg\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("node_load1 0.21\n"));
  t.page();
  EXPECT_EQ(t.logger.lines().size(), 1u) << "a lasting failure is logged once";
  t.scripted = Status();
  t.page();
  EXPECT_TRUE(t.logger.contains("collector works again"));
}

TEST(Collection, RunsOnlyWhatIsChosen) {
  TwoCollectors t;
  EXPECT_THAT(t.page({.only = {"loadavg"}, .without = {}}),
              AllOf(HasSubstr("node_load1 "), Not(HasSubstr("scripted"))));
  EXPECT_THAT(t.page({.only = {}, .without = {"loadavg", "unknown"}}),
              AllOf(HasSubstr("scripted 1"), Not(HasSubstr("node_load1"))));
}

TEST(Collection, ScrapesMayRunSideBySide) {
  std::vector<NamedCollector> collectors;
  for (const CollectorEntry& entry : collector_table())
    collectors.push_back({std::string(entry.name), std::move(*entry.make(fixture_config()))});
  const Collection collection(std::move(collectors), make_process_metrics(), null_logger());
  std::vector<std::thread> scrapes;
  std::atomic<int> whole{0};
  for (int i = 0; i < 4; ++i) {
    scrapes.emplace_back([&] {
      for (int n = 0; n < 50; ++n) whole += collection.Collect().size() > 60;
    });
  }
  for (std::thread& scrape : scrapes) scrape.join();
  EXPECT_EQ(whole, 200);
}

TEST(Web, AnswersAsNodeExporterDoes) {
  TwoCollectors t;
  Web web(*t.collection, {});
  const auto ask = [&](net::Params query) {
    net::Request request;
    request.method = "GET";
    request.query = std::move(query);
    net::Response response;
    web.metrics(request, response);
    return response;
  };
  EXPECT_EQ(ask({}).status, 200);
  EXPECT_EQ(ask({}).content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(ask({{"collect[]", "loadavg"}}).status, 200);
  EXPECT_EQ(ask({{"collect[]", "cpu"}}).status, 400) << "not enabled";
  EXPECT_EQ(ask({{"collect[]", "loadavg"}, {"exclude[]", "scripted"}}).status, 400);
  EXPECT_EQ(ask({{"exclude[]", "unknown"}}).status, 200);
  const std::string page = ask({}).body;
  EXPECT_THAT(page, HasSubstr("promhttp_metric_handler_requests_total{code=\"200\"} 4\n"));
  EXPECT_THAT(page, HasSubstr("promhttp_metric_handler_requests_in_flight 1\n"));
  EXPECT_THAT(page, HasSubstr("version=\"1.11.1\"} 1\n"));
}

TEST(ProcessMetrics, AreThere) {
  const auto process = make_process_metrics();
  const std::string text = collected(*process);
  for (const char* name : {"cpu_seconds_total", "max_fds", "open_fds", "resident_memory_bytes", "start_time_seconds",
                           "virtual_memory_bytes", "virtual_memory_max_bytes", "network_receive_bytes_total"})
    EXPECT_THAT(text, HasSubstr("\nprocess_" + std::string(name) + " ")) << name;
  EXPECT_THAT(text, Not(HasSubstr("process_resident_memory_bytes 0\n")));
}

struct Parsed {
  Options options;
  std::optional<int> exit_code;
  std::string error;  // What stood on stderr.
};

Parsed parsed(std::vector<const char*> args) {
  args.insert(args.begin(), "tidemark-exporter");
  Parsed p;
  ::testing::internal::CaptureStderr();
  p.exit_code = parse_options(static_cast<int>(args.size()), args.data(), p.options);
  p.error = ::testing::internal::GetCapturedStderr();
  return p;
}

TEST(Options, ChooseCollectors) {
  const auto on_by_default = std::count_if(collector_table().begin(), collector_table().end(),
                                           [](const CollectorEntry& entry) { return entry.on_by_default; });
  EXPECT_EQ(std::ssize(parsed({}).options.enabled), on_by_default);
  EXPECT_THAT(parsed({"--collector.disable-defaults", "--collector.cpu", "--collector.time"}).options.enabled,
              ElementsAre("cpu", "time"));
  const auto without = parsed({"--no-collector.filesystem"}).options.enabled;
  EXPECT_EQ(std::count(without.begin(), without.end(), "filesystem"), 0);
  EXPECT_EQ(std::ssize(without), on_by_default - 1);
}

TEST(Options, SettleFilterPairs) {
  const auto include = parsed({"--collector.diskstats.device-include=^sd"});
  EXPECT_EQ(include.exit_code, std::nullopt);
  EXPECT_EQ(include.options.collectors.diskstats.devices.include, "^sd");
  EXPECT_EQ(include.options.collectors.diskstats.devices.exclude, "");
  const auto old = parsed({"--collector.netdev.device-blacklist=^veth"});
  EXPECT_EQ(old.options.collectors.netdev.devices.exclude, "^veth");
  EXPECT_EQ(old.options.warnings.size(), 1u);
  EXPECT_EQ(parsed({"--collector.netdev.device-include=a", "--collector.netdev.device-exclude=b"}).exit_code, 1);
  EXPECT_EQ(parsed({"--collector.nonsense"}).exit_code, 1);
  EXPECT_EQ(parsed({"--web.telemetry-path=metrics"}).exit_code, 1);
  EXPECT_EQ(parsed({"--runtime.gomaxprocs=2", "--web.max-requests=0"}).exit_code, std::nullopt);
}

TEST(Options, KnowsEveryFlagOfNodeExporter) {
  // What kube-prometheus, Helm's chart and Debian's unit pass must not end the program.
  EXPECT_EQ(parsed({"--no-collector.wifi", "--no-collector.drbd", "--no-collector.ntp", "--no-collector.runit",
                    "--no-collector.supervisord", "--path.udev.data=/run/udev/data"})
                .exit_code,
            std::nullopt);
  EXPECT_TRUE(parsed({"--no-collector.wifi"}).options.warnings.empty());
  EXPECT_EQ(parsed({"--collector.wifi.fixtures=x"}).options.warnings.size(), 1u);
  const Parsed wifi = parsed({"--collector.wifi"});
  EXPECT_EQ(wifi.exit_code, 1);
  EXPECT_THAT(wifi.error, HasSubstr("--collector.wifi: there is no collector wifi here; read it with"));
  size_t upstream = 0;  // Of upstream's 79 there is each, either here or among those lacking, and not in both.
  for (const LackingCollector& lacking : lacking_collectors()) {
    ++upstream;
    const auto table = collector_table();
    EXPECT_TRUE(std::none_of(table.begin(), table.end(), [&](const auto& entry) { return entry.name == lacking.name; }))
        << lacking.name << " is here, so its line in lacking_collectors.cc should go";
  }
  EXPECT_GE(upstream + collector_table().size(), 79u);
}

TEST(Options, ReadsArgumentsFromAFile) {
  const tidemark::testing::TempDir dir;
  const std::string at = "@" + dir.write("args", "# flags\n--collector.disable-defaults\n--collector.uname\n");
  EXPECT_THAT(parsed({at.c_str()}).options.enabled, ElementsAre("uname"));
  EXPECT_EQ(parsed({"@/does/not/exist"}).exit_code, 1);
}

TEST(Options, ABadExpressionNamesItsCollector) {
  Options options = parsed({"--collector.filesystem.fs-types-exclude=["}).options;
  const auto made = make_collectors(options);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message(), HasSubstr("collector filesystem: bad regular expression"));
}

TEST(ScrapeContext, SharesAReadWithinAScrapeAndSeesChangesInTheNext) {
  const tidemark::testing::TempDir dir;
  const std::string path = dir.write("f", "one");
  ScrapeContext context;
  context.begin(soon_ns());
  EXPECT_EQ(*context.read_kept(path), "one");
  dir.write("f", "two!");
  EXPECT_EQ(*context.read_kept(path), "one");
  context.begin(soon_ns());
  EXPECT_EQ(*context.read_kept(path), "two!");
  dir.write("f", std::string(100'000, 'x'));
  context.begin(soon_ns());
  EXPECT_EQ(context.read_kept(path)->size(), 100'000u);
  EXPECT_EQ(context.read_once(path).error().code(), Code::kLimit);
  EXPECT_EQ(context.read_once(dir.file("none")).error().code(), Code::kNotFound);
  EXPECT_EQ(context.read_kept(dir.file("none")).error().code(), Code::kNotFound);
  // What was not there is not looked for again in a while.
  dir.write("none", "came");
  context.begin(soon_ns());
  EXPECT_EQ(context.read_kept(dir.file("none")).error().code(), Code::kNotFound);
  EXPECT_EQ(context.read_once(dir.file("none")).error().code(), Code::kNotFound);
  EXPECT_TRUE(context.absences().has(dir.file("none")));
}

TEST(ScrapeContext, ReadsOnUntilTheEndOfWhateverKind) {
  const tidemark::testing::TempDir dir;
  ScrapeContext context;
  for (const FileKind kind : {FileKind::kUnknown, FileKind::kOnePiece, FileKind::kShortLines}) {
    for (const size_t bytes : {0, 1, 255, 256, 257, 511, 512, 3'583, 3'584, 4'095, 4'096, 4'097, 70'000}) {
      const std::string path = dir.write("f" + std::to_string(bytes), std::string(bytes, 'x'));
      context.begin(soon_ns());
      EXPECT_EQ(context.read_kept(path, kind)->size(), bytes);
    }
  }
  // Of the kernel's own, whichever way it hands them out: those with a line a CPU, device or counter are the same read
  // either way but for what counts on meanwhile, so their lines are counted.
  for (const auto& [path, kind] :
       {std::pair("/proc/vmstat", FileKind::kShortLines), std::pair("/proc/net/udp", FileKind::kShortLines),
        std::pair("/proc/diskstats", FileKind::kUnknown), std::pair("/proc/meminfo", FileKind::kOnePiece),
        std::pair("/proc/net/netstat", FileKind::kOnePiece), std::pair("/proc/net/snmp6", FileKind::kOnePiece)}) {
    ScrapeContext other;
    context.begin(soon_ns());
    other.begin(soon_ns());
    const auto quick = context.read_kept(path, kind);
    const auto slow = other.read_kept(path, FileKind::kUnknown);
    if (!quick || !slow) continue;  // A kernel without it.
    EXPECT_EQ(std::count(quick->begin(), quick->end(), '\n'), std::count(slow->begin(), slow->end(), '\n')) << path;
  }
}

TEST(ScrapeContext, ReadsMountsAgainWhenTheyMayHaveChanged) {
  const tidemark::testing::TempDir dir;
  const std::string path = dir.write("mountinfo", "one");
  ScrapeContext context;
  context.begin(soon_ns());
  EXPECT_EQ(*context.read_mounts(path), "one");
  dir.write("mountinfo", "two");
  context.begin(soon_ns());
  EXPECT_EQ(*context.read_mounts(path), "two");  // A recorded file announces nothing.
  context.begin(soon_ns());
  const std::string before(*context.read_mounts("/proc/self/mountinfo"));
  context.begin(soon_ns());
  EXPECT_EQ(*context.read_mounts("/proc/self/mountinfo"), before);
}

TEST(Absences, AreForgottenAfterAWhile) {
  Absences absences;
  absences.begin(1'000);
  absences.note("/a", ENOENT);
  absences.note("/b", ENOTDIR);
  absences.note("/c", EACCES);
  EXPECT_TRUE(absences.has("/a"));
  EXPECT_TRUE(absences.has("/b"));
  EXPECT_FALSE(absences.has("/c"));
  absences.begin(1'000 + Absences::kRememberNs);
  EXPECT_FALSE(absences.has("/a"));
  for (size_t i = 0; i < 2 * Absences::kPathsMax; ++i) absences.note("/" + std::to_string(i), ENOENT);
  EXPECT_TRUE(absences.has("/0"));
  EXPECT_FALSE(absences.has("/" + std::to_string(Absences::kPathsMax)));
}

TEST(Absences, AreForgottenWhenTheKernelAnnouncesADevice) {
  Absences absences;
  absences.begin(0);  // Listens from here on.
  absences.note("/a", ENOENT);
  std::ofstream announce("/sys/devices/virtual/mem/null/uevent");
  if (!(announce << "change" << std::flush)) GTEST_SKIP() << "not allowed to have a device announced";
  EXPECT_TRUE(tidemark::testing::eventually([&] {
    absences.begin(1);
    return !absences.has("/a");
  }));
}

}  // namespace
}  // namespace tidemark::exporter::testing
