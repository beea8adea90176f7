// Delete record: what one delete takes away, as it lies in the log family under its position.
//
//   format:1 (1) | type:1 (1: deletes) | entries | checksum:4 (as in chunk.h)
//   entry   signed varint(first ms) | varint(last - first) | varint(bytes) bitmap of series (as in postings.h)
//
// See log_record.h for records of samples.
#pragma once

#include <cstdint>
#include <roaring/roaring.hh>
#include <string>
#include <string_view>
#include <vector>

#include "model/status.h"

namespace tidemark::storage {

struct LogDelete {
  int64_t min_ms = 0;  // Inclusive both.
  int64_t max_ms = 0;
  Roaring ids;
};

// Whether the record begins like one of these.
bool is_delete_record(std::string_view record);
std::string encode_delete_record(const std::vector<LogDelete>& deletes);
Result<std::vector<LogDelete>> decode_delete_record(std::string_view record);

}  // namespace tidemark::storage
