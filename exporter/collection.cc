#include "exporter/collection.h"

#include <algorithm>
#include <chrono>

#include "exporter/prometheus_families.h"

namespace tidemark::exporter {
namespace {

constexpr int64_t kCollectNs = 10'000'000'000;

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::string> names_of(const std::vector<NamedCollector>& collectors) {
  std::vector<std::string> names;
  names.reserve(collectors.size());
  for (const NamedCollector& one : collectors) names.push_back(one.name);
  return names;
}

std::vector<std::unique_ptr<Collector>> collectors_of(std::vector<NamedCollector> named,
                                                      std::unique_ptr<Collector> self) {
  std::vector<std::unique_ptr<Collector>> out;
  out.reserve(named.size() + 1);
  for (NamedCollector& one : named) out.push_back(std::move(one.collector));
  if (self != nullptr) out.push_back(std::move(self));
  return out;
}

}  // namespace

struct Collection::Turn {
  CollectorChoice choice;
  bool ended = false;  // Guarded by mu_, as is the next.
  std::shared_ptr<const Families> families;
};

bool CollectorChoice::takes(std::string_view name) const {
  return (only.empty() || contains(only, name)) && !contains(without, name);
}

Collection::Collection(std::vector<NamedCollector> collectors, std::unique_ptr<Collector> self, Logger& logger)
    : names_(names_of(collectors)),
      with_self_(self != nullptr),
      logger_(logger),
      runner_(collectors_of(std::move(collectors), std::move(self))),
      last_errors_(names_.size() + 1) {}

Collection::~Collection() = default;

bool Collection::has(std::string_view name) const { return contains(names_, name); }

std::vector<std::string> Collection::names() const { return names_; }

uint64_t Collection::shared_scrapes() const {
  const MutexLock lock(mu_);
  return shared_;
}

std::shared_ptr<const Families> Collection::scrape(const CollectorChoice& choice, int64_t deadline_monotonic_ns,
                                                   const std::function<void(Families&)>& own) const {
  bool mine = false;
  const std::shared_ptr<Turn> turn = take_turn(choice, deadline_monotonic_ns, mine);
  if (turn == nullptr) {  // Too late.
    const std::shared_ptr<Families> out = runner_.empty_families();
    std::vector<ScrapeRunner::Outcome> outcomes(names_.size());
    for (size_t i = 0; i < names_.size(); ++i) outcomes[i].ran = choice.takes(names_[i]);
    for (ScrapeRunner::Outcome& outcome : outcomes)
      outcome.status = Status::timeout("another scrape took all the time");
    report(outcomes, *out);
    if (own) own(*out);
    out->seal();
    return out;
  }
  if (!mine) return turn->families;
  std::shared_ptr<const Families> out = run(choice, deadline_monotonic_ns, own);
  const MutexLock lock(mu_);
  turn->families = out;
  turn->ended = true;
  turn_ = nullptr;
  turn_ended_.notify_all();
  return out;
}

// Either a turn of another that ended and whose result serves us, or a new one that is `mine`, or null: no time left.
std::shared_ptr<Collection::Turn> Collection::take_turn(const CollectorChoice& choice, int64_t deadline_ns,
                                                        bool& mine) const {
  const MutexLock lock(mu_);
  std::shared_ptr<Turn> joined;
  while (turn_ != nullptr) {
    if (joined == nullptr && turn_->choice == choice) {
      joined = turn_;
      ++shared_;
    }
    const int64_t left_ns = deadline_ns - system_clock().monotonic_ns();
    if (left_ns <= 0) return nullptr;
    turn_ended_.wait_for(mu_, std::chrono::nanoseconds(left_ns));
    if (joined != nullptr && joined->ended) return joined;
  }
  mine = true;
  turn_ = std::make_shared<Turn>();
  turn_->choice = choice;
  return turn_;
}

std::shared_ptr<const Families> Collection::run(const CollectorChoice& choice, int64_t deadline_ns,
                                                const std::function<void(Families&)>& own) const {
  std::vector<bool> chosen(names_.size() + (with_self_ ? 1 : 0), true);
  for (size_t i = 0; i < names_.size(); ++i) chosen[i] = choice.takes(names_[i]);
  ScrapeRunner::Result result = runner_.run(chosen, deadline_ns);
  for (size_t i = 0; i < result.outcomes.size(); ++i) {
    if (result.outcomes[i].ran) note_result(i, result.outcomes[i].status);
  }
  Families& out = *result.families;
  report(result.outcomes, out);
  if (own) own(out);
  out.seal();
  return std::move(result.families);
}

void Collection::report(const std::vector<ScrapeRunner::Outcome>& outcomes, Families& out) const {
  auto& duration = add_gauge(out, "node_scrape_collector_duration_seconds", "How long a collector took.");
  auto& success = add_gauge(out, "node_scrape_collector_success", "Whether a collector succeeded.");
  for (size_t i = 0; i < names_.size(); ++i) {
    if (!outcomes[i].ran) continue;
    const LabelSet labels = out.add_labels({{"collector", names_[i]}});
    add_sample(duration, static_cast<double>(outcomes[i].took_ns) / 1e9, labels);
    add_sample(success, outcomes[i].status.ok() ? 1 : 0, labels);
  }
  add_sample(add_gauge(out, "tidemark_exporter_stuck_collectors", "Collectors whose calls have not returned in time."),
             static_cast<double>(runner_.stuck()));
  add_sample(add_counter(out, "tidemark_exporter_shared_scrapes_total",
                         "Scrapes that took the result of another that ran already."),
             static_cast<double>(shared_scrapes()));
}

std::vector<prometheus::MetricFamily> Collection::Collect() const {
  return to_prometheus(*scrape({}, system_clock().monotonic_ns() + kCollectNs));
}

void Collection::note_result(size_t i, const Status& status) const {
  if (last_errors_[i] == status.message()) return;
  // "left out until it returns", then "has not returned yet": one line for both.
  const bool still = status.code() == Code::kTimeout && !last_errors_[i].empty();
  last_errors_[i] = status.message();
  const std::string_view name = i < names_.size() ? std::string_view(names_[i]) : "(the exporter itself)";
  if (status.ok()) {
    logger_.info("collector works again", {{"name", name}});
  } else if (!still) {
    logger_.error("collector failed", {{"name", name}, {"err", status}});
  }
}

}  // namespace tidemark::exporter
