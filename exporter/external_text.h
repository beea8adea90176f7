// ExternalText: metrics that somebody else wrote down, as families: a *.prom file, or what a script printed. The text
// format 0.0.4 as model/exposition_parser.h reads it, in which "name value" lines are metrics already (untyped, without
// HELP). What is shown of it must not spoil the page it becomes part of, so
//   - a sample with a timestamp is left out and counted: a page is of now, and Prometheus would take an old sample for
//     a new one, or refuse it,
//   - of a sample that is given twice the second is left out and counted,
//   - names outside the classic set ({"my.metric"}) get an underscore for each character that is, as Prometheus writes
//     them for readers that do not know better,
//   - a text with a line that cannot be read, or a TYPE after its samples, is refused as a whole.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/family.h"
#include "model/status.h"

namespace tidemark::exporter {

struct ExternalLimits {
  size_t samples_max = 100'000;
  size_t families_max = 10'000;
};

struct ExternalText {
  std::unique_ptr<const Families> families;  // Not sealed: walk it by index.
  size_t timestamps = 0;                     // Left out.
  size_t duplicates = 0;                     // Left out.
  std::string first_duplicate;               // Its name and labels.
};

// kInvalid ("line 3: ...") or kLimit.
Result<ExternalText> read_external_text(std::string_view text, const ExternalLimits& limits = {});

// NAME{a="b"}, for messages.
std::string series_text(std::string_view family, const Sample& sample);

// Joins such families with those of the page: what was said first stays.
class ExternalMerge {
 public:
  // Everything in `out` so far counts as said. `out` outlives us and is filled by nobody else meanwhile.
  explicit ExternalMerge(Families& out);
  ~ExternalMerge();
  ExternalMerge(const ExternalMerge&) = delete;
  ExternalMerge& operator=(const ExternalMerge&) = delete;

  struct LeftOut {
    size_t duplicates = 0;
    size_t type_conflicts = 0;  // Samples of families that are of another type on the page.
    std::string first;          // The first of either: its name and labels.
  };
  LeftOut add(const Families& from);

 private:
  struct Said;
  Families& out_;
  std::unique_ptr<Said> said_;
};

}  // namespace tidemark::exporter
