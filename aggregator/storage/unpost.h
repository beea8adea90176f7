// Unpost: takes series that have nothing left in a window out of its postings, so that labels which no other series has
// do not show. They are noted beside them, so that their records go with the window at the latest; a series that comes
// back is posted again.
#pragma once

#include <map>
#include <roaring/roaring.hh>
#include <string>

#include "aggregator/storage/ingest.h"
#include "aggregator/storage/keys.h"
#include "aggregator/storage/rocks.h"
#include "model/status.h"

namespace tidemark::storage {

// Postings keys of the window under which the series are: that of all series, and their label pairs'.
std::map<std::string, Roaring> postings_of(Rocks& rocks, Tier tier, Window window, const Roaring& ids);

// Writes what the key holds, and `added`, without `removed`, if that is a change. A value that does not read is left to
// be found by readers and repaired.
Status rewrite_postings(Rocks& rocks, Ingest& ingest, const std::string& key, const Roaring& added,
                        const Roaring& removed);

// Into the ingest's current file. REQUIRES: that is of postings, with no key behind unposted_key(tier, window) yet. For
// raw windows the checkpointer must be told (Checkpointer::not_posted()).
Status unpost(Rocks& rocks, Ingest& ingest, Tier tier, Window window, const Roaring& ids);

}  // namespace tidemark::storage
