// The child: opens the store, says what it finds there, and writes until it is killed.
#pragma once

#include <cstdint>
#include <string>

#include "tests/crash/ledger.h"

namespace tidemark::crash {

// What a child writes into its pipe, whole each time.
struct Message {
  enum class Kind : uint64_t {
    kWhole,   // After opening: the operation that was under way is there.
    kAbsent,  // It is not.
    kDone,    // Operation n is acknowledged.
    kWrong,   // Text follows, `n` bytes of it: what is wrong.
  };
  Kind kind = Kind::kDone;
  uint64_t n = 0;
};

struct WriterTask {
  std::string path;
  uint64_t seed = 0;
  uint64_t next = 0;  // The operation that may have been under way when the writer before died.
  Ledger ledger;      // All before it.
};

// Does not return. REQUIRES: nobody has used RocksDB in this process before.
[[noreturn]] void write_until_killed(WriterTask task, int pipe);

}  // namespace tidemark::crash
