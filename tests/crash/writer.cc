#include "tests/crash/writer.h"

#include <prometheus/registry.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <memory>

#include "tests/support/fake_clock.h"
#include "tests/support/memory_logger.h"

namespace tidemark::crash {
namespace {

// So that a checkpoint comes every few dozen operations.
constexpr uint64_t kLogBytesMax = 6000;
constexpr size_t kBackupsKept = 2;
constexpr char kLookedInto[] = ".looked-into";  // Behind the store's name: a copy that is going away.

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
      carry_out(op, n);
      task_.ledger.apply(op);
      send({Message::Kind::kDone, n});
    }
  }

 private:
  void open() {
    registry_ = std::make_unique<prometheus::Registry>();
    store_ = opened(task_.path, *registry_);
  }

  std::unique_ptr<storage::Store> opened(const std::string& path, prometheus::Registry& registry) {
    storage::Options options;
    options.path = path;
    options.sync = storage::SyncPolicy::kNever;  // It is the process that dies, not the machine.
    options.shards = 4;
    options.retention_ms = kRawRetentionMs;
    options.retention_5m_ms = 10'000 * kDayMs;
    options.retention_1h_ms = 10'000 * kDayMs;
    options.log_bytes_max = kLogBytesMax;
    auto store = storage::Store::open(options, clock_, logger_, registry);
    if (!store) wrong("the store in " + path + " does not open: " + store.error().message());
    return std::move(*store);
  }

  // A copy holds what the ledger does. Takes it away, at once: a writer that is killed in here leaves no part of it.
  void check_copy(const std::string& path) {
    {
      prometheus::Registry registry;
      const auto copy = opened(path, registry);
      if (const std::string wrong_in_it = task_.ledger.difference(*copy, clock_.now_ms()); !wrong_in_it.empty()) {
        wrong("the copy " + path + ": " + wrong_in_it);
      }
    }
    const std::string looked_into = task_.path + kLookedInto;
    std::filesystem::remove_all(looked_into);
    std::filesystem::rename(path, looked_into);
    std::filesystem::remove_all(looked_into);
  }
  std::string snapshot_path(uint64_t n) const { return task_.path + "/snapshots/" + std::to_string(n); }

  void take_snapshot(uint64_t n) {
    if (const Status status = store_->snapshot(std::to_string(n)); !status.ok()) wrong("snapshot: " + status.message());
    check_copy(snapshot_path(n));
  }

  void back_up() {
    if (const auto made = store_->backup(backups(), kBackupsKept); !made) wrong("backup: " + made.error().message());
    check_newest_backup();
  }
  std::string backups() const { return task_.path + ".backups"; }
  void check_newest_backup() {
    const std::string to = task_.path + ".restored";
    std::filesystem::remove_all(to);
    if (const auto back = storage::restore_backup({backups(), "", nullptr}, 0, to, "", logger_); !back) {
      wrong("restoring the newest backup: " + back.error().message());
    }
    check_copy(to);
  }

  // What a writer that was killed left of a copy.
  void find_copies(const Op& op) {
    if (op.kind == Op::Kind::kSnapshot && std::filesystem::exists(snapshot_path(task_.next))) {
      check_copy(snapshot_path(task_.next));
    }
    std::error_code error;
    for (const auto& left : std::filesystem::directory_iterator(task_.path + "/snapshots", error)) {
      wrong("left over from a snapshot: " + left.path().string());
    }
  }

  // The operation that was under way is there whole, or not at all.
  void find_out() {
    const std::string without = task_.ledger.difference(*store_, clock_.now_ms());
    const Op op = op_at(task_.seed, task_.next);
    find_copies(op);
    if (without.empty()) return send({Message::Kind::kAbsent, task_.next});
    task_.ledger.apply(op);
    const std::string with = task_.ledger.difference(*store_, clock_.now_ms());
    if (!with.empty()) {
      wrong("operation " + std::to_string(task_.next) + " (" + op.name +
            ") is neither whole nor absent.\n  without it: " + without + "\n  with it: " + with);
    }
    send({Message::Kind::kWhole, task_.next});
  }

  void carry_out(const Op& op, uint64_t n) {
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
      case Op::Kind::kSnapshot:
        return take_snapshot(n);
      case Op::Kind::kBackup:
        return back_up();
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
    const Matcher whose =
        op.parity.empty() ? Matcher::equal("series", std::to_string(op.series)) : Matcher::equal("parity", op.parity);
    const Status status =
        store_->delete_samples({{Matcher::equal(kMetricName, "ledger"), whose}}, op.min_ms, op.max_ms);
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
