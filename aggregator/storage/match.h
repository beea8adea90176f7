// Which series match: set algebra on postings, wherever they lie.
#pragma once

#include <functional>
#include <roaring/roaring.hh>
#include <string_view>
#include <vector>

#include "model/matcher.h"
#include "model/status.h"

namespace tidemark::storage {

// Postings of one place: the head, or one window of the files. May name too many series, never too few.
class PostingsSource {
 public:
  virtual ~PostingsSource() = default;

  virtual Result<Roaring> all() = 0;
  virtual Result<Roaring> pair(std::string_view name, std::string_view value) = 0;
  // Calls `visit` for each value of the name that begins with `prefix`, in order, until it returns false.
  // `ids` reads that value's postings; it is good only during the visit.
  using Visit = std::function<bool(std::string_view value, const std::function<Result<Roaring>()>& ids)>;
  virtual Status values(std::string_view name, std::string_view prefix, const Visit& visit) = 0;
};

// The series that every matcher accepts; all for no matcher. An absent label counts as "", so {a=""}, {a!="x"} and
// {a=~".*"} accept series without it.
Result<Roaring> match(PostingsSource& source, const std::vector<Matcher>& matchers);

}  // namespace tidemark::storage
