#include "aggregator/api/series_handlers.h"

#include <fmt/format.h>

#include <set>

#include "aggregator/api/json_writer.h"
#include "aggregator/api/parameters.h"
#include "aggregator/promql/quote.h"
#include "model/utf8.h"

namespace tidemark::api {
namespace {

constexpr std::string_view kTruncated = "results truncated due to limit";
constexpr size_t kWarningsMax = 10;  // Shown, as by the engine.

// What the three handlers have in common.
struct Selection {
  size_t limit = 0;
  TimeRange range;
  std::vector<std::vector<Matcher>> sets;

  size_t limit_hint() const { return limit == 0 ? 0 : limit + 1; }  // One more shows that there is more.
};

enum class MatchErrors { kNameParameter, kPlain };

tl::expected<Selection, Error> read_selection(const Parameters& parameters, MatchErrors errors) {
  Selection selection;
  const auto limit = parameters.limit();
  if (!limit) return refuse(limit.error());
  selection.limit = *limit;
  const auto range = parameters.start_and_end();
  if (!range) return refuse(range.error());
  selection.range = *range;
  auto sets = parameters.matcher_sets();
  if (!sets) {
    const std::string& message = sets.error().message();
    if (errors == MatchErrors::kNameParameter) return refuse(bad_parameter("match[]", message));
    return refuse({ErrorType::kBadData, message});
  }
  selection.sets = std::move(*sets);
  return selection;
}

// Appends the texts as the answer's data.
Outcome answer_texts(const std::vector<std::string>& texts, size_t limit) {
  Answer answer;
  JsonWriter json(answer.body);
  json.begin_array();
  size_t written = 0;
  for (const std::string& text : texts) {
    if (limit > 0 && written == limit) {
      answer.warnings.emplace_back(kTruncated);
      break;
    }
    json.string(text);
    ++written;
    if (answer.body.size() > kBodyBytesMax) return refuse(answer_too_large());
  }
  json.end_array();
  return answer;
}

// Asks once for each set of matchers, once without any when there is none, and merges.
template <class Ask>
Outcome collect_texts(const Selection& selection, Ask ask) {
  if (selection.sets.size() <= 1) {
    const auto texts = ask(selection.sets.empty() ? std::vector<Matcher>() : selection.sets.front());
    if (!texts) return refuse(error_of(texts.error()));
    return answer_texts(*texts, selection.limit);
  }
  std::set<std::string> merged;
  for (const std::vector<Matcher>& matchers : selection.sets) {
    auto texts = ask(matchers);
    if (!texts) return refuse(error_of(texts.error()));
    merged.insert(texts->begin(), texts->end());
  }
  return answer_texts({merged.begin(), merged.end()}, selection.limit);
}

class SeriesAnswer {
 public:
  explicit SeriesAnswer(size_t limit) : limit_(limit), json_(answer_.body) { json_.begin_array(); }

  bool is_full() const { return limit_ > 0 && count_ == limit_; }
  bool is_too_large() const { return answer_.body.size() > kBodyBytesMax; }
  void add(LabelsView labels) {
    json_.labels(labels);
    ++count_;
  }
  void warn(std::string text) {
    if (answer_.warnings.size() < kWarningsMax) answer_.warnings.push_back(std::move(text));
  }
  Answer finish() {
    json_.end_array();
    return std::move(answer_);
  }

 private:
  const size_t limit_;
  size_t count_ = 0;
  Answer answer_;
  JsonWriter json_;
};

}  // namespace

Outcome series(storage::Queryable& store, const net::Request& request) {
  const Parameters parameters(request);
  if (parameters.values("match[]").empty()) return refuse({ErrorType::kBadData, "no match[] parameter provided"});
  const auto selection = read_selection(parameters, MatchErrors::kNameParameter);
  if (!selection) return refuse(selection.error());
  const auto querier = store.querier();
  if (!querier) return refuse(error_of(querier.error()));

  SeriesAnswer answer(selection->limit);
  const bool merging = selection->sets.size() > 1;
  std::set<std::string> seen;  // Encoded labels: a series may match several sets.
  size_t seen_bytes = 0;
  storage::SelectHints hints;
  hints.function = "series";
  for (const std::vector<Matcher>& matchers : selection->sets) {
    const auto set = (*querier)->select(matchers, selection->range.min_ms, selection->range.max_ms, hints, merging);
    while (set->next()) {
      const LabelsView labels = set->labels();
      if (merging && !seen.emplace(labels.encoded()).second) continue;
      if (answer.is_full()) {
        answer.warn(std::string(kTruncated));
        return answer.finish();
      }
      answer.add(labels);
      seen_bytes += merging ? labels.encoded().size() : 0;
      if (answer.is_too_large() || seen_bytes > kBodyBytesMax) return refuse(answer_too_large());
    }
    if (const Status status = set->status(); !status.ok()) return refuse(error_of(status));
    for (std::string& warning : set->warnings()) answer.warn(std::move(warning));
  }
  return answer.finish();
}

Outcome label_names(storage::Queryable& store, const net::Request& request) {
  const auto selection = read_selection(Parameters(request), MatchErrors::kPlain);
  if (!selection) return refuse(selection.error());
  const auto querier = store.querier();
  if (!querier) return refuse(error_of(querier.error()));
  return collect_texts(*selection, [&](const std::vector<Matcher>& matchers) {
    return (*querier)->label_names(matchers, selection->range.min_ms, selection->range.max_ms, selection->limit_hint());
  });
}

Outcome label_values(storage::Queryable& store, const net::Request& request) {
  const std::string name = unescape_label_name(request.path_param("name"));
  if (name.empty() || !is_valid_utf8(name))
    return refuse({ErrorType::kBadData, fmt::format("invalid label name: {}", promql::quoted(name))});
  const auto selection = read_selection(Parameters(request), MatchErrors::kPlain);
  if (!selection) return refuse(selection.error());
  const auto querier = store.querier();
  if (!querier) return refuse(error_of(querier.error()));
  return collect_texts(*selection, [&](const std::vector<Matcher>& matchers) {
    return (*querier)->label_values(name, matchers, selection->range.min_ms, selection->range.max_ms,
                                    selection->limit_hint());
  });
}

}  // namespace tidemark::api
