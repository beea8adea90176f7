// Unpost: takes series that have nothing left in a window out of the postings of their label pairs there, so that
// labels which no other series has do not show. The window's list of all series keeps them: their records go with it.
#pragma once

#include <roaring/roaring.hh>

#include "aggregator/storage/ingest.h"
#include "aggregator/storage/keys.h"
#include "aggregator/storage/rocks.h"
#include "model/status.h"

namespace tidemark::storage {

// Into the ingest's current file. REQUIRES: that is of postings, with no key behind all_postings_key(window) yet. The
// checkpointer must be told (Checkpointer::not_posted()).
Status unpost(Rocks& rocks, Ingest& ingest, Window window, const Roaring& ids);

}  // namespace tidemark::storage
