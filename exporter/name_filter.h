// NameFilter: which devices or mount points a collector shows, by an RE2 pattern that matches anywhere in the name.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "model/status.h"

namespace re2 {
class RE2;
}

namespace tidemark::exporter {

struct FilterPatterns {
  std::string include;  // "": everything.
  std::string exclude;  // "": nothing.
};

// Any thread, but for release_cache().
class NameFilter {
 public:
  static Result<NameFilter> compile(const FilterPatterns& patterns);
  NameFilter(NameFilter&&) noexcept;
  NameFilter& operator=(NameFilter&&) noexcept;
  ~NameFilter();

  bool shows(std::string_view name) const;

  // Gives back what matching has cached, up to some 100 kB; the next match pays for it again. For those who match once
  // and remember the answers.
  void release_cache();

 private:
  NameFilter();

  std::unique_ptr<re2::RE2> include_;
  std::unique_ptr<re2::RE2> exclude_;
};

}  // namespace tidemark::exporter
