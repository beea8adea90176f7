// Postings values: one or more Roaring bitmaps (portable format, https://github.com/RoaringBitmap/RoaringFormatSpec),
//
//   (varint(bytes) | bitmap | checksum:4 (as in chunk.h))*
//
// whose union counts. The checksum is theirs, though RocksDB has one too: Roaring reads bitmaps that miscount
// themselves, and uniting them crashes. A checkpoint adds to a window's postings with a merge record; RocksDB joins
// them as it compacts, which for bytes like these is to write one behind the other, so it cannot fail; the operator
// below also unites what it can read. What does not read is kept as it is, for a reader to report.
#pragma once

#include <rocksdb/merge_operator.h>

#include <memory>
#include <roaring/roaring.hh>
#include <string>
#include <string_view>

#include "model/status.h"

namespace tidemark::storage {

std::string encode_postings(const Roaring& ids);
Result<Roaring> parse_postings(std::string_view value);

std::shared_ptr<rocksdb::MergeOperator> make_postings_merge_operator();

}  // namespace tidemark::storage
