#include "exporter/collection.h"

#include <algorithm>

#include "exporter/prometheus_families.h"

namespace tidemark::exporter {
namespace {

// Two Prometheus servers that scrape at the same moment find what they need; more would only hold descriptors and
// memory.
constexpr size_t kIdleMax = 2;
constexpr int64_t kCollectNs = 10'000'000'000;

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// What a scrape needs and the next one can use again.
template <class T>
class Pool {
 public:
  std::unique_ptr<T> take() {
    const MutexLock lock(mu_);
    if (idle_.empty()) return std::make_unique<T>();
    std::unique_ptr<T> one = std::move(idle_.back());
    idle_.pop_back();
    return one;
  }
  void give_back(std::unique_ptr<T> one) {
    const MutexLock lock(mu_);
    if (idle_.size() < kIdleMax) idle_.push_back(std::move(one));
  }

 private:
  Mutex mu_;
  std::vector<std::unique_ptr<T>> idle_ TM_GUARDED_BY(mu_);
};

}  // namespace

struct Collection::Idle {
  Pool<ScrapeContext> contexts;
  Pool<Families> families;
};

bool CollectorChoice::takes(std::string_view name) const {
  return (only.empty() || contains(only, name)) && !contains(without, name);
}

Collection::Collection(std::vector<NamedCollector> collectors, std::unique_ptr<Collector> self, Logger& logger)
    : self_(std::move(self)), logger_(logger), idle_(std::make_shared<Idle>()) {
  entries_.reserve(collectors.size());
  for (NamedCollector& collector : collectors)
    entries_.push_back({std::move(collector), "", std::make_unique<Mutex>()});
}

Collection::~Collection() = default;

bool Collection::has(std::string_view name) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.named.name == name; });
}

std::vector<std::string> Collection::names() const {
  std::vector<std::string> out;
  for (const Entry& entry : entries_) out.push_back(entry.named.name);
  return out;
}

std::shared_ptr<const Families> Collection::scrape(const CollectorChoice& choice, int64_t deadline_monotonic_ns,
                                                   const std::function<void(Families&)>& own) const {
  const std::shared_ptr<Families> out(idle_->families.take().release(), [idle = idle_](Families* used) {
    std::unique_ptr<Families> families(used);
    families->clear();
    idle->families.give_back(std::move(families));
  });
  std::unique_ptr<ScrapeContext> context = idle_->contexts.take();
  context->begin(deadline_monotonic_ns);
  collect(choice, *context, *out);
  idle_->contexts.give_back(std::move(context));
  if (own) own(*out);
  out->seal();
  return out;
}

void Collection::collect(const CollectorChoice& choice, ScrapeContext& context, Families& out) const {
  auto& duration = add_gauge(out, "node_scrape_collector_duration_seconds", "How long a collector took.");
  auto& success = add_gauge(out, "node_scrape_collector_success", "Whether a collector succeeded.");
  for (Entry& entry : entries_) {
    const std::string& name = entry.named.name;
    if (!choice.takes(name)) continue;
    const Families::Mark before = out.mark();
    const int64_t start_ns = system_clock().monotonic_ns();
    const Status status = [&] {
      const MutexLock lock(*entry.running);
      return entry.named.collector->collect(context, out);
    }();
    const int64_t took_ns = system_clock().monotonic_ns() - start_ns;
    if (!status.ok()) out.rollback(before);
    note_result(entry, status);
    const LabelSet labels = out.add_labels({{"collector", name}});
    add_sample(duration, static_cast<double>(took_ns) / 1e9, labels);
    add_sample(success, status.ok() ? 1 : 0, labels);
  }
  if (self_ == nullptr) return;
  const Families::Mark before = out.mark();
  const Status status = self_->collect(context, out);
  if (status.ok()) return;
  out.rollback(before);
  logger_.debug("process metrics failed", {{"err", status}});
}

std::vector<prometheus::MetricFamily> Collection::Collect() const {
  return to_prometheus(*scrape({}, system_clock().monotonic_ns() + kCollectNs));
}

void Collection::note_result(Entry& entry, const Status& status) const {
  {
    const MutexLock lock(errors_mu_);
    if (entry.last_error == status.message()) return;
    entry.last_error = status.message();
  }
  if (status.ok()) {
    logger_.info("collector works again", {{"name", entry.named.name}});
  } else {
    logger_.error("collector failed", {{"name", entry.named.name}, {"err", status}});
  }
}

}  // namespace tidemark::exporter
