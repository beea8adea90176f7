// In steady state a page costs no allocation a sample: a host with thirty times the CPUs, disks and interfaces makes a
// scrape allocate no more often. A program of its own, since it counts what operator new is asked for.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/exporter/collect_support.h"

namespace {
std::atomic<uint64_t> allocations{0};
}  // namespace

[[gnu::noinline]] void* operator new(size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* at = std::malloc(bytes == 0 ? 1 : bytes)) return at;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* at) noexcept { std::free(at); }
[[gnu::noinline]] void operator delete(void* at, size_t /*bytes*/) noexcept { std::free(at); }

namespace tidemark::exporter::testing {
namespace {

// A host with `n` CPUs, disks, interfaces and file systems.
struct Host {
  explicit Host(int n) {
    std::string stat = "cpu  1 2 3 4 5 6 7 8 9 10\n";
    std::string softnet;
    std::string disks;
    std::string interfaces = "Inter-|   Receive  |  Transmit\n face |bytes packets|bytes packets\n";
    std::string mounts;
    for (int i = 0; i < n; ++i) {
      stat += fmt::format("cpu{} 1 2 3 4 5 6 7 8 9 10\n", i);
      softnet += fmt::format("00000001 0 0 0 0 0 0 0 0 0 0 00000000 {:08x}\n", i);
      disks += fmt::format("   8 {} sd{} 1 2 3 4 5 6 7 8 9 10 11\n", i, std::string(1 + i % 26, 'x'));
      interfaces += fmt::format("veth{}: 1 1 0 0 0 0 0 0 2 2 0 0 0 0 0 0\n", i);
      mounts +=
          fmt::format("{} 0 8:{} / /a/path/longer/than/short/strings/{} rw - ext4 /dev/sd{} rw\n", i + 1, i, i, i);
    }
    dir.write("stat", stat + "intr 1\nctxt 2\nbtime 3\nprocesses 4\nprocs_running 5\nprocs_blocked 6\n");
    dir.write("net/softnet_stat", softnet);
    dir.write("diskstats", disks);
    dir.write("net/dev", interfaces);
    dir.write("1/mountinfo", mounts);
    config.procfs = config.sysfs = dir.path();
    config.statfs_function = [](const char*, struct statfs* out) {
      *out = {};
      return 0;
    };
  }

  tidemark::testing::TempDir dir;
  CollectorConfig config = fixture_config();
};

// Of one scrape and its page, once everything has its size.
uint64_t count_allocations(std::string_view collector_name, const Host& host, size_t& samples) {
  const auto collector = make_collector(collector_name, host.config);
  ScrapeContext context;
  Families families;
  std::string page;
  uint64_t before = 0;
  for (int scrape = 0; scrape < 4; ++scrape) {
    before = allocations.load();
    context.begin(soon_ns());
    families.clear();
    EXPECT_TRUE(collector->collect(context, families).ok());
    families.seal();
    page.clear();
    write_text(page, families);
  }
  samples = families.sample_count();
  return allocations.load() - before;
}

TEST(Allocations, DoNotGrowWithTheSamples) {
  const Host small(2);
  const Host large(60);
  for (const char* name : {"cpu", "softnet", "netdev"}) {
    size_t few = 0;
    size_t many = 0;
    const uint64_t of_small = count_allocations(name, small, few);
    EXPECT_LE(count_allocations(name, large, many), of_small) << name;
    EXPECT_GE(many, 20 * few) << name;
  }
  // Disks and mounts cost some allocations each (five: paths that are asked), however many metrics each has.
  for (const char* name : {"diskstats", "filesystem"}) {
    size_t samples = 0;
    EXPECT_LE(count_allocations(name, large, samples), 60u * 6) << name;
    EXPECT_GE(samples, 60u * 8) << name;
  }
}

}  // namespace
}  // namespace tidemark::exporter::testing
