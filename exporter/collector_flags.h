// CollectorFlags: how a collector declares its part of the command line, in its own file and listed in
// collector_table.cc beside its factory:
//
//   void declare_diskstats_flags(CollectorFlags& flags, CollectorConfig& config) {
//     flags.add_filter("diskstats.device", &config.diskstats.devices, "disks");
//     flags.add_old_name("diskstats.ignored-devices", "diskstats.device-exclude");
//   }
//
// Names are given without "collector." in front, defaults are what the targets hold. One thread.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/flags.h"
#include "exporter/name_filter.h"
#include "model/status.h"

namespace tidemark::exporter {

class CollectorFlags {
 public:
  // `flags` and all targets outlive us.
  explicit CollectorFlags(config::Flags& flags) : flags_(flags) {}
  CollectorFlags(const CollectorFlags&) = delete;
  CollectorFlags& operator=(const CollectorFlags&) = delete;

  void add(std::string_view name, bool* target, std::string help);
  void add(std::string_view name, int64_t* target, std::string help);
  void add(std::string_view name, std::string* target, std::string help);
  void add(std::string_view name, std::vector<std::string>* target, std::string help);  // Repeatable.
  void add_duration(std::string_view name, int64_t* target_ms, std::string help);

  // NAME-include and NAME-exclude, of which only one may be given: an inclusion ends the default exclusion.
  void add_filter(std::string_view name, FilterPatterns* patterns, std::string_view what);
  // The same, where a name must pass both.
  void add_filter_pair(std::string_view name, FilterPatterns* patterns, std::string_view what);

  void hide(std::string_view name);  // From --help.
  // A hidden name of a flag with one string value; it still works, with a warning. REQUIRES: `now` was added.
  void add_old_name(std::string_view old, std::string_view now);
  // A hidden flag that changes nothing here, with a warning that says why.
  enum class Kind { kSwitch, kValue, kRepeatable };
  void add_ignored(std::string_view name, Kind kind, std::string_view why);

  // After the command line was read: what old names and pairs mean together. Fails on a contradiction.
  Status settle(std::vector<std::string>& warnings);

 private:
  struct OldName {
    std::string old;
    std::string now;
    std::string* target;
    std::string value;
  };
  struct Pair {
    std::string name;
    FilterPatterns* patterns;
  };
  struct Ignored {
    std::string name;
    std::string why;
    bool as_switch = false;
    std::vector<std::string> values;
  };

  void add_pattern(std::string_view name, std::string* target, std::string help);
  bool given(const std::string& name) const;  // By its old name too.

  config::Flags& flags_;
  std::map<std::string, std::string*, std::less<>> strings_;  // What an old name may stand for.
  std::list<OldName> old_names_;                              // Lists: flags hold pointers into them.
  std::list<Ignored> ignored_;
  std::vector<Pair> pairs_;
};

}  // namespace tidemark::exporter
