#include "exporter/collector_flags.h"

#include <fmt/format.h>

#include <algorithm>

namespace tidemark::exporter {
namespace {

std::string full(std::string_view name) { return fmt::format("collector.{}", name); }

}  // namespace

void CollectorFlags::add(std::string_view name, bool* target, std::string help) {
  flags_.add(full(name), target, std::move(help));
}

void CollectorFlags::add(std::string_view name, int64_t* target, std::string help) {
  flags_.add(full(name), target, std::move(help));
}

void CollectorFlags::add(std::string_view name, std::string* target, std::string help) {
  flags_.add(full(name), target, std::move(help));
  strings_.emplace(full(name), target);
}

void CollectorFlags::add(std::string_view name, std::vector<std::string>* target, std::string help) {
  flags_.add(full(name), target, std::move(help));
}

void CollectorFlags::add_duration(std::string_view name, int64_t* target_ms, std::string help) {
  flags_.add_duration(full(name), target_ms, std::move(help));
}

void CollectorFlags::add_filter(std::string_view name, FilterPatterns* patterns, std::string_view what) {
  add(fmt::format("{}-include", name), &patterns->include,
      fmt::format("Regular expression of {} to show. Not together with -exclude.", what));
  add(fmt::format("{}-exclude", name), &patterns->exclude,
      fmt::format("Regular expression of {} not to show. Not together with -include.", what));
  pairs_.push_back({full(name), patterns});
}

void CollectorFlags::add_filter_pair(std::string_view name, FilterPatterns* patterns, std::string_view what) {
  add(fmt::format("{}-include", name), &patterns->include, fmt::format("Regular expression of {} to show.", what));
  add(fmt::format("{}-exclude", name), &patterns->exclude,
      fmt::format("Regular expression of {} not to show, of those included.", what));
}

void CollectorFlags::hide(std::string_view name) { flags_.hide(full(name)); }

void CollectorFlags::add_old_name(std::string_view old, std::string_view now) {
  OldName& one = old_names_.emplace_back(OldName{full(old), full(now), strings_.at(full(now)), ""});
  flags_.add(one.old, &one.value, "");
  flags_.hide(one.old);
}

void CollectorFlags::add_ignored(std::string_view name, Kind kind, std::string_view why) {
  Ignored& one = ignored_.emplace_back();
  one.name = full(name);
  one.why = why;
  if (kind == Kind::kSwitch) flags_.add(one.name, &one.as_switch, "");
  if (kind == Kind::kValue) flags_.add(one.name, &one.values.emplace_back(), "");
  if (kind == Kind::kRepeatable) flags_.add(one.name, &one.values, "");
  flags_.hide(one.name);
}

bool CollectorFlags::given(const std::string& name) const {
  return flags_.given(name) || std::any_of(old_names_.begin(), old_names_.end(), [&](const OldName& one) {
           return one.now == name && flags_.given(one.old);
         });
}

Status CollectorFlags::settle(std::vector<std::string>& warnings) {
  for (const OldName& one : old_names_) {
    if (!flags_.given(one.old)) continue;
    if (flags_.given(one.now)) return Status::invalid(fmt::format("--{} and --{} are the same flag", one.old, one.now));
    warnings.push_back(fmt::format("--{} is the old name of --{}", one.old, one.now));
    *one.target = one.value;
  }
  for (const Pair& pair : pairs_) {
    const bool include = given(pair.name + "-include");
    if (include && given(pair.name + "-exclude"))
      return Status::invalid(fmt::format("--{0}-include and --{0}-exclude are mutually exclusive", pair.name));
    if (include) pair.patterns->exclude.clear();
  }
  for (const Ignored& one : ignored_) {
    if (flags_.given(one.name)) warnings.push_back(fmt::format("--{} changes nothing: {}", one.name, one.why));
  }
  return {};
}

}  // namespace tidemark::exporter
