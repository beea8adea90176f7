// Snapshot: a copy of a data directory, made of hard links where the file system has them. The write-ahead log is in
// it, so the head is: opening it is as after a crash.
#pragma once

#include <string>

#include "aggregator/storage/data_dir.h"
#include "aggregator/storage/rocks.h"
#include "model/status.h"

namespace tidemark::storage {

inline constexpr char kSnapshotsFolder[] = "snapshots";

// Makes the data directory `to`, which must not exist; it appears whole or not at all. REQUIRES: nothing is ingested
// and the log is not trimmed meanwhile, for files are collected before the log is.
Status take_snapshot(Rocks& rocks, const DataDir& from, const std::string& to);

}  // namespace tidemark::storage
