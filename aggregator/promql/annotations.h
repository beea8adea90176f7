// Annotations: what a query has to tell beside its answer. Warnings doubt the answer ("quantile value should be
// between 0 and 1"), infos doubt the question ("metric might not be a counter").
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tidemark::promql {

// Where in the query's text something begins: a byte offset.
using TextOffset = size_t;

class Annotations {
 public:
  // `text` is without the "PromQL warning: " that will stand before it and the position that will stand behind it. A
  // text already there is kept once, with the position it came with last.
  void warn(std::string text, TextOffset at);
  void info(std::string text, TextOffset at);
  // Tells how often, too.
  void warn_counted(std::string text, TextOffset at, size_t occurrences);

  // A histogram whose bucket counts had to be raised. Occurrences are merged into one info that says how far it went.
  struct ForcedMonotonicity {
    int64_t min_ms = 0;
    int64_t max_ms = 0;
    double min_bound = 0;
    double max_bound = 0;
    double max_difference = 0;
    size_t count = 0;
  };
  void forced_monotonicity(std::string_view metric_name, const ForcedMonotonicity& seen, TextOffset at);

  // Adds what another one was told since, as if it had been told here.
  void merge(Annotations&& other);

  // Complete texts in the order they were first met, at most kShownMax of each kind and then how many were left out.
  std::vector<std::string> warnings(std::string_view query) const;
  std::vector<std::string> infos(std::string_view query) const;

  static constexpr size_t kShownMax = 10;   // As Prometheus' API.
  static constexpr size_t kKeptMax = 1000;  // Of each kind: a text may name a metric, and there may be many of those.

 private:
  struct Entry {
    std::string text;
    TextOffset at = 0;
    size_t occurrences = 0;  // 0: not counted.
    bool is_monotonicity = false;
    ForcedMonotonicity monotonicity;
  };
  struct List {
    std::vector<Entry> entries;
    std::unordered_map<std::string, size_t> index;
    size_t dropped = 0;

    Entry* add(std::string text, TextOffset at);  // Null when full.
    void merge(List&& other);
    std::vector<std::string> render(std::string_view query, std::string_view kind) const;
  };

  static void merge(ForcedMonotonicity& all, const ForcedMonotonicity& seen);

  List warnings_;
  List infos_;
};

// "line:column" of a place in a text, both counted from 1.
std::string line_and_column(std::string_view text, TextOffset at);

}  // namespace tidemark::promql
