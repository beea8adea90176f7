#include "exporter/collection.h"

#include <algorithm>

namespace tidemark::exporter {
namespace {

// Two Prometheus servers that scrape at the same moment find a context each; more would only hold descriptors.
constexpr size_t kIdleContextsMax = 2;
constexpr int64_t kCollectNs = 10'000'000'000;

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool CollectorChoice::takes(std::string_view name) const {
  return (only.empty() || contains(only, name)) && !contains(without, name);
}

Collection::Collection(std::vector<NamedCollector> collectors, std::unique_ptr<Collector> self, Logger& logger)
    : self_(std::move(self)), logger_(logger) {
  entries_.reserve(collectors.size());
  for (NamedCollector& collector : collectors) entries_.push_back({std::move(collector), ""});
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

void Collection::collect(const CollectorChoice& choice, int64_t deadline_monotonic_ns, Families& out) const {
  std::unique_ptr<ScrapeContext> context = take_context();
  context->begin(deadline_monotonic_ns);
  Families report;
  report.reserve(2);
  auto& duration = add_gauge(report, "node_scrape_collector_duration_seconds", "How long a collector took.");
  auto& success = add_gauge(report, "node_scrape_collector_success", "Whether a collector succeeded.");
  for (Entry& entry : entries_) {
    const std::string& name = entry.named.name;
    if (!choice.takes(name)) continue;
    const size_t families_before = out.size();
    const int64_t start_ns = system_clock().monotonic_ns();
    const Status status = entry.named.collector->collect(*context, out);
    const int64_t took_ns = system_clock().monotonic_ns() - start_ns;
    if (!status.ok()) out.erase(out.begin() + static_cast<ptrdiff_t>(families_before), out.end());
    note_result(entry, status);
    add_sample(duration, static_cast<double>(took_ns) / 1e9, {{"collector", name}});
    add_sample(success, status.ok() ? 1 : 0, {{"collector", name}});
  }
  if (self_ != nullptr) {
    const Status status = self_->collect(*context, out);
    if (!status.ok()) logger_.debug("process metrics failed", {{"err", status}});
  }
  std::move(report.begin(), report.end(), std::back_inserter(out));
  give_back(std::move(context));
}

std::vector<prometheus::MetricFamily> Collection::Collect() const {
  Families out;
  collect({}, system_clock().monotonic_ns() + kCollectNs, out);
  return out;
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

std::unique_ptr<ScrapeContext> Collection::take_context() const {
  const MutexLock lock(contexts_mu_);
  if (idle_contexts_.empty()) return std::make_unique<ScrapeContext>();
  std::unique_ptr<ScrapeContext> context = std::move(idle_contexts_.back());
  idle_contexts_.pop_back();
  return context;
}

void Collection::give_back(std::unique_ptr<ScrapeContext> context) const {
  const MutexLock lock(contexts_mu_);
  if (idle_contexts_.size() < kIdleContextsMax) idle_contexts_.push_back(std::move(context));
}

}  // namespace tidemark::exporter
