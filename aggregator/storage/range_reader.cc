#include "aggregator/storage/range_reader.h"

#include "aggregator/storage/salvage_reader.h"

namespace tidemark::storage {

RangeReader::RangeReader(Rocks& rocks, Family family, const rocksdb::ReadOptions& options)
    : rocks_(rocks), family_(family), options_(options), at_(iterator()) {}

std::unique_ptr<rocksdb::Iterator> RangeReader::iterator() {
  return std::unique_ptr<rocksdb::Iterator>(rocks_.db().NewIterator(options_, rocks_.family(family_)));
}

Status RangeReader::read(const std::string& from, const Visit& visit) {
  std::string last;
  for (at_->Seek(from); at_->Valid(); at_->Next()) {
    if (!visit(view(at_->key()), view(at_->value()))) return {};
    last.assign(at_->key().data(), at_->key().size());
  }
  const rocksdb::Status status = at_->status();
  if (!is_damage(status)) return to_status(status, "reading " + rocks_.family(family_)->GetName());
  rocks_.report_damage("starting", status.ToString());
  met_damage_ = true;
  at_ = iterator();
  read_files(from, last, visit);
  return {};
}

void RangeReader::read_files(const std::string& from, const std::string& after, const Visit& visit) {
  SalvageReader reader(rocks_, family_);
  while (reader.next()) {
    if (reader.key() < from || (!after.empty() && reader.key() <= after)) continue;
    if (!visit(reader.key(), reader.value())) break;
  }
}

}  // namespace tidemark::storage
