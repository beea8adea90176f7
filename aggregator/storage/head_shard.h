// HeadShard: the newest samples of one part of the series, in memory, behind one mutex. A series belongs to shard
// id % shards.
//
// A commit enters all shards it touches (in rising order), takes its position, appends, is logged, and leaves. A
// checkpoint drains a shard: newcomers wait, those inside leave; then the shard holds exactly what the log holds for it
// up to a position, and is copied (head_checkpoint.cc).
//
// A sample later than its series' newest goes to the open chunk; any other is late. Whether a late one repeats or
// overwrites something is asked first of memory; what is not there may be in files, so it comes back as `undecided` and
// is brought again with what the files say. Nothing can move from memory to files meanwhile: the commit is inside.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <atomic>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "aggregator/storage/batch.h"
#include "aggregator/storage/head_series.h"
#include "aggregator/storage/histogram_code.h"
#include "aggregator/storage/keys.h"
#include "aggregator/storage/log_record.h"
#include "model/mutex.h"

namespace tidemark::storage {

inline SeriesRef make_ref(SeriesId id, uint32_t slot) { return SeriesRef{(uint64_t{id} << 32) | slot}; }
inline SeriesId ref_series(SeriesRef ref) { return static_cast<SeriesId>(static_cast<uint64_t>(ref) >> 32); }
inline uint32_t ref_slot(SeriesRef ref) { return static_cast<uint32_t>(static_cast<uint64_t>(ref)); }

// What decides about a sample besides its series; the same for a whole commit.
struct AppendRules {
  int64_t min_ms = 0;  // Inclusive both.
  int64_t max_ms = 0;
  Position position = 0;
  Position oldest_view = 0;
  uint32_t now_s = 0;
  int64_t out_of_order_ms = INT64_MAX;  // How much older than its series' newest a sample may be.

  // What can be said of a sample whatever its series holds; kAccepted: nothing against it.
  Outcome judge(const Value& value, int64_t t_ms) const {
    if (value.histogram != nullptr && !check_histogram(*value.histogram).ok()) return Outcome::kInvalidHistogram;
    if (t_ms < min_ms) return Outcome::kTooOld;
    return t_ms > max_ms ? Outcome::kTooNew : Outcome::kAccepted;
  }
};

struct AppendResult {
  std::vector<LogSample> accepted;
  std::vector<LogHistogram> histograms;
  std::vector<SeriesId> undefined;  // Series whose record may not be in the log yet: write it with this commit.
  std::vector<uint32_t> undecided;  // Samples that need to know what files hold at their time.
  Position tied_to = 0;             // See CommitOrder.
};

// What a series' files hold at a sample's time.
struct InFiles {
  uint32_t sample = 0;
  std::optional<uint64_t> v_bits;  // A float,
  HistogramRef histogram;          // or a histogram; or neither.
};

struct HeadCopy {
  std::vector<SharedChunk> chunks;  // Sealed, oldest first.
  OwnedChunk open;                  // Without samples: there is none.
  std::vector<LateSample> late;     // One a time; they count before what is in chunks.
  std::vector<LateHistogram>
      histograms;                        // Likewise; with the one before the range, whose successor's hint hangs on it.
  int64_t visible_until_ms = INT64_MAX;  // Samples in chunks after it came after the view, wherever they are by now.
};

// Which open chunks a checkpoint seals.
struct SealPolicy {
  bool all = false;
  uint64_t open_bytes_max = UINT64_MAX;  // Of the shard; beyond it the longest are sealed.
  uint32_t idle_before_s = 0;            // Series without an append since.
  int64_t oldest_ms = INT64_MIN;         // Chunks that end before belong to dropped windows and vanish.
  Position oldest_view = 0;              // Late samples of later commits stay, hidden from those who must not see them.
};

// What goes from one series into files. Late samples count before those in chunks.
struct SealedSeries {
  SeriesId id = 0;
  uint32_t slot = 0;
  SharedChunks chunks;
  std::vector<LateSample> late;
  std::vector<LateHistogram> histograms;
};

int64_t histogram_bytes(const std::vector<LateHistogram>& samples);  // Of memory, as budgets count it.

// A shard as a checkpoint writes it. In no order.
struct ShardCopy {
  Position position = 0;
  std::vector<SealedSeries> sealed;
  std::vector<std::string> groups;  // All that is open, see head_group.h.
  std::vector<SeriesId> idle;       // Have nothing in memory but their last time, and had no append for long.
};

class HeadShard {
 public:
  explicit HeadShard(uint16_t number) : number_(number) {}
  HeadShard(const HeadShard&) = delete;
  HeadShard& operator=(const HeadShard&) = delete;

  uint16_t number() const { return number_; }

  // Makes room for a series and returns its slot. Files hold no sample of it after `last_ms`. `defined`: its record is
  // in the log or in files.
  uint32_t add_series(SeriesId id, int64_t last_ms, bool defined, uint32_t now_s);
  // After a commit that carried their records is in the log.
  void set_defined(std::span<const SeriesRef> refs);

  void enter();
  void leave();
  // Newcomers wait from here to reopen(); returns when all who were inside have left. REQUIRES: no checkpoint runs.
  void close_off();
  void reopen();
  // Decides about each of the batch's samples named and appends what is good. REQUIRES: entered.
  void append(Batch& batch, std::span<const uint32_t> samples, const AppendRules& rules, AppendResult& result);
  // The same for those that were undecided.
  void append_late(Batch& batch, std::span<const InFiles> samples, const AppendRules& rules, AppendResult& result);

  // Removes the series' samples from `min_ms` to `max_ms`, both inclusive (head_erase.cc). REQUIRES: closed off, or in
  // recovery. Nothing happens when the slot holds another series.
  void erase(SeriesId id, uint32_t slot, int64_t min_ms, int64_t max_ms);

  // Recovery only. Makes a series of an entry of a head group; false when it does not read.
  struct Loaded {
    SeriesId id;
    uint32_t slot;
    bool has_samples;
  };
  bool load_group(std::string_view group, uint32_t now_s, std::vector<Loaded>& loaded);
  struct Replayed {
    uint32_t slot = 0;
    uint32_t start = 0;  // Place of its start timestamp in `starts`, from 1 on; 0: it has none.
    double v = 0;
    int64_t t_ms = 0;
    Position position = 0;  // Of its commit.
  };
  // Those of one series in the order of their commits; those of several in any order.
  void replay(std::span<const Replayed> samples, std::span<const int64_t> starts);
  struct ReplayedHistogram {
    uint32_t slot = 0;
    int64_t t_ms = 0;
    int64_t start_ms = kNoStart;
    HistogramRef histogram;
  };
  void replay_histograms(std::span<const ReplayedHistogram> samples, Position position);
  void discard(uint32_t slot);  // The series has no record; what is replayed of it goes nowhere.

  // The newest sample of all, files included, where that is known at a glance and lies between the bounds.
  std::optional<Sample> newest(SeriesId id, uint32_t slot, int64_t min_ms, int64_t max_ms, Position view);
  // Into one that is empty but for memory that may be used again. False, and nothing done, when the slot holds another
  // series by now.
  bool copy(SeriesId id, uint32_t slot, int64_t min_ms, int64_t max_ms, Position view, HeadCopy& out);

  // Drains, then copies. `position` is asked once nobody is inside. One checkpoint at a time. Nothing open is copied
  // under policy.all.
  ShardCopy checkpoint(const SealPolicy& policy, const std::function<Position()>& position);
  // The copy is in files: what it sealed leaves memory.
  void checkpoint_done(const ShardCopy& copy);
  // Frees the slot if the series has nothing in memory and had no append since `idle_before_s`.
  bool remove_idle(SeriesId id, uint32_t slot, uint32_t idle_before_s);

  uint64_t head_bytes() const { return head_bytes_.load(std::memory_order_relaxed); }
  // What chunks sealed by appends take besides, until a checkpoint has them: at midnight that is every series'.
  uint64_t waiting_bytes() const { return waiting_.load(std::memory_order_relaxed) * kWaitingBytes; }
  int64_t oldest_ms();  // Of all samples here; INT64_MAX when there are none.

 private:
  struct Value {
    uint64_t bits = 0;
    Position position = 0;  // Of the commit that brought it; 0 when it is settled.
  };

  Outcome append_one(HeadSeries& series, uint32_t slot, uint32_t sample, const Batch& batch, const AppendRules& rules,
                     AppendResult& result) TM_REQUIRES(mu_);
  Outcome append_late_one(HeadSeries& series, uint32_t slot, uint32_t sample, const Batch& batch,
                          const AppendRules& rules, const InFiles* in_files, AppendResult& result) TM_REQUIRES(mu_);
  // Histograms (head_histograms.cc).
  Outcome append_histogram(HeadSeries& series, uint32_t slot, uint32_t sample, const Batch& batch,
                           const AppendRules& rules, AppendResult& result) TM_REQUIRES(mu_);
  Outcome append_late_histogram(HeadSeries& series, uint32_t slot, uint32_t sample, const Batch& batch,
                                const AppendRules& rules, const InFiles* in_files, AppendResult& result)
      TM_REQUIRES(mu_);
  void add_histogram(HeadSeries& series, uint32_t slot, const LateHistogram& sample) TM_REQUIRES(mu_);
  // The newest sample of all is a histogram: what comes at its time or before is late.
  void end_floats_at(HeadSeries& series, uint32_t slot, int64_t t_ms) TM_REQUIRES(mu_);
  bool has_histogram_at(const HeadSeries& series, uint32_t slot, int64_t t_ms) TM_REQUIRES(mu_);
  void accept(HeadSeries& series, const LogSample& sample, const AppendRules& rules, AppendResult& result)
      TM_REQUIRES(mu_);
  void accept(HeadSeries& series, LogHistogram sample, const AppendRules& rules, AppendResult& result) TM_REQUIRES(mu_);
  // The value that counts at `t_ms`, if memory knows.
  std::optional<Value> find(const HeadSeries& series, uint32_t slot, int64_t t_ms) TM_REQUIRES(mu_);
  Position brought_by(const HeadSeries& series, uint32_t slot, int64_t t_ms) TM_REQUIRES(mu_);
  void add_mark(HeadSeries& series, uint32_t slot, const AppendRules& rules, AppendResult& result) TM_REQUIRES(mu_);
  void append_to_chunk(HeadSeries& series, uint32_t slot, int64_t t_ms, double v, int64_t start_ms) TM_REQUIRES(mu_);
  void add_start(HeadSeries& series, uint32_t slot, int64_t t_ms, int64_t start_ms) TM_REQUIRES(mu_);
  // The open chunk's start timestamps, encoded; the series has none afterwards.
  std::string take_starts(HeadSeries& series, uint32_t slot) TM_REQUIRES(mu_);
  void add_late(HeadSeries& series, uint32_t slot, const LateSample& sample) TM_REQUIRES(mu_);
  void seal(HeadSeries& series, uint32_t slot) TM_REQUIRES(mu_);
  void erase_open(HeadSeries& series, uint32_t slot, int64_t min_ms, int64_t max_ms) TM_REQUIRES(mu_);
  void erase_sealed(HeadExtra& more, int64_t min_ms, int64_t max_ms) TM_REQUIRES(mu_);
  void take_sealed(HeadSeries& series, uint32_t slot, const SealPolicy& policy, bool histograms, ShardCopy& out)
      TM_REQUIRES(mu_);
  size_t seal_bytes_min(uint64_t open_bytes_max) TM_REQUIRES(mu_);
  HeadExtra& extra(HeadSeries& series, uint32_t slot) TM_REQUIRES(mu_);  // Makes it.
  HeadExtra* extra_if(const HeadSeries& series, uint32_t slot) TM_REQUIRES(mu_);
  void drop_extra_if_empty(HeadSeries& series, uint32_t slot) TM_REQUIRES(mu_);
  void add_bytes(int64_t bytes) TM_REQUIRES(mu_) {
    head_bytes_.store(head_bytes_.load(std::memory_order_relaxed) + static_cast<uint64_t>(bytes),
                      std::memory_order_relaxed);
  }

  const uint16_t number_;
  static constexpr uint64_t kWaitingBytes = 300;
  std::atomic<uint64_t> head_bytes_{0};  // Written under mu_, as the next; read for metrics and budgets.
  std::atomic<uint64_t> waiting_{0};     // Chunks sealed since the last checkpoint.

  Mutex mu_;  // Taken after SeriesIndex::mu_. Never held across I/O.
  CondVar drained_;
  std::deque<HeadSeries> series_ TM_GUARDED_BY(mu_);  // By slot.
  absl::flat_hash_map<uint32_t, std::unique_ptr<HeadExtra>> extras_ TM_GUARDED_BY(mu_);
  std::vector<uint32_t> free_slots_ TM_GUARDED_BY(mu_);
  size_t inside_ TM_GUARDED_BY(mu_) = 0;
  bool draining_ TM_GUARDED_BY(mu_) = false;
};

}  // namespace tidemark::storage
