// LentQuerier: an engine's querier that keeps the engine from being replaced while it lives.
#pragma once

#include <memory>
#include <utility>

#include "aggregator/storage/engine.h"
#include "aggregator/storage/querier.h"

namespace tidemark::storage {

class LentQuerier final : public Querier {
 public:
  explicit LentQuerier(std::shared_ptr<Engine> engine) : engine_(std::move(engine)), querier_(engine_->querier()) {}

  std::unique_ptr<SeriesSet> select(const std::vector<Matcher>& matchers, int64_t min_ms, int64_t max_ms,
                                    const SelectHints& hints, bool sorted) override {
    return querier_->select(matchers, min_ms, max_ms, hints, sorted);
  }
  Result<std::vector<std::string>> label_names(const std::vector<Matcher>& matchers, int64_t min_ms, int64_t max_ms,
                                               size_t limit) override {
    return querier_->label_names(matchers, min_ms, max_ms, limit);
  }
  Result<std::vector<std::string>> label_values(std::string_view name, const std::vector<Matcher>& matchers,
                                                int64_t min_ms, int64_t max_ms, size_t limit) override {
    return querier_->label_values(name, matchers, min_ms, max_ms, limit);
  }

 private:
  const std::shared_ptr<Engine> engine_;  // Goes last.
  const std::unique_ptr<Querier> querier_;
};

}  // namespace tidemark::storage
