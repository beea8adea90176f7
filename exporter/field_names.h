// FieldNames: a file's field names as metric names, and whether a filter shows them, worked out once. The kernel prints
// the same fields in the same order each time, so a field is found by its place, and its name only compared.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

namespace tidemark::exporter {

struct FieldName {
  std::string group;  // What is in front of the field in the file, for example "Tcp"; may be "".
  std::string field;
  std::string metric;  // Need not be set unless `shown`: most fields are not, and names cost memory.
  std::string help;
  bool shown = true;
};

// One thread at a time.
class FieldNames {
 public:
  void begin() {
    next_ = 0;
    learned_ = false;
  }
  // Whether a field was named since begin(). Mostly that is so once, so what naming needs may be given back.
  bool learned() const { return learned_; }

  // The next field of the file. `name_it` fills a FieldName whose group and field are set. Valid until the next call.
  template <class F>
  const FieldName& next(std::string_view group, std::string_view field, F&& name_it) {
    if (next_ == fields_.size()) fields_.emplace_back();
    FieldName& known = fields_[next_++];
    if (known.field != field || known.group != group) {
      known = {std::string(group), std::string(field), "", "", true};
      name_it(known);
      learned_ = true;
    }
    return known;
  }

 private:
  std::vector<FieldName> fields_;
  size_t next_ = 0;
  bool learned_ = false;
};

}  // namespace tidemark::exporter
