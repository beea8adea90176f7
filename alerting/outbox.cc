#include "alerting/outbox.h"

#include <fmt/format.h>

#include <charconv>

#include "model/varint.h"
#include "net/http_message.h"

namespace tidemark::alerting {
namespace {

std::string encode_message(const OutboxMessage& message) {
  std::string out;
  append_prefixed(out, message.idempotency_key);
  out += message.body;
  return out;
}

}  // namespace

Outbox::Outbox(std::string name, size_t messages_max, size_t bytes_max, storage::StateStore& state)
    : name_(std::move(name)),
      prefix_(fmt::format("{}{}/", kOutboxPrefix, net::url_encode(name_))),
      messages_max_(messages_max),
      bytes_max_(bytes_max),
      state_(state) {}

Status Outbox::load() {
  auto left = state_.scan_state(prefix_);
  if (!left) return left.error();
  const MutexLock lock(mu_);
  for (auto& [key, value] : *left) {
    const std::string_view number = std::string_view(key).substr(prefix_.size());
    uint64_t sequence = 0;
    std::string_view rest = value;
    std::string_view idempotency_key;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), sequence);
    if (error != std::errc() || end != number.data() + number.size() || !take_prefixed(rest, idempotency_key)) {
      return Status::corruption(fmt::format("undelivered message {}", key));
    }
    next_sequence_ = sequence + 1;
    bytes_ += rest.size();
    messages_.push_back({key, std::string(idempotency_key), std::string(rest)});
  }
  published_ = messages_.size();
  return {};
}

size_t Outbox::stage(std::string body, int64_t now_ms, std::vector<storage::StateChange>& changes) {
  const MutexLock lock(mu_);
  // Twenty digits hold every sequence number, so that keys sort as numbers do.
  OutboxMessage message{fmt::format("{}{:020}", prefix_, next_sequence_),
                        fmt::format("{}-{}-{}", net::url_encode(name_), now_ms, next_sequence_), std::move(body)};
  ++next_sequence_;
  bytes_ += message.body.size();
  changes.push_back({message.state_key, encode_message(message)});
  messages_.push_back(std::move(message));

  size_t dropped = 0;
  const auto over = [&] { return messages_.size() > messages_max_ || bytes_ > bytes_max_; };
  while (over() && messages_.size() > 1 + (sending_ ? 1 : 0)) {
    const auto oldest = messages_.begin() + (sending_ ? 1 : 0);
    bytes_ -= oldest->body.size();
    changes.push_back({oldest->state_key, std::nullopt});
    if (published_ > (sending_ ? 1u : 0u)) --published_;
    messages_.erase(oldest);
    ++dropped;
  }
  return dropped;
}

void Outbox::publish() {
  const MutexLock lock(mu_);
  published_ = messages_.size();
}

std::optional<OutboxMessage> Outbox::front() const {
  const MutexLock lock(mu_);
  if (published_ == 0) return std::nullopt;
  sending_ = true;
  return messages_.front();
}

Status Outbox::pop() {
  std::string key;
  {
    const MutexLock lock(mu_);
    key = messages_.front().state_key;
  }
  Status status = state_.write_state({{std::move(key), std::nullopt}});
  const MutexLock lock(mu_);
  bytes_ -= messages_.front().body.size();
  messages_.pop_front();
  --published_;
  sending_ = false;
  return status;
}

void Outbox::append_deletions(std::vector<storage::StateChange>& changes) const {
  const MutexLock lock(mu_);
  for (const OutboxMessage& message : messages_) changes.push_back({message.state_key, std::nullopt});
}

size_t Outbox::size() const {
  const MutexLock lock(mu_);
  return messages_.size();
}

size_t Outbox::bytes() const {
  const MutexLock lock(mu_);
  return bytes_;
}

}  // namespace tidemark::alerting
