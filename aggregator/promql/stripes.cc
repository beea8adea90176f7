#include "aggregator/promql/stripes.h"

#include <atomic>
#include <exception>
#include <new>
#include <utility>
#include <vector>

#include "aggregator/promql/helpers.h"
#include "model/mutex.h"

namespace tidemark::promql {
namespace {

// Fewer are done before a helper is awake.
constexpr size_t kStripesMin = 4;
// Stripes begun or waiting for the sink, for each thread: more would be memory, less would make them wait.
constexpr size_t kStripesAhead = 3;

// All series of a stripe that have something, with memory that is used again.
struct Block {
  std::vector<Series> series;
  size_t size = 0;
  Annotations messages;
  Status status;
};

// One query's work on one set: helpers and the query's own thread take stripes, the latter hands them on.
class StripedRun final : public Job {
 public:
  StripedRun(QueryContext& context, storage::SeriesSet& set, size_t steps, const MakeSeriesWork& make)
      : context_(context),
        set_(set),
        steps_(steps),
        make_(make),
        stripes_(set.stripes()),
        slots_(kStripesAhead * (context.helpers()->count() + 1)) {}

  ~StripedRun() override { context_.release(0, charged_); }
  StripedRun(const StripedRun&) = delete;
  StripedRun& operator=(const StripedRun&) = delete;

  // REQUIRES: on the query's thread; called once.
  Status lead(SeriesSink& sink) {
    Status status;
    {
      const Helpers::Loan loan(*context_.helpers(), *this, stripes_ - 1);
      const Stop stop(*this);  // Before the loan waits for its helpers, also when a sink throws.
      status = hand_on(sink);
    }
    for (const auto& reader : readers_) add_messages(context_, *reader);
    return status;
  }

  void help() override {
    Hand hand(&context_);
    const MutexLock lock(mu_);
    while (!stopped_ && next_ < stripes_) {
      if (can_begin()) {
        work_on_next(hand);
      } else {
        wait();
      }
    }
  }

 private:
  class Stop {
   public:
    explicit Stop(StripedRun& run) : run_(run) {}
    ~Stop() {
      const MutexLock lock(run_.mu_);
      run_.stopped_ = true;
      run_.changed_.notify_all();
    }
    Stop(const Stop&) = delete;
    Stop& operator=(const Stop&) = delete;

   private:
    StripedRun& run_;
  };
  // Lets go of a lock that is held.
  class Unlocked {
   public:
    explicit Unlocked(Mutex& mu) : mu_(mu) { mu_.unlock(); }
    ~Unlocked() { mu_.lock(); }
    Unlocked(const Unlocked&) = delete;
    Unlocked& operator=(const Unlocked&) = delete;

   private:
    Mutex& mu_;
  };

  enum class State { kFree, kBegun, kDone };
  struct Slot {
    State state = State::kFree;
    Block block;
  };
  // What one thread works with; made when it has something to do.
  struct Hand {
    explicit Hand(QueryContext* query) : context(query) {}
    storage::StripedSet* reader = nullptr;
    QueryContext context;
    std::unique_ptr<SeriesWork> work;
  };

  Slot& slot(size_t stripe) { return slots_[stripe % slots_.size()]; }
  bool can_begin() const TM_REQUIRES(mu_) { return next_ < stripes_ && next_ < handed_on_ + slots_.size(); }

  Status hand_on(SeriesSink& sink) {
    Hand hand(&context_);
    const MutexLock lock(mu_);
    while (handed_on_ < stripes_) {
      Slot& oldest = slot(handed_on_);
      if (oldest.state == State::kDone) {
        if (Status status = consume(oldest.block, sink); !status.ok()) return status;
        oldest.state = State::kFree;
        ++handed_on_;
        tell();
      } else if (can_begin()) {
        work_on_next(hand);
      } else {
        wait();
      }
    }
    return {};
  }

  void work_on_next(Hand& hand) TM_REQUIRES(mu_) {
    const size_t stripe = next_++;
    Slot& mine = slot(stripe);
    mine.state = State::kBegun;
    {
      const Unlocked unlocked(mu_);
      mine.block.status = work_on(hand, stripe, mine.block);
    }
    mine.state = State::kDone;
    tell();
  }

  // Nobody waits most of the time, and stripes may be short.
  void wait() TM_REQUIRES(mu_) {
    ++waiting_;
    changed_.wait(mu_);
    --waiting_;
  }
  void tell() TM_REQUIRES(mu_) {
    if (waiting_ > 0) changed_.notify_all();
  }

  // Does not throw: on a helper's thread nobody would catch it.
  Status work_on(Hand& hand, size_t stripe, Block& block) {
    block.size = 0;
    try {
      if (!hand.work) hand.work = make_(hand.context);
      if (hand.reader == nullptr) hand.reader = add_reader();
      Status status = fill(hand, stripe, block);
      block.messages = std::exchange(hand.context.annotations(), {});
      return status;
    } catch (const std::bad_alloc&) {
      return Status::limit("out of memory in query execution");
    } catch (const std::exception& error) {
      return Status::internal(error.what());
    }
  }

  storage::StripedSet* add_reader() {
    auto reader = set_.stripe_reader();
    const MutexLock lock(mu_);
    readers_.push_back(std::move(reader));
    return readers_.back().get();
  }

  Status fill(Hand& hand, size_t stripe, Block& block) {
    storage::StripedSet& set = *hand.reader;
    set.begin_stripe(stripe);
    if (Status status = hand.context.poll(); !status.ok()) return status;
    Pace pace(hand.context);
    while (set.next()) {
      if (Status status = pace.turn(kSeriesWork); !status.ok()) return status;
      if (block.size == block.series.size()) {
        if (Status status = context_.charge(0, Column::bytes(steps_)); !status.ok()) return status;
        charged_ += Column::bytes(steps_);
        block.series.emplace_back();
      }
      Series& series = block.series[block.size];
      if (Status status = hand.work->compute(set, series.column); !status.ok()) return status;
      if (!series.column.any()) continue;
      series.labels.assign(set.labels());
      series.drop_name = false;
      ++block.size;
    }
    return set.status();
  }

  Status consume(Block& block, SeriesSink& sink) TM_REQUIRES(mu_) {
    const Unlocked unlocked(mu_);
    if (Status status = context_.poll(); !status.ok()) return status;
    context_.annotations().merge(std::move(block.messages));
    for (size_t i = 0; i < block.size; ++i) {
      if (Status status = sink.consume(block.series[i]); !status.ok()) return status;
    }
    return block.status;
  }

  QueryContext& context_;
  storage::SeriesSet& set_;
  const size_t steps_;
  const MakeSeriesWork& make_;
  const size_t stripes_;
  std::atomic<size_t> charged_{0};  // For the columns of all blocks.
  Mutex mu_;
  CondVar changed_;
  std::vector<Slot> slots_;  // Of stripes [handed_on_, next_); a slot that is begun belongs to who began it.
  size_t next_ TM_GUARDED_BY(mu_) = 0;
  size_t handed_on_ TM_GUARDED_BY(mu_) = 0;
  size_t waiting_ TM_GUARDED_BY(mu_) = 0;
  bool stopped_ TM_GUARDED_BY(mu_) = false;
  std::vector<std::unique_ptr<storage::StripedSet>> readers_ TM_GUARDED_BY(mu_);
};

Status push_alone(QueryContext& context, storage::SeriesSet& set, size_t steps, SeriesWork& work, SeriesSink& sink) {
  Charge charge(context);
  if (Status status = charge.add(0, Column::bytes(steps)); !status.ok()) return status;
  Series series;
  Pace pace(context);
  while (set.next()) {
    if (Status status = pace.turn(kSeriesWork); !status.ok()) return status;
    if (Status status = work.compute(set, series.column); !status.ok()) return status;
    if (!series.column.any()) continue;
    series.labels.assign(set.labels());
    series.drop_name = false;
    if (Status status = sink.consume(series); !status.ok()) return status;
  }
  return set.status();
}

}  // namespace

Status push_series(QueryContext& context, storage::SeriesSet& set, size_t steps, const MakeSeriesWork& make,
                   SeriesSink& sink) {
  Status status;
  if (context.helpers() != nullptr && context.helpers()->count() > 0 && set.stripes() >= kStripesMin) {
    status = StripedRun(context, set, steps, make).lead(sink);
  } else {
    status = push_alone(context, set, steps, *make(context), sink);
  }
  add_messages(context, set);
  return status;
}

void add_messages(QueryContext& context, const storage::SeriesSet& set) {
  for (std::string& warning : set.warnings()) context.annotations().warn(std::move(warning), 0);
  for (std::string& info : set.infos()) context.annotations().info(std::move(info), 0);
}

}  // namespace tidemark::promql
