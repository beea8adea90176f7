#include "aggregator/storage/write_gate.h"

namespace tidemark::storage {
namespace {

std::string_view remedy(ReadOnlyReason reason) {
  switch (reason) {
    case ReadOnlyReason::kFailedWrite:
      return "it opens its files again and resumes by itself";
    case ReadOnlyReason::kDiskFull:
      return "it resumes by itself when there is space: delete other files, or lower the retention";
    case ReadOnlyReason::kDamaged:
      return "stop tidemark and run \"tidemark tsdb repair\", or restore a backup";
  }
  return "";
}

ReadOnlyReason reason_of(const Status& failure) {
  return failure.code() == Code::kCorruption ? ReadOnlyReason::kDamaged : ReadOnlyReason::kFailedWrite;
}

Status read_only(ReadOnlyReason reason, const Status& why) {
  return Status::read_only("storage takes no samples: " + why.message() + " (" + std::string(remedy(reason)) + ")");
}

}  // namespace

Status WriteGate::status() const {
  if (is_open()) return {};
  const MutexLock lock(mu_);
  for (size_t i = kReadOnlyReasonCount; i-- > 0;) {
    if (!reasons_[i].ok()) return read_only(static_cast<ReadOnlyReason>(i), reasons_[i]);
  }
  return {};
}

void WriteGate::close(ReadOnlyReason reason, const Status& why) {
  const MutexLock lock(mu_);
  Status& known = reasons_[static_cast<size_t>(reason)];
  if (!known.ok()) return;
  known = why;
  open_.store(false, std::memory_order_release);
  metrics_.read_only.Set(1);
  metrics_.read_only_reason[static_cast<size_t>(reason)]->Set(1);
  logger_.error("storage is read-only",
                {{"reason", read_only_reason_name(reason)}, {"err", why}, {"next", remedy(reason)}});
}

void WriteGate::open(ReadOnlyReason reason) {
  const MutexLock lock(mu_);
  Status& known = reasons_[static_cast<size_t>(reason)];
  if (known.ok()) return;
  known = {};
  metrics_.read_only_reason[static_cast<size_t>(reason)]->Set(0);
  for (const Status& other : reasons_) {
    if (!other.ok()) return;
  }
  open_.store(true, std::memory_order_release);
  metrics_.read_only.Set(0);
  logger_.info("storage takes samples again", {{"was", read_only_reason_name(reason)}});
}

Status Health::status() const {
  if (writable()) return {};
  const MutexLock lock(mu_);
  return read_only(reason_of(why_), why_);
}

bool Health::met_damage() const {
  if (writable()) return false;
  const MutexLock lock(mu_);
  return reason_of(why_) == ReadOnlyReason::kDamaged;
}

void Health::fail(const Status& why) {
  {
    const MutexLock lock(mu_);
    if (failed_) return;
    why_ = why;
    failed_.store(true, std::memory_order_release);
  }
  gate_.close(reason_of(why), why);
  if (failed_act_) failed_act_();
}

}  // namespace tidemark::storage
