#include "aggregator/storage/postings.h"

#include "aggregator/storage/chunk.h"
#include "aggregator/storage/keys.h"
#include "aggregator/storage/lifetimes.h"
#include "model/varint.h"

namespace tidemark::storage {
namespace {

// Unites the bitmaps of `value` into `ids`; what does not read goes to `unread`.
void unite(std::string_view value, Roaring& ids, std::string& unread) {
  while (!value.empty()) {
    std::string_view bytes;
    if (!take_prefixed(value, bytes)) {
      unread += value;
      return;
    }
    std::string_view bitmap = bytes;
    try {
      if (take_checksum(bitmap)) {
        ids |= Roaring::readSafe(bitmap.data(), bitmap.size());
        continue;
      }
    } catch (const std::exception&) {
    }
    append_prefixed(unread, bytes);
  }
}

class PostingsMergeOperator final : public rocksdb::MergeOperator {
 public:
  const char* Name() const override { return "tidemark.postings.2"; }

  bool FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const override {
    if (is_lifetimes_key({in.key.data(), in.key.size()})) {
      std::string all;
      if (in.existing_value != nullptr) all = in.existing_value->ToString();
      for (const rocksdb::Slice& operand : in.operand_list) all.append(operand.data(), operand.size());
      out->new_value = join_lifetimes(all);
      return true;
    }
    Roaring ids;
    std::string unread;
    if (in.existing_value != nullptr) unite({in.existing_value->data(), in.existing_value->size()}, ids, unread);
    for (const rocksdb::Slice& operand : in.operand_list) unite({operand.data(), operand.size()}, ids, unread);
    out->new_value = encode_postings(ids) + unread;
    return true;
  }

  bool PartialMergeMulti(const rocksdb::Slice& key, const std::deque<rocksdb::Slice>& operands, std::string* joined,
                         rocksdb::Logger*) const override {
    if (is_lifetimes_key({key.data(), key.size()})) {
      std::string all;
      for (const rocksdb::Slice& operand : operands) all.append(operand.data(), operand.size());
      *joined = join_lifetimes(all);
      return true;
    }
    Roaring ids;
    std::string unread;
    for (const rocksdb::Slice& operand : operands) unite({operand.data(), operand.size()}, ids, unread);
    *joined = encode_postings(ids) + unread;
    return true;
  }
};

}  // namespace

std::string encode_postings(const Roaring& ids) {
  Roaring packed = ids;
  packed.runOptimize();
  std::string bytes(packed.getSizeInBytes(), '\0');
  packed.write(bytes.data());
  append_checksum(bytes);
  std::string out;
  append_prefixed(out, bytes);
  return out;
}

Result<Roaring> parse_postings(std::string_view value) {
  Roaring ids;
  std::string unread;
  unite(value, ids, unread);
  if (!unread.empty()) return fail(Status::corruption("postings: a bitmap does not read"));
  return ids;
}

std::shared_ptr<rocksdb::MergeOperator> make_postings_merge_operator() {
  return std::make_shared<PostingsMergeOperator>();
}

}  // namespace tidemark::storage
