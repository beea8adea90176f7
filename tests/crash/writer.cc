#include "tests/crash/writer.h"

#include <prometheus/registry.h>
#include <unistd.h>

#include <deque>
#include <memory>

#include "tests/support/fake_clock.h"
#include "tests/support/memory_logger.h"

namespace tidemark::crash {
namespace {

// So that a checkpoint comes every few dozen operations.
constexpr uint64_t kLogBytesMax = 6000;

class Writer {
 public:
  Writer(WriterTask task, int pipe) : task_(std::move(task)), pipe_(pipe) {}

  [[noreturn]] void run() {
    clock_.set_now_ms(op_time_ms(task_.next));
    open();
    find_out();
    for (uint64_t n = task_.next + 1;; ++n) {
      const Op op = op_at(task_.seed, n);
      clock_.set_now_ms(op.now_ms);
      carry_out(op);
      task_.ledger.apply(op);
      send({Message::Kind::kDone, n});
    }
  }

 private:
  void open() {
    storage::Options options;
    options.path = task_.path;
    options.sync = storage::SyncPolicy::kNever;  // It is the process that dies, not the machine.
    options.shards = 4;
    options.retention_ms = kRawRetentionMs;
    options.retention_5m_ms = 10'000 * kDayMs;
    options.retention_1h_ms = 10'000 * kDayMs;
    options.log_bytes_max = kLogBytesMax;
    registry_ = std::make_unique<prometheus::Registry>();
    auto store = storage::Store::open(options, clock_, logger_, *registry_);
    if (!store) wrong("the store does not open: " + store.error().message());
    store_ = std::move(*store);
  }

  // The operation that was under way is there whole, or not at all.
  void find_out() {
    const std::string without = task_.ledger.difference(*store_, clock_.now_ms());
    if (without.empty()) return send({Message::Kind::kAbsent, task_.next});
    const Op op = op_at(task_.seed, task_.next);
    task_.ledger.apply(op);
    const std::string with = task_.ledger.difference(*store_, clock_.now_ms());
    if (!with.empty()) {
      wrong("operation " + std::to_string(task_.next) + " (" + op.name +
            ") is neither whole nor absent.\n  without it: " + without + "\n  with it: " + with);
    }
    send({Message::Kind::kWhole, task_.next});
  }

  void carry_out(const Op& op) {
    switch (op.kind) {
      case Op::Kind::kCommit:
        return commit(op);
      case Op::Kind::kErase:
        return erase(op);
      case Op::Kind::kSettle:
        return store_->set_retention(kRawRetentionMs, 0);
      case Op::Kind::kReopen:
        if (const Status status = store_->close(); !status.ok()) wrong("closing: " + status.message());
        store_.reset();
        return open();
    }
  }

  void commit(const Op& op) {
    storage::Batch batch;
    std::deque<NativeHistogram> histograms;
    for (const LedgerSample& sample : op.samples) {
      const bool of_histogram = is_histogram(sample.series, sample.t_ms);
      if (of_histogram) histograms.push_back(histogram_of(sample.v));
      batch.add(storage::kNoRef, series_labels(sample.series), sample.t_ms,
                storage::Value{sample.v, of_histogram ? &histograms.back() : nullptr});
    }
    const auto report = store_->commit(batch);
    if (!report) wrong("commit of " + op.name + ": " + report.error().message());
    for (size_t i = 0; i < op.samples.size(); ++i) {
      const auto want = task_.ledger.expected(op.samples[i]);
      if (batch.outcome(i) == want) continue;
      wrong(op.name + ", series " + std::to_string(op.samples[i].series) + " at " + std::to_string(op.samples[i].t_ms) +
            ": answered " + std::string(storage::outcome_name(batch.outcome(i))) + ", want " +
            std::string(storage::outcome_name(want)));
    }
  }

  void erase(const Op& op) {
    const Status status = store_->delete_samples(
        {{Matcher::equal(kMetricName, "ledger"), Matcher::equal("series", std::to_string(op.series))}}, op.min_ms,
        op.max_ms);
    if (!status.ok()) wrong("deleting: " + status.message());
  }

  void send(const Message& message) {
    if (write(pipe_, &message, sizeof message) != sizeof message) _exit(2);
  }
  [[noreturn]] void wrong(const std::string& what) {
    send({Message::Kind::kWrong, what.size()});
    if (write(pipe_, what.data(), what.size()) != static_cast<ssize_t>(what.size())) _exit(2);
    _exit(1);
  }

  WriterTask task_;
  const int pipe_;
  testing::FakeClock clock_;
  testing::MemoryLogger logger_;
  std::unique_ptr<prometheus::Registry> registry_;
  std::unique_ptr<storage::Store> store_;
};

}  // namespace

void write_until_killed(WriterTask task, int pipe) { Writer(std::move(task), pipe).run(); }

}  // namespace tidemark::crash
