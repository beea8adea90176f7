#include "aggregator/storage/match.h"

#include <algorithm>

namespace tidemark::storage {
namespace {

// Series whose value of the matcher's name is there and (un)wanted.
Result<Roaring> ids_by_value(PostingsSource& source, const Matcher& matcher, bool accepted) {
  if (accepted && matcher.op() == MatchOp::kEqual) return source.pair(matcher.name(), matcher.value());
  if (!accepted && matcher.op() == MatchOp::kNotEqual) return source.pair(matcher.name(), matcher.value());
  // Alternatives of literal text: look them up. Of a negated matcher they are what it rejects.
  if (!matcher.literals().empty() && accepted != matcher.is_negative()) {
    Roaring ids;
    for (const std::string& literal : matcher.literals()) {
      if (literal.empty()) continue;
      Result<Roaring> some = source.pair(matcher.name(), literal);
      if (!some) return some;
      ids |= *some;
    }
    return ids;
  }
  Roaring ids;
  Status failed;
  const bool prefixed = accepted != matcher.is_negative();
  const Status status =
      source.values(matcher.name(), prefixed ? std::string_view(matcher.prefix()) : std::string_view(),
                    [&](std::string_view value, const std::function<Result<Roaring>()>& read) {
                      if (matcher.matches(value) != accepted) return true;
                      Result<Roaring> some = read();
                      if (!some) {
                        failed = some.error();
                        return false;
                      }
                      ids |= *some;
                      return true;
                    });
  if (!status.ok()) return fail(status);
  if (!failed.ok()) return fail(failed);
  return ids;
}

}  // namespace

Result<Roaring> match(PostingsSource& source, const std::vector<Matcher>& matchers) {
  // A matcher that accepts "" accepts series without the label, so it can only take series away.
  std::vector<const Matcher*> selecting;
  std::vector<const Matcher*> removing;
  for (const Matcher& matcher : matchers) (matcher.matches_empty() ? removing : selecting).push_back(&matcher);
  // Cheap and narrow ones first.
  std::stable_sort(selecting.begin(), selecting.end(), [](const Matcher* a, const Matcher* b) {
    const auto rank = [](const Matcher& m) { return m.op() == MatchOp::kEqual ? 0 : m.literals().empty() ? 2 : 1; };
    return rank(*a) < rank(*b);
  });

  Roaring ids;
  bool first = true;
  for (const Matcher* matcher : selecting) {
    Result<Roaring> some = ids_by_value(source, *matcher, true);
    if (!some) return some;
    if (first) {
      ids = std::move(*some);
      first = false;
    } else {
      ids &= *some;
    }
    if (ids.isEmpty()) return ids;
  }
  if (first) {
    Result<Roaring> all = source.all();
    if (!all) return all;
    ids = std::move(*all);
  }
  for (const Matcher* matcher : removing) {
    Result<Roaring> some = ids_by_value(source, *matcher, false);
    if (!some) return some;
    ids -= *some;
  }
  return ids;
}

}  // namespace tidemark::storage
