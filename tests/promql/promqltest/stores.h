// The stores a script can run over.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "aggregator/storage/appender.h"
#include "aggregator/storage/querier.h"
#include "model/status.h"

namespace tidemark::promqltest {

enum class StoreKind {
  kMemory,  // A map: fast, and nothing but the engine under test.
  kHead,    // The real store in a temporary directory, read from its head.
  kFiles,   // The same, closed and opened again between load and eval: read from files.
};

std::optional<StoreKind> store_kind_of(std::string_view name);  // "memory" "head" "files"

// What stays the same for the engine while scripts load into it and clear it. One thread.
class ScriptStore : public storage::Queryable {
 public:
  virtual Status clear() = 0;
  // All of the batch is stored, or why not.
  virtual Status load(storage::Batch& batch) = 0;
};

// Fails when a directory cannot be made or the store does not open.
Result<std::unique_ptr<ScriptStore>> make_script_store(StoreKind kind);

}  // namespace tidemark::promqltest
