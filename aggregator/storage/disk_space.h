// DiskSpace: whether the file system has room for more samples, and the reserve for when it has not.
//
//   <path>/tidemark.reserve   allocated, never written
//
// Samples are taken while the reserve is whole and at least `min_free_bytes` are free besides. Below half of that the
// reserve is freed: to open the store, to write alert state and to drop old data there must be space even when somebody
// else fills the disk. It is made whole, and samples are taken again, once twice `min_free_bytes` would be left. One
// thread.
#pragma once

#include <rocksdb/env.h>

#include <cstdint>
#include <string>

#include "aggregator/storage/metrics.h"
#include "model/log.h"
#include "model/status.h"

namespace tidemark::storage {

class DiskSpace {
 public:
  // Finds the reserve of an earlier process. `env` says how much is free.
  DiskSpace(std::string path, uint64_t min_free_bytes, rocksdb::Env& env, Metrics& metrics, Logger& logger);
  // Leaves the reserve, for a start on a full disk.
  ~DiskSpace() = default;

  // OK when samples may be taken; else kIo with the figures. The reserve has `reserve_bytes` at least when it is whole.
  Status check(uint64_t reserve_bytes);
  // The disk was full although there seemed to be room: frees the reserve.
  void use_reserve();
  // For a clean stop: the space goes back.
  void remove_reserve();

 private:
  uint64_t reserved() const;
  Status reserve(uint64_t bytes);

  const std::string path_;
  const std::string file_;
  const uint64_t min_free_bytes_;
  rocksdb::Env& env_;
  Metrics& metrics_;
  Logger& logger_;
  bool full_ = false;
  bool unsupported_ = false;  // The file system cannot reserve.
};

}  // namespace tidemark::storage
