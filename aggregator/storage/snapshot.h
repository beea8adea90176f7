// Snapshot: a copy of a data directory, made of hard links where the file system has them. The write-ahead log is in
// it, so the head is: opening it is as after a crash.
#pragma once

#include <string>

#include "aggregator/storage/data_dir.h"
#include "aggregator/storage/rocks.h"
#include "model/status.h"

namespace tidemark::storage {

inline constexpr char kSnapshotsFolder[] = "snapshots";
inline constexpr char kBackupSource[] = "backup";     // A snapshot that lives as long as a backup is made of it.
inline constexpr char kUnfinishedCopy[] = ".making";  // At the end of the name of one that is under way.

// Makes the data directory `to`, which must not exist; it appears whole or not at all. REQUIRES: nothing is ingested
// and the log is not trimmed meanwhile, for files are collected before the log is.
Status take_snapshot(Rocks& rocks, const DataDir& from, const std::string& to);

// What a process left of copies when it was killed: it would keep files alive that the store has long dropped.
// REQUIRES: no copy is under way.
void remove_unfinished_copies(const DataDir& dir);

}  // namespace tidemark::storage
