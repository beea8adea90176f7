// HeadShard: the newest samples of one part of the series, in memory, behind one mutex. A series belongs to shard
// id % shards.
//
// A commit enters all shards it touches (in rising order), takes its position, appends, is logged, and leaves. A
// checkpoint drains a shard: newcomers wait, those inside leave; then the shard holds exactly what the log holds for it
// up to a position, and is copied.
#pragma once

#include <absl/container/inlined_vector.h>

#include <atomic>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "aggregator/storage/batch.h"
#include "aggregator/storage/checkpoint_record.h"
#include "aggregator/storage/keys.h"
#include "aggregator/storage/log_record.h"
#include "aggregator/storage/open_chunk.h"
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
};

struct AppendResult {
  std::vector<LogSample> accepted;
  std::vector<SeriesId> undefined;  // Series whose record may not be in the log yet: write it with this commit.
  Position tied_to = 0;             // See CommitOrder.
};

struct HeadCopy {
  std::vector<OwnedChunk> chunks;        // Oldest first.
  int64_t visible_until_ms = INT64_MAX;  // Later samples came after the view, wherever they are by now.
};

// Which open chunks a checkpoint seals.
struct SealPolicy {
  bool all = false;
  uint64_t open_bytes_max = UINT64_MAX;  // Of the shard; beyond it the longest are sealed.
  uint32_t idle_before_s = 0;            // Series without an append since.
  int64_t oldest_ms = INT64_MIN;         // Chunks that end before belong to dropped windows and vanish.
};

struct SealedChunk {
  SeriesId series = 0;
  OwnedChunk chunk;
};

// A shard as a checkpoint writes it. In no order.
struct ShardCopy {
  Position position = 0;
  std::vector<SealedChunk> sealed;
  std::vector<std::pair<SeriesId, std::string>> open;  // Changed since the last checkpoint, serialized.
  std::vector<std::pair<SeriesId, Tail>> tails;        // Have no open chunk any more.
  std::vector<SeriesId> closed;  // Of those, the ones whose open chunk lies in the last checkpoint.
  std::vector<SeriesId> idle;    // Have nothing open and had no append for long.
};

class HeadShard {
 public:
  explicit HeadShard(uint16_t number) : number_(number) {}
  HeadShard(const HeadShard&) = delete;
  HeadShard& operator=(const HeadShard&) = delete;

  uint16_t number() const { return number_; }

  // Makes room for a series and returns its slot. `defined`: its record is in the log or in files.
  uint32_t add_series(SeriesId id, const Tail& tail, bool defined, uint32_t now_s);
  // After a commit that carried their records is in the log.
  void set_defined(std::span<const SeriesRef> refs);

  void enter();
  void leave();
  // Decides about each of the batch's samples named and appends what is good. REQUIRES: entered.
  void append(Batch& batch, std::span<const uint32_t> samples, const AppendRules& rules, AppendResult& result);

  // Recovery only. Skips a sample that is there, takes one in any order.
  void load_open_chunk(uint32_t slot, OpenChunk chunk);
  void replay(uint32_t slot, int64_t t_ms, double v);

  // Nothing when the slot holds another series by now.
  std::optional<HeadCopy> copy(SeriesId id, uint32_t slot, int64_t min_ms, int64_t max_ms, Position view);

  // Drains, then copies. `position` is asked once nobody is inside. One checkpoint at a time.
  ShardCopy checkpoint(const SealPolicy& policy, const std::function<Position()>& position);
  // The copy is in files: what it sealed leaves memory.
  void checkpoint_done(const ShardCopy& copy);
  // Frees the slot if the series has nothing in memory and had no append since `idle_before_s`.
  bool remove_idle(SeriesId id, uint32_t slot, uint32_t idle_before_s);

  uint64_t head_bytes() const { return head_bytes_.load(std::memory_order_relaxed); }
  int64_t oldest_ms();  // Of all samples here; INT64_MAX when there are none.

 private:
  // Samples later than `before_ms` came with commit `position` or later ones. Only as many as an open view may need.
  struct Mark {
    Position position;
    int64_t before_ms;
  };
  struct Series {
    SeriesId id = 0;  // 0: the slot is free.
    uint32_t touched_s = 0;
    bool defined = false;
    bool changed = false;       // Since the last checkpoint.
    bool checkpointed = false;  // The checkpoints family holds an open chunk of it.
    Tail last;
    OpenChunk open;
    std::vector<OwnedChunk> sealed;  // Until a checkpoint has them in files.
    absl::InlinedVector<Mark, 1> marks;
  };

  Outcome append_one(Series& series, int64_t t_ms, const Value& value, const AppendRules& rules, AppendResult& result)
      TM_REQUIRES(mu_);
  void append_to_chunk(Series& series, int64_t t_ms, double v) TM_REQUIRES(mu_);
  void seal(Series& series) TM_REQUIRES(mu_);
  size_t seal_bytes_min(uint64_t open_bytes_max) TM_REQUIRES(mu_);

  const uint16_t number_;
  std::atomic<uint64_t> head_bytes_{0};  // Written under mu_; read for metrics and budgets.

  Mutex mu_;  // Taken after SeriesIndex::mu_. Never held across I/O.
  CondVar drained_;
  std::deque<Series> series_ TM_GUARDED_BY(mu_);  // By slot.
  std::vector<uint32_t> free_slots_ TM_GUARDED_BY(mu_);
  size_t inside_ TM_GUARDED_BY(mu_) = 0;
  bool draining_ TM_GUARDED_BY(mu_) = false;
};

}  // namespace tidemark::storage
