#include "aggregator/promql/helpers.h"

#include <prometheus/gauge.h>
#include <pthread.h>
#include <sys/resource.h>

namespace tidemark::promql {
namespace {

constexpr int kNiceness = 5;

}  // namespace

Helpers::Helpers(unsigned threads, prometheus::Gauge& busy) : busy_(busy) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

Helpers::~Helpers() {
  {
    const MutexLock lock(mu_);
    stopping_ = true;
  }
  offered_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Helpers::Loan::Loan(Helpers& helpers, Job& job, size_t helpers_max)
    : helpers_(helpers), job_(job), wanted_(helpers_max) {
  {
    const MutexLock lock(helpers_.mu_);
    place_ = helpers_.offers_.insert(helpers_.offers_.end(), this);
  }
  helpers_.offered_.notify_all();
}

Helpers::Loan::~Loan() {
  const MutexLock lock(helpers_.mu_);
  if (wanted_ > 0) helpers_.offers_.erase(place_);
  wanted_ = 0;
  while (at_work_ > 0) helpers_.ended_.wait(helpers_.mu_);
}

void Helpers::run() {
  pthread_setname_np(pthread_self(), "query-helper");
  // Of this thread alone, on Linux. Without it, it works too.
  static_cast<void>(setpriority(PRIO_PROCESS, 0, kNiceness));
  const MutexLock lock(mu_);
  for (;;) {
    while (offers_.empty() && !stopping_) offered_.wait(mu_);
    if (stopping_) return;
    Loan& loan = *offers_.front();
    if (--loan.wanted_ == 0) offers_.pop_front();
    ++loan.at_work_;
    mu_.unlock();
    busy_.Increment();
    loan.job_.help();
    busy_.Decrement();
    mu_.lock();
    if (--loan.at_work_ == 0) ended_.notify_all();
  }
}

}  // namespace tidemark::promql
