#include "exporter/name_filter.h"

#include <fmt/format.h>
#include <re2/re2.h>

namespace tidemark::exporter {
namespace {

Result<std::unique_ptr<re2::RE2>> compiled(const std::string& pattern) {
  if (pattern.empty()) return std::unique_ptr<re2::RE2>();
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  auto regex = std::make_unique<re2::RE2>(pattern, options);
  if (!regex->ok())
    return fail(Status::invalid(fmt::format("bad regular expression \"{}\": {}", pattern, regex->error())));
  return regex;
}

}  // namespace

NameFilter::NameFilter() = default;
NameFilter::NameFilter(NameFilter&&) noexcept = default;
NameFilter& NameFilter::operator=(NameFilter&&) noexcept = default;
NameFilter::~NameFilter() = default;

Result<NameFilter> NameFilter::compile(const FilterPatterns& patterns) {
  NameFilter filter;
  auto include = compiled(patterns.include);
  if (!include) return fail(include.error());
  filter.include_ = std::move(*include);
  auto exclude = compiled(patterns.exclude);
  if (!exclude) return fail(exclude.error());
  filter.exclude_ = std::move(*exclude);
  return filter;
}

bool NameFilter::shows(std::string_view name) const {
  const re2::StringPiece piece(name.data(), name.size());
  if (include_ != nullptr && !re2::RE2::PartialMatch(piece, *include_)) return false;
  return exclude_ == nullptr || !re2::RE2::PartialMatch(piece, *exclude_);
}

void NameFilter::release_cache() {
  // RE2 keeps the states of its automaton as long as it lives.
  for (auto* regex : {&include_, &exclude_}) {
    if (*regex == nullptr) continue;
    auto fresh = compiled((*regex)->pattern());
    if (fresh) *regex = std::move(*fresh);
  }
}

}  // namespace tidemark::exporter
