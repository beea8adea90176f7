// Scrapes while a collector hangs, and scrapes at the same time.
#include "exporter/scrape_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "exporter/collection.h"
#include "exporter/text_page.h"
#include "model/mutex.h"
#include "tests/exporter/collect_support.h"
#include "tests/support/eventually.h"
#include "tests/support/memory_logger.h"

namespace tidemark::exporter::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A gate that calls wait at while it is shut. Outlives its collectors through shared ownership, as a driver would.
struct Gate {
  std::atomic<bool> shut{false};
  std::atomic<int> calls{0};
  std::atomic<int> inside{0};
};

class Gated final : public Collector {
 public:
  Gated(std::string name, std::shared_ptr<Gate> gate) : name_(std::move(name)), gate_(std::move(gate)) {}
  Status collect(ScrapeContext&, Families& out) override {
    ++gate_->calls;
    ++gate_->inside;
    while (gate_->shut) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    --gate_->inside;
    add_sample(add_gauge(out, name_, ""), 1);
    return {};
  }

 private:
  const std::string name_;
  const std::shared_ptr<Gate> gate_;
};

struct Fixture {
  Fixture() {
    std::vector<NamedCollector> collectors;
    for (size_t i = 0; i < gates.size(); ++i) {
      gates[i] = std::make_shared<Gate>();
      const std::string name = std::string("c") + std::to_string(i);
      collectors.push_back({name, std::make_unique<Gated>(name, gates[i])});
    }
    collection = std::make_unique<Collection>(std::move(collectors), nullptr, logger);
  }
  ~Fixture() {
    for (auto& gate : gates) gate->shut = false;
    // Threads that are let go must be gone before the sanitizers look.
    tidemark::testing::eventually([this] { return all_out(); });
  }
  bool all_out() const {
    return std::all_of(gates.begin(), gates.end(), [](const auto& gate) { return gate->inside == 0; });
  }
  std::string page(int64_t ms, const CollectorChoice& choice = {}) const {
    std::string out;
    write_text(out, *collection->scrape(choice, soon_ns(ms)));
    return out;
  }

  std::array<std::shared_ptr<Gate>, 3> gates;
  tidemark::testing::MemoryLogger logger;
  std::unique_ptr<Collection> collection;
};

TEST(ScrapeRunner, AHangingCollectorCostsItsOwnSeriesOnly) {
  Fixture f;
  EXPECT_THAT(f.page(10'000), AllOf(HasSubstr("\nc0 1\n"), HasSubstr("\nc1 1\n"), HasSubstr("\nc2 1\n")));
  f.gates[1]->shut = true;
  const std::string page = f.page(400);
  EXPECT_THAT(page, AllOf(HasSubstr("\nc0 1\n"), Not(HasSubstr("\nc1 1\n")), HasSubstr("\nc2 1\n")));
  EXPECT_THAT(page, HasSubstr("node_scrape_collector_success{collector=\"c1\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("tidemark_exporter_stuck_collectors 1\n"));
  EXPECT_TRUE(f.logger.contains("no answer within"));
  const int calls = f.gates[1]->calls;
  const int64_t start_ns = system_clock().monotonic_ns();
  EXPECT_THAT(f.page(60'000), HasSubstr("node_scrape_collector_success{collector=\"c1\"} 0\n"));
  EXPECT_LT(system_clock().monotonic_ns() - start_ns, 20'000'000'000) << "nobody waits for it again";
  EXPECT_EQ(f.gates[1]->calls, calls);
  EXPECT_EQ(f.logger.lines().size(), 1u);
  f.gates[1]->shut = false;
  EXPECT_TRUE(tidemark::testing::eventually([&] { return f.page(10'000).find("\nc1 1\n") != std::string::npos; }));
  EXPECT_TRUE(f.logger.contains("collector works again"));
}

TEST(ScrapeRunner, AnswersWhenAllHang) {
  Fixture f;
  for (auto& gate : f.gates) gate->shut = true;
  const std::string page = f.page(800);
  for (const char* name : {"c0", "c1", "c2"})
    EXPECT_THAT(page, HasSubstr("success{collector=\"" + std::string(name) + "\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("tidemark_exporter_stuck_collectors 3\n"));
}

TEST(ScrapeRunner, ScrapesAtTheSameTimeShareOneCollection) {
  Fixture f;
  f.gates[2]->shut = true;
  std::vector<std::thread> scrapes;
  std::atomic<int> whole{0};
  for (int i = 0; i < 4; ++i)
    scrapes.emplace_back([&] { whole += f.page(60'000).find("\nc2 1\n") != std::string::npos; });
  EXPECT_TRUE(tidemark::testing::eventually([&] { return f.collection->shared_scrapes() == 3; }));
  // Another choice has its own turn, and gives up when that does not come.
  EXPECT_THAT(f.page(50, {.only = {"c0"}, .without = {}}),
              AllOf(HasSubstr("success{collector=\"c0\"} 0\n"), Not(HasSubstr("c1"))));
  f.gates[2]->shut = false;
  for (std::thread& scrape : scrapes) scrape.join();
  EXPECT_EQ(whole, 4);
  EXPECT_EQ(f.gates[2]->calls, 1);
}

TEST(ScrapeRunner, EndsWhileACallIsStuck) {
  Fixture f;
  f.gates[0]->shut = true;
  f.page(100);
  f.collection.reset();
  EXPECT_EQ(f.gates[0]->inside, 1);
}

}  // namespace
}  // namespace tidemark::exporter::testing
