#include "exporter/external_text.h"

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <unordered_set>

#include "model/exposition_parser.h"
#include "model/labels.h"
#include "model/number.h"
#include "model/utf8.h"

namespace tidemark::exporter {
namespace {

// Each character outside the set becomes one underscore.
std::string classic_name(std::string_view name, bool is_metric) {
  std::string out;
  for (size_t i = 0; i < name.size();) {
    const char c = name[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (is_metric && c == ':');
    const bool fits = letter || (c >= '0' && c <= '9' && i > 0);
    out += fits ? c : '_';
    i += std::max<size_t>(1, utf8_sequence_length(name.substr(i)));
  }
  return out;
}

// 64 good bits: that two series of a page share them is less likely than the machine miscounting.
template <class Labels>
uint64_t hash_of(std::string_view name, const Labels& labels, SamplePart part, double bound) {
  uint64_t hash = XXH3_64bits_withSeed(name.data(), name.size(), static_cast<uint64_t>(part));
  hash = XXH3_64bits_withSeed(&bound, sizeof bound, hash);
  for (const Label& label : labels) {
    hash = XXH3_64bits_withSeed(label.name.data(), label.name.size(), hash);
    hash = XXH3_64bits_withSeed(label.value.data(), label.value.size(), hash + 1);
  }
  return hash;
}

struct Names {
  std::string_view metric(std::string_view name) {
    return is_classic_metric_name(name) ? name : kept.emplace_back(classic_name(name, true));
  }
  std::string_view label(std::string_view name) {
    return is_classic_label_name(name) ? name : kept.emplace_back(classic_name(name, false));
  }
  std::deque<std::string> kept;
};

struct Group {
  MetricType type = MetricType::kUnknown;
  bool typed = false;
  std::string_view help;
  Family* family = nullptr;  // Once there is a sample.
};

class Reader {
 public:
  Reader(std::string_view text, const ExternalLimits& limits) : parser_(text), limits_(limits) {}

  Result<ExternalText> read() {
    for (;;) {
      switch (parser_.next()) {
        case ExpositionParser::Entry::kEnd:
          report_.families = std::move(families_);
          return std::move(report_);
        case ExpositionParser::Entry::kError:
          return fail(parser_.status());
        case ExpositionParser::Entry::kHelp:
          if (Group& group = group_of(names_.metric(parser_.family())); group.help.empty())
            group.help = texts_.emplace_back(parser_.text());
          break;
        case ExpositionParser::Entry::kType:
          if (Status status = take_type(); !status.ok()) return fail(status);
          break;
        case ExpositionParser::Entry::kSample:
          if (Status status = take_sample(); !status.ok()) return fail(status);
          break;
        case ExpositionParser::Entry::kUnit:
        case ExpositionParser::Entry::kComment:
          break;
      }
    }
  }

 private:
  Status refuse(std::string what) const {
    return Status::invalid(fmt::format("line {}: {}", parser_.line_number(), what));
  }

  Group& group_of(std::string_view name) {
    const auto at = groups_.find(std::string(name));
    return at != groups_.end() ? at->second : groups_[std::string(name)];
  }

  Status take_type() {
    Group& group = group_of(names_.metric(parser_.family()));
    if (group.typed) return refuse(fmt::format("a second TYPE of {}", parser_.family()));
    if (group.family != nullptr)
      return refuse(fmt::format("the TYPE of {} stands after its samples", parser_.family()));
    group.type = parser_.type();
    group.typed = true;
    return {};
  }

  // The family a sample belongs to, and as what.
  std::string_view part_of(std::string_view name, bool has_quantile, SamplePart& part) {
    part = SamplePart::kValue;
    const auto own = groups_.find(std::string(name));
    if (own != groups_.end() && own->second.typed) {
      if (own->second.type == MetricType::kSummary && has_quantile) part = SamplePart::kQuantile;
      return name;
    }
    static constexpr std::pair<std::string_view, SamplePart> kSuffixes[] = {
        {"_bucket", SamplePart::kBucket}, {"_sum", SamplePart::kSum}, {"_count", SamplePart::kCount}};
    for (const auto& [suffix, suffix_part] : kSuffixes) {
      if (!name.ends_with(suffix)) continue;
      const std::string_view base = name.substr(0, name.size() - suffix.size());
      const auto found = groups_.find(std::string(base));
      if (found == groups_.end()) continue;
      const bool histogram = found->second.type == MetricType::kHistogram;
      const bool summary = found->second.type == MetricType::kSummary && suffix_part != SamplePart::kBucket;
      if (!histogram && !summary) continue;
      part = suffix_part;
      return base;
    }
    return name;
  }

  Status take_sample() {
    if (parser_.timestamp_ms()) {
      ++report_.timestamps;
      return {};
    }
    const std::vector<LabelView>& given = parser_.labels();
    const std::string_view name = names_.metric(given.front().value);
    const auto has = [&](std::string_view label) {
      return std::any_of(given.begin(), given.end(), [&](const LabelView& l) { return l.name == label; });
    };
    SamplePart part = SamplePart::kValue;
    const std::string_view base = part_of(name, has("quantile"), part);
    Group& group = group_of(base);
    const std::string_view bound_label = part == SamplePart::kBucket     ? "le"
                                         : part == SamplePart::kQuantile ? "quantile"
                                                                         : "";
    if ((group.type == MetricType::kHistogram || group.type == MetricType::kSummary) && part == SamplePart::kValue)
      return refuse(fmt::format("{} is no part of a {}", name, metric_type_name(group.type)));
    if (part == SamplePart::kBucket && !has("le")) return refuse(fmt::format("{} has no label \"le\"", name));

    double bound = 0;
    labels_.clear();
    for (const LabelView& label : std::span(given).subspan(1)) {
      if (label.name == bound_label) {
        const auto number = parse_float(label.value);
        if (!number) return refuse(fmt::format("{} has the {} \"{}\"", name, bound_label, label.value));
        bound = *number;
      } else if (!label.value.empty()) {
        labels_.push_back({names_.label(label.name), label.value});
      }
    }
    std::sort(labels_.begin(), labels_.end(), [](const Label& a, const Label& b) { return a.name < b.name; });
    const auto twice = std::adjacent_find(labels_.begin(), labels_.end(),
                                          [](const Label& a, const Label& b) { return a.name == b.name; });
    if (twice != labels_.end()) return refuse(fmt::format("{} has two labels that read \"{}\"", name, twice->name));

    if (group.family == nullptr) {
      if (families_->size() >= limits_.families_max)
        return Status::limit(fmt::format("more than {} families", limits_.families_max));
      group.family = &families_->add_family(base, group.type, group.help);
    }
    if (families_->sample_count() >= limits_.samples_max)
      return Status::limit(fmt::format("more than {} samples", limits_.samples_max));
    if (!seen_.insert(hash_of(base, labels_, part, bound)).second) {
      if (report_.duplicates++ == 0) report_.first_duplicate = parser_.series();
      return {};
    }
    group.family->add(parser_.value(), labels_, part, bound);
    return {};
  }

  ExpositionParser parser_;
  const ExternalLimits limits_;
  Names names_;
  std::deque<std::string> texts_;
  std::unordered_map<std::string, Group> groups_;
  std::vector<Label> labels_;
  std::unordered_set<uint64_t> seen_;
  std::unique_ptr<Families> families_ = std::make_unique<Families>();
  ExternalText report_;
};

}  // namespace

Result<ExternalText> read_external_text(std::string_view text, const ExternalLimits& limits) {
  return Reader(text, limits).read();
}

std::string series_text(std::string_view family, const Sample& sample) {
  std::string out(family);
  char before = '{';
  for (const Label& label : sample.labels()) {
    out += fmt::format("{}{}=\"{}\"", before, label.name, label.value);
    before = ',';
  }
  if (before == ',') out += '}';
  return out;
}

struct ExternalMerge::Said {
  struct Entry {
    MetricType type = MetricType::kUnknown;
    std::vector<const Family*> families;
    std::unordered_set<uint64_t> hashes;  // Of their samples, once somebody else has the name.
    size_t hashed = 0;                    // So many of `families`.
  };
  std::unordered_map<std::string_view, Entry> entries;

  void note(const Family& family) {
    Entry& entry = entries[family.name()];
    if (entry.families.empty()) entry.type = family.type();
    entry.families.push_back(&family);
  }
};

ExternalMerge::ExternalMerge(Families& out) : out_(out), said_(std::make_unique<Said>()) {
  said_->entries.reserve(out.size());
  for (size_t i = 0; i < out.size(); ++i) {
    if (!out[i].empty()) said_->note(out[i]);
  }
}

ExternalMerge::~ExternalMerge() = default;

ExternalMerge::LeftOut ExternalMerge::add(const Families& from) {
  LeftOut left_out;
  std::vector<Label> labels;
  for (size_t i = 0; i < from.size(); ++i) {
    const Family& theirs = from[i];
    if (theirs.empty()) continue;
    const auto found = said_->entries.find(theirs.name());
    Said::Entry* entry = found == said_->entries.end() ? nullptr : &found->second;
    if (entry != nullptr && entry->type != theirs.type()) {
      if (left_out.first.empty()) left_out.first = series_text(theirs.name(), *theirs.begin());
      for (auto sample = theirs.begin(); !(sample == theirs.end()); ++sample) ++left_out.type_conflicts;
      continue;
    }
    for (; entry != nullptr && entry->hashed < entry->families.size(); ++entry->hashed) {
      const Family& before = *entry->families[entry->hashed];
      for (const Sample& sample : before)
        entry->hashes.insert(hash_of(before.name(), sample.labels(), sample.part(), sample.bound()));
    }
    Family& ours = out_.add_family(theirs.name(), theirs.type(), theirs.help());
    for (const Sample& sample : theirs) {
      if (entry != nullptr &&
          entry->hashes.count(hash_of(theirs.name(), sample.labels(), sample.part(), sample.bound())) != 0) {
        if (left_out.first.empty()) left_out.first = series_text(theirs.name(), sample);
        ++left_out.duplicates;
        continue;
      }
      labels.clear();
      for (const Label& label : sample.labels()) labels.push_back(label);
      ours.add(sample.value(), labels, sample.part(), sample.bound());
    }
    if (!ours.empty()) said_->note(ours);
  }
  return left_out;
}

}  // namespace tidemark::exporter
